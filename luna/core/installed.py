"""What installed packages offer under a name: entry points, read from where installers write them down.

`importlib.metadata` says the same, and is asked where packages may lie elsewhere than in folders; its import alone
takes longer than reading them here. Knows no group by name.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol


class Offer(Protocol):
    """An entry point, as `importlib.metadata` has it or `Written`."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def module(self) -> str: ...
    def load(self) -> object:
        """The thing itself; raises whatever its import raises."""
        ...


class Written(NamedTuple):
    """One line of an `entry_points.txt`: `value` is `package.module:name`."""

    name: str
    value: str

    @property
    def module(self) -> str:
        return self.value.partition(":")[0].strip()

    def load(self) -> object:
        """The thing itself; raises whatever its import raises."""
        found: object = import_module(self.module)
        for part in self.value.partition(":")[2].partition("[")[0].strip().split("."):
            found = getattr(found, part)
        return found


def entry_points(group: str) -> list[Offer]:
    """Those of all installed packages."""
    folders = [Path(entry or ".") for entry in sys.path]
    usual = all(getattr(finder, "__module__", "").startswith(("_frozen", "_distutils")) for finder in sys.meta_path)
    if not usual or any(folder.is_file() for folder in folders):
        from importlib import metadata  # archives and importers of somebody's own

        return [*metadata.entry_points(group=group)]
    seen: dict[str, Path] = {}
    for folder in folders:
        for ending in (".dist-info", ".egg-info"):
            for file in folder.glob(f"*{ending}/entry_points.txt"):
                seen.setdefault(file.parent.name.partition("-")[0].lower().replace(".", "_"), file)
    return [offer for file in seen.values() for offer in _written(file, group)]


def _written(file: Path, group: str) -> Iterator[Written]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    within = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            within = line == f"[{group}]"
        elif within and "=" in line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield Written(name.strip(), value.strip())
