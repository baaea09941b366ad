"""Exchanges are taken down as they happen, for the flow that makes them and for no other."""

from collections.abc import Iterator

import anyio
import pytest

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest
from luna.upstream.faults import FaultBackend, Refuse, Rule
from luna.upstream.recording import RecordingBackend
from luna.upstream.replay import ReplayBackend, ReplayedResponse
from luna.wire.reader import Exchange
from luna.wire.recorder import CURRENT
from tests.support.exchanges import exchange, get, items
from tests.support.tape import MemoryRecording

SSE = (("content-type", "text/event-stream"), ("set-cookie", "token=0123456789abcdef0; Path=/"))


@pytest.fixture
def made() -> Iterator[MemoryRecording]:
    recording = MemoryRecording()
    token = CURRENT.set(recording.recorder)
    yield recording
    CURRENT.reset(token)


def taken(made: MemoryRecording) -> list[Exchange]:
    made.recorder.ended("completed")
    return made.read().exchanges


async def test_a_whole_exchange(made: MemoryRecording) -> None:
    backend = RecordingBackend(ReplayBackend([exchange("/a", b"one\n", b"two\n", method="POST", headers=SSE)]))
    request = OutRequest("POST", "https://upstream.test/a?x=1", (("Authorization", "Bearer 0123456789abcdef0"),), b"{}")
    answer = await backend.open(request)
    assert answer.header("content-type") == "text/event-stream"
    assert await items(answer) == [b"one\n", b"two\n"]
    await answer.aclose()
    (one,) = taken(made)
    assert (one.opened.method, one.opened.url, one.opened.data) == ("POST", "https://upstream.test/a?x=1", b"{}")
    assert one.opened.headers == (("Authorization", "Bearer <redacted:1>"),)
    assert one.headers == (SSE[0], ("set-cookie", "token=<redacted:1>; Path=/"))
    assert [chunk.data for chunk in one.chunks] == [b"one\n", b"two\n"]
    assert one.end is not None
    assert one.end.how == "complete"
    assert "0123456789abcdef0" not in made.text


async def test_reading_at_once_is_taken_down_too(made: MemoryRecording) -> None:
    backend = RecordingBackend(ReplayBackend([exchange("/a", b"one", b"two")]))
    assert await (await backend.open(get("/a"))).read() == b"onetwo"
    (one,) = taken(made)
    assert one.body == b"onetwo"


async def test_a_body_that_nobody_read_to_its_end_was_closed(made: MemoryRecording) -> None:
    backend = RecordingBackend(ReplayBackend([exchange("/a", b"one", b"two")]))
    answer = await backend.open(get("/a"))
    assert await anext(answer.chunks()) == b"one"
    await answer.aclose()
    (one,) = taken(made)
    assert one.body == b"one"
    assert one.end is not None
    assert one.end.how == "closed"


async def test_failures_are_taken_down_and_raised(made: MemoryRecording) -> None:
    cut = LunaError(Kind.UPSTREAM_BROKEN, "cut off", hint="again")
    inner = ReplayBackend([exchange("/b", b"some", how="broken", error=cut)])
    plan = [Rule(lambda request: request.url.endswith("/a"), Refuse())]
    backend = RecordingBackend(FaultBackend(inner, plan))
    with pytest.raises(LunaError):
        await backend.open(get("/a"))
    answer = await backend.open(get("/b"))
    with pytest.raises(LunaError, match="cut off"):
        await answer.read()
    await answer.aclose()
    first, second = taken(made)
    assert (first.status, first.end and (first.end.how, first.end.kind)) == (0, ("broken", "upstream-broken"))
    assert second.end is not None
    assert (second.end.how, second.end.message, second.end.hint) == ("broken", "cut off", "again")


async def test_an_exchange_that_is_cancelled_was_closed(made: MemoryRecording) -> None:
    backend = RecordingBackend(ReplayBackend([exchange("/a", gap=10**9)], speed=1))
    with anyio.move_on_after(0.01):
        await backend.open(get("/a"))
    (one,) = taken(made)
    assert (one.status, one.end and one.end.how) == (0, "closed")


async def test_who_is_not_recorded_gets_the_response_itself() -> None:
    backend = RecordingBackend(ReplayBackend([exchange("/a", b"x")]))
    assert CURRENT.get() is None
    assert type(await backend.open(get("/a"))) is ReplayedResponse
    await backend.aclose()


async def test_flows_side_by_side_do_not_mix() -> None:
    backend = RecordingBackend(ReplayBackend([exchange(f"/{n}", b"%d" % n, gap=1000) for n in range(4)], speed=1))
    recordings = [MemoryRecording() for _ in range(4)]

    async def flow(number: int) -> None:
        CURRENT.set(recordings[number].recorder)
        answer = await backend.open(get(f"/{number}"))
        await answer.read()
        await answer.aclose()

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(flow, number)
    for number, made in enumerate(recordings):
        (one,) = taken(made)
        assert (one.opened.url, one.body) == (f"https://upstream.test/{number}", b"%d" % number)
