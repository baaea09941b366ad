"""`luna compare`: two recordings side by side."""

import argparse
from typing import TYPE_CHECKING

from luna.cli.recorded import opened, settings_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from luna.wire.diff import Difference
    from luna.wire.reader import Recording

_EXAMPLE = """\
example:
  luna compare flow_1a2b flow_3c4d --every

exit codes: 0 they are the same at every boundary, 1 they differ, 2 one of them cannot be read.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "compare",
        help="say where two recordings part",
        description="Compare two recordings boundary by boundary, in the order in which the data met them, and show "
        "the first at which they differ.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, which in (("before", "first"), ("after", "second")):
        command.add_argument(name, help=f"the {which} recording, or the id of a flow in the data directory")
    command.add_argument("--every", action="store_true", help="show every boundary that differs, not only the first")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare; 1 when they differ."""
    settings = settings_or_none()
    if settings is None:
        return 2
    before, after = (opened(named, settings) for named in (arguments.before, arguments.after))
    if before is None or after is None:
        return 2
    from luna.replay.rerun import heartbeat_of  # slow to import
    from luna.wire.diff import differences

    for when, recording in (("before", before), ("after", after)):
        print(f"  {when:6}  {summary(recording)}")
    return told(differences(before, after, heartbeat=heartbeat_of(before)), everything=arguments.every)


def summary(recording: "Recording") -> str:
    """One line about how a flow went."""
    outcome = recording.end.outcome if recording.end is not None else "unfinished"
    head = recording.head
    return f"{head.flow}, pipeline {head.pipeline}, {outcome}, {len(recording.answer)} bytes to the client"


def told(found: "Sequence[Difference]", *, everything: bool) -> int:
    """Print where two runs part; the exit code."""
    if not found:
        print("identical at every boundary")
        return 0
    for difference in found if everything else found[:1]:
        print(f"\nfirst difference: {difference}" if difference is found[0] else f"\n{difference}")
    if len(found) > 1 and not everything:
        print(f"\nand at: {', '.join(difference.boundary for difference in found[1:])}  (--every shows them)")
    return 1
