"""A flow that has to wait at a boundary: its client is kept alive, its time stands still, every end ends the wait."""

import math
from collections.abc import Callable, Iterable

import anyio
import pytest

from luna.core.engine import Engine
from luna.core.flow import Flow, Outcome
from luna.core.live import LiveFlows
from luna.core.stage import AroundStage, Proceed, Reask, ResponseStage, StageOptions, Transducer
from luna.model.chat import ChatRequest
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Finish, Opened, Stream, StreamEvent, TextDelta
from tests.support.machine import CONTEXT, Decode, Encode, MemoryLine, Scripted, Step, flow_of

HELLO = (Opened("r", "m"), TextDelta("hel"), TextDelta("lo"), Finish("stop"))


class Stop:
    """A halt that waits at one boundary until it is told to go on, and changes what it is told to change."""

    def __init__(self, boundary: str, change: Callable[[Batch], Batch] = lambda batch: batch) -> None:
        self.boundary = boundary
        self.change = change
        self.given: Batch | None = None
        self.kept: dict[str, Batch] = {}
        self.voided: list[tuple[str, ...]] = []
        self.seen: list[str] = []
        self.waits = anyio.Event()
        self.go = anyio.Event()
        self.ended = False
        """The wait has come to an end, whichever."""

    async def _wait(self, boundary: str) -> bool:
        self.seen.append(boundary)
        if boundary != self.boundary or self.go.is_set():
            return False
        self.waits.set()
        try:
            await self.go.wait()
        finally:
            self.ended = True
        return True

    async def document(self, flow: Flow, boundary: str) -> Batch | None:
        return self.given if await self._wait(boundary) else None

    async def events(self, flow: Flow, boundary: str, batch: Batch) -> Batch:
        return self.change(batch) if await self._wait(boundary) else batch

    def again(self, boundaries: tuple[str, ...]) -> None:
        self.voided.append(boundaries)

    def flush(self, boundary: str) -> Batch:
        return self.kept.pop(boundary, ())


class Loud(ResponseStage):
    """Says everything louder."""

    use = "loud"

    def __init__(self) -> None:
        super().__init__(StageOptions(), CONTEXT)

    def transducer(self, flow: Flow) -> Transducer:
        return _Loud()


class _Loud:
    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        return (TextDelta(event.text.upper()) if isinstance(event, TextDelta) else event,)

    def flush(self) -> Iterable[StreamEvent]:
        return ()


class Once(ResponseStage):
    """Has the model asked again, once."""

    use = "once"

    def __init__(self) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.asked = False

    def transducer(self, flow: Flow) -> Transducer:
        return _Once(self)


class _Once:
    def __init__(self, stage: Once) -> None:
        self.stage = stage

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        if isinstance(event, Finish) and not self.stage.asked:
            self.stage.asked = True
            raise Reask("Better.", "not good")
        return (event,)

    def flush(self) -> Iterable[StreamEvent]:
        return ()


class Hurry(AroundStage):
    """Gives a flow little time."""

    use = "hurry"

    def __init__(self, seconds: float) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.seconds = seconds

    async def around(self, flow: Flow, proceed: Proceed) -> Stream:
        flow.expire(self.seconds, lambda: LunaError(Kind.TIMEOUT, "It took too long."))
        async for batch in proceed(flow):
            yield batch


def _decode() -> Decode:
    return Decode(StageOptions(), CONTEXT)


def prepared(halt: Stop, *steps: Step, encode: Encode | None = None) -> tuple[Flow, Scripted]:
    transport = Scripted(*(steps or HELLO))
    flow = flow_of(_decode(), transport, Loud(), encode or Encode())
    flow.halt = halt
    return flow, transport


async def ran(flow: Flow, halt: Stop, while_it_waits: Callable[[MemoryLine], object] = lambda _: None) -> MemoryLine:
    """Run it; when it waits, do something, then let it go on."""
    line = MemoryLine()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Engine(LiveFlows()).run, flow, line)
            await halt.waits.wait()
            while_it_waits(line)
            halt.go.set()
    return line


