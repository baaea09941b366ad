"""`/api/overflow`: what is listed, shown and removed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.types import Message, Scope

from luna.admin import overflow
from luna.admin.door import Door
from luna.model.ambient import ManualClock
from luna.model.preferences import LivePreferences
from luna.server.control import control_plane
from luna.state.overflow_files import OverflowFiles
from luna.state.store import Store

KEY = "admin"


class Panel:
    """The control plane with this one subject, in memory."""

    def __init__(self, files: OverflowFiles) -> None:
        self.files = files
        self._app = control_plane(door=Door(KEY, ManualClock()), api=overflow.routes(files), open_routes=[])

    async def __call__(self, method: str, path: str, query: str = "") -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer."""
        sent: list[Message] = []
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(b"authorization", f"Bearer {KEY}".encode())],
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent)

    async def document(self, method: str, path: str, query: str = "") -> tuple[int, Any]:
        status, _, body = await self(method, path, query)
        return status, msgspec.json.decode(body)


@pytest.fixture
async def panel(tmp_path: Path) -> AsyncIterator[Panel]:
    clock = ManualClock(1_790_000_000.5)
    async with Store.opened(tmp_path) as store:
        files = OverflowFiles(tmp_path / "overflow", store, clock, LivePreferences())
        await files.start()
        await files.keep("a.txt", "<b>one</b>", session="s_1", run="flow_1", tokens=5)
        clock.advance(1)
        await files.keep("b.txt", "hai")
        yield Panel(files)


async def test_the_listing(panel: Panel) -> None:
    status, listed = await panel.document("GET", "/api/overflow")
    assert status == 200
    assert listed == {
        "files": [
            {"name": "b.txt", "bytes": 3, "createdAt": 1_790_000_001_500},
            {
                "name": "a.txt",
                "bytes": 10,
                "createdAt": 1_790_000_000_500,
                "tokens": 5,
                "sessionId": "s_1",
                "runId": "flow_1",
            },
        ],
        "total": 2,
        "totalBytes": 13,
        "next": None,
    }


async def test_page_by_page(panel: Panel) -> None:
    _, first = await panel.document("GET", "/api/overflow", "limit=1")
    assert ([file["name"] for file in first["files"]], first["next"], first["total"]) == (["b.txt"], "b.txt", 2)
    _, second = await panel.document("GET", "/api/overflow", "limit=1&before=b.txt")
    assert ([file["name"] for file in second["files"]], second["next"]) == (["a.txt"], None)


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=many"])
async def test_a_query_that_makes_no_sense(panel: Panel, query: str) -> None:
    status, answer = await panel.document("GET", "/api/overflow", query)
    assert (status, answer["error"]["param"]) == (400, "limit")


async def test_the_content_is_plain_text_and_nothing_else(panel: Panel) -> None:
    status, headers, body = await panel("GET", "/api/overflow/a.txt")
    assert (status, body) == (200, b"<b>one</b>")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"] == 'inline; filename="a.txt"'
    assert headers["cache-control"] == "no-store"


async def test_one_is_removed_and_then_all(panel: Panel) -> None:
    assert await panel.document("DELETE", "/api/overflow/a.txt") == (200, {"ok": True, "removed": 1})
    assert (await panel.document("DELETE", "/api/overflow/a.txt"))[0] == 404
    assert await panel.document("DELETE", "/api/overflow") == (200, {"ok": True, "removed": 1})
    assert len(panel.files) == 0


@pytest.mark.parametrize("name", ["c.txt", "..", "../a.txt", "a.txt/x", "%2e%2e%2fa.txt", "luna.db"])
async def test_what_is_none_of_them_is_not_found(panel: Panel, name: str) -> None:
    status, _, body = await panel("GET", f"/api/overflow/{name}")
    assert status == 404
    assert str(panel.files.directory).encode() not in body
