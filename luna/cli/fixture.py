"""`luna fixture add`: keeps a recorded flow as a fixture that the test suite replays."""

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from luna.cli.check import compile_settings, print_diagnostics
from luna.cli.overlaid import add_settings
from luna.config.diagnostics import count
from luna.config.overlay import Setting
from luna.config.settings import Settings, SettingsError
from luna.model.errors import LunaError

if TYPE_CHECKING:
    from luna.core.snapshot import Snapshot
    from luna.replay.fixture import Made
    from luna.wire.reader import Recording

_EXAMPLE = """\
example:
  luna fixture add flow_1a2b cut-in-a-tool-call --minimise
  luna fixture add recording.jsonl limit-of-twenty --minimise --set limit.max-tokens=20

E-mail addresses, home folders and the ids of accounts and chats become others, and nothing is written when a secret of
this configuration is still in it. With --minimise, only those events of the upstream's streams stay that it takes to
end in the same way; with --set, to come out differently with that option.

exit codes: 0 it is there, 1 it cannot be kept (or the configuration does not compile), 2 the command was used wrongly.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser("fixture", help="keep recorded flows as fixtures for the tests")
    inner = command.add_subparsers(metavar="COMMAND", required=True)
    add = inner.add_parser(
        "add",
        help="make a fixture of a flow",
        description="Make fixtures/wire/NAME/ of a recorded flow: the recording, about nobody, and what luna makes of "
        "it today. The tests replay it from then on.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add.add_argument("flow", metavar="FLOW", help="the id of a recorded flow, or the file of a recording")
    add.add_argument("name", metavar="NAME", help="the name of the fixture")
    add.add_argument("--minimise", action="store_true", help="look for the shortest stream that shows the same")
    add_settings(add, "with --minimise: keep what comes out differently with this option")
    add.add_argument("--to", type=Path, metavar="DIR", help="where fixtures lie (fixtures/wire beside routes.yaml)")
    add.add_argument("--routes", metavar="FILE", help="the routes file (LUNA_ROUTES, default ./routes.yaml)")
    add.add_argument("--data-dir", type=Path, help="where luna keeps its state (LUNA_DATA_DIR, default ./data)")
    add.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make it and put it down."""
    from luna.cli.known import secrets_of
    from luna.replay.fixture import write
    from luna.replay.gate import fixtures_of

    logging.disable(logging.CRITICAL)  # what the flow met is in the recording
    if arguments.settings and not arguments.minimise:
        print("luna: --set says what --minimise is to keep; give both.", file=sys.stderr)
        return 2
    try:
        settings = Settings.from_environment(routes=arguments.routes, data_dir=arguments.data_dir)
    except SettingsError as error:
        print(f"luna: {error}", file=sys.stderr)
        return 2
    snapshots = []
    overlays: list[list[Setting]] = [[], arguments.settings] if arguments.settings else [[]]
    for overlay in overlays:
        compiled = compile_settings(settings, overlay)
        if compiled.snapshot is None:
            print_diagnostics(compiled, settings.routes.parent)
            return 1
        snapshots.append(compiled.snapshot)
    try:
        recording = recording_of(arguments.flow, settings)
        made = anyio.run(_make, recording, snapshots, arguments, secrets_of(settings))
        folder = write(made, arguments.to or fixtures_of(settings.routes))
    except OSError as error:
        print(f"luna: {error.filename or arguments.flow}: {error.strerror or error}", file=sys.stderr)
        return 2
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
        return 1
    _report(made, folder)
    return 0


def recording_of(flow: str, settings: Settings) -> "Recording":
    """The recording of that flow in the data directory, or in that file. Raises LunaError, OSError."""
    from luna.cli.recorded import path_of
    from luna.wire.reader import read

    with path_of(flow, settings).open("rb") as lines:
        return read(lines)


async def _make(
    recording: "Recording", snapshots: "list[Snapshot]", arguments: argparse.Namespace, secrets: list[str]
) -> "Made":
    from luna.replay.aside import without_pauses
    from luna.replay.fixture import make

    hurried = [without_pauses(snapshot) for snapshot in snapshots]
    against = hurried[1] if len(hurried) > 1 else None
    return await make(
        recording, hurried[0], arguments.name, minimise=arguments.minimise, against=against, secrets=secrets
    )


def _report(made: "Made", folder: Path) -> None:
    print(folder)
    trait, shortened = made.trait, made.shortened
    print(f"  shows: {trait.failure or trait.outcome}" + (f", differs at {trait.boundary}" if trait.boundary else ""))
    if shortened is not None:
        print(f"  {shortened.after} of {count(shortened.before, 'event')} left, after {shortened.replays} replays")
        if not shortened.whole:
            print("  the search was ended before it was done: fewer may be enough")
