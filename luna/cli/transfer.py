"""`luna import` and `luna export`: out of a LunaProxy data directory, and into files of its shapes."""

import argparse
import sys
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from luna import __version__
from luna.cli.takeover import CONFIG, RUNS, SESSIONS, TransferError, copied, take_over
from luna.config.diagnostics import count
from luna.config.preference_document import plain
from luna.config.preferences import VERSION, PreferenceFile
from luna.config.settings import Settings, SettingsError
from luna.disk.private import json_encoder, write
from luna.model.errors import LunaError
from luna.model.preferences import LivePreferences
from luna.state.credentials import CredentialStore
from luna.state.keys import ProxyKeys
from luna.state.lunaproxy_accounts import provider_of
from luna.state.store.database import DatabaseError, NewerDatabase
from luna.state.transfer import reading, runs_json, sessions_json

_IMPORT = """\
Settings, accounts, the proxy key, sessions and runs are taken over; the directory is only read. What luna has already
stays as it is, but for settings. A second time changes nothing.

exit codes: 0 done, 1 done but for what was damaged, 2 it could not begin.
"""
_EXPORT = """\
Writes config.json, sessions.json and runs.json, readable for nobody else. luna may be running.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both subcommands."""
    command = commands.add_parser(
        "import",
        help="take over the data directory of a LunaProxy",
        description="Take over what a LunaProxy (or `luna export`) has written. Stop luna first.",
        epilog=_IMPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("directory", type=Path, metavar="DIR", help="where config.json and the others lie")
    command.add_argument("--data-dir", type=Path, help="where luna keeps its state (LUNA_DATA_DIR, default ./data)")
    command.add_argument("--dry-run", action="store_true", help="say what would be taken over, and change nothing")
    command.set_defaults(run=run_import)

    command = commands.add_parser(
        "export",
        help="write settings, accounts, sessions and runs as a LunaProxy would",
        description="Write what luna keeps in the shapes of LunaProxy's files.",
        epilog=_EXPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "directory", type=Path, metavar="DIR", help="where the files shall be; made when there is none"
    )
    command.add_argument("--data-dir", type=Path, help="where luna keeps its state (LUNA_DATA_DIR, default ./data)")
    command.add_argument("--with-credentials", action="store_true", help="tokens and cookies too, in clear")
    command.add_argument("--replace", action="store_true", help="replace files that are there already")
    command.set_defaults(run=run_export)


def run_import(arguments: argparse.Namespace) -> int:
    """Take over; 1 when something was damaged."""
    report = _run(arguments, partial(take_over, source=arguments.directory, dry_run=arguments.dry_run))
    if report is None:
        return 2
    for line in report.text():
        print(line)
    print()
    if not report.changed:
        print("Nothing was changed: what can be taken over is there already.")
    elif arguments.dry_run:
        print("A dry run: nothing was changed.")
    else:
        print(f"{arguments.directory} was taken over.")
    return 1 if report.problems else 0


def run_export(arguments: argparse.Namespace) -> int:
    """Write the files."""
    export = partial(
        hand_over, target=arguments.directory, secret=arguments.with_credentials, replace=arguments.replace
    )
    said = _run(arguments, export)
    if said is None:
        return 2
    for line in said:
        print(line)
    return 0


def _run(arguments: argparse.Namespace, work: "Callable[[Settings], Coroutine[Any, Any, Any]]") -> Any:
    """What the work came to; None when it could not be done, which is then said."""
    try:
        return anyio.run(work, Settings.from_environment(data_dir=arguments.data_dir))
    except SettingsError as error:
        said = str(error)
    except LunaError as error:
        said = error.told
    except (TransferError, DatabaseError, NewerDatabase, OSError) as error:
        said = str(error)
    print(f"luna: {said}", file=sys.stderr)
    return None


async def hand_over(settings: Settings, *, target: Path, secret: bool, replace: bool) -> list[str]:
    """Write the three files; returns what a person should read. Raises TransferError, OSError, DatabaseError,
    NewerDatabase."""
    return await anyio.to_thread.run_sync(_hand_over, settings, target, secret, replace)


def _hand_over(settings: Settings, target: Path, secret: bool, replace: bool) -> list[str]:
    there = [name for name in (CONFIG, SESSIONS, RUNS) if (target / name).exists()]
    if there and not replace:
        raise TransferError(f"{target} has {' and '.join(there)} already. Name another directory, or add --replace.")
    if target.exists() and settings.data_dir.exists() and target.samefile(settings.data_dir):
        raise TransferError(f"{target} is luna's own data directory. Name another.")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    with copied(settings.data_dir) as data_dir:
        live = LivePreferences()
        PreferenceFile(data_dir / CONFIG, live)
        records = CredentialStore(data_dir / "credentials.json").load()
        keys = ProxyKeys((), data_dir / "keys.json").all()
    provider = provider_of(records, with_credentials=secret)
    document = {
        "version": VERSION,
        "exportedBy": f"luna {__version__}",
        "providers": [provider],
        "proxy": {"host": settings.host, "port": settings.port, "key": ""},
        "models": [],
        "logs": [],
        "settings": plain(live.current),
    }
    write(target / CONFIG, json_encoder(document))
    sessions, runs = Counted(), Counted()
    with reading(settings.data_dir, settings.database_url) as connection:
        write(target / SESSIONS, sessions(sessions_json(connection)) if connection is not None else b"{}\n")
        write(target / RUNS, runs(runs_json(connection)) if connection is not None else b"[]\n")
    accounts = len(provider["accounts"])
    said = [
        f"{target}: {count(accounts, 'account')}, {count(sessions.records, 'session')}, {count(runs.records, 'run')}."
    ]
    if accounts:
        said.append(
            "The credentials are in it, in clear: keep it to yourself."
            if secret
            else "The accounts are without their credentials; --with-credentials writes them too."
        )
    if keys:
        said.append("Proxy keys are not in it: luna knows only their digests.")
    return said


class Counted:
    """Counts the records of a file on their way: each piece but the first and the last is one."""

    def __init__(self) -> None:
        self.records = 0

    def __repr__(self) -> str:
        return f"<Counted {self.records}>"

    def __call__(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        yield next(pieces)
        for piece in pieces:
            self.records += 1
            yield piece
        self.records -= 1
