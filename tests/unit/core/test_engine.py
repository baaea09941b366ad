"""One flow, from birth to cleanup: what the client gets, and that nothing is left."""

from collections.abc import Iterable

import anyio
import pytest
from rpds import HashTrieMap

from luna.core.engine import Engine
from luna.core.flow import Flow, Outcome
from luna.core.live import LiveFlows
from luna.core.notes import Key
from luna.core.stage import (
    AnswerStage,
    AroundStage,
    Proceed,
    Reask,
    RequestStage,
    ResponseStage,
    StageOptions,
    Transducer,
    TransportStage,
)
from luna.model.dialect import Reply
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Opened, Stream, StreamEvent, TextDelta
from tests.support.machine import CONTEXT, Decode, Encode, MemoryLine, Scripted, flow_of

HELLO = (Opened("r", "m"), TextDelta("hel"), TextDelta("lo"), Finish("stop"))
BROKEN = LunaError(Kind.UPSTREAM_BROKEN, "It broke.")


class Lease(AroundStage):
    """Counts who is inside."""

    use = "lease"

    def __init__(self) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.held = 0
        self.order: list[str] = []

    async def around(self, flow: Flow, proceed: Proceed) -> Stream:
        self.held += 1
        try:
            async for batch in proceed(flow):
                yield batch
        finally:
            self.held -= 1
            self.order.append("lease")


class Hold(ResponseStage):
    """Holds every text delta back until the next event."""

    use = "hold"

    def __init__(self, finish_after: int = 0) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.finish_after = finish_after

    def transducer(self, flow: Flow) -> Transducer:
        return _Holding(self.finish_after)


class _Holding:
    def __init__(self, finish_after: int) -> None:
        self.held: list[StreamEvent] = []
        self.left = finish_after

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        released, self.held = self.held, []
        if isinstance(event, TextDelta):
            self.left -= 1
            if self.left == 0:
                return [*released, event, Finish("length")]
            self.held = [event]
            return released
        return [*released, event]

    def flush(self) -> Iterable[StreamEvent]:
        return self.held


async def run(flow: Flow, line: MemoryLine | None = None) -> MemoryLine:
    line = line or MemoryLine()
    engine = Engine(LiveFlows())
    with anyio.fail_after(5):
        await engine.run(flow, line)
    assert len(engine.live) == 0
    return line


async def test_a_stream_commits_with_its_first_event_and_ends_after_finish() -> None:
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(*HELLO), Encode())
    line = await run(flow)
    assert (line.status, line.body, line.ended) == (200, b"<opened>hello<finish>.", True)
    assert line.headers["content-type"] == "text/event-stream"
    assert line.headers["x-luna-flow"] == flow.id
    assert flow.outcome is Outcome.COMPLETED


async def test_what_arrived_in_one_read_goes_out_in_one_send() -> None:
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(HELLO[:3], HELLO[3:]), Encode())
    assert (await run(flow)).sends == [b"<opened>hello", b"<finish>."]


async def test_an_error_before_the_first_event_is_a_status() -> None:
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(BROKEN), Encode())
    line = await run(flow)
    assert (line.status, line.body) == (500, b"upstream-broken@scripted")
    assert flow.outcome is Outcome.FAILED


async def test_an_error_after_the_first_event_is_in_band_and_what_was_held_back_comes_first() -> None:
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(*HELLO[:3], BROKEN), Hold(), Encode())
    line = await run(flow)
    assert (line.status, line.body, line.ended) == (200, b"<opened>hello!upstream-broken@scripted", True)  # not @hold


async def test_a_stream_that_just_stops_is_an_error() -> None:
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(*HELLO[:3]), Encode())
    line = await run(flow)
    assert b"!upstream-broken" in line.body


async def test_an_unforeseen_exception_becomes_internal_without_its_text() -> None:
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(ValueError("secret")), Encode())
    line = await run(flow)
    assert (line.status, line.body) == (500, b"internal@scripted")
    assert flow.error is not None
    assert "ValueError" in flow.error.message
    assert "secret" not in flow.error.told


class Refusing:
    """No map of Rust's can be asked for it."""

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        raise RecursionError


async def test_a_panic_of_a_library_becomes_internal_too() -> None:
    class Panics(RequestStage):
        use = "panics"

        def request(self, flow: Flow) -> None:
            HashTrieMap({Refusing(): 1})[Refusing()]

    flow = flow_of(Decode(StageOptions(), CONTEXT), Panics(StageOptions(), CONTEXT), Scripted(*HELLO), Encode())
    line = await run(flow)
    assert (line.status, line.body) == (500, b"internal@panics")
    assert flow.error is not None
    assert "PanicException" in flow.error.message


