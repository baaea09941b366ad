"""`make bench`: what luna costs, side by side in one run with the bare upstream and the floor.

CPU is user and system time of the server's process alone. Every figure is the median of rounds in which the
servers take turns, so that a noisy machine disturbs them alike. Shared machines: believe the ratios.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import msgspec

from tests.bench.load import Target, chat_body
from tests.bench.processes import Process, start
from tests.support.ports import free_port


@dataclass
class Row:
    """One line of the table. `target` is what luna must stay under; None where there is none."""

    figure: str
    unit: str
    luna: float
    floor: float | None = None
    upstream: float | None = None
    target: float | None = None


@dataclass
class Bench:
    """The servers under measurement and how often to measure."""

    upstream: Process
    token: str
    floor: Process
    luna: Process
    recording: Process
    rounds: int

    def target(self, process: Process) -> Target:
        return Target(process.name, process.port, self.token if process is self.upstream else "")

    async def cpu(self, process: Process, work: Callable[[Target], Awaitable[int]]) -> float:
        """Microseconds of CPU for each unit of work; `work` returns how many units it did."""
        await self.target(process).chat("[[count:200]]")  # warm
        before = process.cpu()
        units = await work(self.target(process))
        return (process.cpu() - before) / units * 1e6

    async def median(self, work: Callable[[Target], Awaitable[int]], *processes: Process) -> list[float]:
        """The median of each process's CPU per unit, in turns."""
        figures: dict[str, list[float]] = {process.name: [] for process in processes}
        for _ in range(self.rounds):
            for process in processes:
                figures[process.name].append(await self.cpu(process, work))
        return [statistics.median(values) for values in figures.values()]


async def paced_streams(target: Target, streams: int, deltas: int) -> int:
    """Streams at 20 deltas a second each."""
    async with anyio.create_task_group() as tasks:
        for position in range(streams):
            tasks.start_soon(target.chat, f"[[count:{deltas}]][[pace:50]] {position}")
            await anyio.sleep(0.002)
    return streams * deltas


async def fast_stream(target: Target, deltas: int = 20_000) -> int:
    """One stream as fast as it goes."""
    await target.chat(f"[[count:{deltas}]][[pace:0]]")
    return deltas


async def short_requests(target: Target, requests: int = 150) -> int:
    """Short answers in one piece, one after the other."""
    for _ in range(requests):
        await target.chat("[[say:ok]]", stream=False)
    return requests


async def large_bodies(target: Target, requests: int = 4) -> int:
    """5 MB of history with 60 tools."""
    turn = "x" * 5000 + " and some words \\u00e9\n"
    history = [{"role": "user" if n % 2 else "assistant", "content": turn} for n in range(1000)]
    tools: list[dict[str, object]] = [
        {"type": "function", "function": {"name": f"t{n}", "description": "d" * 200, "parameters": {"type": "object"}}}
        for n in range(60)
    ]
    body = chat_body([*history, {"role": "user", "content": "[[say:ok]]"}], stream=False, tools=tools)
    for _ in range(requests):
        await target.chat("", body=body)
    return requests


async def first_tokens(bench: Bench, samples: int) -> dict[str, list[float]]:
    """Milliseconds to the first token, one request at a time, servers in turns."""
    figures: dict[str, list[float]] = {}
    for _ in range(samples):
        for process in (bench.upstream, bench.floor, bench.luna):
            taken = await bench.target(process).chat("[[say:hello there]]")
            figures.setdefault(process.name, []).append(taken.first * 1000)
    return figures


async def open_streams_rss(bench: Bench, streams: int = 200) -> tuple[float, float]:
    """MB at rest, and MB more with that many streams open."""
    idle = bench.luna.rss()
    async with anyio.create_task_group() as tasks:
        target = bench.target(bench.luna)
        for position in range(streams):
            tasks.start_soon(target.chat, f"[[count:10]][[pace:300]] {position}")
            await anyio.sleep(0.002)
        await anyio.sleep(1.0)
        loaded = bench.luna.rss()
    return idle, loaded - idle


