"""The small server keeps to HTTP/1.1, controls every write, and survives whatever comes."""

import gzip
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpcore
import pytest
from anyio.abc import SocketStream

from luna.demo.deliveries import Gzip
from luna.demo.http import Answerer, Connection, Exchange, Reply
from tests.support.lookalike import heard, read_to_end


@asynccontextmanager
async def serving(answer: Answerer) -> AsyncIterator[int]:
    """A server with that answer on a free port."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")

    async def connected(socket: SocketStream) -> None:
        await Connection(socket, answer).run()

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, connected)
        yield listener.extra(anyio.abc.SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


async def mirror(exchange: Exchange) -> None:
    """Answers with what was asked."""
    request = exchange.request
    said = f"{request.method} {request.path} {dict(request.query)} {request.header('x-a')} ".encode() + request.body
    await exchange.reply(Reply(200, said, (("content-type", "text/plain"),)))


async def exchange_bytes(port: int, *parts: bytes) -> bytes:
    async with await anyio.connect_tcp("127.0.0.1", port) as socket:
        for part in parts:
            await socket.send(part)
            await anyio.sleep(0.001)
        return await read_to_end(socket)


CLOSE = b"connection: close\r\n"


async def test_a_request_may_come_in_any_pieces() -> None:
    whole = b"POST /a%20b?x=1&y= HTTP/1.1\r\nHost: h\r\nX-A: v\r\n" + CLOSE + b"content-length: 5\r\n\r\nhello"
    async with serving(mirror) as port:
        said = heard(await exchange_bytes(port, whole))
        again = heard(await exchange_bytes(port, *(whole[at : at + 7] for at in range(0, len(whole), 7))))
    assert said.status == 200
    assert said.body == b"POST /a b {'x': '1', 'y': ''} v hello"
    assert again.body == said.body
    assert said.header("connection") == "close"


async def test_a_chunked_body_is_joined() -> None:
    head = b"POST / HTTP/1.1\r\nhost: h\r\n" + CLOSE + b"transfer-encoding: chunked\r\n\r\n"
    request = head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with serving(mirror) as port:
        assert heard(await exchange_bytes(port, request)).body.endswith(b"abcde")


async def test_requests_in_a_row_share_a_connection() -> None:
    async with serving(mirror) as port, httpcore.AsyncConnectionPool(max_connections=1) as pool:
        for number in range(3):
            answer = await pool.request("POST", f"http://127.0.0.1:{port}/{number}", content=b"x" * number)
            assert answer.content.endswith(b"x" * number)
        assert repr(pool.connections[0]).count("Request Count: 3") == 1


async def test_pipelined_requests_are_answered_in_order() -> None:
    one, two = (b"GET /%d HTTP/1.1\r\nhost: h\r\n" % number for number in (1, 2))
    async with serving(mirror) as port:
        raw = await exchange_bytes(port, one + b"\r\n" + two + CLOSE + b"\r\n")
    assert raw.index(b"GET /1") < raw.index(b"GET /2")


async def test_a_chunked_response_is_written_piece_by_piece() -> None:
    async def answer(exchange: Exchange) -> None:
        exchange.start(200, (("content-type", "text/plain"),))
        await exchange.write(b"one")
        await exchange.write(b"twenty-two characters..")
        await exchange.write(b"end", last=True)

    async with serving(answer) as port:
        raw = await exchange_bytes(port, b"GET / HTTP/1.1\r\nhost: h\r\n" + CLOSE + b"\r\n")
    assert raw == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        b"3\r\none\r\n17\r\ntwenty-two characters..\r\n3\r\nend\r\n0\r\n\r\n"
    )


async def test_the_answer_to_head_has_no_body() -> None:
    async with serving(mirror) as port:
        raw = await exchange_bytes(port, b"HEAD / HTTP/1.1\r\nhost: h\r\n" + CLOSE + b"\r\n")
    assert raw.endswith(b"\r\n\r\n")
    assert int(heard(raw).header("content-length")) > 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: h\r\nx: " + b"a" * 70_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["tls", "no target", "huge head", "bad chunk"],
)
async def test_garbage_gets_400_and_others_are_served(garbage: bytes) -> None:
    async with serving(mirror) as port:
        said = heard(await exchange_bytes(port, garbage))
        assert (said.status, said.body) == (400, b"Bad Request")
        fine = await exchange_bytes(port, b"GET /fine HTTP/1.1\r\nhost: h\r\n" + CLOSE + b"\r\n")
        assert heard(fine).status == 200


async def test_an_answer_that_fails_takes_nobody_with_it(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(exchange: Exchange) -> None:
        if exchange.request.path == "/late":
            exchange.start(200, ())
            await exchange.write(b"half")
        if exchange.request.path != "/fine":
            raise KeyError("oops")
        await mirror(exchange)

    async with serving(answer) as port:
        with caplog.at_level(logging.ERROR, logger="luna.demo"):
            early = await exchange_bytes(port, b"GET /early HTTP/1.1\r\nhost: h\r\n\r\n")
            late = await exchange_bytes(port, b"GET /late HTTP/1.1\r\nhost: h\r\n\r\n")
        fine = await exchange_bytes(port, b"GET /fine HTTP/1.1\r\nhost: h\r\n" + CLOSE + b"\r\n")
    assert heard(early).status == 500
    assert (heard(late).body, heard(late).complete) == (b"half", False)
    assert heard(fine).status == 200
    assert len(caplog.records) == 2


async def test_a_client_that_leaves_ends_its_answer_only() -> None:
    ends: list[bool] = []
    begun = anyio.Event()
    over = anyio.Event()

    async def answer(exchange: Exchange) -> None:
        exchange.start(200, ())
        await exchange.write(b"x")
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ends.append(exchange.left)
            over.set()

    async with serving(answer) as port:
        async with await anyio.connect_tcp("127.0.0.1", port) as socket:
            await socket.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            await begun.wait()
        with anyio.fail_after(1):
            await over.wait()
    assert ends == [True]


async def test_an_encoding_can_be_put_over_a_response() -> None:
    async def answer(exchange: Exchange) -> None:
        exchange.delivery = Gzip()
        exchange.start(200, (("content-type", "text/plain"),))
        await exchange.write(b"hello ")
        await exchange.write(b"world", last=True)

    async with serving(answer) as port:
        said = heard(await exchange_bytes(port, b"GET / HTTP/1.1\r\nhost: h\r\n" + CLOSE + b"\r\n"))
    assert said.header("content-encoding") == "gzip"
    assert gzip.decompress(said.body) == b"hello world"
