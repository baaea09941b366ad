"""Exchanges over real sockets: what goes out, what comes back, and when a connection serves again."""

import gzip
from contextlib import aclosing

import anyio
import pytest

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import InResponse, OutRequest, Timeouts
from luna.upstream.pool import PoolBackend
from tests.support.rawserver import Close, Pause, RawServer, Script, Wait, chunked, response

CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


async def ask(backend: PoolBackend, url: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
    answer = await backend.open(OutRequest(method, url, body=body))
    try:
        return answer.status, await answer.read()
    finally:
        await answer.aclose()


async def items(answer: InResponse) -> list[bytes]:
    return [chunk async for chunk in answer.chunks()]


async def test_a_request_and_its_response() -> None:
    async with (
        RawServer(response(b'{"ok":true}', headers=["Content-Type: application/json", "X-A: 1"])) as server,
        aclosing(PoolBackend()) as backend,
    ):
        request = OutRequest("POST", server.url + "/api/x?y=1", (("Version", "0.3"),), b"hello")
        answer = await backend.open(request)
        assert answer.status == 200
        assert answer.header("content-type") == "application/json"
        assert answer.header("missing") == ""
        assert ("x-a", "1") in answer.headers
        assert await answer.read() == b'{"ok":true}'
        await answer.aclose()
    heard = server.heard[0]
    assert heard.line == "POST /api/x?y=1 HTTP/1.1"
    assert heard.body == b"hello"
    assert heard.header("accept-encoding") == "identity"
    assert b"\r\nVersion: 0.3\r\n" in heard.head


async def test_one_item_for_each_read_whatever_the_chunks_are() -> None:
    reads = [b"3\r\none\r\n3\r\ntwo\r\n4\r\nth", b"re\r\n1\r\n", b"e\r\n0\r\n\r\n"]
    turns = [anyio.Event() for _ in reads]
    script: Script = [
        CHUNKED_HEAD,
        *[step for turn, read in zip(turns, reads, strict=True) for step in (Wait(turn), read)],
    ]
    async with RawServer(script) as server, aclosing(PoolBackend()) as backend:
        answer = await backend.open(OutRequest("GET", server.url))
        chunks = answer.chunks()
        for turn, item in zip(turns, (b"onetwoth", b"re", b"e"), strict=True):
            turn.set()
            assert await anext(chunks) == item
        assert await items(answer) == []
        await answer.aclose()


async def test_a_body_that_came_with_the_head_is_its_first_item() -> None:
    async with RawServer([chunked(b"a", b"b")]) as server, aclosing(PoolBackend()) as backend:
        answer = await backend.open(OutRequest("GET", server.url))
        assert await items(answer) == [b"ab"]
        await answer.aclose()


async def test_a_connection_serves_again() -> None:
    async with (
        RawServer(response(b"1"), chunked(b"2"), response(b"", status=204)) as server,
        aclosing(PoolBackend()) as backend,
    ):
        assert [await ask(backend, server.url) for _ in range(3)] == [(200, b"1"), (200, b"2"), (204, b"")]
        assert server.accepted == 1
        assert repr(backend) == "<PoolBackend exchanges=0/512 waiting=0 connections=1>"
        connection = backend.pool.connections[0]
        assert repr(connection) == f"<Connection {server.url} idle, requests=3>"
        await backend.aclose()
        assert repr(backend) == "<PoolBackend exchanges=0/512 waiting=0 connections=0 retired>"


@pytest.mark.parametrize(
    "first",
    [
        [response(b"1", headers=["connection: close"])],
        [b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n1"],
        [b"HTTP/1.1 200 OK\r\n\r\n1", Close()],
        [response(b"1") + b"surplus"],
        [response(b"1"), Pause(0.01), b"surplus later"],
        [response(b"1"), Close()],
    ],
    ids=["close", "http/1.0", "until close", "surplus", "late surplus", "closed when idle"],
)
async def test_a_connection_that_cannot_serve_again_is_not_asked_to(first: Script) -> None:
    async with RawServer(first, response(b"2")) as server, aclosing(PoolBackend()) as backend:
        assert await ask(backend, server.url) == (200, b"1")
        with anyio.fail_after(2):
            while any(
                connection.is_available() and not connection.has_expired() for connection in backend.pool.connections
            ):
                await anyio.sleep(0.001)
        assert await ask(backend, server.url, "POST", b"x") == (200, b"2")
        assert server.accepted == 2
        assert len(server.heard) == 2


async def test_a_response_that_was_not_read_to_its_end_costs_its_connection() -> None:
    async with RawServer(chunked(b"x" * 100)[:-5], response(b"2")) as server, aclosing(PoolBackend()) as backend:
        answer = await backend.open(OutRequest("GET", server.url))
        assert await answer.chunks().__anext__() == b"x" * 100
        await answer.aclose()
        await answer.aclose()
        assert await items(answer) == []
        assert await ask(backend, server.url) == (200, b"2")
        assert server.accepted == 2


async def test_an_idle_connection_is_given_up_after_a_while() -> None:
    clock = ManualClock()
    async with RawServer(response(b"1")) as server, aclosing(PoolBackend(clock=clock, keepalive=50)) as backend:
        for seconds, accepted in ((0, 1), (49, 1), (51, 2)):
            clock.advance(seconds)
            assert await ask(backend, server.url) == (200, b"1")
            assert server.accepted == accepted


async def test_patience_that_ends_when_nobody_reads_any_more_is_nobodys() -> None:
    async with (
        RawServer([CHUNKED_HEAD, b"2\r\nhi\r\n0\r\n\r\n"]) as server,
        aclosing(PoolBackend()) as backend,
    ):
        short = Timeouts(head=5.0, idle=0.05)
        for _ in range(2):
            answer = await backend.open(OutRequest("GET", server.url, timeouts=short))
            assert await answer.read() == b"hi"
            await answer.aclose()
            stream = backend.pool.connections[0].stream
            assert stream is not None
            stream._alarm.set(0.0)  # as if the last read's patience ended now
            while stream._alarm.pending:
                await anyio.sleep(0.001)
        assert server.accepted == 1


async def test_what_can_serve_nobody_any_more_is_closed_though_nobody_asks() -> None:
    clock = ManualClock()
    async with (
        RawServer(response(b"1")) as server,
        RawServer([response(b"1"), Close()]) as leaves,
        aclosing(PoolBackend(clock=clock, keepalive=50)) as backend,
    ):
        await ask(backend, server.url)
        await ask(backend, leaves.url)
        with anyio.fail_after(30):
            while len(backend.pool.connections) > 1:
                await backend.tidy()
                await anyio.lowlevel.checkpoint()
        clock.advance(49)
        await backend.tidy()
        assert len(backend.pool.connections) == 1
        clock.advance(2)
        await backend.tidy()
        assert len(backend.pool.connections) == 0


async def test_what_a_rush_left_behind_is_closed_in_time() -> None:
    clock = ManualClock()
    async with (
        RawServer([Pause(0.01), response(b"1")]) as server,
        aclosing(PoolBackend(clock=clock, keepalive=50)) as backend,
    ):
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(ask, backend, server.url)
        assert len(backend.pool.connections) == 6
        clock.advance(40)
        await ask(backend, server.url)
        clock.advance(20)
        for _ in range(3):
            await ask(backend, server.url)
        assert server.accepted == 6
        assert len(backend.pool.connections) == 1


async def test_head_has_no_body() -> None:
    async with (
        RawServer(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", response(b"2")) as server,
        aclosing(PoolBackend()) as backend,
    ):
        assert await ask(backend, server.url, "HEAD") == (200, b"")
        assert await ask(backend, server.url) == (200, b"2")
        assert server.accepted == 1


async def test_redirects_are_not_followed() -> None:
    async with (
        RawServer(response(b"", status=302, headers=["location: http://127.0.0.1:1/"])) as server,
        aclosing(PoolBackend()) as backend,
    ):
        answer = await backend.open(OutRequest("GET", server.url))
        assert (answer.status, answer.header("location")) == (302, "http://127.0.0.1:1/")
        await answer.aclose()


async def test_a_large_body_goes_out_whole() -> None:
    body = bytes(range(256)) * 4000
    async with RawServer(response(b"ok")) as server, aclosing(PoolBackend()) as backend:
        assert await ask(backend, server.url, "POST", body) == (200, b"ok")
        assert server.heard[0].body == body


async def test_a_large_body_comes_in_whole() -> None:
    body = bytes(range(256)) * 8000
    async with RawServer(chunked(body), response(body)) as server, aclosing(PoolBackend()) as backend:
        assert await ask(backend, server.url) == (200, body)
        assert await ask(backend, server.url) == (200, body)
        assert server.accepted == 1


async def test_a_body_beyond_the_limit_is_refused() -> None:
    async with RawServer(response(b"x" * 101)) as server, aclosing(PoolBackend()) as backend:
        answer = await backend.open(OutRequest("GET", server.url))
        with pytest.raises(LunaError, match="more than the 100 bytes") as refused:
            await answer.read(limit=100)
        assert refused.value.kind is Kind.UPSTREAM_BROKEN
        await answer.aclose()


async def test_compression_that_nobody_asked_for_is_undone() -> None:
    packed = gzip.compress(b"data: hello\n\n")
    async with (
        RawServer(chunked(packed[:7], packed[7:], headers=["content-encoding: gzip"])) as server,
        aclosing(PoolBackend()) as backend,
    ):
        answer = await backend.open(OutRequest("GET", server.url))
        assert (answer.header("content-encoding"), await answer.read()) == ("", b"data: hello\n\n")
        await answer.aclose()
        assert len(backend.pool.connections) == 1


@pytest.mark.parametrize(
    ("encoding", "body", "what"),
    [("br", b"\x0b\x02\x80hi\x03", "'br', which nobody asked for"), ("gzip", b"<html>", "not gzip")],
)
async def test_compression_that_cannot_be_undone(encoding: str, body: bytes, what: str) -> None:
    async with (
        RawServer(response(body, headers=[f"content-encoding: {encoding}"]), response(b"2")) as server,
        aclosing(PoolBackend()) as backend,
    ):
        with pytest.raises(LunaError, match=what) as broken:
            await ask(backend, server.url)
        assert broken.value.kind is Kind.UPSTREAM_BROKEN
        assert await ask(backend, server.url) == (200, b"2")
        assert "exchanges=0/" in repr(backend)


async def test_more_requests_than_connections_take_turns() -> None:
    async with RawServer([Pause(0.01), response(b"ok")]) as server, aclosing(PoolBackend(connections=3)) as backend:
        async with anyio.create_task_group() as group:
            for _ in range(12):
                group.start_soon(ask, backend, server.url)
        assert len(server.heard) == 12
        assert server.accepted == 3


async def test_who_waits_too_long_for_a_connection_is_told() -> None:
    go = anyio.Event()
    async with RawServer([Wait(go), response(b"ok")]) as server, aclosing(PoolBackend(connections=1)) as backend:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, backend, server.url)
            while not server.heard:
                await anyio.sleep(0)
            impatient = OutRequest("GET", server.url, timeouts=Timeouts(connect=0.02))
            with pytest.raises(LunaError, match="all 1 connections were in use") as late:
                await backend.open(impatient)
            assert late.value.kind is Kind.TIMEOUT
            go.set()
        assert await ask(backend, server.url) == (200, b"ok")


async def test_one_server_does_not_take_all_the_room() -> None:
    async with (
        RawServer(response(b"1")) as one,
        RawServer(response(b"2")) as other,
        aclosing(PoolBackend(connections=1)) as backend,
    ):
        for _ in range(3):
            assert await ask(backend, one.url) == (200, b"1")
            assert await ask(backend, other.url) == (200, b"2")
        assert (one.accepted, other.accepted) == (3, 3)


async def test_a_pool_that_is_closed_lets_go_of_what_is_in_use_when_it_is_done() -> None:
    go = anyio.Event()
    async with (
        RawServer([CHUNKED_HEAD, Wait(go), b"2\r\nhi\r\n0\r\n\r\n"], response(b"")) as server,
        aclosing(PoolBackend()) as backend,
    ):
        answer = await backend.open(OutRequest("GET", server.url))
        await backend.aclose()
        go.set()
        assert await answer.read() == b"hi"
        await answer.aclose()
        assert backend.pool.connections == []
        with pytest.raises(LunaError, match="has been closed"):
            await backend.open(OutRequest("GET", server.url))
