"""`/api/chats` and `/api/chat-cleanup`: what people are shown, and what they may do."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Message, Scope

from luna.admin import chat_cleanup
from luna.admin.envelope import refusal
from luna.admin.openapi import document
from luna.model.errors import Kind, LunaError
from luna.model.preferences import ChatCleanup, ScheduledCleanup
from luna.state.store import Store
from tests.support.chat_site import ChatHouse

HOUR = 3600.0
DAILY = ChatCleanup(enabled=True, scheduled=ScheduledCleanup(enabled=True))

Panel = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
def house(store: Store) -> ChatHouse:
    return ChatHouse(store, accounts=("a", "b"))


@pytest.fixture
def panel(house: ChatHouse) -> Panel:
    """The control plane with this one subject, in memory: status and document of an answer."""
    app = Starlette(
        routes=[Mount("/api", routes=chat_cleanup.routes(house.desk))],
        exception_handlers={LunaError: lambda _, error: refusal(error)},
    )

    async def call(method: str, target: str, body: object = None) -> tuple[int, Any]:
        path, _, query = target.partition("?")
        sent: list[Message] = []
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [],
        }

        async def receive() -> Message:
            data = msgspec.json.encode(body) if body is not None else b""
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await app(scope, receive, send)
        return sent[0]["status"], msgspec.json.decode(b"".join(message.get("body", b"") for message in sent))

    return call


async def test_the_status_of_an_untouched_ledger(panel: Panel) -> None:
    status, said = await panel("GET", "/api/chat-cleanup/status")
    assert status == 200
    assert (said["running"], said["sweeping"], said["lastResult"], said["waiting"]) == (False, False, None, [])
    assert said["policy"] == msgspec.to_builtins(ChatCleanup())
    assert said["counts"] == {
        "created": 0,
        "planned": 0,
        "open": 0,
        "deleting": 0,
        "deleted": 0,
        "lost": 0,
        "failed": 0,
        "orphaned": 0,
    }


async def test_the_status_after_a_round(panel: Panel, house: ChatHouse) -> None:
    old = await house.chat("a")
    house.clock.advance(25 * HOUR)
    await house.chat("b")
    house.site.before.append(LunaError(Kind.UPSTREAM_TRANSIENT, "Qwen failed internally."))
    house.obey(DAILY)
    await house.cleanup.step()
    _, said = await panel("GET", "/api/chat-cleanup/status")
    assert said["running"] is True
    assert said["lastResult"] == {"deleted": 0, "failed": 1, "ranAt": round(house.clock.wall() * 1000)}
    (waiting,) = said["waiting"]
    assert waiting == {
        "accountId": "a",
        "chats": 1,
        "nextTryAt": round((house.clock.wall() + 5) * 1000),
        "reason": "Qwen failed internally.",
    }
    assert (said["counts"]["created"], said["counts"]["open"], said["counts"]["deleting"]) == (2, 1, 1)
    await house.rest(10)
    _, said = await panel("GET", "/api/chat-cleanup/status")
    assert said["lastResult"]["deleted"] == 1
    assert old not in house.site.chats


async def test_a_dry_run_first(panel: Panel, house: ChatHouse) -> None:
    old = await house.chat()
    house.clock.advance(25 * HOUR)
    status, said = await panel("POST", "/api/chat-cleanup/run", {"dryRun": True})
    assert (status, said) == (
        200,
        {
            "ok": True,
            "dryRun": True,
            "deleted": 0,
            "failed": 0,
            "more": False,
            "results": [{"id": old, "account": "a", "ok": True, "error": None, "outcome": "deleted", "reason": "age"}],
        },
    )
    assert old in house.site.chats


async def test_then_the_run(panel: Panel, house: ChatHouse) -> None:
    first, second = await house.chat("a"), await house.chat("b")
    own = house.site.add("a")
    house.clock.advance(25 * HOUR)
    house.accounts["b"].failed(LunaError(Kind.RATE_LIMITED, "The limit is reached.", retry_after=60.0))
    status, said = await panel("POST", "/api/chat-cleanup/run")
    assert (status, said["ok"], said["deleted"], said["failed"], said["more"]) == (200, True, 1, 1, False)
    by_id = {one["id"]: one for one in said["results"]}
    assert (by_id[first]["ok"], by_id[first]["error"]) == (True, None)
    assert by_id[second]["ok"] is False
    assert "has to rest" in by_id[second]["error"]
    assert set(house.site.chats) == {second, own.id}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"dryRun": "yes"}, "dryRun"),
        ({"maxAgeHours": -1}, "maxAgeHours"),
        ({"limit": 0}, "limit"),
        ({"all": True}, None),
    ],
)
async def test_a_run_that_cannot_be(panel: Panel, body: object, param: str | None) -> None:
    status, said = await panel("POST", "/api/chat-cleanup/run", body)
    assert (status, said["error"]["kind"], said["error"].get("param")) == (400, "bad-request", param)


async def test_the_ledger_page_by_page(panel: Panel, house: ChatHouse) -> None:
    made = []
    for number in range(7):
        made.append(await house.chat("ab"[number % 2]))
        house.clock.advance(number % 2)  # some at the same moment
    found: list[str] = []
    cursor, said = "", dict[str, Any]()
    for _ in range(3):
        status, said = await panel("GET", f"/api/chats?limit=3&before={cursor}")
        assert status == 200
        found += [chat["chatId"] for chat in said["chats"]]
        cursor = said["nextCursor"]
    assert cursor == ""
    assert sorted(found) == sorted(made)
    assert said["counts"]["open"] == 7


async def test_one_chat_of_the_ledger(panel: Panel, house: ChatHouse) -> None:
    chat_id = await house.chat()
    _, said = await panel("GET", "/api/chats")
    (chat,) = said["chats"]
    now = round(house.clock.wall() * 1000)
    assert chat.pop("id").startswith("chat_")
    assert chat.pop("title").startswith("luna · ")
    assert chat == {
        "chatId": chat_id,
        "accountId": "a",
        "state": "open",
        "purpose": "main",
        "runId": "flow_1",
        "sessionId": "",
        "createdAt": now,
        "usedAt": now,
        "endedAt": None,
        "attempts": 0,
        "nextTryAt": None,
        "reason": "",
        "error": "",
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("state=open", 3),
        ("state=planned", 1),
        ("state=open,planned", 4),
        ("accountId=b", 1),
        ("purpose=summary", 1),
        ("accountId=a&purpose=main&state=open", 1),
        ("accountId=nobody", 0),
    ],
)
async def test_filters(panel: Panel, house: ChatHouse, query: str, count: int) -> None:
    await house.chat("a")
    await house.chat("a", purpose="summary")
    await house.chat("b")
    planned = await house.plan("a")
    _, said = await panel("GET", f"/api/chats?{query}")
    assert len(said["chats"]) == count
    assert planned.state.value == "planned"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("state=gone", "state"),
        ("before=there", "before"),
        ("before=nan_x", "before"),
        ("colour=red", None),
    ],
)
async def test_a_query_that_cannot_be(panel: Panel, query: str, param: str | None) -> None:
    status, said = await panel("GET", f"/api/chats?{query}")
    assert (status, said["error"]["kind"], said["error"].get("param")) == (400, "bad-request", param)


async def test_one_is_deleted_by_its_id_or_its_row_s(panel: Panel, house: ChatHouse) -> None:
    first, second = await house.chat(), await house.chat()
    status, said = await panel("DELETE", f"/api/chats/{first}")
    assert (status, said["ok"], said["id"], said["outcome"]) == (200, True, first, "deleted")
    status, said = await panel("DELETE", f"/api/chats/{(await house.row(second)).id}")
    assert (status, said["id"]) == (200, second)
    assert house.site.chats == {}
    assert house.forgotten == [first, second]
    status, said = await panel("DELETE", f"/api/chats/{first}")
    assert (status, said["ok"], said["outcome"]) == (200, True, "ended")


async def test_what_luna_did_not_make_it_does_not_delete(panel: Panel, house: ChatHouse) -> None:
    own = house.site.add("a")
    status, said = await panel("DELETE", f"/api/chats/{own.id}")
    assert (status, said["error"]["kind"]) == (404, "not-found")
    assert own.id in house.site.chats
    assert house.site.calls == []


async def test_what_cannot_be_deleted_now(panel: Panel, house: ChatHouse) -> None:
    busy, planned = await house.chat(), await house.plan()
    house.generating.add(busy)
    assert (await panel("DELETE", f"/api/chats/{busy}"))[0] == 409
    assert (await panel("DELETE", f"/api/chats/{planned.id}"))[0] == 409
    refused = await house.chat()
    house.site.before.append(LunaError(Kind.UPSTREAM_TRANSIENT, "Qwen failed internally.", hint="Again."))
    status, said = await panel("DELETE", f"/api/chats/{refused}")
    assert (status, said["error"]["message"]) == (502, "Qwen failed internally.")
    assert said["error"]["hint"] == "Again. luna goes on trying."
    await house.rest(10)
    assert set(house.site.chats) == {busy}


async def test_the_routes_describe_themselves(house: ChatHouse) -> None:
    said = document(chat_cleanup.routes(house.desk))
    assert set(said["paths"]) == {
        "/api/chat-cleanup/status",
        "/api/chat-cleanup/run",
        "/api/chats",
        "/api/chats/{id}",
    }
    asked = {one["name"] for one in said["paths"]["/api/chats"]["get"]["parameters"]}
    assert asked == {"state", "accountId", "purpose", "before", "limit"}
