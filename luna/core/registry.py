"""Finds the class behind a stage's name: entry points of the group `luna.stages`, or a local Python file.

Built-in stages come through the same door as anyone else's. A local file (`./stages/redact.py:Redact`)
is loaded under a module name that holds the hash of its text, so that a flow keeps the code it was born with.
"""

import hashlib
import importlib.util
import sys
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

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
    def _entries(self) -> dict[str, EntryPoint]:
        found = entry_points(group=GROUP)
        return {e.name: e for e in found if self._third_party or e.module.startswith("luna.")}

    def names(self) -> tuple[str, ...]:
        """All registered names, sorted. Local files are not among them."""
        return tuple(sorted(self._entries))

    def find(self, use: str, base: Path) -> type[Stage]:
        """The class that `use` names; local paths are relative to `base`. Raises StageLoadError, KeyError when
        no such name is registered."""
        if is_local(use):
            return self._load_file(use, base)
        if use not in self._loaded:
            self._loaded[use] = _stage_class(self._entries[use].load(), use)
        return self._loaded[use]

    def _load_file(self, use: str, base: Path) -> type[Stage]:
        if not self._third_party:
            raise StageLoadError("local stage files are switched off (LUNA_STAGES=none)")
        path, name = local_file(use, base)
        try:
            source = path.read_bytes()
        except OSError as error:
            raise StageLoadError(f"cannot read {path}: {error.strerror}") from error
        module_name = f"luna_local.{path.stem}_{hashlib.sha256(source).hexdigest()[:12]}"
        module = sys.modules.get(module_name)
        if module is None:
            spec = importlib.util.spec_from_loader(module_name, loader=None, origin=str(path))
            assert spec is not None
            module = importlib.util.module_from_spec(spec)
            module.__file__ = str(path)
            sys.modules[module_name] = module
            try:
                exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the user's own stage
            except SyntaxError as error:
                del sys.modules[module_name]
                raise StageLoadError(f"{error.msg}", file=path, line=error.lineno) from error
            except Exception as error:  # whatever a module may raise while it is being imported
                del sys.modules[module_name]
                line = _line_in(error, path)
                raise StageLoadError(f"{type(error).__name__}: {error}", file=path, line=line) from error
        found = getattr(module, name, None)
        if found is None:
            raise StageLoadError(f"{path.name} has no class '{name}'", file=path)
        return _stage_class(found, use)


def is_local(use: str) -> bool:
    """True for `./path/to/file.py:Class`."""
    return use.startswith(("./", "../")) or ".py:" in use


def local_file(use: str, base: Path) -> tuple[Path, str]:
    """The file and the class that a local `use` names. Raises StageLoadError."""
    path, colon, name = use.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        raise StageLoadError(f"expected ./path/to/file.py:ClassName, got {use!r}")
    return (base / path).resolve(), name


def _stage_class(found: object, use: str) -> type[Stage]:
    if not (isinstance(found, type) and issubclass(found, Stage)):
        raise StageLoadError(f"'{use}' is not a Stage")
    return found


def _line_in(error: BaseException, path: Path) -> int | None:
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
