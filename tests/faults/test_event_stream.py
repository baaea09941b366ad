"""`GET /api/events` over a real server: the form on the wire, coming back, and nobody who stays when he has gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from luna.admin import events
from luna.admin.door import Door
from luna.model.ambient import ManualClock
from luna.server.control import control_plane
from luna.state.bulletin import Bulletin
from luna.upstream.exchange import InResponse, OutRequest, Timeouts
from luna.upstream.pool import PoolBackend
from tests.support.workers import serving

KEY = "admin-key-of-a-test"


class Feed:
    """A server with the one route, and a browser's view of it."""

    def __init__(self, bulletin: Bulletin, url: str, pool: PoolBackend) -> None:
        self.bulletin = bulletin
        self.url = url
        self._pool = pool

    @asynccontextmanager
    async def open(
        self, query: str = "", *, method: str = "GET", last: str = "", key: str = KEY
    ) -> AsyncIterator["Reader"]:
        headers = (("Authorization", f"Bearer {key}"), *((("Last-Event-ID", last),) if last else ()))
        request = OutRequest(method, f"{self.url}/api/events{query}", headers, timeouts=Timeouts(idle=3))
        answer = await self._pool.open(request)
        try:
            yield Reader(answer)
        finally:
            await answer.aclose()

    async def onlookers(self, count: int) -> None:
        """Wait for so many."""
        with anyio.fail_after(3):
            while len(self.bulletin.onlookers("runs")) != count:
                await anyio.sleep(0.005)


class Reader:
    """Reads blocks."""

    def __init__(self, answer: InResponse) -> None:
        self.answer = answer
        self._chunks = answer.chunks()
        self._text = ""

    async def block(self) -> str:
        """The next one; "" at the end."""
        with anyio.fail_after(3):
            while "\n\n" not in self._text:
                try:
                    self._text += (await anext(self._chunks)).decode()
                except StopAsyncIteration:
                    return ""
        block, _, self._text = self._text.partition("\n\n")
        return block


@pytest.fixture
async def feed() -> AsyncIterator[Feed]:
    clock = ManualClock()
    clock.advance(1)
    bulletin = Bulletin(clock.monotonic)
    app = control_plane(door=Door(KEY, clock), api=events.routes(bulletin), open_routes=[])
    pool = PoolBackend()
    async with serving(app) as url:
        try:
            yield Feed(bulletin, url, pool)
        finally:
            bulletin.close()
    await pool.aclose()


async def test_the_form_on_the_wire(feed: Feed) -> None:
    async with feed.open("?topics=runs,logs") as reader:
        assert reader.answer.status == 200
        assert reader.answer.header("content-type").startswith("text/event-stream")
        assert reader.answer.header("cache-control") == "no-store"
        assert await reader.block() == "retry: 2000\nid: 100000\n: luna"
        feed.bulletin.publish("runs", {"text": "two\nlines"})
        feed.bulletin.publish("audit", {})
        feed.bulletin.publish("logs", [])
        assert await reader.block() == 'id: 100001\nevent: runs\ndata: {"text":"two\\nlines"}'
        assert await reader.block() == "id: 100003\nevent: logs\ndata: []"


async def test_what_was_missed_comes_first_and_a_place_that_is_unknown_is_a_reset(feed: Feed) -> None:
    async with feed.open() as reader:
        await reader.block()
        feed.bulletin.publish("runs", 1)
        await reader.block()
    await feed.onlookers(0)
    feed.bulletin.publish("runs", 2)
    async with feed.open(last="100001") as reader:
        assert await reader.block() == "retry: 2000\n: luna", "no place before what was missed has come"
        assert await reader.block() == "id: 100002\nevent: runs\ndata: 2"
    for last in ("7", "999999"):
        async with feed.open(last=last) as reader:
            await reader.block()
            assert await reader.block() == "id: 100002\nevent: reset\ndata: null"
    for last in ("x", "-1", "\xb9", "1" * 18):
        async with feed.open(last=last) as reader:
            assert "id: 100002" in await reader.block(), "nonsense is nothing"


async def test_leaving_leaves_no_onlooker(feed: Feed) -> None:
    async with feed.open("?topics=runs") as reader, feed.open("?topics=runs") as other:
        await reader.block()
        await other.block()
        await feed.onlookers(2)
    await feed.onlookers(0)


async def test_leaving_in_the_middle_of_a_burst_leaves_no_onlooker(feed: Feed) -> None:
    async with feed.open("?topics=runs") as reader:
        await reader.block()
        for _ in range(200):
            feed.bulletin.publish("runs", "x" * 50_000)
        await reader.block()
    await feed.onlookers(0)


async def test_who_does_not_read_costs_little_and_not_for_long(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SLOW_READER", 0.3)
    async with feed.open("?topics=runs") as reader:
        await reader.block()
        (onlooker,) = feed.bulletin.onlookers("runs")
        with anyio.fail_after(5):
            while feed.bulletin.onlookers("runs"):
                for _ in range(20):
                    feed.bulletin.publish("runs", "x" * 100_000)
                assert onlooker.waiting <= 45
                await anyio.sleep(0.01)


async def test_silence_is_broken_and_says_how_far_one_is(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT", 0.05)
    async with feed.open("?topics=logs") as reader:
        await reader.block()
        for _ in range(5):
            feed.bulletin.publish("runs", 0)
        assert await reader.block() == "id: 100005\n: alive"


async def test_a_stream_ends_now_and_then_and_when_the_process_does(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with feed.open() as reader:
        await reader.block()
        feed.bulletin.publish("runs", 1)
        feed.bulletin.close()
        assert await reader.block() == "id: 100001\nevent: runs\ndata: 1"
        assert await reader.block() == "", "to the very end, not broken off"
    monkeypatch.setattr(feed.bulletin, "_closed", False)
    monkeypatch.setattr(events, "LIFETIME", 0.1)
    async with feed.open() as reader:
        await reader.block()
        assert await reader.block() == ""
    await feed.onlookers(0)


async def test_only_its_head(feed: Feed) -> None:
    async with feed.open(method="HEAD") as reader:
        assert reader.answer.status == 200
        assert await reader.block() == ""
    await feed.onlookers(0)


async def test_strangers_and_unknown_topics_are_refused(feed: Feed) -> None:
    async with feed.open(key="wrong") as reader:
        assert reader.answer.status == 401
    async with feed.open("?topics=runs,gossip") as reader:
        assert reader.answer.status == 400
        assert b"gossip" in await reader.answer.read()
    async with feed.open("?topics=,,runs,") as reader:
        assert reader.answer.status == 200
    await feed.onlookers(0)
