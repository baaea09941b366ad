"""Agents that would rather have a WebSocket: over a real server they read 426, at once, and go on with requests."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import msgspec
import pytest

from tests.support.house import Running, running_luna

KEY = base64.b64encode(b"luna-luna-luna-!").decode()


@pytest.fixture
async def luna(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_luna(tmp_path) as running:
        yield running


async def said(luna: Running, *lines: str) -> tuple[str, dict[str, str], bytes]:
    """The status line, the headers and the body that raw header lines are answered with."""
    stream = await anyio.connect_tcp("127.0.0.1", luna.port)
    async with stream:
        head = [*lines, f"Host: 127.0.0.1:{luna.port}", "", ""]
        await stream.send("\r\n".join(head).encode())
        received = b""
        with anyio.fail_after(5):
            while b"\r\n\r\n" not in received:
                received += await stream.receive()
            above, _, body = received.partition(b"\r\n\r\n")
            status, *named = above.decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in named)}
            while len(body) < int(headers["content-length"]):
                body += await stream.receive()
    return status, headers, body


def handshake(path: str) -> list[str]:
    """RFC 6455, section 4.1."""
    return [
        f"GET {path} HTTP/1.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {KEY}",
    ]


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/realtime?model=qwen3-max"])
async def test_a_handshake_is_answered_with_426(luna: Running, path: str) -> None:
    status, headers, body = await said(luna, *handshake(path))
    assert status.split(" ")[:2] == ["HTTP/1.1", "426"]
    assert headers["x-luna-error"] == "upgrade-required"
    assert (headers["upgrade"], headers["x-should-retry"]) == ("HTTP/1.1", "false")
    error = msgspec.json.decode(body)["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "upgrade_required")
    assert "POST" in error["message"]


async def test_anthropics_paths_answer_in_anthropics_shape(luna: Running) -> None:
    status, _, body = await said(luna, *handshake("/v1/messages"))
    assert " 426 " in status
    assert msgspec.json.decode(body)["type"] == "error"


async def test_other_upgrades_are_passed_over(luna: Running) -> None:
    """Some HTTP clients offer HTTP/2 with every first request."""
    status, _, _ = await said(luna, "GET /health HTTP/1.1", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")
    assert " 200 " in status
    status, _, _ = await said(luna, "GET /v1/nothing HTTP/1.1", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")
    assert " 404 " in status


async def test_luna_lives_on(luna: Running) -> None:
    for _ in range(3):
        await said(luna, *handshake("/v1/responses"))
    answer = await luna.request("GET", "/health")
    assert answer.status == 200
    await luna.settled()
