"""No text that anybody sends becomes SQL: in filters, searches, cursors, ids and names it finds nothing, or is refused,
and everything is still there."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from tests.support.house import ADMIN_KEY, Running, running_luna

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
HOSTILE = [
    "'; DROP TABLE runs; --", "' OR '1'='1", "\" OR 1=1 --", "x' UNION SELECT value FROM secrets --", "%' --",
    "\\' OR 1=1 --",
    "1; DELETE FROM sessions", "') OR 1=1 --", "%", "_", "'||(SELECT sqlite_version())||'", "\x00'", ":id",
    "?1", "{0}", "%(x)s",
    "💥' OR ''='",
]  # fmt: skip
LISTS = {
    "/api/flows": ("q", "filter", "before", "limit"),
    "/api/runs": ("q", "search", "state", "account", "before", "session"),
    "/api/sessions": ("q", "search", "before", "account"),
    "/api/logs": ("q", "search", "level", "flow", "logger", "before"),
    "/api/audit": ("q", "before", "actor"),
    "/api/chats": ("q", "before", "state", "account"),
}


@pytest.fixture(scope="module")
async def luna(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder: Path = tmp_path_factory.mktemp("sql")
    async with running_luna(folder) as running:
        for words in ("one", "two", "three"):
            asked = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": f"[[say:{words}]]"}]}
            assert (await running.request("POST", "/v1/chat/completions", msgspec.json.encode(asked))).status == 200
        yield running


async def rows(luna: Running, path: str) -> Any:
    answer = await luna.request("GET", path, headers=KEY)
    assert answer.status == 200, answer.content
    return msgspec.json.decode(answer.content)


@pytest.mark.parametrize("path", LISTS)
async def test_no_text_becomes_sql(luna: Running, path: str) -> None:
    flows, sessions = await rows(luna, "/api/flows"), await rows(luna, "/api/sessions")
    assert len(flows) == 3 and len(sessions) == 3
    for text in HOSTILE:
        for name in LISTS[path]:
            answer = await luna.request("GET", f"{path}?{name}={quote(text)}", headers=KEY)
            assert answer.status in (200, 400, 422), f"{name}={text!r}: {answer.content!r}"
            assert sqlite3.sqlite_version.encode() not in answer.content
        for method in ("GET", "DELETE"):
            answer = await luna.request(method, f"{path}/{quote(text, safe='')}", headers=KEY)
            assert answer.status in (400, 404, 405, 422), f"{method} {text!r}: {answer.content!r}"
    assert await rows(luna, "/api/flows") == flows
    assert [row["id"] for row in await rows(luna, "/api/sessions")] == [row["id"] for row in sessions]


@pytest.mark.parametrize("operator", ["~b", "~m", "~a", "~c", "~e", "~s", "~id"])
async def test_no_filter_finds_what_its_words_do_not_say(luna: Running, operator: str) -> None:
    for text in HOSTILE:
        words = text.replace("\\", "\\\\").replace('"', '\\"')
        asked = quote(f'{operator} "{words}"')
        for name in ("q", "filter"):
            answer = await luna.request("GET", f"/api/flows?{name}={asked}", headers=KEY)
            assert answer.status in (200, 400, 422), f"{text!r}: {answer.content!r}"
            assert sqlite3.sqlite_version.encode() not in answer.content
