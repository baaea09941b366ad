"""`luna replay`: runs a recording through today's configuration and says where it comes out differently.

Three levels: the recorded upstream (as it is), the events that left a stage (`--from`), the client's request sent once
more (`--again`). With `--all` a whole folder is the suite.
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from luna.cli.check import compile_settings, print_diagnostics
from luna.cli.compare import summary, told
from luna.cli.overlaid import add_settings
from luna.cli.recorded import opened, settings_or_none
from luna.config.settings import Settings
from luna.core.snapshot import Snapshot
from luna.model.errors import LunaError
from luna.replay.rerun import Rerun, replay
from luna.wire.reader import Recording

if TYPE_CHECKING:
    from luna.replay.suite import Case

_EXAMPLE = """\
examples:
  luna replay flow_1a2b --set limit.max-tokens=20          through today's pipeline, with another option
  luna replay flow_1a2b --from qwen                        the recorded events through the stages behind `qwen`
  luna replay flow_1a2b --again                            for real, at the luna that runs on this machine
  luna replay --all data/recordings --junit replay.xml     every recording below a folder

exit codes: 0 it came out as it was, 1 it differs (or the configuration does not compile), 2 it could not be run.
With --again: 0 the same status, 1 another one. With --all: 2 when a recording could not be run, or there is none.
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
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", help="the recording, or the id of a flow in the data directory")
    what.add_argument("--all", type=Path, metavar="DIR", help="every recording below this folder")
    how = command.add_mutually_exclusive_group()
    how.add_argument("--from", default="", metavar="STAGE", dest="stage", help="put in the events that left this stage")
    how.add_argument("--again", action="store_true", help="send the client's request again, to a luna that runs")
    command.add_argument("--pipeline", default="", help="take this pipeline instead of the route's")
    add_settings(command, "lay an option over the pipeline's")
    command.add_argument("--speed", type=float, default=0.0, help="1: as fast as it was; 0 (default): at once")
    command.add_argument("--every", action="store_true", help="show every boundary that differs, not only the first")
    command.add_argument("--junit", type=Path, metavar="FILE", help="with --all: write the verdicts as JUnit XML")
    command.add_argument("--base-url", default="", help="with --again: where that luna is (default: by the settings)")
    command.add_argument("--key", default="", help="with --again: its proxy key (default: LUNA_PROXY_KEY)")
    command.add_argument("--routes", metavar="FILE", help="the routes file (LUNA_ROUTES, default ./routes.yaml)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Replay and compare."""
    logging.disable(logging.CRITICAL)  # what the flow met is in the comparison
    problem = _misuse(arguments)
    if problem:
        print(f"luna: {problem}", file=sys.stderr)
        return 2
    settings = settings_or_none(arguments.routes)
    if settings is None:
        return 2
    return _send_again(arguments, settings) if arguments.again else _offline(arguments, settings)


def _misuse(arguments: argparse.Namespace) -> str:
    if arguments.all is not None and (arguments.again or arguments.stage):
        return "--all runs each recording against its upstream: leave out --again and --from"
    if arguments.again and arguments.settings:
        return "--set is for replays here; the luna that runs has its own configuration (--pipeline chooses of it)"
    if arguments.junit is not None and arguments.all is None:
        return "--junit goes with --all"
    return ""


def _send_again(arguments: argparse.Namespace, settings: Settings) -> int:
    from luna.cli.again import send_again

    recording = opened(arguments.file, settings)
    if recording is None:
        return 2
    return send_again(recording, settings, base_url=arguments.base_url, key=arguments.key, pipeline=arguments.pipeline)


def _offline(arguments: argparse.Namespace, settings: Settings) -> int:
    compiled = compile_settings(settings, arguments.settings)
    if compiled.snapshot is None:
        print_diagnostics(compiled, settings.routes.parent)
        return 1
    if arguments.all is not None:
        return _suite(arguments, compiled.snapshot)
    recording = opened(arguments.file, settings)
    if recording is None:
        return 2
    try:
        done = anyio.run(_one, recording, compiled.snapshot, arguments)
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
        return 2
    return _report(recording, done, everything=arguments.every)


async def _one(recording: Recording, snapshot: Snapshot, arguments: argparse.Namespace) -> Rerun:
    return await replay(recording, snapshot, pipeline=arguments.pipeline, speed=arguments.speed, stage=arguments.stage)


def _report(before: Recording, done: Rerun, *, everything: bool) -> int:
    client = before.client
    assert client is not None, "replay() needs one"
    print(f"{before.head.flow}: {client.method} {client.path}, recorded by luna {before.head.luna}")
    print(f"  then  {summary(before)}")
    print(f"  now   {summary(done.after)}")
    for exchange in done.left:
        print(f"  not asked for this time: {exchange}")
    return told(done.differences(), everything=everything)


def _suite(arguments: argparse.Namespace, snapshot: Snapshot) -> int:
    from luna.replay.suite import junit, recordings_in

    folder: Path = arguments.all
    try:
        if not folder.is_dir():
            raise NotADirectoryError(20, "it is no folder")
        paths = recordings_in(folder)
    except OSError as error:
        print(f"luna: cannot read {folder}: {error.strerror}", file=sys.stderr)
        return 2
    if not paths:
        print(f"luna: there is no recording below {folder}", file=sys.stderr)
        return 2
    cases = anyio.run(_all, folder, paths, snapshot, arguments)
    verdicts = [case.verdict for case in cases]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in ("identical", "differs", "broken"))
    print(f"\n{len(cases)} recordings: {counts}")
    if arguments.junit is not None:
        try:
            arguments.junit.write_bytes(junit(cases))
        except OSError as error:
            print(f"luna: cannot write {arguments.junit}: {error.strerror}", file=sys.stderr)
            return 2
    return 2 if "broken" in verdicts else 1 if "differs" in verdicts else 0


async def _all(folder: Path, paths: list[Path], snapshot: Snapshot, arguments: argparse.Namespace) -> "list[Case]":
    from luna.replay.suite import run_all

    cases = []
    async for case in run_all(folder, paths, snapshot, pipeline=arguments.pipeline, speed=arguments.speed):
        cases.append(case)
        remark = case.problem or (f"first at {case.differences[0].boundary}" if case.differences else "")
        print(f"{case.verdict:9}  {case.name}" + (f"  {remark}" if remark else ""), flush=True)
        for difference in case.differences if arguments.every else ():
            print(f"\n{difference}\n")
    return cases
