"""`luna show`: looks into a recording, at any boundary."""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from luna.cli import show_text
from luna.cli.recorded import opened, settings_or_none
from luna.model.errors import LunaError
from luna.wire.boundaries import boundaries, document_at, events_at
from luna.wire.changes import batch_changes, document_changes
from luna.wire.reader import Recording
from luna.wire.timeline import length, spans

_EXAMPLE = """\
examples:
  luna show flow_1a2b                        the stages, and which of them changed something
  luna show flow_1a2b --at tools.intercept   what that stage changed
  luna show flow_1a2b --at qwen --events     everything that left it
  luna show flow_1a2b --time                 where the time went

exit codes: 0 shown, 2 there is no such recording, flow or stage.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "show",
        help="look into a recorded flow, at any boundary",
        description="Show what a recorded flow was at each stage: the request on its way down, the events on their "
        "way up, what each stage changed, and where the time went.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", help="the recording, or the id of a flow in the data directory")
    command.add_argument("--at", default="", metavar="STAGE", help="what this stage changed")
    command.add_argument("--events", action="store_true", help="with --at: all that left it (document or events)")
    command.add_argument("--time", action="store_true", help="the time axis")
    command.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show it; 2 when there is nothing to show."""
    settings = settings_or_none()
    recording = opened(arguments.file, settings) if settings is not None else None
    if recording is None:
        return 2
    if arguments.events and not arguments.at:
        print("luna: --events belongs to a stage: name it with --at", file=sys.stderr)
        return 2
    try:
        if arguments.json:
            document = _document(recording, arguments.at, everything=arguments.events, time=arguments.time)
            print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        else:
            for line in _lines(recording, arguments.at, everything=arguments.events, time=arguments.time):
                print(line)
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
        return 2
    return 0


def _lines(recording: Recording, stage: str, *, everything: bool, time: bool) -> Iterator[str]:
    if stage:
        yield from (show_text.contents if everything else show_text.difference)(recording, stage)
    elif not time:
        yield from show_text.overview(recording)
    if time:
        yield from show_text.axis(recording)


def _document(recording: Recording, stage: str, *, everything: bool, time: bool) -> dict[str, Any]:
    """Times in microseconds since the flow was born."""
    told: dict[str, Any] = {"flow": recording.head.flow}
    if not stage:
        told |= {
            "outcome": recording.end.outcome if recording.end is not None else "unfinished",
            "length": length(recording),
            "boundaries": boundaries(recording),
        }
    if time:
        told["spans"] = spans(recording)
    if stage in recording.documents:
        before, document = document_at(recording, stage)
        told |= {"stage": stage, "changes": document_changes(before, document)[0] if before is not None else []}
        told |= {"document": document} if everything else {}
    elif stage:
        old, batches = events_at(recording, stage)
        told |= {"stage": stage, "batches": batch_changes(old, batches)[0] if old is not None else []}
        told |= {"events": batches} if everything else {}
    return told
