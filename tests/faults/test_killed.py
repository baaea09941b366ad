"""`kill -9` in the middle of many streams: what clients were told is there afterwards, and nothing is left over.

The look-alike lives in this process and outlives luna, so it can be asked which chats are left.
"""

import os
import random
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpcore
import msgspec
import pytest

from luna.demo.serve import Lookalike
from tests.support.command import Serving, serving
from tests.support.stores import Database

KEY = "kill-test"
AUTH = [("authorization", f"Bearer {KEY}"), ("content-type", "application/json")]
CLIENTS = 50
ROUNDS = int(os.environ.get("LUNA_KILLS", "2"))
"""The long form: LUNA_KILLS=10."""


@pytest.fixture
async def lookalike() -> AsyncIterator[Lookalike]:
    async with Lookalike(linger=0.0) as running:
        yield running


async def test_killed_in_the_middle_of_fifty_streams(tmp_path: Path, lookalike: Lookalike, database: Database) -> None:
    login = lookalike.login("killed")
    data = tmp_path / "data"
    (data).mkdir(mode=0o700)
    settings = {"multiThread": {"globalMaxConcurrentRuns": 0, "defaultAccountMaxConcurrentRuns": 0}}
    settings["multiThread"]["defaultProviderMaxConcurrentRuns"] = 0
    (data / "config.json").write_bytes(msgspec.json.encode({"version": 1, "settings": settings}))
    environ = {
        "LUNA_ADMIN_KEY": KEY,
        "LUNA_QWEN_BASE_URL": lookalike.url,
        "LUNA_QWEN_AUTH_URL": lookalike.url,
        "QWEN_AI_TOKEN": login.token,
        "QWEN_AI_COOKIES": login.cookie_header,
        "LUNA_LOG": "ERROR",
        **database.environ,
    }
    told: set[str] = set()
    for number in range((ROUNDS + 1) // 2 if database.url else ROUNDS):
        async with serving_beside(data, environ) as running:
            told |= await _stream_until_killed(running, seed=number)
        assert database.url or _is_sound(data / "luna.db")
    async with serving_beside(data, environ) as running:
        await _nothing_is_lost(running, told)
        await _nothing_is_left(running, lookalike)


@asynccontextmanager
async def serving_beside(data: Path, environ: dict[str, str]) -> AsyncIterator[Serving]:
    """`serving`, whose waiting does not stop this process's own event loop, in which the look-alike lives."""
    manager = serving(data, **environ)
    running = await anyio.to_thread.run_sync(manager.__enter__)
    try:
        yield running
    finally:
        await anyio.to_thread.run_sync(manager.__exit__, None, None, None)


async def _stream_until_killed(running: Serving, seed: int) -> set[str]:
    """Fifty clients; some are done when luna is killed, the others are not. The flows whose clients saw the end."""
    chance = random.Random(seed)
    ended: set[str] = set()

    async def client(number: int) -> None:
        frames = chance.randint(1, 60)
        said = f"[[count:{frames}]] [[pace:20]] client {number} of round {seed}"
        body = {"model": "qwen3.7-plus", "stream": True, "messages": [{"role": "user", "content": said}]}
        try:
            async with (
                httpcore.AsyncConnectionPool() as pool,
                pool.stream(
                    "POST", f"{running.url}/v1/chat/completions", headers=AUTH[1:], content=msgspec.json.encode(body)
                ) as response,
            ):
                flow = dict(response.headers)[b"x-luna-flow"].decode()
                read = b""
                async for piece in response.aiter_stream():
                    read += piece
                if b"data: [DONE]" in read:
                    ended.add(flow)
        except (httpcore.NetworkError, httpcore.ProtocolError):
            pass

    async with anyio.create_task_group() as tasks:
        for number in range(CLIENTS):
            tasks.start_soon(client, number)
        await anyio.sleep(chance.uniform(0.7, 1.2))
        running.process.send_signal(signal.SIGKILL)
        await anyio.to_thread.run_sync(running.process.wait)
    return ended


def _is_sound(path: Path) -> bool:
    with sqlite3.connect(path) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))


async def _get(running: Serving, path: str) -> Any:
    async with httpcore.AsyncConnectionPool() as pool:
        response = await pool.request("GET", f"{running.url}{path}", headers=AUTH)
    assert response.status == 200, response.content
    return msgspec.json.decode(response.content)


async def _nothing_is_lost(running: Serving, told: set[str]) -> None:
    runs = {run["id"]: run for run in await _get(running, "/api/runs?limit=1000")}
    assert told <= runs.keys()
    assert {runs[flow]["status"] for flow in told} <= {"completed"}
    assert {run["status"] for run in runs.values()} <= {"completed", "interrupted"}
    sessions = {run["sessionId"] for flow, run in runs.items() if flow in told}
    assert len(sessions) == len(told), "every conversation is its own"


async def _nothing_is_left(running: Serving, lookalike: Lookalike) -> None:
    """Every chat that is there upstream stands in the ledger with its id, in use or about to be deleted."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = await _get(running, "/api/chat-cleanup/status")
        if not status["counts"]["planned"]:
            break
        await anyio.sleep(0.5)
    listed: set[str] = set()
    cursor = ""
    while True:
        page = await _get(running, f"/api/chats?limit=500&state=open,deleting{f'&before={cursor}' if cursor else ''}")
        listed |= {chat["chatId"] for chat in page["chats"]}
        cursor = page.get("nextCursor") or ""
        if not cursor:
            break
    there = {chat.id for chat in lookalike.state.chats}
    assert there <= listed, f"{len(there - listed)} chats are orphaned"
