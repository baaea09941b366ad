"""`luna bundle`: one flow in one file, for somebody else's machine."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luna.config.settings import Settings, SettingsError
from luna.model.errors import LunaError

if TYPE_CHECKING:
    from luna.state.log_archive import LogEntry
    from luna.state.run import RunRecord

_EXAMPLE = """\
example:
  luna bundle flow_1a2b -o broken-tool-call.luna.zip
  luna open broken-tool-call.luna.zip

In it: the recording, the files of the configuration (no code), the settings, the versions of luna and of what it runs
on, the run and its log lines. Credentials, e-mail addresses, account and chat ids, home folders and the paths of this
machine are taken out, and nothing is written when a secret of this configuration is still in it. Prompts and answers
are in it: read it before you send it.

exit codes: 0 it is there, 1 it cannot be handed on, 2 there is no such flow, or it cannot be written.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "bundle",
        help="put one flow with everything about it into one file",
        description="Make a file that `luna open` shows on another machine.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("flow", metavar="FLOW", help="the id of a recorded flow, or the file of a recording")
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help="the bundle (default: FLOW.luna.zip)")
    command.add_argument("--routes", metavar="FILE", help="the routes file (LUNA_ROUTES, default ./routes.yaml)")
    command.add_argument("--data-dir", type=Path, help="where luna keeps its state (LUNA_DATA_DIR, default ./data)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make it."""
    from luna.cli.recorded import path_of
    from luna.state.store.database import DatabaseError, NewerDatabase
    from luna.wire.reader import read

    try:
        settings = Settings.from_environment(routes=arguments.routes, data_dir=arguments.data_dir)
        with path_of(arguments.flow, settings).open("rb") as lines:
            recording = read(lines)
    except (SettingsError, OSError) as error:
        print(f"luna: {error}", file=sys.stderr)
        return 2
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
        return 2
    target: Path = arguments.output or Path(f"{recording.head.flow}.luna.zip")
    try:
        _write(target, _packed(recording, settings))
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
        return 1
    except (OSError, DatabaseError, NewerDatabase) as error:
        print(f"luna: {error}", file=sys.stderr)
        return 2
    print(f"{target}  ({target.stat().st_size // 1024 + 1} KiB; `luna open` shows it)")
    return 0


def _packed(recording: Any, settings: Settings) -> bytes:
    from luna.cli.known import secrets_of
    from luna.config.files import digest, read_files
    from luna.config.overrides import PromptOverrides
    from luna.config.preference_document import plain
    from luna.config.preferences import PreferenceFile
    from luna.model.preferences import LivePreferences
    from luna.replay import machine
    from luna.replay.bundle import Contents, pack

    files = PromptOverrides(settings.data_dir / "prompts.json").edit(read_files(settings.routes))
    preferences = LivePreferences()
    PreferenceFile(settings.data_dir / "config.json", preferences)
    run_record, log = _known(recording.head.flow, settings)
    return pack(
        Contents(
            recording=recording,
            files=files,
            digest=digest(files.all()),
            versions=machine.versions(),
            run=run_record,
            log=log,
            settings=plain(preferences.current),
            secrets=secrets_of(settings),
            places=machine.places(settings.data_dir, settings.routes.parent),
            names=machine.names(),
        )
    )


def _known(flow: str, settings: Settings) -> "tuple[RunRecord | None, list[LogEntry]]":
    """What the database has of it."""
    from luna.state.one_flow import lines_of, run_of
    from luna.state.transfer import reading

    with reading(settings.data_dir, settings.database_url) as connection:
        if connection is None:
            return None, []
        return run_of(connection, flow), lines_of(connection, flow)


def _write(target: Path, data: bytes) -> None:
    """For nobody else's eyes; over nothing that is there."""
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(data)
