"""`luna replay`: a recording through today's pipeline, offline, compared with what it was then."""

import argparse
import logging
import sys
from pathlib import Path

import anyio

from luna.cli.check import compile_settings, print_diagnostics
from luna.config.overlay import Setting
from luna.config.settings import Settings, SettingsError
from luna.core.snapshot import Snapshot
from luna.model.errors import LunaError
from luna.protocols.registry import dialect_for
from luna.replay.rerun import rerun
from luna.wire.diff import differences
from luna.wire.reader import Recording, read

_EXAMPLE = """\
example:
  luna replay data/recordings/20261122T120000.000Z-flow_1a2b.jsonl --set limit.max-tokens=20

exit codes: 0 it came out as it was, 1 it differs (or the configuration does not compile), 2 it could not be run.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "replay",
        help="run a recording through today's pipeline, offline",
        description="Run the recorded request against the recorded upstream through the configuration of today, "
        "and show the first boundary at which it comes out differently.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", type=Path, help="the recording")
    command.add_argument("--pipeline", default="", help="take this pipeline instead of the route's")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="STAGE.OPTION=VALUE",
        dest="settings",
        help="lay an option over the pipeline's; repeatable",
    )
    command.add_argument("--speed", type=float, default=0.0, help="1: as fast as it was; 0 (default): at once")
    command.add_argument("--all", action="store_true", help="show every boundary that differs, not only the first")
    command.add_argument("--routes", metavar="FILE", help="the routes file (LUNA_ROUTES, default ./routes.yaml)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Replay and compare."""
    logging.disable(logging.CRITICAL)  # what the flow met is in the comparison
    try:
        settings = Settings.from_environment(routes=arguments.routes)
    except SettingsError as error:
        print(f"luna: {error}", file=sys.stderr)
        return 2
    compiled = compile_settings(settings, arguments.settings)
    if compiled.snapshot is None:
        print_diagnostics(compiled, settings.routes.parent)
        return 1
    try:
        with arguments.file.open("rb") as lines:
            recording = read(lines)
        after, left = anyio.run(_again, recording, compiled.snapshot, arguments.pipeline, arguments.speed)
    except OSError as error:
        print(f"luna: cannot read {arguments.file}: {error.strerror}", file=sys.stderr)
        return 2
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
        return 2
    return _report(recording, after, left, everything=arguments.all)


def _setting(text: str) -> Setting:
    try:
        return Setting.read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


async def _again(recording: Recording, snapshot: Snapshot, pipeline: str, speed: float) -> tuple[Recording, list[str]]:
    return await rerun(recording, snapshot, pipeline=pipeline, speed=speed)


def _report(before: Recording, after: Recording, left: list[str], *, everything: bool) -> int:
    client = before.client
    assert client is not None, "rerun() needs one"
    print(f"{before.head.flow}: {client.method} {client.path}, recorded by luna {before.head.luna}")
    for when, recording in (("then", before), ("now", after)):
        outcome = recording.end.outcome if recording.end is not None else "unfinished"
        print(f"  {when:4}  pipeline {recording.head.pipeline}, {outcome}, {len(recording.answer)} bytes to the client")
    for exchange in left:
        print(f"  not asked for this time: {exchange}")
    found = differences(before, after, heartbeat=dialect_for(client.method, client.path).heartbeat)
    if not found:
        print("identical at every boundary")
        return 0
    for difference in found if everything else found[:1]:
        print(f"\nfirst difference: {difference}" if difference is found[0] else f"\n{difference}")
    if len(found) > 1 and not everything:
        print(f"\nand at: {', '.join(difference.boundary for difference in found[1:])}  (--all shows them)")
    return 1
