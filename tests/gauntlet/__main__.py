"""`python -m tests.gauntlet [--short] [--seed N] [--part NAME] [--jobs N] [--go-on] [--report FILE]`: runs the course.

Owns how it is spread over processes: each share of a part is one, some run side by side, and what they tell is appended
to a file of rows (`--rows`) at once. A run that was broken off goes on (`--go-on`) with the shares that had not come to
their end. The exit code is 1 when a row failed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import msgspec

from tests.gauntlet.course import PARTS, SHARES, Share
from tests.gauntlet.record import Row, markdown, write_section


@dataclass(frozen=True)
class Told:
    """A line of the file of rows: what a share told, or that it came to its end."""

    share: str
    row: Row | None = None
    seconds: float = 0.0


async def _share(name: str, *, short: bool, seed: int) -> None:
    """Run one share in this process; a line of JSON for each row."""
    part, number, of = name.split(":")
    with tempfile.TemporaryDirectory(prefix="gauntlet-") as folder:

        def tell(row: Row) -> None:
            print(msgspec.json.encode(row).decode(), flush=True)

        share = Share(int(number), int(of))
        await PARTS[part](Path(folder) / "arena", tell, short=short, seed=seed, share=share)


class _Run:
    """All shares, a few at a time."""

    def __init__(self, rows: Path, *, go_on: bool, arguments: list[str]) -> None:
        self.told: list[Told] = []
        self.noisy: set[str] = set()
        """Shares in which luna met something that it did not foresee."""
        self._arguments = arguments
        self._rows = rows
        if go_on and rows.exists():
            known = [msgspec.json.decode(line, type=Told) for line in rows.read_bytes().splitlines()]
            over = {told.share for told in known if told.row is None}
            self.told = [told for told in known if told.share in over]
        rows.parent.mkdir(exist_ok=True)
        rows.write_bytes(b"".join(msgspec.json.encode(told) + b"\n" for told in self.told))

    @property
    def over(self) -> set[str]:
        """Shares that came to their end."""
        return {told.share for told in self.told if told.row is None}

    @property
    def rows(self) -> list[Row]:
        """In the order of the course."""
        order = {name: position for position, name in enumerate(PARTS)}
        told = sorted(self.told, key=lambda one: (order[one.share.split(":")[0]], one.share))
        return [one.row for one in told if one.row is not None]

    async def all(self, shares: list[str], jobs: int) -> None:
        """Run those that are missing."""
        limit = anyio.CapacityLimiter(jobs)
        async with anyio.create_task_group() as tasks:
            for share in shares:
                if share not in self.over:
                    tasks.start_soon(self._one, share, limit)

    async def _one(self, share: str, limit: anyio.CapacityLimiter) -> None:
        async with limit:
            begun = time.monotonic()
            command = [sys.executable, "-m", "tests.gauntlet", *self._arguments, "--share", share]
            async with await anyio.open_process(command, stderr=subprocess.STDOUT) as process:
                assert process.stdout is not None
                said = b""
                async for data in process.stdout:
                    *lines, said = (said + data).split(b"\n")
                    for line in lines:
                        self._heard(share, line)
                code = await process.wait()
            seconds = time.monotonic() - begun
            if code or share in self.noisy:
                why = f"exit code {code}" if code else "a traceback in the log"
                self._take(
                    Told(share, Row(share.split(":")[0].capitalize(), f"share {share}", "", "", "", "", "", why))
                )
            if not code:
                self._take(Told(share, None, seconds))
            print(f"{share}: {seconds:.0f} s", flush=True)

    def _heard(self, share: str, line: bytes) -> None:
        try:
            row: Any = msgspec.json.decode(line, type=Row)
        except msgspec.DecodeError:
            print(f"{share}: {line.decode(errors='replace')}", flush=True)  # the log of a luna in that process
            if line.startswith(b"Traceback"):
                self.noisy.add(share)
            return
        self._take(Told(share, row))

    def _take(self, told: Told) -> None:
        self.told.append(told)
        with self._rows.open("ab") as file:
            file.write(msgspec.json.encode(told) + b"\n")
        if told.row is not None and told.row.failed:
            print(told.row, flush=True)


def main() -> int:
    """Run it."""
    reader = argparse.ArgumentParser(prog="python -m tests.gauntlet", description=__doc__)
    reader.add_argument("--short", action="store_true", help="what the gate runs")
    reader.add_argument("--seed", type=int, default=1, help="decides where the random cuts are")
    reader.add_argument("--part", action="append", choices=[*PARTS], help="only this one; may be repeated")
    reader.add_argument("--jobs", type=int, default=max(2, (os.cpu_count() or 2)), help="shares side by side")
    reader.add_argument("--rows", type=Path, default=Path("build/gauntlet.jsonl"), help="where rows are kept")
    reader.add_argument("--go-on", action="store_true", help="keep what a broken-off run has found")
    reader.add_argument("--report", type=Path, help="put the rows into this Markdown file")
    reader.add_argument("--share", help="only this share, in this process: PART:NUMBER:OF")
    asked = reader.parse_args()
    if asked.share:
        anyio.run(lambda: _share(asked.share, short=asked.short, seed=asked.seed))
        return 0
    parts: list[str] = asked.part or [*PARTS]
    shares = {name: 1 if asked.short else SHARES[name] for name in parts}
    arguments = ["--seed", str(asked.seed), *(["--short"] if asked.short else [])]
    run = _Run(asked.rows, go_on=asked.go_on, arguments=arguments)
    begun = time.monotonic()
    spread = [f"{name}:{number}:{of}" for name, of in shares.items() for number in range(of)]
    anyio.run(run.all, spread, asked.jobs)
    minutes = (time.monotonic() - begun) / 60
    failed = [row for row in run.rows if row.failed]
    if asked.report:
        form = "short" if asked.short else "full"
        lasted = sum(told.seconds for told in run.told) / 60
        said = (
            f"The {form} form, seed {asked.seed}, in {len(run.over)} shares, {asked.jobs} side by side, which took"
            f" {lasted:.0f} minutes together."
        )
        write_section(asked.report, "rows", markdown(run.rows, said=said))
    print(f"{len(run.rows)} rows, {len(failed)} failures, {minutes:.0f} minutes")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