async def measure(bench: Bench, quick: bool) -> list[Row]:
    """All rows."""
    rows: list[Row] = []
    luna, floor, upstream = bench.luna, bench.floor, bench.upstream
    idle, more = await open_streams_rss(bench)
    rows.append(Row("start to /health", "s", luna.started_in, floor.started_in, upstream.started_in, 1.0))
    rows.append(Row("idle RSS", "MB", idle, floor.rss(), upstream.rss(), 90))
    rows.append(Row("200 open streams, RSS more", "MB", more, target=60))

    first = await first_tokens(bench, 30 if quick else 200)
    medians = {name: statistics.median(values) for name, values in first.items()}
    p99 = {name: statistics.quantiles(values, n=100)[98] for name, values in first.items()}
    for figure, taken, target in (("p50", medians, 4.0), ("p99", p99, None)):
        base = taken["upstream"]
        rows.append(Row(f"first token added, {figure}", "ms", taken["luna"] - base, taken["floor"] - base, 0.0, target))

    deltas = 60 if quick else 200
    paced = await bench.median(lambda target: paced_streams(target, 200, deltas), luna, floor)
    rows.append(Row("200 paced streams, CPU per delta", "µs", paced[0], paced[1], target=120))
    fast = await bench.median(fast_stream, luna, floor, bench.recording)
    rows.append(Row("one fast stream, CPU per delta", "µs", fast[0], fast[1], target=10))
    rows.append(Row("  the same, recorded whole", "µs", fast[2]))
    short = [value / 1000 for value in await bench.median(short_requests, luna, floor, bench.recording)]
    rows.append(Row("short request, CPU", "ms", short[0], short[1], target=2.5))
    rows.append(Row("  the same, recorded whole", "ms", short[2]))
    large = [value / 1000 for value in await bench.median(large_bodies, luna)]
    rows.append(Row("5 MB body with 60 tools, CPU", "ms", large[0], target=60))
    return rows


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| figure | luna | floor | upstream | luna : floor | to stay under | |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]

    def cell(value: float | None, unit: str) -> str:
        return "–" if value is None else f"{value:.2f} {unit}"

    for row in rows:
        ratio = f"{row.luna / row.floor:.1f}" if row.floor else "–"
        verdict = "" if row.target is None else ("ok" if row.luna <= row.target else "MISSED")
        cells = [cell(value, row.unit) for value in (row.luna, row.floor, row.upstream)]
        lines.append(f"| {row.figure} | {' | '.join(cells)} | {ratio} | {cell(row.target, row.unit)} | {verdict} |")
    return "\n".join(lines)


def main() -> int:
    """Start the servers, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and samples")
    arguments = parser.parse_args()
    running: list[Process] = []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            port = free_port()
            upstream = start("upstream", ["-m", "luna.demo", "--port", str(port)], port, listen=True)
            running.append(upstream)
            login = msgspec.json.decode(upstream.said)
            token = login["token"]
            floor_port = free_port()
            floor = start("floor", ["-m", "tests.bench.floor", str(floor_port), str(port), token], floor_port)
            running.append(floor)
            lunas = []
            for name, record in (("luna", "off"), ("recording", "all")):
                luna_port = free_port()
                env = {
                    "LUNA_PORT": str(luna_port),
                    "LUNA_DATA_DIR": f"{scratch}/{name}",
                    "LUNA_QWEN_BASE_URL": f"http://127.0.0.1:{port}",
                    "LUNA_QWEN_AUTH_URL": f"http://127.0.0.1:{port}",
                    "QWEN_AI_TOKEN": token,
                    "QWEN_AI_COOKIES": login["cookies"],
                    "LUNA_RECORD": record,
                    "LUNA_LOG": "warning",
                }
                lunas.append(start(name, ["-m", "luna", "serve"], luna_port, env=env))
                running.append(lunas[-1])
            bench = Bench(upstream, token, floor, lunas[0], lunas[1], rounds=1 if arguments.quick else 3)
            rows = anyio.run(measure, bench, arguments.quick)
        finally:
            for process in reversed(running):
                process.stop()
    print(table(rows))
    print(f"\n{os.cpu_count()} cores, Python {sys.version.split()[0]}; medians of {bench.rounds} interleaved rounds.")
    return 0 if all(row.target is None or row.luna <= row.target for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
