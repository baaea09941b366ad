"""What a boundary costs that nobody looks at, and what a recording costs: `python -m tests.bench.bench_boundaries`.

First pure CPU of this process: a batch through a chain of eight stages, once as it is (with the questions
whether somebody looks on or may stop it) and once with these questions taken out of the same code. Then the CPU of two
whole lunas, one of which records everything, in turns.
"""

import inspect
import statistics
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import FunctionType

import anyio
import msgspec

from luna.core.chain import Chain
from luna.core.flow import Flow
from luna.core.stage import ResponseStage, StageOptions, Transducer
from luna.model.events import Batch, Opened, StreamEvent, TextDelta
from tests.bench.load import Target
from tests.bench.processes import Process, start
from tests.support.machine import CONTEXT, Decode, Encode, Scripted, flow_of
from tests.support.ports import free_port

BATCHES = 10_000
STREAMS, LENGTH, ROUNDS = 3, 800, 3
"""Streams at a time, deltas of each, and how often all of it is measured."""
FAST = 20_000
MOST_BOUNDARY = 0.05
"""Microseconds for each event and boundary."""
MOST_RECORDING = 1.25
"""Times the CPU of a flow that nobody records."""


class Pass(ResponseStage):
    """Passes everything on."""

    def __init__(self, name: str) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.use = name  # type: ignore[misc]

    def transducer(self, flow: Flow) -> Transducer:
        return _Passing()


class _Passing:
    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        return (event,)

    def flush(self) -> Iterable[StreamEvent]:
        return ()


def unasked(method: FunctionType, *questions: str) -> Callable[..., Batch]:
    """The same method without these pieces of its source."""
    source = textwrap.dedent(inspect.getsource(method))
    for question in questions:
        assert question in source, f"{method.__qualname__} has changed: it has no {question!r}"
        source = source.replace(question, "")
    made: dict[str, Callable[..., Batch]] = {}
    exec(compile(source, "<unasked>", "exec"), method.__globals__, made)
    return made[method.__name__]


def boundaries() -> tuple[float, float]:
    """Microseconds for each event that passes eight stages: with the questions, and without them."""
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(), *(Pass(f"s{n}") for n in range(8)), Encode())
    flow.chat = flow.dialect.decode(flow.parsed, flow.client)  # type: ignore[arg-type]
    first = "    if tap is not None:\n        tap.events(self._transport_name, batch)\n"
    each = "        if tap is not None:\n            tap.events(name, batch)\n"
    bare = unasked(Chain.feed, first, each, "    tap = self._flow.tap\n")  # type: ignore[arg-type]

    def asked(chain: Chain, batch: Batch) -> Batch:
        """What the engine does for each batch."""
        halt = flow.halt
        return chain.feed(batch) if halt is None else batch

    ways: dict[str, Callable[[Chain, Batch], Batch]] = {"asked": asked, "bare": bare}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(15):
        for name, way in ways.items():
            chain = Chain(flow)
            way(chain, (Opened("r", "m", "c"),))
            begun = time.process_time()
            for _ in range(BATCHES):
                way(chain, (DELTA,))
            taken[name].append((time.process_time() - begun) / BATCHES * 1e6)
    return min(taken["asked"]), min(taken["bare"])


DELTA = TextDelta("word ")


def recorded() -> dict[str, tuple[float, float]]:
    """Microseconds of CPU of a whole luna for each delta, unrecorded and recorded; by how they come."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
        port = free_port()
        upstream = start("upstream", ["-m", "luna.demo", "--port", str(port)], port, listen=True)
        running.callback(upstream.stop)
        login = msgspec.json.decode(upstream.said)
        lunas: list[Process] = []
        for record in ("off", "all"):
            own = free_port()
            env = {
                "LUNA_PORT": str(own),
                "LUNA_DATA_DIR": f"{scratch}/{record}",
                "LUNA_QWEN_BASE_URL": f"http://127.0.0.1:{port}",
                "LUNA_QWEN_AUTH_URL": f"http://127.0.0.1:{port}",
                "QWEN_AI_TOKEN": login["token"],
                "QWEN_AI_COOKIES": login["cookies"],
                "LUNA_RECORD": record,
                "LUNA_LOG": "warning",
            }
            lunas.append(start(record, ["-m", "luna", "serve"], own, env=env))
            running.callback(lunas[-1].stop)
        return anyio.run(_measure, lunas)


async def _measure(lunas: list[Process]) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for name, work in {"paced": _paced, "fast": _fast}.items():
        taken: dict[str, list[float]] = {luna.name: [] for luna in lunas}
        for turn in range(ROUNDS + 1):  # the first is to warm up
            for luna in lunas:
                before = luna.cpu()
                deltas = await work(Target(luna.name, luna.port, ""))
                if turn:
                    taken[luna.name].append((luna.cpu() - before) / deltas * 1e6)
        off, all_ = (statistics.median(taken[luna.name]) for luna in lunas)
        found[name] = off, all_
    return found


async def _paced(target: Target) -> int:
    """Streams beside one another, as people read them: one delta in each read."""
    async with anyio.create_task_group() as tasks:
        for number in range(STREAMS):
            tasks.start_soon(target.chat, f"[[count:{LENGTH}]][[pace:2]] {number}")
    return STREAMS * LENGTH


async def _fast(target: Target) -> int:
    """One stream as fast as it goes: many deltas in each read."""
    await target.chat(f"[[count:{FAST}]][[pace:0]]")
    return FAST


def main() -> int:
    asked, bare = boundaries()
    each = (asked - bare) / 9
    print(f"an event through 8 stages: {asked:.3f} us, without the questions {bare:.3f} us")
    print(f"a boundary nobody looks at: {each:.4f} us per event (to stay under {MOST_BOUNDARY})")
    over = each > MOST_BOUNDARY
    for name, (off, all_) in recorded().items():
        print(f"{name} streams: {off:.1f} us of CPU per delta, recorded {all_:.1f} us: {all_ / off:.2f} times as much")
        over = over or all_ / off > MOST_RECORDING
    print(f"(recorded, to stay under {MOST_RECORDING} times)")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
