"""Recordings as people name them on the command line: a file, or the id of a flow in the data directory.

Owns the finding and the words for what goes wrong. What is done with a recording belongs to the subcommand.
"""

import sys
from pathlib import Path

from luna import __version__
from luna.config.settings import Settings, SettingsError
from luna.model.ambient import SystemClock
from luna.model.errors import LunaError
from luna.wire.reader import Recording, read
from luna.wire.store import Recordings


def settings_or_none(routes: str | None = None) -> Settings | None:
    """The settings; None, and a word on standard error, where they are wrong."""
    try:
        return Settings.from_environment(routes=routes)
    except SettingsError as error:
        print(f"luna: {error}", file=sys.stderr)
        return None


def opened(named: str, settings: Settings) -> Recording | None:
    """The recording; None, and a word on standard error, where it cannot be read."""
    try:
        with path_of(named, settings).open("rb") as lines:
            return read(lines)
    except OSError as error:
        print(f"luna: cannot read {named}: {error.strerror}", file=sys.stderr)
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
    return None


def path_of(named: str, settings: Settings) -> Path:
    """The file that is named, or that of the flow with this id. Raises LunaError(NOT_FOUND) for an unknown flow."""
    path = Path(named)
    if path.exists() or not named.startswith("flow_") or path.name != named:
        return path
    folder = Recordings(settings.data_dir / "recordings", luna=__version__, clock=SystemClock())
    return folder.path(named)
