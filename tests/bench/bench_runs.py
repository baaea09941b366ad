"""What it costs to write down what runs: with an empty store and with 100,000 runs in it.

Run with `python -m tests.bench.bench_runs`. Processor time of this process for each request: keeping the books in the
event loop, bringing runs in, and taking in log lines; then how long the listings take.
"""

import os
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
from tests.support.machine import Encode, Scripted, flow_of

REQUESTS = 2000
STORED = 100_000
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
    for step in flow.take_settles():
        await step()
    books.close(flow, run, status=200, sent=1000)


async def measure(store: Store, name: str) -> Runs:
    """Print one line."""
    clock = SystemClock()
    runs, logs = Runs(store, clock), Logs(store, clock, discretion=Discretion(lambda: SECRETS))
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
    print(f"{name:16}{loop:12.1f}{rows:12.1f}{lines:12.1f}{loop + rows + lines:12.1f}")
    return runs


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


async def main() -> None:
    """Print the figures."""
    print(f"{'µs per request':16}{'event loop':>12}{'runs':>12}{'log':>12}{'sum':>12}")
    with tempfile.TemporaryDirectory() as folder:
        async with Store.opened(Path(folder)) as store:
            await measure(store, "empty store")
            await fill(store)
            await listings(await measure(store, f"{STORED} runs"))


if __name__ == "__main__":
    anyio.run(main, backend_options={"use_uvloop": True})