async def test_every_boundary_is_asked_in_the_order_of_the_data() -> None:
    halt = Stop("")
    flow, _ = prepared(halt, HELLO)
    line = MemoryLine()
    await Engine(LiveFlows()).run(flow, line)
    assert halt.seen == ["decode", "scripted", "loud"]
    assert line.body == b"<opened>HELLO<finish>."


@pytest.mark.parametrize("boundary", ["decode", "scripted", "loud"])
async def test_a_flow_that_waited_is_answered_as_if_it_had_not(boundary: str) -> None:
    halt = Stop(boundary)
    flow, _ = prepared(halt)
    line = await ran(flow, halt)
    assert (line.status, line.body, flow.outcome) == (200, b"<opened>HELLO<finish>.", Outcome.COMPLETED)


async def test_what_is_put_in_goes_through_the_stages_that_follow() -> None:
    halt = Stop("scripted", lambda _: (Opened("r", "m"), TextDelta("other"), Finish("stop")))
    flow, transport = prepared(halt)
    line = await ran(flow, halt)
    assert line.body == b"<opened>OTHER<finish>."
    assert (transport.running, transport.closed_early) == (0, 1)


async def test_an_answer_that_is_given_needs_no_transport() -> None:
    halt = Stop("decode")
    halt.given = HELLO
    flow, transport = prepared(halt, LunaError(Kind.INTERNAL, "Nobody should ask."))
    line = await ran(flow, halt)
    assert (line.body, transport.closed_early, flow.events) == (b"<opened>HELLO<finish>.", 0, 4)


async def test_the_request_may_be_another_afterwards() -> None:
    halt = Stop("decode")
    flow, _ = prepared(halt)
    other = ChatRequest(model="other", messages=[], stream=True)

    def change(_: MemoryLine) -> None:
        flow.chat = other

    await ran(flow, halt, change)
    assert flow.chat is other


@pytest.mark.parametrize("boundary", ["decode", "loud"])
async def test_the_client_of_a_stream_is_kept_alive_while_it_waits(boundary: str) -> None:
    """Also before the transport was asked: the status goes out, and signs of life after it."""
    halt = Stop(boundary)
    flow, _ = prepared(halt, encode=Encode(heartbeat=0.005, commit_after=0.005))
    line = MemoryLine()
    beats = anyio.Event()
    line.on_send = lambda data: beats.set() if line.sends.count(b"~") >= 3 else None
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Engine(LiveFlows()).run, flow, line)
            await halt.waits.wait()
            await beats.wait()
            assert line.status == 200
            halt.go.set()
    assert line.body.replace(b"~", b"") == b"<opened>HELLO<finish>."


async def test_an_error_after_signs_of_life_is_told_in_the_stream() -> None:
    halt = Stop("decode")
    flow, _ = prepared(halt, LunaError(Kind.UPSTREAM_BROKEN, "x"), encode=Encode(heartbeat=0.005, commit_after=0.005))
    line = MemoryLine()
    line.on_send = lambda _: halt.go.set()
    with anyio.fail_after(20):
        await Engine(LiveFlows()).run(flow, line)
    assert line.status == 200
    assert line.body.endswith(b"!upstream-broken@scripted")


@pytest.mark.parametrize("boundary", ["scripted", "loud"])
async def test_the_time_of_a_flow_stands_still_while_it_waits(boundary: str) -> None:
    halt = Stop(boundary)
    flow = flow_of(_decode(), Hurry(30), Scripted(*HELLO), Loud(), Encode())
    flow.halt = halt
    left: list[float] = []

    def look(_: MemoryLine) -> None:
        left.append(flow.time_left)

    flow.settle(lambda: left.append(flow.time_left))
    line = await ran(flow, halt, look)
    assert line.ended
    assert left[0] == math.inf
    assert 0 < left[1] < 31