async def test_a_request_stage_can_refuse() -> None:
    class Refuse(RequestStage):
        use = "refuse"

        def request(self, flow: Flow) -> None:
            raise LunaError(Kind.UNAUTHORIZED, "No.")

    transport = Scripted(*HELLO)
    flow = flow_of(Refuse(StageOptions(), CONTEXT), Decode(StageOptions(), CONTEXT), transport, Encode())
    assert (await run(flow)).body == b"unauthorized@refuse"
    assert transport.closed_early == 0


async def test_an_answer_stage_answers_with_a_document() -> None:
    class Fixed(AnswerStage):
        use = "fixed"

        async def answer(self, flow: Flow) -> Reply:
            return Reply(203, b"{}", headers=(("x-more", "yes"),))

    line = await run(flow_of(Fixed(StageOptions(), CONTEXT)))
    assert (line.status, line.body, line.headers["content-length"]) == (203, b"{}", "2")
    assert line.headers["x-more"] == "yes"


async def test_a_response_stage_that_finishes_first_closes_the_transport() -> None:
    transport = Scripted(*HELLO[:2], 0.0, *([TextDelta("x")] * 50), Finish("stop"))
    flow = flow_of(Decode(StageOptions(), CONTEXT), transport, Hold(finish_after=2), Encode())
    line = await run(flow)
    assert line.body == b"<opened>helx<finish>."
    assert (transport.closed_early, transport.running) == (1, 0)
    assert flow.outcome is Outcome.COMPLETED


@pytest.mark.parametrize("sends_before_leaving", range(4))
async def test_a_client_that_leaves_ends_everything(sends_before_leaving: int) -> None:
    lease, transport = Lease(), Scripted(*HELLO[:3], 60.0)
    cleaned: list[str] = []

    class Deferring(RequestStage):
        use = "deferring"

        def request(self, flow: Flow) -> None:
            async def cleanup() -> None:
                await anyio.sleep(0.01)  # shielded: a cancelled flow still cleans up
                cleaned.append("deferred")

            flow.defer(cleanup)

    flow = flow_of(Decode(StageOptions(), CONTEXT), Deferring(StageOptions(), CONTEXT), lease, transport, Encode())
    line = MemoryLine()
    line.on_send = lambda _: line.left.set() if len(line.sends) >= sends_before_leaving else None
    if not sends_before_leaving:
        line.left.set()
    await run(flow, line)
    assert flow.outcome is Outcome.CLIENT_GONE
    assert (lease.held, transport.running) == (0, 0)
    assert cleaned == ["deferred"]
    assert not line.ended


async def test_a_failing_cleanup_does_not_keep_the_next_from_running() -> None:
    done: list[int] = []

    class Deferring(RequestStage):
        use = "deferring"

        def request(self, flow: Flow) -> None:
            async def good() -> None:
                done.append(1)

            async def bad() -> None:
                raise OSError("gone")

            flow.defer(good)
            flow.defer(bad)

    await run(flow_of(Decode(StageOptions(), CONTEXT), Deferring(StageOptions(), CONTEXT), Scripted(*HELLO), Encode()))
    assert done == [1]


async def test_a_silent_stream_gets_signs_of_life_only_between_its_own_bytes() -> None:
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(HELLO[0], 0.12, *HELLO[1:]), Encode(heartbeat=0.03))
    line = await run(flow)
    assert line.sends[1] == b"~"
    assert line.body.replace(b"~", b"") == b"<opened>hello<finish>."


class Deferring(RequestStage):
    """Its cleanup takes a while, and the clock is not asked without end meanwhile."""

    use = "deferring"
    asked = 0

    def request(self, flow: Flow) -> None:
        flow.defer(self.cleanup)
        flow.clock = self

    async def cleanup(self) -> None:
        self.asked = 0
        await anyio.sleep(0.05)

    def wall(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        self.asked += 1
        assert self.asked < 10_000, "busy waiting"
        return anyio.current_time()


@pytest.mark.parametrize("steps", [HELLO, (HELLO[0], BROKEN)])
async def test_signs_of_life_end_with_the_answer_though_cleanup_goes_on(steps: tuple[StreamEvent | LunaError]) -> None:
    deferring = Deferring(StageOptions(), CONTEXT)
    flow = flow_of(Decode(StageOptions(), CONTEXT), deferring, Scripted(*steps), Encode(heartbeat=0.01))
    line = await run(flow)
    assert line.ended
    assert not line.body.endswith(b"~")


async def test_a_slow_upstream_commits_after_a_while_and_then_fails_in_band() -> None:
    steps = (0.1, BROKEN)
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(*steps), Encode(commit_after=0.03))
    line = await run(flow)
    assert (line.status, line.body) == (200, b"~!upstream-broken@scripted")


