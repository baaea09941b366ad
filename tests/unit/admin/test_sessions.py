"""`/api/sessions`: what a script of LunaProxy's gets, with right status codes, and what is new beside it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from sqlalchemy import insert, select

from luna.admin import sessions as subject
from luna.admin.openapi import document
from luna.model.chat import Message, Text, ToolCall
from luna.model.errors import Kind, LunaError
from luna.state.runs import Runs
from luna.state.store import Store
from luna.state.store.tables import messages, nodes, sessions, summaries
from luna.state.transfer import known, take_sessions
from tests.support.chat_site import ChatHouse
from tests.support.panel import Panel, Told
from tests.support.remembering import Memory
from tests.support.sessions import asked

BORN = 1_790_000_000.0


@dataclass
class Desk:
    """The routes, and what lies behind them."""

    kept: Memory
    runs: Runs
    house: ChatHouse

    def __post_init__(self) -> None:
        api = subject.routes(
            self.kept.archive, self.kept.upkeep, self.house.desk, self.runs, self.kept.preferences, list
        )
        self.ask = Panel(api=api)

    async def listed(self, query: str = "") -> list[Any]:
        told = await self.ask("GET", f"/api/sessions{query}")
        assert told.status == 200, told.document
        found: list[Any] = told.document
        return found

    async def ids(self, query: str = "") -> list[str]:
        return [one["id"] for one in await self.listed(query)]


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> AsyncIterator[Desk]:
    kept = Memory(store, tmp_path)
    house = ChatHouse(store)
    await house.ledger.load()
    yield Desk(kept, Runs(store, kept.clock), house)


async def talks(desk: Desk, *names: str, turns: int = 1) -> None:
    for name in names:
        await desk.kept.talk(turns, session=name)


# The list


async def test_a_session_as_the_reference_shows_it_and_more(desk: Desk) -> None:
    await desk.kept.turn("Fix the test", answer="a1", session="s", source="cli", workspace="/w", thread="t")
    node = await desk.kept.turn("Fix the test", "a1", "now", answer="a2", session="s", thread="t")
    assert node is not None
    (one,) = await desk.listed()
    assert one == {
        "id": "s",
        "source": "cli",
        "workspace": "/w",
        "threadId": "t",
        "title": "Fix the test",
        "model": "m",
        "providerId": "qwen-ai",
        "accountId": "env",
        "providerSessionId": node.place.chat,
        "contextHash": node.digest.hex(),
        "mode": "persistent",
        "resolveReason": "continued: after message 2",
        "turnCount": 2,
        "messageCount": 4,
        "createdAt": 1_001_000,
        "updatedAt": 1_002_000,
        "lastRequestAt": 1_002_000,
        "active": False,
    }


async def test_the_latest_come_first_page_by_page(desk: Desk) -> None:
    await talks(desk, "a", "b", "c", "d", "e")
    first = await desk.ask("GET", "/api/sessions?limit=2")
    assert [one["id"] for one in first.document] == ["e", "d"]
    second = await desk.ask("GET", f"/api/sessions?limit=2&before={first.headers['x-next-cursor']}")
    assert [one["id"] for one in second.document] == ["c", "b"]
    assert 'rel="next"' in second.headers["link"]
    third = await desk.ask("GET", f"/api/sessions?limit=2&before={second.headers['x-next-cursor']}")
    assert [one["id"] for one in third.document] == ["a"]
    assert "x-next-cursor" not in third.headers


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("updatedAt", ["new", "old", "long"]),
        ("createdAt", ["new", "long", "old"]),
        ("turnCount", ["long", "old", "new"]),
        ("messageCount", ["old", "new", "long"]),
    ],
)
async def test_they_can_be_ordered(desk: Desk, sort: str, order: list[str]) -> None:
    await desk.kept.turn("first", answer="a", session="old")
    await desk.kept.talk(3, session="long")
    desk.kept.prefer(compact_keep_recent=1)
    await desk.kept.upkeep.compact("long")
    await desk.kept.turn("first", "a", "second", answer="b", session="old")
    await desk.kept.turn("only", answer="c", session="new")
    assert await desk.ids(f"?sort={sort}") == order
    assert await desk.ids(f"?sort={sort}&order=asc") == order[::-1]
    paged: list[str] = []
    cursor = ""
    for _ in order:
        told = await desk.ask("GET", f"/api/sessions?sort={sort}&limit=1&before={cursor}")
        paged += [one["id"] for one in told.document]
        cursor = told.headers.get("x-next-cursor", "")
    assert paged == order


async def test_they_can_be_filtered(desk: Desk) -> None:
    await desk.kept.turn("Sửa LỖI này", session="vi", source="cli")
    await desk.kept.turn("fix 100% of it", session="en")
    await desk.kept.turn("fix half of it", session="half")
    assert await desk.ids("?source=cli") == ["vi"]
    assert await desk.ids("?q=l%E1%BB%97i") == ["vi"]
    assert await desk.ids("?q=FIX") == ["half", "en"]
    assert await desk.ids("?q=100%25") == ["en"]
    assert await desk.ids("?q=half") == ["half"]
    assert await desk.ids("?model=m&accountId=env&source=auto") == ["half", "en"]


async def test_one_that_was_taken_over_without_a_title_is_found_by_its_first_words(desk: Desk) -> None:
    said = [{"role": "user", "content": "Bake a SACHERTORTE"}, {"role": "assistant", "content": "With pleasure."}]
    nameless = {"id": "old", "createdAt": 1000, "updatedAt": 1000, "messages": said}
    named = {"id": "named", "createdAt": 1000, "updatedAt": 1000, "title": "Straße", "messages": said}
    records = [(str(one["id"]), msgspec.Raw(msgspec.json.encode(one))) for one in (nameless, named)]
    store = desk.kept.store
    await take_sessions(store, records, await store.run(known), "", "sessions.json")
    assert await desk.ids("?q=sachertorte") == ["old"]
    assert await desk.ids("?q=STRASSE") == ["named"]
    assert [one["title"] for one in await desk.listed("?q=sachertorte")] == ["Bake a SACHERTORTE"]
    assert await desk.ids("?model=other") == []
    assert await desk.ids("?accountId=other") == []


@pytest.mark.parametrize(
    "query", ["before=x", "before=nan_a", "limit=0", "limit=9999", "sort=title", "order=up", "z=1"]
)
async def test_a_query_that_makes_no_sense_is_refused(desk: Desk, query: str) -> None:
    told = await desk.ask("GET", f"/api/sessions?{query}")
    assert (told.status, told.kind) == (400, "bad-request")


async def test_a_session_without_a_title_shows_its_first_words(desk: Desk, store: Store) -> None:
    row = {"id": "old", "scope": "", "source": "auto", "thread_id": "t", "mode": "persistent", "message_count": 3}
    store.write(insert(sessions), row | {"created_at": 1.0, "updated_at": 1.0})
    said = [("system", '"Be brief."'), ("user", '"<task>Do this </task>"'), ("user", '"and that"')]
    for position, (role, content) in enumerate(said):
        one = {"id": f"m{position}", "session_id": "old", "position": position, "role": role, "content": content}
        store.write(insert(messages), one | {"created_at": 1.0})
    (found,) = await desk.listed()
    assert (found["title"], found["messageCount"], "accountId" in found) == ("Do this", 3, False)
    assert (await desk.ask("GET", "/api/sessions/old")).document["title"] == "Do this"


async def test_a_long_title_is_cut(desk: Desk) -> None:
    await desk.kept.turn("word " * 100, session="s")
    (found,) = await desk.listed()
    assert len(found["title"]) <= 80
    assert found["title"].endswith("…")


async def test_what_runs_in_a_session_shows(desk: Desk) -> None:
    await talks(desk, "a", "b")
    run = desk.runs.begin("flow_x", model="qwen")
    run.bound("a", "found", "t")
    assert {one["id"]: one["active"] for one in await desk.listed()} == {"a": True, "b": False}
    detail = (await desk.ask("GET", "/api/sessions/a")).document
    assert detail["activeRunIds"] == ["flow_x"]
    assert detail["activeRunDetails"][0]["sessionId"] == "a"


# One of them


async def test_one_with_all_that_belongs_to_it(desk: Desk, tmp_path: Path) -> None:
    first = await desk.kept.turn("q1", answer="a1", session="s")
    await desk.kept.turn("q1", "a1", "left", answer="l", session="s")
    called = Message("assistant", [Text("Look."), ToolCall("c", "ls", "{}")])
    await desk.kept.turn("q1", "a1", "right", answer=called, session="s")
    helper = await desk.kept.turn("help", answer="h", session="s", subagent="one")
    assert first and helper
    detail = (await desk.ask("GET", "/api/sessions/s")).document
    assert detail["tree"] == {
        "answers": 4,
        "branches": 3,
        "forks": 1,
        "depth": 4,
        "placed": 4,
        "subagents": ["one"],
    }
    bindings = {one["providerSessionId"]: one for one in detail["providerBindings"]}
    assert bindings[first.place.chat] == {
        "providerId": "qwen-ai",
        "accountId": "env",
        "providerSessionId": first.place.chat,
        "purpose": "main",
        "answers": 3,
        "createdAt": 1_001_000,
        "updatedAt": 1_003_000,
    }
    assert (bindings[helper.place.chat]["purpose"], bindings[helper.place.chat]["subagentId"]) == ("subagent", "one")
    assert [one["content"] for one in detail["messages"] if one["role"] == "user"] == ["q1", "left", "right", "help"]
    assert detail["messages"][5]["content"] == [
        {"type": "text", "text": "Look."},
        {"type": "tool_call", "id": "c", "name": "ls", "arguments": "{}"},
    ]
    assert detail["messages"][0] == {
        "id": f"{first.id}:0",
        "position": 0,
        "role": "user",
        "content": "q1",
        "createdAt": 1_001_000,
        "runId": first.id,
        "accountId": "env",
        "providerSessionId": first.place.chat,
    }
    assert (detail["turnCount"], detail["messageCount"], detail["overflowChain"]) == (4, 8, [])
    assert "messagesBefore" not in detail


async def test_its_messages_come_page_by_page(desk: Desk) -> None:
    await talks(desk, "s", turns=3)
    latest = (await desk.ask("GET", "/api/sessions/s?limit=4")).document
    assert [one["content"] for one in latest["messages"]] == ["q2", "a2", "q3", "a3"]
    before = (await desk.ask("GET", f"/api/sessions/s?limit=4&before={latest['messagesBefore']}")).document
    assert [one["content"] for one in before["messages"]] == ["q1", "a1"]
    assert "messagesBefore" not in before
    assert (await desk.ask("GET", "/api/sessions/s?limit=0")).document["messages"] == []


async def test_a_session_may_be_called_anything(desk: Desk) -> None:
    name = "my/project (1)"
    await talks(desk, name)
    told = await desk.ask("GET", "/api/sessions/my/project%20(1)".replace("%20", " "))
    assert told.document["id"] == name
    assert (await desk.ask("POST", f"/api/sessions/{name}/clear")).status == 200


ROUTES = [
    ("GET", "", None),
    ("DELETE", "", None),
    ("POST", "/clear", None),
    ("POST", "/rename", {"title": "x"}),
    ("POST", "/compact", None),
    ("POST", "/reset-provider", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=lambda value: str(value))
async def test_one_that_is_not_there(desk: Desk, method: str, path: str, body: object) -> None:
    told = await desk.ask(method, f"/api/sessions/nobody{path}", body)
    assert (told.status, told.kind) == (404, "not-found")
    assert (await desk.ask(method, f"/api/sessions/nobody{path}", body, key="")).status == 401


# What people do to them


def ok(told: Told) -> Any:
    assert told.status == 200, told.document
    assert told.document["ok"] is True
    return told.document


async def test_a_title_can_be_given(desk: Desk) -> None:
    await talks(desk, "s")
    ok(await desk.ask("POST", "/api/sessions/s/rename", {"title": "  Đường  về\n"}))
    (one,) = await desk.listed("?q=%C4%91%C6%B0%E1%BB%9DNG")
    assert (one["title"], one["renamed"]) == ("Đường về", True)
    await desk.kept.turn("q1", "a1", "q2", session="s")
    assert (await desk.listed())[0]["title"] == "Đường về"


@pytest.mark.parametrize("body", [{}, {"title": ""}, {"title": " \n"}, {"title": "x" * 201}, {"title": 1}, []])
async def test_but_none_that_is_none(desk: Desk, body: object) -> None:
    await talks(desk, "s")
    assert (await desk.ask("POST", "/api/sessions/s/rename", body)).status == 400


async def test_a_cleared_session_begins_anew(desk: Desk, store: Store) -> None:
    said, node = await desk.kept.talk(2, session="s")
    await desk.kept.talk(1, session="other")
    await desk.kept.upkeep.compact("s")
    ok(await desk.ask("POST", "/api/sessions/s/clear"))
    detail = (await desk.ask("GET", "/api/sessions/s")).document
    assert (detail["turnCount"], detail["messageCount"], detail["messages"]) == (0, 0, [])
    assert (detail["providerBindings"], detail["tree"]["answers"]) == ([], 0)
    for gone in ("summary", "compactedAt", "providerSessionId", "contextHash", "title"):
        assert gone not in detail
    assert {row.session_id for row in await store.read(select(nodes))} == {"other"}
    assert await store.read(select(summaries)) == []
    found = await desk.kept.sessions.find(asked(*said, "q3", session="s"))
    assert (found.place, found.known) == (None, 0)
    again = await desk.kept.turn("something else", answer="yes", session="s")
    assert again is not None
    assert again.place.chat != node.place.chat
    detail = (await desk.ask("GET", "/api/sessions/s")).document
    assert (detail["title"], detail["turnCount"], detail["messageCount"]) == ("something else", 1, 2)


async def test_a_given_title_outlives_that(desk: Desk) -> None:
    await talks(desk, "s")
    await desk.ask("POST", "/api/sessions/s/rename", {"title": "Mine"})
    await desk.ask("POST", "/api/sessions/s/clear")
    await desk.kept.turn("something else", session="s")
    assert (await desk.listed())[0]["title"] == "Mine"


async def test_what_is_under_way_does_not_come_back(desk: Desk, store: Store) -> None:
    said, _ = await desk.kept.talk(1, session="s")
    under_way = await desk.kept.sessions.find(asked(*said, "q2", session="s"))
    ok(await desk.ask("POST", "/api/sessions/s/clear"))
    assert under_way.place is not None
    answer = Message("assistant", [Text("late")])
    assert desk.kept.sessions.remember(under_way, answer, under_way.place, run="late", at=9.0) is None
    await desk.kept.sessions.commit()
    assert await store.read(select(messages)) == []


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (None, []),
        ({}, []),
        ({"purpose": "main"}, ["one"]),
        ({"purpose": "subagent"}, [""]),
        ({"purpose": "compact"}, ["", "one"]),
    ],
)
async def test_its_chats_can_be_left(desk: Desk, body: object, left: list[str]) -> None:
    said, _ = await desk.kept.talk(2, session="s")
    await desk.kept.turn("help", answer="h", session="s", subagent="one")
    ok(await desk.ask("POST", "/api/sessions/s/reset-provider", body))
    detail = (await desk.ask("GET", "/api/sessions/s")).document
    assert sorted(one.get("subagentId", "") for one in detail["providerBindings"]) == left
    assert (detail["turnCount"], detail["messageCount"]) == (3, 6)
    found = await desk.kept.sessions.find(asked(*said, "q3", session="s"))
    assert found.session is not None
    assert (found.session.id, found.place is None) == ("s", "" not in left)


async def test_no_such_purpose(desk: Desk) -> None:
    await talks(desk, "s")
    assert (await desk.ask("POST", "/api/sessions/s/reset-provider", {"purpose": "fun"})).status == 400


async def test_one_is_deleted_and_its_chats_stay(desk: Desk, store: Store) -> None:
    await talks(desk, "a", "b")
    chat = await chat_of(desk, "a")
    assert ok(await desk.ask("DELETE", "/api/sessions/a")) == {"ok": True, "deleted": 1, "chats": 0}
    assert await desk.ids() == ["b"]
    assert {row.session_id for row in await store.read(select(messages))} == {"b"}
    await desk.house.rest()
    assert chat in desk.house.site.chats


async def test_or_go_with_it(desk: Desk) -> None:
    await talks(desk, "a", "b")
    mine, others = await chat_of(desk, "a"), await chat_of(desk, "b")
    foreign = desk.house.site.add("a")
    assert ok(await desk.ask("DELETE", "/api/sessions/a?chats=true"))["chats"] == 1
    await desk.house.rest()
    assert mine not in desk.house.site.chats
    assert {others, foreign.id} <= set(desk.house.site.chats)


async def chat_of(desk: Desk, session: str) -> str:
    """A chat that luna made for a session."""
    client, ledger = desk.house.client(), desk.house.ledger
    chat = await ledger.create(lambda title: client.create_chat("m", title), "a", run="flow_1", session=session)
    ledger.used(chat)
    desk.house.site.chats[chat].messages.append("Hi")
    return chat


async def test_all_are_deleted_and_counted(desk: Desk, store: Store) -> None:
    await talks(desk, "a", "b", "c")
    assert ok(await desk.ask("DELETE", "/api/sessions"))["deleted"] == 3
    assert await desk.listed() == []
    for table in (messages, nodes, sessions, summaries):
        assert await store.read(select(table)) == []
    assert ok(await desk.ask("DELETE", "/api/sessions"))["deleted"] == 0
    found = await desk.kept.sessions.find(asked("q1", "a1", "q2"))
    assert found.node is None


async def test_one_is_compacted(desk: Desk) -> None:
    desk.kept.prefer(compact_keep_recent=2)
    await talks(desk, "s", turns=3)
    told = ok(await desk.ask("POST", "/api/sessions/s/compact"))
    assert (told["summary"], told["kept"], told["dropped"]) == ("a summary", 2, 4)
    assert "/" not in told["file"]
    (one,) = await desk.listed()
    assert (one["summary"], one["messageCount"], one["compactedAt"]) == ("a summary", 2, int(BORN * 1000))


@pytest.mark.parametrize(
    ("kind", "status"),
    [(Kind.UPSTREAM_BROKEN, 502), (Kind.UPSTREAM_LOGIN, 502), (Kind.RATE_LIMITED, 429), (Kind.TIMEOUT, 504)],
)
async def test_a_failed_compaction_is_no_success(desk: Desk, kind: Kind, status: int) -> None:
    await talks(desk, "s", turns=3)
    desk.kept.oracle.answers = [LunaError(kind, "No.")]
    told = await desk.ask("POST", "/api/sessions/s/compact")
    assert (told.status, told.kind, told.document["error"]["message"]) == (status, kind.value, "No.")
    (one,) = await desk.listed()
    assert ("summary" in one, one["messageCount"]) == (False, 6)


async def test_not_twice_at_once(desk: Desk) -> None:
    await talks(desk, "s", turns=2)
    begun, go_on = anyio.Event(), anyio.Event()

    async def meanwhile() -> None:
        begun.set()
        await go_on.wait()

    desk.kept.oracle.meanwhile = meanwhile
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.ask, "POST", "/api/sessions/s/compact")
        await begun.wait()
        assert (await desk.ask("POST", "/api/sessions/s/compact")).status == 409
        go_on.set()


async def test_they_are_read_again(desk: Desk, store: Store) -> None:
    said, _ = await desk.kept.talk(2, session="s")
    assert ok(await desk.ask("POST", "/api/sessions/reload")) == {"ok": True, "totalSessions": 1, "dropped": 2}
    assert len(desk.kept.sessions.hot) == 0
    found = await desk.kept.sessions.find(asked(*said, "q3", session="s"))
    assert found.known == 4


async def test_how_it_stands_with_them(desk: Desk) -> None:
    desk.kept.prefer(rolling_history_k=7, summary_every_n_turns=3)
    await talks(desk, "a", "b", turns=3)
    async with desk.kept.working():
        pass
    told = (await desk.ask("GET", "/api/sessions/diagnostics")).document
    name = told["dataFile"].pop("path")
    assert told == {
        "sessionEnabled": True,
        "resolutionMode": "context-hash",
        "rollingHistoryK": 7,
        "summaryEveryNTurns": 3,
        "totalSessions": 2,
        "stats": {"persistent": 2, "indexed": 6, "summarized": 2},
        "dataFile": {"exists": True, "parseable": True},
        "upkeep": {"due": 0, "working": 0, "made": 2, "failed": 0},
    }
    assert name == "luna.db" or name.startswith("postgresql://")
    assert not name.startswith("/")


async def test_every_route_is_described(desk: Desk) -> None:
    api = subject.routes(desk.kept.archive, desk.kept.upkeep, desk.house.desk, desk.runs, desk.kept.preferences, list)
    described = document(api)["paths"]
    assert set(described) == {
        "/api/sessions",
        "/api/sessions/diagnostics",
        "/api/sessions/reload",
        "/api/sessions/{id}",
        "/api/sessions/{id}/clear",
        "/api/sessions/{id}/rename",
        "/api/sessions/{id}/compact",
        "/api/sessions/{id}/reset-provider",
    }
