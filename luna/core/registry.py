"""Finds the class behind a stage's name: entry points of the group `luna.stages`, or a local Python file.

Built-in stages come through the same door as anyone else's. A local file (`./stages/redact.py:Redact`)
is loaded under a module name that holds the hash of its text, so that a flow keeps the code it was born with.
"""

import hashlib
import sys
from functools import cached_property
from pathlib import Path
from types import ModuleType

from luna.core.installed import Offer, entry_points
from luna.core.stage import Stage

GROUP = "luna.stages"


class StageLoadError(Exception):
    """A stage's code cannot be used. `line` is where in its own file, when that is known."""

    def __init__(self, message: str, *, file: Path | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line


class Registry:
    """Knows all stages by name. `third_party=False` leaves out everything that is not luna's own."""

    def __init__(self, *, third_party: bool = True) -> None:
        self._third_party = third_party
        self._loaded: dict[str, type[Stage]] = {}

    def __repr__(self) -> str:
        return f"<Registry {len(self._entries)} stages>"

    @cached_property
    def _entries(self) -> dict[str, Offer]:
        found = entry_points(GROUP)
        own = {e.name: e for e in found if _is_own(e)}
        others = {e.name: e for e in found if self._third_party and not _is_own(e)}
        return others | own  # an installed package adds names; it cannot take over `auth`

    def names(self) -> tuple[str, ...]:
        """All registered names, sorted. Local files are not among them."""
        return tuple(sorted(self._entries))

    def find(self, use: str, base: Path) -> type[Stage]:
        """The class that `use` names; local paths are relative to `base`. Raises StageLoadError, KeyError when
        no such name is registered."""
        if is_local(use):
            return self._load_file(use, base)
        if use not in self._loaded:
            self._loaded[use] = _stage_class(_load(self._entries[use]), use)
        return self._loaded[use]

    def _load_file(self, use: str, base: Path) -> type[Stage]:
        if not self._third_party:
            raise StageLoadError("local stage files are switched off (LUNA_STAGES=none)")
        path, name = local_file(use, base)
        try:
            source = path.read_bytes()
        except (OSError, ValueError) as error:
            written = use.rpartition(":")[0]
            raise StageLoadError(f"cannot read {written}: {getattr(error, 'strerror', None) or error}") from error
        identity = hashlib.sha256(str(path).encode(errors="surrogateescape") + b"\0" + source).hexdigest()[:12]
        module_name = f"luna_local.{path.stem}_{identity}"
        module = sys.modules.get(module_name) or _execute(module_name, path, source)
        found = getattr(module, name, None)
        if found is None:
            raise StageLoadError(f"there is no class '{name}' in this file", file=path)
        return _stage_class(found, use)


def _is_own(entry: Offer) -> bool:
    return entry.module == "luna" or entry.module.startswith("luna.")


def _load(entry: Offer) -> object:
    try:
        return entry.load()
    except (Exception, SystemExit) as error:  # whatever a package may raise while it is being imported
        raise StageLoadError(f"{entry.value} cannot be loaded: {type(error).__name__}: {error}") from error


def _execute(module_name: str, path: Path, source: bytes) -> ModuleType:
    module = ModuleType(module_name)
    module.__file__ = str(path)
    sys.modules[module_name] = module  # annotations of its classes are looked up there
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the user's own stage
    except BaseException as error:
        del sys.modules[module_name]
        if isinstance(error, SyntaxError) and error.filename == str(path):
            raise StageLoadError(error.msg, file=path, line=error.lineno or 1) from error
        if isinstance(error, Exception | SystemExit):  # whatever a module may raise while it is being imported
            message = f"{type(error).__name__}: {error}".rstrip(": ")
            raise StageLoadError(message, file=path, line=_line_in(error, path)) from error
        raise
    return module


def is_local(use: str) -> bool:
    """True for `./path/to/file.py:Class`."""
    return use.startswith(("./", "../")) or ".py:" in use


def local_file(use: str, base: Path) -> tuple[Path, str]:
    """The file and the class that a local `use` names. Raises StageLoadError."""
    path, colon, name = use.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        raise StageLoadError(f"expected ./path/to/file.py:ClassName, got {use!r}")
    try:
        return (base / path).resolve(), name
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
        raise StageLoadError(f"{path!r} is not a usable path: {error}") from error


def _stage_class(found: object, use: str) -> type[Stage]:
    if not (isinstance(found, type) and issubclass(found, Stage)) or found.__module__ == Stage.__module__:
        raise StageLoadError(f"'{use}' is not a Stage")
    if not hasattr(found, "use"):
        found.use = use  # a local class need not repeat the name it is called by
    return found


def _line_in(error: BaseException, path: Path) -> int | None:
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