async def test_a_whole_answer_never_gets_signs_of_life() -> None:
    encode = Encode(heartbeat=0.01, commit_after=0.01)
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(0.05, BROKEN), encode, query="whole")
    assert (await run(flow)).status == 500


async def test_draining_lets_a_flow_finish_within_its_grace_and_tells_the_rest() -> None:
    live = LiveFlows()
    engine = Engine(live)
    quick = flow_of(Decode(StageOptions(), CONTEXT), Scripted(0.05, *HELLO), Encode(), seed=b"1")
    endless = flow_of(Decode(StageOptions(), CONTEXT), Scripted(HELLO[0], 60.0), Encode(), seed=b"2")
    lines = MemoryLine(), MemoryLine()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.run, quick, lines[0])
            tasks.start_soon(engine.run, endless, lines[1])
            await anyio.sleep(0.01)
            assert await live.drain(grace=0.2) == 1
            late = MemoryLine()
            await engine.run(flow_of(Decode(StageOptions(), CONTEXT), Scripted(*HELLO), Encode()), late)
    assert lines[0].body == b"<opened>hello<finish>."
    assert (lines[1].body, lines[1].ended) == (b"<opened>!draining@", True)
    assert late.body.startswith(b"draining@")
    assert len(live) == 0


class Insist(ResponseStage):
    """Asks again until the answer holds a word, at most twice."""

    use = "insist"

    def transducer(self, flow: Flow) -> Transducer:
        return _Insisting(flow)


TRIES: Key[int] = Key("tries")


class _Insisting:
    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.text = ""

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        if isinstance(event, TextDelta):
            self.text += event.text
        tries = self.flow.notes.get(TRIES) or 0
        if isinstance(event, Finish) and "please" not in self.text:
            if tries == 2:
                raise LunaError(Kind.UPSTREAM_BROKEN, "It never says please.")
            self.flow.notes[TRIES] = tries + 1
            raise Reask("Say please.", "no please")
        return (event,)

    def flush(self) -> Iterable[StreamEvent]:
        return ()


class Stubborn(TransportStage):
    """Says please at the n-th try."""

    use = "stubborn"

    def __init__(self, please_at: int, *, one_read: bool) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.please_at = please_at
        self.one_read = one_read
        self.asked: list[list[str]] = []

    async def stream(self, flow: Flow) -> Stream:
        self.asked.append([message.text for message in flow.chat.messages])
        word = "please" if len(self.asked) >= self.please_at else "no"
        events = (Opened("r", "m", "chat-1"), TextDelta(f"{word}."), Finish("stop"))
        for batch in [events] if self.one_read else [(event,) for event in events]:
            yield batch


@pytest.mark.parametrize("one_read", [True, False])
async def test_a_stage_can_have_the_model_asked_again_in_the_same_chat(one_read: bool) -> None:
    lease, transport = Lease(), Stubborn(3, one_read=one_read)
    stages = (Decode(StageOptions(), CONTEXT), lease, transport, Insist(StageOptions(), CONTEXT), Encode())
    flow = flow_of(*stages)
    line = await run(flow)
    assert (line.status, line.body) == (200, b"<opened>no.no.please.<finish>.")
    assert transport.asked == [[], ["no.", "Say please."], ["no.", "Say please.", "no.", "Say please."]]
    assert flow.chat.binding.chat == "chat-1"
    assert (lease.held, flow.outcome) == (0, Outcome.COMPLETED)


async def test_a_stage_that_gives_up_asking_fails_the_flow() -> None:
    transport = Stubborn(9, one_read=False)
    stages = (Decode(StageOptions(), CONTEXT), transport, Insist(StageOptions(), CONTEXT), Encode())
    line = await run(flow_of(*stages, query="whole"))
    assert line.body.endswith(b"upstream-broken@insist")
    assert len(transport.asked) == 3


async def test_header_values_cannot_break_out_of_their_line() -> None:
    class Noting(RequestStage):
        use = "noting"

        def request(self, flow: Flow) -> None:
            flow.headers["x-note"] = "a\r\nset-cookie: b\u2603"

    flow = flow_of(Decode(StageOptions(), CONTEXT), Noting(StageOptions(), CONTEXT), Scripted(*HELLO), Encode())
    assert (await run(flow)).headers["x-note"] == "a  set-cookie: b?"
