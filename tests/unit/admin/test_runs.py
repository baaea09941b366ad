"""`/api/runs`: what a script of LunaProxy's gets, and what is new beside it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import pytest
from sqlalchemy import insert

from luna.admin import runs as subject
from luna.admin.openapi import document
from luna.admin.runs import RunView, view
from luna.core.flow import Outcome
from luna.core.live import LiveFlows
from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.events import Usage
from luna.state.run import RunRecord
from luna.state.runs import Runs
from luna.state.store import Store
from luna.state.store.tables import sessions
from tests.support.machine import Scripted, flow_of
from tests.support.panel import Panel

BORN = 1_790_000_000.0


@dataclass
class Desk:
    """The routes, and what lies behind them."""

    store: Store
    runs: Runs
    clock: ManualClock
    live: LiveFlows

    def __post_init__(self) -> None:
        self.panel = Panel(api=subject.routes(self.runs, self.live))

    def ended(self, run_id: str, outcome: str = "completed", error: LunaError | None = None) -> None:
        """One that is over, a second after the one before."""
        self.clock.advance(1.0)
        run = self.runs.begin(run_id, model="qwen", route="chat", stream=True)
        run.running("env")
        self.runs.end(run, outcome=outcome, error=error, usage=Usage(1, 2), http_status=200)


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    clock = ManualClock(BORN)
    yield Desk(store, Runs(store, clock), clock, LiveFlows())


async def test_a_run_as_the_reference_shows_it_and_more(desk: Desk) -> None:
    run = desk.runs.begin(
        "flow_1", model="qwen", route="chat", pipeline="agent", protocol="openai-chat", bytes_in=9, recording="flow_1"
    )
    run.describe(
        model="qwen", target="qwen3-max", stream=True, preview="Fix the test", client="ci", agent="claude-code"
    )
    run.bound("sess_1", "found by its history", thread="t1")
    run.queued("account full: env")
    desk.clock.advance(1.5)
    run.running("env", "w1", "socks", "192.0.2.7")
    desk.clock.advance(0.5)
    run.chat("chat-1")
    run.streaming()
    desk.clock.advance(2.0)
    run.attempt()
    error = LunaError(Kind.RATE_LIMITED, "Too many.", hint="Wait.", stage="qwen")
    desk.runs.end(run, outcome="failed", error=error, usage=Usage(10, 20, 5), http_status=429, reasks=1)
    said = await desk.panel("GET", "/api/runs")
    assert (said.status, said.headers["content-type"]) == (200, "application/json")
    assert said.document == [
        {
            "id": "flow_1",
            "status": "failed",
            "createdAt": 1_790_000_000_000,
            "queuedAt": 1_790_000_000_000,
            "startedAt": 1_790_000_001_500,
            "firstEventAt": 1_790_000_002_000,
            "completedAt": 1_790_000_004_000,
            "queueMs": 1500.0,
            "firstEventMs": 2000.0,
            "durationMs": 4000.0,
            "sessionId": "sess_1",
            "sessionReason": "found by its history",
            "threadId": "t1",
            "providerId": "qwen-ai",
            "accountId": "env",
            "workerId": "w1",
            "networkProfileId": "socks",
            "outboundIp": "192.0.2.7",
            "providerChatId": "chat-1",
            "model": "qwen",
            "targetModel": "qwen3-max",
            "stream": True,
            "route": "chat",
            "pipeline": "agent",
            "protocol": "openai-chat",
            "client": "ci",
            "agent": "claude-code",
            "activeTaskPreview": "Fix the test",
            "queueReason": "account full: env",
            "error": "Too many.",
            "errorKind": "rate-limited",
            "errorHint": "Wait.",
            "errorStage": "qwen",
            "httpStatus": 429,
            "inputTokens": 10,
            "outputTokens": 20,
            "thinkingTokens": 5,
            "attempts": 2,
            "reasks": 1,
            "recording": "flow_1",
            "bytesIn": 9,
        }
    ]
    assert (await desk.panel("GET", "/api/runs/flow_1")).document == said.document[0]


def test_every_field_of_a_record_is_shown() -> None:
    shown = msgspec.to_builtins(view(RunRecord(id="flow_1", created_at=1.0)))
    assert shown == {
        "id": "flow_1", "status": "queued", "createdAt": 1000, "queuedAt": None, "providerId": "", "model": "",
        "stream": False,
    }  # fmt: skip
    renamed = {"chat_id": "provider_chat_id", "target": "target_model", "preview": "active_task_preview"}
    renamed |= {"error_message": "error"}
    known = {renamed.get(name, name) for name in RunRecord.__struct_fields__} - {"preview_folded", "stages"}
    assert known == set(RunView.__struct_fields__)


async def test_pages_lead_from_one_to_the_next(desk: Desk) -> None:
    for number in range(5):
        desk.ended(f"flow_{number}")
    first = await desk.panel("GET", "/api/runs?limit=2&status=completed")
    assert [run["id"] for run in first.document] == ["flow_4", "flow_3"]
    link = first.headers["link"]
    assert link.startswith("</api/runs?") and link.endswith('>; rel="next"')
    assert "status=completed" in link and "limit=2" in link
    assert first.headers["x-next-cursor"] in link
    second = await desk.panel("GET", link[1 : link.index(">")])
    assert [run["id"] for run in second.document] == ["flow_2", "flow_1"]
    third = await desk.panel("GET", f"/api/runs?limit=2&before={second.headers['x-next-cursor']}")
    assert [run["id"] for run in third.document] == ["flow_0"]
    assert "link" not in third.headers and "x-next-cursor" not in third.headers


async def test_filters(desk: Desk) -> None:
    desk.ended("flow_1")
    desk.ended("flow_2", "failed", LunaError(Kind.TIMEOUT, "Late."))
    desk.ended("flow_3", "client-gone")

    async def ids(query: str) -> list[str]:
        return [run["id"] for run in (await desk.panel("GET", f"/api/runs?{query}")).document]

    assert await ids("status=failed,client-gone") == ["flow_3", "flow_2"]
    assert await ids("errorKind=timeout") == ["flow_2"]
    assert await ids("accountId=env&model=qwen&route=chat&limit=1") == ["flow_3"]
    assert await ids("accountId=work") == []
    assert await ids(f"since={(BORN + 2) * 1000:.0f}") == ["flow_3", "flow_2"]
    assert await ids(f"until={(BORN + 2) * 1000:.0f}") == ["flow_1"]
    assert await ids("q=nothing") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=all", "limit"),
        ("limit=-5", "limit"),
        ("status=done", "status"),
        ("since=yesterday", "since"),
        ("before=there", "before"),
        ("account=env", None),
    ],
)
async def test_a_query_that_means_nothing_is_refused(desk: Desk, query: str, field: str | None) -> None:
    said = await desk.panel("GET", f"/api/runs?{query}")
    assert (said.status, said.kind) == (400, "bad-request")
    assert said.document["error"].get("param") == field


async def test_one_run_is_cancelled_while_it_goes_on_and_afterwards(desk: Desk) -> None:
    flow = flow_of(Scripted())
    desk.live.add(flow)
    run = desk.runs.begin(flow.id)
    run.running("env")
    said = await desk.panel("POST", f"/api/runs/{flow.id}/cancel", {})
    assert (said.status, said.document) == (200, {"ok": True, "status": "cancelled"})
    assert (flow.outcome, run.status) == (Outcome.CANCELLED, "cancelled")
    assert flow.error is not None
    assert flow.error.kind is Kind.CANCELLED
    already = {"ok": True, "status": "cancelled", "alreadyTerminal": True}
    assert (await desk.panel("POST", f"/api/runs/{flow.id}/cancel", {})).document == already
    desk.live.remove(flow)
    desk.runs.end(run, outcome="cancelled", error=flow.error)
    assert (await desk.panel("POST", f"/api/runs/{flow.id}/cancel", {})).document == already


async def test_a_run_that_is_being_cleaned_up_is_over(desk: Desk) -> None:
    flow = flow_of(Scripted())
    desk.live.add(flow)
    desk.runs.begin(flow.id).running("env")
    flow.cancel(Outcome.CLIENT_GONE)
    said = await desk.panel("POST", f"/api/runs/{flow.id}/cancel", {})
    assert said.document == {"ok": True, "status": "client-gone", "alreadyTerminal": True}


async def test_deleting(desk: Desk) -> None:
    live = desk.runs.begin("flow_live")
    for number in range(3):
        desk.ended(f"flow_{number}")
    refused = await desk.panel("DELETE", "/api/runs/flow_live")
    assert (refused.status, refused.kind) == (409, "conflict")
    assert (await desk.panel("DELETE", "/api/runs/flow_0")).document == {"ok": True, "deleted": 1}
    assert (await desk.panel("DELETE", "/api/runs")).document == {"ok": True, "deleted": 2}
    left = (await desk.panel("GET", "/api/runs")).document
    assert [run["id"] for run in left] == [live.id]


async def test_attaching_a_session(desk: Desk) -> None:
    desk.ended("flow_1")
    row = {"id": "sess_1", "thread_id": "t", "created_at": 0.0, "updated_at": 0.0}
    desk.store.write(insert(sessions), row)
    await desk.store.commit()
    path = "/api/runs/flow_1/attach-session"
    assert (await desk.panel("POST", path, {"sessionId": "sess_1"})).document == {"ok": True}
    assert (await desk.panel("GET", "/api/runs/flow_1")).document["sessionId"] == "sess_1"
    assert (await desk.panel("POST", path, {"sessionId": "sess_2"})).status == 404
    assert (await desk.panel("POST", path, {"sessionId": ""})).status == 400
    assert (await desk.panel("POST", path, {})).status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/runs/flow_none"),
        ("DELETE", "/api/runs/flow_none"),
        ("POST", "/api/runs/flow_none/cancel"),
        ("POST", "/api/runs/flow_none/attach-session"),
    ],
)
async def test_a_run_that_there_is_not(desk: Desk, method: str, path: str) -> None:
    body = {"sessionId": "sess_1"} if path.endswith("session") else {} if method == "POST" else None
    said = await desk.panel(method, path, body)
    assert (said.status, said.kind) == (404, "not-found")


async def test_nobody_without_the_key(desk: Desk) -> None:
    for operation in subject.routes(desk.runs, desk.live):
        path = "/api" + operation.path.replace("{id}", "flow_1")
        assert (await desk.panel(operation.method, path, {}, key="")).status == 401


async def test_the_routes_describe_themselves(desk: Desk) -> None:
    described = document(subject.routes(desk.runs, desk.live))
    assert set(described["paths"]) == {
        "/api/runs", "/api/runs/{id}", "/api/runs/{id}/cancel", "/api/runs/{id}/attach-session",
    }  # fmt: skip
    names = {parameter["name"] for parameter in described["paths"]["/api/runs"]["get"]["parameters"]}
    assert {"limit", "before", "status", "accountId", "q"} <= names
