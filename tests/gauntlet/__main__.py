"""`python -m tests.gauntlet [--short] [--seed N] [--part NAME] [--report FILE]`: runs the course and tells what failed.

The exit code is 1 when a row failed.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import anyio

from tests.gauntlet.course import PARTS
from tests.gauntlet.record import Row, markdown


async def _run(parts: list[str], *, short: bool, seed: int) -> list[Row]:
    rows: list[Row] = []

    def tell(row: Row) -> None:
        rows.append(row)
        if row.failed:
            print(row, flush=True)

    for name in parts:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="gauntlet-") as folder:
            await PARTS[name](Path(folder) / "arena", tell, short=short, seed=seed)
        print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
    return rows


def main() -> int:
    """Run it."""
    reader = argparse.ArgumentParser(prog="python -m tests.gauntlet", description=__doc__)
    reader.add_argument("--short", action="store_true", help="what the gate runs")
    reader.add_argument("--seed", type=int, default=1, help="decides where the random cuts are")
    reader.add_argument("--part", action="append", choices=[*PARTS], help="only this one; may be repeated")
    reader.add_argument("--report", type=Path, help="write a Markdown table of all rows to this file")
    asked = reader.parse_args()
    parts: list[str] = asked.part or [*PARTS]
    rows = anyio.run(lambda: _run(parts, short=asked.short, seed=asked.seed))
    failed = [row for row in rows if row.failed]
    form = "short" if asked.short else "full"
    if asked.report:
        said = (
            f"The {form} form, seed {asked.seed}, parts: {', '.join(parts)}. Made by `make gauntlet`. Every row is a"
            " fault that was made to happen; afterwards flows, leases, runs, exchanges, connections, snapshots, seats,"
            " tasks and open files are counted, and must be what they were before."
        )
        asked.report.write_text(markdown(rows, said=said))
    print(f"{len(rows)} rows, {len(failed)} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
