"""A whole luna, stopped and started over the same data, on SQLite and on PostgreSQL: conversations go on in their
chats, what was written down is listed, and chats that are due are deleted."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpcore
import msgspec
import pytest

from luna.demo.serve import Lookalike
from luna.server.assemble import House
from tests.support.house import ADMIN_KEY, Running, running_luna
from tests.support.stores import Database

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture
async def lookalike() -> AsyncIterator[Lookalike]:
    async with Lookalike() as running:
        yield running


async def say(luna: Running, said: list[dict[str, Any]], text: str) -> dict[str, str]:
    """One turn of a conversation; the headers of the answer."""
    said.append({"role": "user", "content": text})
    body = msgspec.json.encode({"model": "qwen3.7-plus", "messages": said})
    response = await luna.request("POST", "/v1/chat/completions", body)
    assert response.status == 200, response.content
    said.append(msgspec.json.decode(response.content)["choices"][0]["message"])
    return {name.decode(): value.decode() for name, value in response.headers}


async def ask(luna: Running, what: str, body: Any = None) -> Any:
    """The document that an operation of the admin API answers."""
    method, path = what.split(" ", 1)
    response: httpcore.Response = await luna.request(
        method, path, b"" if body is None else msgspec.json.encode(body), KEY
    )
    assert response.status < 300, response.content
    return msgspec.json.decode(response.content or b"null")


async def nothing_waits(house: House) -> None:
    """Until all that was queued is brought in."""
    await house.state.store.commit()


async def test_a_conversation_goes_on_and_all_is_listed(
    tmp_path: Path, database: Database, lookalike: Lookalike
) -> None:
    said: list[dict[str, Any]] = []
    other: list[dict[str, Any]] = []
    async with running_luna(tmp_path, environ=database.environ, beside=lookalike) as luna:
        first = await say(luna, said, "Remember the harbour.")
        assert first["x-luna-session-reason"].startswith("new")
        second = await say(luna, said, "And the lighthouse.")
        await say(luna, other, "Something else.")
        await ask(luna, f"POST /api/sessions/{first['x-luna-session-id']}/rename", {"title": "Đèn biển"})
        await luna.settled()
    chats = {chat.id for chat in lookalike.state.chats}
    assert len(chats) == 2

    async with running_luna(tmp_path, environ=database.environ, beside=lookalike) as luna:
        third = await say(luna, said, "What did I say?")
        assert third["x-luna-session-reason"].startswith("continued")
        for name in ("x-luna-session-id", "x-luna-provider-session-id"):
            assert first[name] == second[name] == third[name]
        assert {chat.id for chat in lookalike.state.chats} == chats
        forked = await say(luna, [*said[:2], {"role": "user", "content": "Rather the"}], "bridge.")
        assert forked["x-luna-session-reason"].startswith("branched")
        assert forked["x-luna-provider-session-id"] == first["x-luna-provider-session-id"]
        await luna.settled()
        await nothing_waits(luna.house)

        runs = await ask(luna, "GET /api/runs?limit=50")
        assert [run["status"] for run in runs] == ["completed"] * 5
        assert {run["sessionId"] for run in runs} >= {first["x-luna-session-id"]}
        found = await ask(luna, "GET /api/runs?q=LIGHTHOUSE")
        assert [run["id"] for run in found] == [second["x-luna-flow"]]
        sessions = await ask(luna, "GET /api/sessions?q=%C4%91%C3%A8n")
        assert [one["title"] for one in sessions] == ["Đèn biển"]
        assert len(await ask(luna, "GET /api/sessions")) == 2
        whole = await ask(luna, f"GET /api/sessions/{first['x-luna-session-id']}")
        assert [message["role"] for message in whole["messages"][:4]] == ["user", "assistant"] * 2
        luna.house.state.logs.flush()
        await nothing_waits(luna.house)
        lines = await ask(luna, f"GET /api/logs?flow={third['x-luna-flow']}")
        assert lines
        audited = await ask(luna, "GET /api/audit")
        assert any(one["path"].endswith("/rename") for one in audited)
        overview = await ask(luna, "GET /api/overview?minutes=60")
        assert overview["total"]["requests"] == 5


async def test_chats_are_deleted_after_a_restart(tmp_path: Path, database: Database, lookalike: Lookalike) -> None:
    async with running_luna(tmp_path, environ=database.environ, beside=lookalike) as luna:
        headers = await say(luna, [], "A chat that is not to stay.")
        await luna.settled()
    chat = headers["x-luna-provider-session-id"]
    assert [one.id for one in lookalike.state.chats] == [chat]

    async with running_luna(tmp_path, environ=database.environ, beside=lookalike) as luna:
        listed = await ask(luna, "GET /api/chats")
        assert [one["chatId"] for one in listed["chats"]] == [chat]
        session = headers["x-luna-session-id"]
        response = await luna.request("DELETE", f"/api/sessions/{session}?chats=true", headers=KEY)
        assert response.status < 300, response.content
        with anyio.fail_after(30):
            while [*lookalike.state.chats]:
                await anyio.sleep(0.01)
            while (await ask(luna, "GET /api/chat-cleanup/status"))["counts"]["deleted"] != 1:
                await anyio.sleep(0.01)
        assert await ask(luna, "GET /api/sessions") == []
