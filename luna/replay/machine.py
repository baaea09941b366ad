"""What this machine is, as far as a bundle tells it, and what of it no bundle may tell."""

import getpass
import platform
import re
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path

import msgspec

import luna

PACKAGE = "luna-proxy"
SHORTEST = 5
"""Characters of a path from which it tells something."""


class Versions(msgspec.Struct, frozen=True, rename="camel"):
    """Of luna and what it runs on."""

    luna: str
    python: str
    system: str
    """`Linux`, `Darwin`, `Windows`."""
    architecture: str
    packages: dict[str, str]
    stages: list[str]
    """Packages that bring stages, luna's own left out."""


def versions() -> Versions:
    """As they are in this process. Reads the installed packages: blocks for a moment."""
    wanted = {_named(requirement) for requirement in _own() or ()}
    packages: dict[str, str] = {}
    stages: set[str] = set()
    for each in distributions():
        name = str(each.metadata["Name"] or "")
        if name.lower() in wanted:
            packages[name] = each.version
        if name != PACKAGE and any(entry.group == "luna.stages" for entry in each.entry_points):
            stages.add(f"{name} {each.version}")
    return Versions(
        luna.__version__,
        f"{platform.python_implementation()} {'.'.join(map(str, sys.version_info[:3]))}",
        platform.system(),
        platform.machine(),
        dict(sorted(packages.items())),
        sorted(stages),
    )


def _own() -> list[str] | None:
    try:
        return distribution(PACKAGE).requires
    except PackageNotFoundError:  # a checkout that was never installed
        return None


def _named(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return found[0].lower() if found else ""


def places(*paths: Path) -> list[str]:
    """These paths and those of this process, the longest first: where luna lies tells who runs it."""
    all_of_them: Iterable[Path] = (*paths, Path.cwd(), Path(luna.__file__).parent.parent, Path(sys.prefix), _home())
    known = {str(form) for path in all_of_them for form in (path, path.absolute(), path.resolve())}
    return sorted((path for path in known if len(path) >= SHORTEST), key=len, reverse=True)


def names() -> list[str]:
    """What this machine and whoever runs luna on it are called."""
    try:
        person = getpass.getuser()
    except (KeyError, OSError):
        person = ""
    return [name for name in (person, platform.node()) if name]


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")
