"""`python -m tests.bench.field`: luna beside the field, in one interleaved run on one scripted upstream.

Prints the table. A full run writes `docs/benchmarks.md`, too.

Ends with 1 when luna is behind a peer in any row, or could not be measured; a target that is missed is shown and does
not fail the run.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench.field.native import LoadError
from tests.bench.field.report import about, write
from tests.bench.field.run import run
from tests.bench.field.table import missed, notes, recording_table, table
from tests.bench.field.works import FULL, QUICK, WORKS, Work

DOCUMENT = Path(__file__).parents[3] / "docs/benchmarks.md"


def chosen(quick: bool, keys: Sequence[str]) -> list[Work]:
    """The works that give these rows, or all; rows may be named by their beginning."""
    if not keys:
        return [work for work in WORKS if work.quick or not quick]
    return [work for work in WORKS if not work.keys or any(row.startswith(tuple(keys)) for row in work.keys)]


def main(given: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.field", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, fewer rows; writes nothing")
    parser.add_argument("--rounds", type=int, help="how often the servers take turns")
    parser.add_argument("--only", nargs="+", default=[], metavar="SERVER", help="only these, and the upstream itself")
    parser.add_argument("--rows", nargs="+", default=[], metavar="KEY", help="only these: first, json, rate, one, …")
    parser.add_argument("--write", type=Path, metavar="FILE", help="where the report goes (docs/benchmarks.md)")
    asked = parser.parse_args(given)
    effort = QUICK if asked.quick else FULL
    effort = replace(effort, rounds=asked.rounds or effort.rounds)
    load, began = os.getloadavg()[0], time.monotonic()
    try:
        figures = run(effort, chosen(asked.quick, asked.rows), asked.only)
    except LoadError as error:
        print(f"The benchmark cannot run: {error}", file=sys.stderr)
        return 2
    facts = about(effort, time.monotonic() - began, load)
    wrong = figures.wrong()
    lines = [*notes(figures), *(f"Missed: {reached}." for reached in missed(figures).values()), *wrong]
    print("\n\n".join(text for text in (table(figures), recording_table(figures), "\n".join(lines), facts) if text))
    if document := asked.write or (None if asked.quick or asked.rows or asked.only else DOCUMENT):
        write(document, figures, facts)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
