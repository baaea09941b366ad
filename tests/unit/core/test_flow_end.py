"""The end of a flow: what is settled before its last bytes, what is cleaned up after them, and who can hold it up."""

import logging
from collections.abc import Awaitable

import anyio
import pytest

from luna.core import engine
from luna.core.engine import Engine
from luna.core.flow import Flow, Outcome, Step
from luna.core.live import LiveFlows
from luna.core.stage import RequestStage, StageOptions
from luna.model.events import Finish, Opened, TextDelta
from tests.support.machine import CONTEXT, Decode, Encode, MemoryLine, Scripted, flow_of

HELLO = (Opened("r", "m"), TextDelta("hello"), Finish("stop"))


class Ends(RequestStage):
    """Leaves these steps for the end."""

    use = "ends"

    def __init__(self, settles: tuple[Step, ...] = (), defers: tuple[Step, ...] = ()) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.settles, self.defers = settles, defers

    def request(self, flow: Flow) -> None:
        for step in self.settles:
            flow.settle(step)
        for step in self.defers:
            flow.defer(step)


async def ended(
    settles: tuple[Step, ...] = (), defers: tuple[Step, ...] = (), line: MemoryLine | None = None
) -> tuple[Flow, MemoryLine]:
    line = line or MemoryLine()
    flow = flow_of(Decode(StageOptions(), CONTEXT), Ends(settles, defers), Scripted(*HELLO), Encode())
    with anyio.fail_after(20):
        await Engine(LiveFlows()).run(flow, line)
    return flow, line


def noting(into: list[str], word: str) -> Step:
    return lambda: into.append(word)


def waiting(into: list[str], word: str) -> Step:
    async def step() -> None:
        await anyio.sleep(0.001)
        into.append(word)

    return step


def failing() -> None:
    raise OSError("gone")


async def failing_later() -> None:
    await anyio.sleep(0)
    raise OSError("gone later")


async def test_steps_are_taken_in_their_order_whether_they_wait_or_not(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []
    line = MemoryLine()
    line.on_send = lambda data: done.append("sent") if data.endswith(b".") else None
    settles = (noting(done, "1"), waiting(done, "2"), failing, noting(done, "3"), failing_later, waiting(done, "4"))
    defers = (noting(done, "9"), waiting(done, "8"), failing, noting(done, "7"), failing_later, waiting(done, "6"))
    flow, line = await ended(settles, defers, line)
    assert (flow.outcome, line.body) == (Outcome.COMPLETED, b"<opened>hello<finish>.")
    assert done == ["1", "2", "3", "4", "sent", "6", "7", "8", "9"]
    said = [record.getMessage().partition(": ")[2] for record in caplog.records if record.levelno == logging.WARNING]
    assert said == [
        "not settled: OSError: gone",
        "not settled: OSError: gone later",
        "cleanup failed: OSError: gone later",
        "cleanup failed: OSError: gone",
    ]


async def test_what_does_not_settle_holds_the_answer_back_for_so_long_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "SETTLE_SECONDS", 0.02)
    flow, line = await ended((anyio.sleep_forever,))
    assert (flow.outcome, line.ended) == (Outcome.COMPLETED, True)
    assert "not settled within" in caplog.text


async def test_a_cleanup_that_does_not_end_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "CLEANUP_SECONDS", 0.02)
    flow, line = await ended((), (anyio.sleep_forever,))
    assert (flow.outcome, line.ended) == (Outcome.COMPLETED, True)
    assert "cleanup did not end within" in caplog.text


async def test_the_cleanup_of_a_flow_that_was_cancelled_is_left_as_well(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "CLEANUP_SECONDS", 0.02)
    flow = flow_of(Decode(StageOptions(), CONTEXT), Ends((), (anyio.sleep_forever,)), Scripted(60.0), Encode())
    line = MemoryLine()
    line.left.set()
    with anyio.fail_after(20):
        await Engine(LiveFlows()).run(flow, line)
    assert (flow.outcome, line.sends) == (Outcome.CLIENT_GONE, [])
    assert "cleanup did not end within" in caplog.text


async def test_nobody_cancels_a_cleanup() -> None:
    done: list[str] = []
    cleaning = anyio.Event()

    def cleanup() -> Awaitable[None]:
        cleaning.set()
        return waiting(done, "cleaned")() or anyio.sleep(0)

    flow = flow_of(Decode(StageOptions(), CONTEXT), Ends((), (cleanup,)), Scripted(*HELLO), Encode())
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Engine(LiveFlows()).run, flow, MemoryLine())
            await cleaning.wait()
            flow.cancel(Outcome.CANCELLED)
            tasks.cancel_scope.cancel()
    assert (done, flow.outcome) == (["cleaned"], Outcome.COMPLETED)


async def test_when_the_watch_on_the_client_fails_the_flow_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "WATCH_AFTER_SECONDS", 0.001)
    done: list[str] = []

    class Torn(MemoryLine):
        async def gone(self) -> None:
            raise OSError("torn")

    transport = Scripted(HELLO[0], 60.0)
    flow = flow_of(Decode(StageOptions(), CONTEXT), Ends((), (noting(done, "cleaned"),)), transport, Encode())
    with anyio.fail_after(20), pytest.raises(OSError, match="torn"):
        await Engine(LiveFlows()).run(flow, Torn())
    assert (done, transport.running) == (["cleaned"], 0)
