"""`/api/logs`: listing, searching, counting, clearing."""

from collections.abc import AsyncIterator

import pytest

from luna.admin import logs as subject
from luna.model.ambient import ManualClock
from luna.state.logs import Logs
from luna.state.runs import Runs
from luna.state.store import Store
from tests.support.panel import Panel


class Desk:
    """The routes, and what lies behind them."""

    def __init__(self, store: Store) -> None:
        self.clock = ManualClock(1_790_000_000.0)
        self.logs = Logs(store, self.clock)
        self.runs = Runs(store, self.clock)
        self.panel = Panel(api=subject.routes(self.logs, self.runs))

    async def messages(self, query: str = "") -> list[str]:
        return [line["message"] for line in (await self.panel("GET", f"/api/logs?{query}")).document]


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    made = Desk(store)
    for level, message, flow in (
        ("info", "POST /v1/chat/completions completed", "flow_1"),
        ("warning", "Slow", ""),
        ("error", "It broke", "flow_1"),
    ):
        made.logs.note(level, message, flow=flow, logger="luna.flow", fields={"n": 1} if flow else None)
        made.clock.advance(1.0)
    yield made


async def test_lines_as_the_reference_shows_them_and_more(desk: Desk) -> None:
    said = await desk.panel("GET", "/api/logs")
    assert said.status == 200
    newest, middle, _ = said.document
    assert newest == {
        "id": 1_790_000_002_000_000,
        "timestamp": 1_790_000_002_000,
        "level": "error",
        "message": "It broke",
        "logger": "luna.flow",
        "flow": "flow_1",
        "fields": {"n": 1},
    }
    assert set(middle) == {"id", "timestamp", "level", "message", "logger"}


async def test_searching_and_paging(desk: Desk) -> None:
    assert await desk.messages("level=error,warning") == ["It broke", "Slow"]
    assert await desk.messages("flow=flow_1&q=BROKE") == ["It broke"]
    assert await desk.messages("since=1790000001000") == ["It broke", "Slow"]
    first = await desk.panel("GET", "/api/logs?limit=2")
    assert len(first.document) == 2
    link = first.headers["link"]
    assert await desk.messages(link[link.index("?") + 1 : link.index(">")]) == ["POST /v1/chat/completions completed"]
    assert await desk.messages(f"before={first.headers['x-next-cursor']}") == ["POST /v1/chat/completions completed"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "level=loud", "before=x", "since=x", "model=x"])
async def test_a_query_that_means_nothing_is_refused(desk: Desk, query: str) -> None:
    said = await desk.panel("GET", f"/api/logs?{query}")
    assert (said.status, said.kind) == (400, "bad-request")


async def test_figures_are_those_of_what_is_kept(desk: Desk) -> None:
    desk.runs.end(desk.runs.begin("flow_1"), outcome="completed")
    said = (await desk.panel("GET", "/api/logs/stats")).document
    assert said == {"total": 3, "errors": 1, "chatRequests": 1}


async def test_clearing_clears_lines_alone(desk: Desk) -> None:
    desk.runs.end(desk.runs.begin("flow_1"), outcome="completed")
    assert (await desk.panel("DELETE", "/api/logs")).document == {"ok": True, "deleted": 3}
    said = (await desk.panel("GET", "/api/logs/stats")).document
    assert said == {"total": 0, "errors": 0, "chatRequests": 1}


async def test_nobody_without_the_key(desk: Desk) -> None:
    for method, path in (("GET", "/api/logs"), ("GET", "/api/logs/stats"), ("DELETE", "/api/logs")):
        assert (await desk.panel(method, path, key="wrong")).status == 401
