"""`luna plan`: what a change of the configuration would do to flows that were really there."""

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from luna import __version__
from luna.config.diagnostics import Diagnostic, count
from luna.config.settings import Settings, SettingsError
from luna.model.errors import Kind, LunaError

if TYPE_CHECKING:
    from luna.admin.plan import PlanView
    from luna.replay.plan import FlowForecast

_EXAMPLE = """\
example:
  luna plan                               what is on disk, against what is in force
  luna plan --last 50 pipelines/chat.yaml --diff

The last recorded flows and the pinned fixtures (fixtures/wire) are replayed through both, offline. A luna that runs is
asked: it knows what is in force. Without one, FILEs are compared with what is on disk, and what is on disk with what
was recorded. A FILE elsewhere is taken for the one of its name: routes.yaml, pipelines/NAME.yaml, prompts/….

exit codes: 0 nothing comes out differently, 1 something does (or it does not compile), 2 it could not be found out.
"""
_SIGNS = {"same": "=", "changes": "≠", "unknown": "?"}


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "plan",
        help="say what a change of the configuration would do to recorded flows",
        description="Replay the last flows and the pinned fixtures through the configuration in force and through a "
        "changed one, and list what comes out differently.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("files", nargs="*", type=Path, metavar="FILE", help="files with the new text")
    command.add_argument("--last", type=int, default=20, metavar="N", help="so many flows, the newest (default 20)")
    command.add_argument(
        "--fixtures", type=Path, metavar="DIR", help="fixtures elsewhere (fixtures/wire beside routes.yaml)"
    )
    command.add_argument("--diff", action="store_true", help="show the first difference of each")
    command.add_argument("--offline", action="store_true", help="ask no luna that runs")
    command.add_argument("--routes", metavar="FILE", help="the routes file (LUNA_ROUTES, default ./routes.yaml)")
    command.add_argument("--data-dir", type=Path, help="where luna keeps its state (LUNA_DATA_DIR, default ./data)")
    command.add_argument("--port", type=int, help="port of the luna that runs (LUNA_PORT, default 8080)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Find out and tell."""
    logging.disable(logging.CRITICAL)  # what the flows met is in the comparison
    try:
        settings = Settings.from_environment(routes=arguments.routes, data_dir=arguments.data_dir, port=arguments.port)
        if not 0 <= arguments.last <= 200:
            raise LunaError(Kind.BAD_REQUEST, "--last must be from 0 to 200.")
        edits = [(name_of(path, settings.routes), path.read_text(encoding="utf-8")) for path in arguments.files]
        view, with_what = anyio.run(_find_out, settings, edits, arguments)
    except SettingsError as error:
        print(f"luna: {error}", file=sys.stderr)
        return 2
    except UnicodeDecodeError:
        print("luna: a file is not UTF-8.", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"luna: cannot read {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
        return 2
    return _report(view, with_what, settings.routes.parent, diffs=arguments.diff)


def name_of(path: Path, routes: Path) -> str:
    """The name in the configuration of the file that this one stands for. Raises LunaError(BAD_REQUEST)."""
    whole = path.absolute()
    if whole.is_relative_to(routes.parent):
        return whole.relative_to(routes.parent).as_posix()
    for folder in ("pipelines", "prompts"):
        if folder in whole.parts:
            at = len(whole.parts) - 1 - whole.parts[::-1].index(folder)
            return "/".join(whole.parts[at:])
    if path.name == routes.name:
        return path.name
    raise LunaError(
        Kind.BAD_REQUEST,
        f"{path} stands for no file of the configuration.",
        hint=f"It would have to be {routes.name}, or lie in a folder pipelines or prompts.",
    )


async def _find_out(
    settings: Settings, edits: list[tuple[str, str]], arguments: argparse.Namespace
) -> "tuple[PlanView, str]":
    from luna.admin.files import FileEdit
    from luna.admin.plan import PlanBody
    from luna.cli.running import RunningLuna

    async with AsyncExitStack() as stack:
        wanted = not arguments.offline and arguments.fixtures is None
        running = await RunningLuna.found(settings, stack) if wanted else None
        if running is not None:
            files = [FileEdit(name, text) for name, text in edits]
            return await running.plan(PlanBody(files, arguments.last)), "the configuration in force"
    return await _alone(settings, edits, arguments)


async def _alone(
    settings: Settings, edits: list[tuple[str, str]], arguments: argparse.Namespace
) -> "tuple[PlanView, str]":
    """Without a luna that runs."""
    import os

    from luna.admin.plan import view_of
    from luna.config.compile import compile_files
    from luna.config.editing import edited
    from luna.config.files import read_files
    from luna.core.registry import Registry
    from luna.model.ambient import SystemClock
    from luna.replay.gate import fixtures_of
    from luna.replay.plan import fixtures_in, flows_in, forecast
    from luna.wire.store import Recordings

    registry = Registry(third_party=settings.third_party_stages)
    files = read_files(settings.routes)
    on_disk = compile_files(files, registry, os.environ, settings.record)
    changed = files
    for name, text in edits:
        changed = edited(changed, name, text)
    compiled = compile_files(changed, registry, os.environ, settings.record) if edits else on_disk
    if compiled.snapshot is None or (edits and on_disk.snapshot is None):
        return view_of(compiled if compiled.snapshot is None else on_disk, None), ""
    recordings = Recordings(settings.data_dir / "recordings", luna=__version__, clock=SystemClock())
    cases = flows_in(recordings, arguments.last)
    cases += fixtures_in(arguments.fixtures or fixtures_of(settings.routes))
    before = on_disk.snapshot if edits else None
    found = await forecast(cases, before, compiled.snapshot, seconds=600.0)
    return view_of(compiled, found), "the configuration on disk" if edits else "what was recorded"


def _report(view: "PlanView", with_what: str, base: Path, *, diffs: bool) -> int:
    if not view.ok:
        for diagnostic in sorted(view.diagnostics):
            print(_seen(diagnostic, base), file=sys.stderr)
        print("luna: it does not compile.", file=sys.stderr)
        return 1
    for line in lines_of(view, diffs=diffs):
        print(line)
    looked = len(view.findings)
    if view.changed:
        print(f"{view.changed} of {count(looked, 'flow')} would come out differently from {with_what}")
    else:
        print(f"nothing changes: {count(looked, 'flow')} compared with {with_what}")
    if view.unknown:
        print(f"{view.unknown} could not be replayed")
    if view.passed_over:
        print(f"{view.passed_over} were not looked at: the time was up (--last takes fewer)")
    return 1 if view.changed else 0


def lines_of(view: "PlanView", *, diffs: bool) -> Iterator[str]:
    """The table: what changes and what could not be run, then the differences."""
    told = [finding for finding in view.findings if finding.verdict != "same"]
    width = max((len(finding.name) for finding in told), default=0)
    spot = max((len(finding.boundary) for finding in told), default=0)
    for finding in told:
        yield f"{_SIGNS[finding.verdict]} {finding.name:{width}}  {finding.boundary:{spot}}  {_said(finding)}".rstrip()
        if diffs and finding.diff:
            yield from (f"    {line}" for line in finding.diff.split("\n"))
            if finding.cut:
                yield "    …"


def _said(finding: "FlowForecast") -> str:
    parts = [finding.request] if finding.request else []
    if finding.before != finding.after and finding.after:
        parts.append(f"{finding.before} → {finding.after}")
    if finding.breaks:
        parts.append("a pinned fixture breaks")
    if finding.problem:
        parts.append(finding.problem)
    return ", ".join(parts)


def _seen(diagnostic: Diagnostic, base: Path) -> Diagnostic:
    return diagnostic.seen_from(base, Path.cwd())
