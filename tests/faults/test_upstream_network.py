"""Whatever a server or the network does, an exchange ends with the right kind of error and nothing leaks."""

import socket
from collections.abc import Callable
from contextlib import aclosing

import anyio
import httpcore
import pytest

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest, Timeouts
from luna.upstream.network import Network
from luna.upstream.pool import PoolBackend
from luna.upstream.stream import Stream
from tests.support.ports import free_port
from tests.support.rawserver import Close, Pause, RawServer, Script, Stall, chunked, response

CUT_BODY = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhel"
CUT_CHUNK = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel"
SECRET = "eyJhbGciOiJIUzI1NiJ9.the-token-of-this-account.signature"


def request(url: str, *, body: bytes = b"", connect: float = 5, head: float = 5, idle: float = 5) -> OutRequest:
    headers = (("Authorization", f"Bearer {SECRET}"), ("Cookie", f"token={SECRET}"))
    return OutRequest("POST", url, headers, body, Timeouts(connect, head, idle))


async def failure(backend: PoolBackend, outgoing: OutRequest) -> LunaError:
    """Open and read; give the error. The pool must be as before."""
    with pytest.raises(LunaError) as caught:
        answer = await backend.open(outgoing)
        try:
            await answer.read()
        finally:
            await answer.aclose()
    error = caught.value
    assert SECRET not in error.told + repr(error) + repr(error.detail)
    assert "exchanges=0/" in repr(backend)
    assert "connections=0" in repr(backend)
    return error


@pytest.mark.parametrize(
    ("script", "kind", "phase", "what"),
    [
        ([Close()], Kind.UPSTREAM_BROKEN, "head", "RemoteProtocolError, it closed without an answer"),
        ([b"HTTP/1.1 200 O", Close()], Kind.UPSTREAM_BROKEN, "head", "closed in the middle of the head"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], Kind.UPSTREAM_BROKEN, "head", "Expected HTTP/"),
        ([b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 30000], Kind.UPSTREAM_BROKEN, "head", "the head is too long"),
        ([b"HTTP/1.1 101 Hi\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"], Kind.UPSTREAM_BROKEN, "head", "switched"),
        ([CUT_BODY, Close()], Kind.UPSTREAM_BROKEN, "body", "closed in the middle of the body"),
        ([CUT_CHUNK, Close()], Kind.UPSTREAM_BROKEN, "body", "closed in the middle of the body"),
        ([CUT_CHUNK, b"loXX"], Kind.UPSTREAM_BROKEN, "body", "chunk"),
        ([Stall()], Kind.TIMEOUT, "head", "ReadTimeout, no answer within 0.05 s"),
        ([b"HTTP/1.1 200 OK\r\n", Stall()], Kind.TIMEOUT, "head", "ReadTimeout"),
        ([b"HTTP/1.1 100 Go\r\n\r\n", Stall()], Kind.TIMEOUT, "head", "ReadTimeout"),
        ([CUT_BODY, Stall()], Kind.TIMEOUT, "body", "ReadTimeout, nothing came for 0.05 s"),
    ],
    ids=["no answer", "half a head", "not HTTP", "endless head", "upgrade", "cut body", "cut chunk", "bad chunk",
         "silent", "silent in head", "silent after interim head", "silent in body"],
)  # fmt: skip
async def test_what_a_server_may_do(script: Script, kind: Kind, phase: str, what: str) -> None:
    patience = 0.05 if Stall() in script else 5
    async with RawServer(script) as server, aclosing(PoolBackend()) as backend:
        error = await failure(backend, request(server.url, head=patience, idle=patience))
        assert (error.kind, error.detail["phase"]) == (kind, phase)
        assert what in error.message
        assert "127.0.0.1" in error.message
        assert error.hint


async def test_a_slow_head_is_measured_as_a_whole() -> None:
    drip: Script = [b"H", *[step for byte in b"TTP/1.1 200 OK\r\n" for step in (Pause(0.02), bytes([byte]))]]
    async with RawServer(drip) as server, aclosing(PoolBackend()) as backend:
        error = await failure(backend, request(server.url, head=0.1))
        assert (error.kind, error.detail["phase"]) == (Kind.TIMEOUT, "head")


async def test_a_slow_body_is_fine_while_it_moves() -> None:
    drip: Script = [CUT_BODY, *[step for byte in b"lo you" for step in (Pause(0.06), bytes([byte]))]]
    async with RawServer(drip) as server, aclosing(PoolBackend()) as backend:
        answer = await backend.open(request(server.url, idle=0.3))
        assert await answer.read() == b"hello you"
        await answer.aclose()


async def test_nobody_listens() -> None:
    async with aclosing(PoolBackend()) as backend:
        error = await failure(backend, request(f"http://127.0.0.1:{free_port()}"))
        assert (error.kind, error.detail["phase"]) == (Kind.UPSTREAM_BROKEN, "connect")
        assert "ConnectError" in error.message
        assert "111" in error.message


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64 + ".invalid"])
async def test_a_host_that_does_not_exist(host: str) -> None:
    async with aclosing(PoolBackend()) as backend:
        error = await failure(backend, request(f"http://{host}/"))
        assert (error.kind, error.detail["phase"]) == (Kind.UPSTREAM_BROKEN, "connect")


class NeverConnects(Network):
    async def connect_tcp(self, *args: object, **kwargs: object) -> Stream:
        patience = kwargs["timeout"]
        assert isinstance(patience, float)
        await anyio.sleep(patience)
        raise httpcore.ConnectTimeout