async def test_its_time_goes_on_afterwards() -> None:
    halt = Stop("scripted")
    flow = flow_of(_decode(), Hurry(0.05), Scripted(HELLO[0], 20.0, *HELLO[1:]), Encode())
    flow.halt = halt
    await ran(flow, halt)
    assert flow.error is not None
    assert flow.error.kind is Kind.TIMEOUT


@pytest.mark.parametrize("boundary", ["decode", "scripted", "loud"])
async def test_a_client_that_leaves_ends_the_wait(boundary: str) -> None:
    halt = Stop(boundary)
    flow, transport = prepared(halt)
    line = MemoryLine()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Engine(LiveFlows()).run, flow, line)
            await halt.waits.wait()
            line.left.set()
    assert (flow.outcome, halt.ended, transport.running) == (Outcome.CLIENT_GONE, True, 0)


@pytest.mark.parametrize("boundary", ["decode", "loud"])
async def test_who_is_cancelled_from_outside_is_told_so(boundary: str) -> None:
    halt = Stop(boundary)
    flow, transport = prepared(halt)
    line = await _ended(flow, halt, lambda live: flow.cancel(Outcome.CANCELLED, LunaError(Kind.CANCELLED, "Enough.")))
    assert b"cancelled" in line.body
    assert (halt.ended, transport.running) == (True, 0)


async def test_a_drain_ends_the_wait() -> None:
    halt = Stop("loud")
    flow, _ = prepared(halt)
    live = LiveFlows()
    line = MemoryLine()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Engine(live).run, flow, line)
            await halt.waits.wait()
            assert await live.drain(grace=0.01) == 1
    assert b"draining" in line.body
    assert halt.ended


async def test_those_who_look_on_hear_of_births_and_of_the_drain() -> None:
    live, heard = LiveFlows(), list[str]()
    live.watch(born=lambda flow: heard.append(flow.id), draining=lambda: heard.append("draining"))
    flow, _ = prepared(Stop(""))
    await Engine(live).run(flow, MemoryLine())
    await live.drain(grace=1)
    assert heard == [flow.id, "draining"]


async def _ended(flow: Flow, halt: Stop, end: Callable[[LiveFlows], object]) -> MemoryLine:
    line, live = MemoryLine(), LiveFlows()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Engine(live).run, flow, line)
            await halt.waits.wait()
            end(live)
    return line


@pytest.mark.parametrize("boundary", ["decode", "loud"])
async def test_who_is_stopped_there_is_told_so(boundary: str) -> None:
    class Refuse(Stop):
        async def _wait(self, boundary: str) -> bool:
            if boundary == self.boundary:
                raise LunaError(Kind.CANCELLED, "Stopped.")
            return False

    flow, transport = prepared(Refuse(boundary))
    line = MemoryLine()
    await Engine(LiveFlows()).run(flow, line)
    assert (line.body, transport.running) == (f"cancelled@{boundary}".encode(), 0)
    assert flow.outcome is Outcome.FAILED


async def test_what_was_kept_goes_out_before_the_error_of_a_broken_stream() -> None:
    halt = Stop("")
    flow, _ = prepared(halt, HELLO[0], LunaError(Kind.UPSTREAM_BROKEN, "It broke."))
    halt.kept = {"scripted": (TextDelta("first"),), "loud": (TextDelta("kept "),)}
    line = MemoryLine()
    await Engine(LiveFlows()).run(flow, line)
    assert line.body == b"<opened>kept FIRST!upstream-broken@scripted"


async def test_a_second_answer_voids_what_was_kept_before_the_stage_that_asks() -> None:
    halt = Stop("")
    flow = flow_of(_decode(), Scripted(*HELLO), Loud(), Once(), Encode())
    flow.halt = halt
    await Engine(LiveFlows()).run(flow, MemoryLine())
    assert halt.voided == [("scripted", "loud")]
