"""`python -m tests.gauntlet.soak [--seconds N] [--streams N] [--report FILE]`: an hour of streams, and luna's weight.

Owns the load (paced streams on all ways of asking; a third of the clients leave at a random moment, some conversations
go on), the samples and the report. Whether something grew says `tests.gauntlet.soak_verdict`; when everybody has left,
luna has what it had before they came. Exit code 1 when something grew, or an answer was wrong.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpcore
from anyio.abc import SocketStream

from luna.state.session_nodes import HOT
from tests.gauntlet.own import Machine, own_luna
from tests.gauntlet.record import write_section
from tests.gauntlet.soak_verdict import Sample, allowed, each, judge, slope, trend
from tests.gauntlet.speech import WAYS, Way, understand
from tests.support.lookalike import read_to_end
from tests.support.prometheus import parse

PACE = 100
"""Milliseconds between two words of an answer."""
LEAVE, GO_ON = 0.33, 0.2
"""How many clients leave, and how many conversations go on."""
FILLING = 16
"""Clients that fill it at first."""
REST = 75.0
"""Seconds within which all is as before: idle connections to the upstream live for 50."""


COLUMNS = {
    "memory, MB": "memory",
    "mapped, MB": "mapped",
    "files": "files",
    "threads": "threads",
    "tasks": "tasks",
    "flows": "flows",
    "database, MB": "database",
    "recordings, MB": "recordings",
    "asked": "asked",
    "left": "left",
}


@dataclass
class Soak:
    """The load, and what was seen."""

    machine: Machine
    over: bool = False
    asked: int = 0
    left: int = 0
    samples: list[Sample] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def client(self, number: int, seed: int) -> None:
        """Asks until it is over."""
        chance = random.Random(seed * 1000 + number)
        await anyio.sleep(chance.uniform(0, 5))
        before: tuple[str, ...] = ()
        while not self.over:
            way, count = chance.choice(WAYS), chance.randint(10, 150)
            prompt = f"[[count:{count}]][[pace:{PACE}]] {number} {self.asked}"
            request = way.request(prompt, before=before)
            self.asked += 1
            if chance.random() < LEAVE:
                self.left += 1
                await self._leaves(request, chance.uniform(0, count * PACE / 1000))
                before = ()
                continue
            said = await self._stays(way, request, count)
            before = (*before, prompt, said) if said and len(before) < 8 and chance.random() < GO_ON else ()

    async def fill(self, answers: int) -> None:
        """So many short conversations: what is kept in memory of late ones is full before anything is judged."""
        left = answers

        async def client() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await self.machine.ask(WAYS[left % len(WAYS)], f"[[say:filled]] {left}")

        async with anyio.create_task_group() as clients:
            for _ in range(FILLING):
                clients.start_soon(client)

    async def _connect(self) -> SocketStream:
        return await anyio.connect_tcp("127.0.0.1", urlsplit(self.machine.running.url).port or 0)

    async def _leaves(self, request: bytes, after: float) -> None:
        async with await self._connect() as connection:
            await connection.send(request)
            with anyio.move_on_after(after):
                await read_to_end(connection)

    async def _stays(self, way: Way, request: bytes, count: int) -> str:
        """The answer; "" where it was none."""
        async with await self._connect() as connection:
            await connection.send(request)
            got = understand(way, await read_to_end(connection))
        if got.text.split() == [*map(str, range(count))] and got.ended:
            return got.text
        self.wrong.append(f"{way}: {got}: {got.message}")
        return ""

    async def sample(self, begun: float) -> Sample:
        """What there is now."""
        status = Path(f"/proc/{self.machine.pid}/status").read_text()
        said = dict(line.split(":", 1) for line in status.splitlines())
        async with httpcore.AsyncConnectionPool() as pool:
            figures = parse((await pool.request("GET", f"{self.machine.running.url}/metrics")).content.decode())
        return Sample(
            seconds=time.monotonic() - begun,
            memory=int(said["RssAnon"].split()[0]) / 1024,
            mapped=int(said["RssFile"].split()[0]) / 1024,
            files=self.machine.files(),
            threads=int(said["Threads"]),
            tasks=int(figures["luna_tasks"].value()),
            flows=int(figures["luna_flows_active"].value()),
            database=_megabytes(self.machine.data.glob("luna.db*")),
            recordings=_megabytes((self.machine.data / "recordings").rglob("*")),
            asked=self.asked,
            left=self.left,
        )


def _megabytes(paths: Iterable[Path]) -> float:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # it has been tidied away
            continue
    return total / 2**20


async def soak(folder: Path, *, seconds: float, streams: int, every: float, seed: int, fill: int) -> tuple[Soak, str]:
    """Run it; what is left of anything when everybody has gone, and "" for nothing."""
    async with own_luna(folder, LUNA_RECORD="all") as machine:
        await machine.all_ways("[[say:warm]]")
        ran = Soak(machine)
        await ran.fill(fill)
        await machine.settled_files()
        before = await ran.sample(time.monotonic())
        begun = time.monotonic()
        print(_line(before), flush=True)
        async with anyio.create_task_group() as clients:
            for number in range(streams):
                clients.start_soon(ran.client, number, seed)
            while time.monotonic() - begun < seconds:
                await anyio.sleep(every)
                ran.samples.append(await ran.sample(begun))
                print(_line(ran.samples[-1]), flush=True)
            ran.over = True
        return ran, await _rest(ran, before, begun)


async def _rest(ran: Soak, before: Sample, begun: float) -> str:
    beyond = ""
    with anyio.move_on_after(REST):
        while True:
            now = await ran.sample(begun)
            more = {name: getattr(now, name) - getattr(before, name) for name in ("files", "tasks", "flows")}
            beyond = ", ".join(f"{name} +{number}" for name, number in more.items() if number > 0)
            if not beyond:
                break
            await anyio.sleep(1)
    print(_line(now), flush=True)
    return beyond


def _figure(sample: Sample, name: str) -> str:
    value = getattr(sample, name)
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _line(sample: Sample) -> str:
    said = "  ".join(f"{heading} {_figure(sample, name)}" for heading, name in COLUMNS.items())
    return f"{sample.seconds / 60:5.1f} min  {said}"


def report(ran: Soak, left: str, *, streams: int) -> list[str]:
    """The section of the report."""
    lasted = ran.samples[-1].seconds / 60
    said = (
        f"{streams} clients for {lasted:.0f} minutes, on all six ways of asking, a word each {PACE} ms; recordings are"
        " on, a third of the requests are left at a random moment, some conversations go on."
    )
    lines = [
        said,
        "",
        f"{ran.asked} requests, {ran.left} of them left, {len(ran.wrong)} answered wrongly.",
        "",
        f"| minute | {' | '.join(COLUMNS)} |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    step = max(1, len(ran.samples) // 12)
    lines += [
        f"| {one.seconds / 60:.0f} | {' | '.join(_figure(one, name) for name in COLUMNS.values())} |"
        for one in ran.samples[step - 1 :: step]
    ]
    lines += ["", "| of | second quarter | last half | |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {first:.1f} | {last:.1f} | {'grew' if grew else 'flat'} |"
        for name, (first, last, grew) in judge(ran.samples).items()
    ]
    changed = f"{slope(ran.samples):+.1f} MB an hour, {each(ran.samples):+.2f} KB a request"
    least = f"{trend(ran.samples):+.1f} MB an hour; from {allowed(ran.samples):.0f} on it has grown"
    lines += ["", f"Memory changed by {changed} in the last half. Three of four looks at it say at least {least}."]
    lines += [f"When everybody had left, {left or 'nothing'} was left over."]
    return lines


def main() -> int:
    """Run it and tell."""
    reader = argparse.ArgumentParser(prog="python -m tests.gauntlet.soak", description=__doc__)
    reader.add_argument("--seconds", type=float, default=3600)
    reader.add_argument("--streams", type=int, default=50)
    reader.add_argument("--every", type=float, default=60, help="seconds between two samples")
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--fill", type=int, default=HOT, help="short conversations before it begins")
    reader.add_argument("--report", type=Path, help="put the figures into this Markdown file")
    asked = reader.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        ran, left = anyio.run(
            lambda: soak(
                Path(name) / "luna",
                seconds=asked.seconds,
                streams=asked.streams,
                every=min(asked.every, asked.seconds / 8),
                seed=asked.seed,
                fill=asked.fill,
            )
        )
    lines = report(ran, left, streams=asked.streams)
    print("\n".join(lines), *ran.wrong[:20], sep="\n")
    if asked.report:
        write_section(asked.report, "soak", lines)
    return 1 if left or ran.wrong or any(grew for _, _, grew in judge(ran.samples).values()) else 0


if __name__ == "__main__":
    sys.exit(main())