async def test_a_connection_that_does_not_come_about() -> None:
    async with aclosing(PoolBackend(network=NeverConnects())) as backend:
        error = await failure(backend, request("http://a/", connect=0.02))
        assert (error.kind, error.detail["phase"]) == (Kind.TIMEOUT, "connect")
        assert "ConnectTimeout" in error.message  # the exception itself has no words


async def test_a_server_that_takes_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody_reads:
        async with aclosing(PoolBackend()) as backend:
            url = f"http://127.0.0.1:{nobody_reads.getsockname()[1]}"
            error = await failure(backend, request(url, body=b"x" * 30_000_000, idle=0.1))
            assert (error.kind, error.detail["phase"]) == (Kind.TIMEOUT, "send")
            assert "WriteTimeout" in error.message


async def test_an_answer_before_the_request_was_sent_counts() -> None:
    refusal = response(b"too large", status=413, headers=["connection: close"])
    async with RawServer([refusal, Pause(0.05), Close()], early=True) as server, aclosing(PoolBackend()) as backend:
        answer = await backend.open(request(server.url, body=b"x" * 30_000_000))
        assert (answer.status, await answer.read()) == (413, b"too large")
        await answer.aclose()


async def test_a_connection_that_had_died_in_the_meantime_is_replaced_once() -> None:
    """The server closes at the very moment the next request arrives: nothing of it was answered."""
    async with RawServer(response(b"1"), [Close()], response(b"2")) as server, aclosing(PoolBackend()) as backend:
        for expected in (b"1", b"2"):
            answer = await backend.open(request(server.url, body=b"same"))
            assert await answer.read() == expected
            await answer.aclose()
        assert [heard.connection for heard in server.heard] == [1, 1, 2]
        assert server.heard[1].body == server.heard[2].body == b"same"


async def test_a_new_connection_that_is_closed_is_no_reason_to_send_again() -> None:
    scripts: list[Script] = [[response(b"1")], [Close()], [Close()], [response(b"3")]]
    async with RawServer(*scripts) as server, aclosing(PoolBackend()) as backend:
        answer = await backend.open(request(server.url))
        await answer.read()
        await answer.aclose()
        error = await failure(backend, request(server.url))
        assert "it closed without an answer" in error.message
        assert len(server.heard) == 3


async def test_an_answer_that_had_begun_is_no_reason_to_send_again() -> None:
    scripts: list[Script] = [[response(b"1")], [b"HTTP/1.1 2", Close()], [response(b"3")]]
    async with RawServer(*scripts) as server, aclosing(PoolBackend()) as backend:
        answer = await backend.open(request(server.url))
        await answer.read()
        await answer.aclose()
        error = await failure(backend, request(server.url))
        assert "middle of the head" in error.message
        assert len(server.heard) == 2


async def test_a_slow_answer_on_a_used_connection_is_no_reason_to_send_again() -> None:
    async with RawServer([response(b"1")], [Stall()]) as server, aclosing(PoolBackend()) as backend:
        answer = await backend.open(request(server.url))
        await answer.read()
        await answer.aclose()
        assert (await failure(backend, request(server.url, head=0.05))).kind is Kind.TIMEOUT
        assert len(server.heard) == 2


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(2):
        while not condition():
            await anyio.sleep(0.001)


@pytest.mark.parametrize("script", [[Stall()], [chunked(b"x")[:-5], Stall()]], ids=["in the head", "in the body"])
async def test_a_cancelled_exchange_closes_its_socket_at_once(script: Script) -> None:
    async with RawServer(script) as server, aclosing(PoolBackend()) as backend:

        async def exchange() -> None:
            answer = await backend.open(request(server.url))
            try:
                await answer.read()
            finally:
                await answer.aclose()

        async with anyio.create_task_group() as group:
            group.start_soon(exchange)
            await until(lambda: bool(server.heard))
            await anyio.sleep(0.02)
            group.cancel_scope.cancel()
        await until(lambda: server.open == 0)
        assert repr(backend) == "<PoolBackend exchanges=0/512 waiting=0 connections=0>"


async def test_the_pool_survives_a_churn_of_cancelled_requests() -> None:
    """Three hundred requests on four connections, most of them cancelled wherever they happen to be: waiting,
    connecting, reading. Behind its gate httpcore's pool keeps no ghosts."""
    async with RawServer([Pause(0.002), chunked(b"a" * 50, b"b" * 50)]) as server:
        async with aclosing(PoolBackend(connections=4)) as backend:
            whole = 0

            async def exchange(number: int) -> None:
                nonlocal whole
                patience = 10 if number % 5 == 0 else 0.0005 * (number % 23)
                with anyio.move_on_after(patience):
                    answer = await backend.open(request(server.url))
                    try:
                        whole += len(await answer.read()) == 100
                    finally:
                        await answer.aclose()

            async with anyio.create_task_group() as group:
                for number in range(300):
                    group.start_soon(exchange, number)
                    if number % 10 == 0:
                        await anyio.sleep(0.001)
            assert whole >= 60
            assert "exchanges=0/4 waiting=0" in repr(backend)
            assert len(backend.pool.connections) <= 4
            assert all(connection.is_idle() for connection in backend.pool.connections)
            for _ in range(8):  # every connection that is left, and more, still serves
                answer = await backend.open(request(server.url))
                assert len(await answer.read()) == 100
                await answer.aclose()
        await until(lambda: server.open == 0)
