"""What it costs to write down what runs: with an empty store and with 100,000 runs in it.

Run with `python -m tests.bench.bench_runs`. Processor time of this process for each request: keeping the books in the
event loop, bringing runs in, and taking in log lines; then how long the listings take.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import anyio
import msgspec
from sqlalchemy import insert

from luna.core.flow import Flow, Outcome
from luna.model.ambient import SystemClock
from luna.model.chat import ChatRequest, Message, Text
from luna.model.events import Usage
from luna.server.bookkeeping import Bookkeeping
from luna.state.discretion import Discretion
from luna.state.logs import Logs
from luna.state.metrics import Metrics
from luna.state.run import RunRecord
from luna.state.run_archive import RunFilter
from luna.state.runs import Runs
from luna.state.store import Store
from luna.state.store.tables import runs as table
from tests.support.machine import Encode, Scripted, carry_out, flow_of

REQUESTS = 500
"""In one round."""
ROUNDS = 12
STORED = 100_000
GROWTH = 1.10
"""How much more a request's books may cost with a full store."""
SECRETS = [f"secret-{number}-{'a' * 200}" for number in range(20)]


def a_flow() -> Flow:
    """One that was answered."""
    flow = flow_of(Scripted(), Encode(), seed=os.urandom(16))
    said = Text("Hello there, what is the weather in Hanoi today? " * 20)
    flow.chat = ChatRequest(model="qwen", target="qwen3", messages=[Message("user", [said])], stream=True)
    flow.meter = lambda: Usage(1, 2, 3)
    flow.spent = [(f"stage-{number}", 1e-5) for number in range(8)]
    flow.outcome = Outcome.COMPLETED
    return flow


async def keep(books: Bookkeeping, flow: Flow) -> None:
    """All that is written down of one."""
    run = books.open(flow)
    assert run is not None
    run.running("env")
    run.streaming()
    run.chat("chat")
    await carry_out(flow.settles)
    books.close(flow, run, status=200, sent=1000)


Spent = tuple[float, float, float]


async def measure(runs: Runs, logs: Logs, store: Store) -> Spent:
    """Microseconds of each request: in the event loop, to bring in its run, to bring in its lines."""
    books = Bookkeeping(runs, Metrics(0.0), logs)
    flows = [a_flow() for _ in range(REQUESTS)]
    spent = [time.process_time()]
    for flow in flows:
        await keep(books, flow)
    spent.append(time.process_time())
    await store.commit()
    spent.append(time.process_time())
    logs.flush()
    await store.commit()
    spent.append(time.process_time())
    loop, rows, lines = ((after - before) / REQUESTS * 1e6 for before, after in pairwise(spent))
    return loop, rows, lines


def services(store: Store) -> tuple[Runs, Logs, Store]:
    """What writes into it."""
    clock = SystemClock()
    return Runs(store, clock), Logs(store, clock, discretion=Discretion(lambda: SECRETS)), store


def told(name: str, figures: Sequence[Spent]) -> float:
    """Print one line, of medians; the sum."""
    loop, rows, lines = (statistics.median(column) for column in zip(*figures, strict=True))
    total = statistics.median(sum(spent) for spent in figures)
    print(f"{name:16}{loop:12.1f}{rows:12.1f}{lines:12.1f}{total:12.1f}")
    return total


async def fill(store: Store) -> None:
    """Write the old runs."""
    for start in range(0, STORED, 2000):
        records: Sequence[RunRecord] = [
            RunRecord(id=f"flow_old{n}", created_at=1.7e9 + n, status="completed", preview="x" * 100)
            for n in range(start, start + 2000)
        ]
        store.write(insert(table), [msgspec.structs.asdict(record) for record in records])
    await store.commit()


async def listings(runs: Runs) -> None:
    """Print how long finding takes."""
    wanted: dict[str, Callable[[], RunFilter]] = {
        "the newest": RunFilter,
        "failed": lambda: RunFilter(statuses=frozenset({"failed"})),
        "words in none": lambda: RunFilter(text="nothing has these words"),
    }
    for name, make in wanted.items():
        begun = time.perf_counter()
        found = await runs.find(make(), limit=200)
        print(f"{name:16}{(time.perf_counter() - begun) * 1000:9.1f} ms for {len(found.records)} runs")


async def main() -> int:
    """Print the figures: both stores in turns, so that a noisy machine disturbs them alike."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        async with Store.opened(Path(one)) as empty, Store.opened(Path(other)) as full:
            await fill(full)
            both = services(empty), services(full)
            figures: tuple[list[Spent], list[Spent]] = ([], [])
            for number in range(ROUNDS + 1):
                for taken, made in zip(figures, both, strict=True):
                    spent = await measure(*made)
                    if number:  # the first warms up
                        taken.append(spent)
            print(f"{'µs per request':16}{'event loop':>12}{'runs':>12}{'log':>12}{'sum':>12}")
            before, after = told("empty store", figures[0]), told(f"{STORED} runs", figures[1])
            ratio = statistics.median(sum(b) / sum(a) for a, b in zip(*figures, strict=True))
            print(
                f"{'ratio':16}{ratio:12.2f}{'' if ratio < GROWTH else f'  over {GROWTH}'}   ({after - before:+.1f} µs)"
            )
            await listings(both[1][0])
            return 0 if ratio < GROWTH else 1


if __name__ == "__main__":
    sys.exit(anyio.run(main, backend_options={"use_uvloop": True}))
