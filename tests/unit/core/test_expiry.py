"""A flow whose time runs out ends as failed, is told so in its client's protocol, and is cleaned up."""

import anyio

from luna.core.engine import Engine
from luna.core.flow import Flow, Outcome
from luna.core.live import LiveFlows
from luna.core.stage import AroundStage, Proceed, StageOptions
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Opened, Stream, TextDelta
from tests.support.machine import CONTEXT, Decode, Encode, MemoryLine, Scripted, flow_of


class Limited(AroundStage):
    """Gives the flow so many seconds."""

    use = "limited"

    def __init__(self, seconds: float) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.seconds = seconds
        self.closed: list[Outcome | None] = []

    async def around(self, flow: Flow, proceed: Proceed) -> Stream:
        flow.expire(self.seconds, lambda: LunaError(Kind.TIMEOUT, "Too late."))
        try:
            async for batch in proceed(flow):
                yield batch
        finally:
            self.closed.append(flow.outcome)


async def ran(limited: Limited, far_end: Scripted, line: MemoryLine, query: str = "") -> Flow:
    flow = flow_of(Decode(StageOptions(), CONTEXT), limited, far_end, Encode(), query=query)
    with anyio.fail_after(5):
        await Engine(LiveFlows()).run(flow, line)
    assert line.ended
    assert far_end.running == 0
    return flow


async def test_before_the_first_byte_it_is_a_status() -> None:
    limited, line = Limited(0.02), MemoryLine()
    flow = await ran(limited, Scripted(60.0), line)
    assert (flow.outcome, line.status, line.body) == (Outcome.FAILED, 500, b"timeout@scripted")
    assert limited.closed == [None], "it was cancelled where it stood"


async def test_within_a_stream_it_is_told_in_band() -> None:
    line = MemoryLine()
    flow = await ran(Limited(0.02), Scripted([Opened("r", "m"), TextDelta("so far")], 60.0), line)
    assert (flow.outcome, line.status, line.body) == (Outcome.FAILED, 200, b"<opened>so far!timeout@scripted")
    assert flow.error is not None
    assert flow.error.kind is Kind.TIMEOUT


async def test_a_client_that_does_not_read_does_not_keep_it_alive() -> None:
    class Stuck(MemoryLine):
        async def send(self, data: bytes, *, last: bool) -> None:
            await super().send(data, last=last)
            if not last:
                await anyio.sleep_forever()

    line = Stuck()
    flow = await ran(Limited(0.02), Scripted([Opened("r", "m"), TextDelta("x")], Finish("stop")), line)
    assert flow.outcome is Outcome.FAILED


async def test_a_flow_that_is_over_in_time_does_not_hear_of_it() -> None:
    line = MemoryLine()
    flow = await ran(Limited(0.5), Scripted([Opened("r", "m"), TextDelta("x")], Finish("stop")), line)
    assert (flow.outcome, flow.error) == (Outcome.COMPLETED, None)


async def test_what_ended_it_before_is_why_it_ended() -> None:
    line = MemoryLine()
    flow = await ran(Limited(0.05), Scripted(0.01, LunaError(Kind.UPSTREAM_BROKEN, "cut")), line)
    assert flow.error is not None
    assert (flow.outcome, flow.error.kind) == (Outcome.FAILED, Kind.UPSTREAM_BROKEN)


async def test_its_cleanup_is_done_all_the_same() -> None:
    done: list[str] = []

    class Tidy(Limited):
        async def around(self, flow: Flow, proceed: Proceed) -> Stream:
            async def tidy() -> None:
                await anyio.sleep(0.01)
                done.append(str(flow.outcome))

            flow.defer(tidy)
            async for batch in super().around(flow, proceed):
                yield batch

    await ran(Tidy(0.02), Scripted(60.0), MemoryLine())
    assert done == ["failed"]
