"""TLS on the way out: who is believed, what comes over it, and what happens when it goes wrong."""

import ssl
import subprocess
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import anyio
import httpcore
import pytest

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest, Timeouts
from luna.upstream.network import Network
from luna.upstream.pool import PoolBackend
from tests.support.rawserver import Close, RawServer, Script, Stall, Wait, chunked, response


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", made, "-out", folder / "cert"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    made.write_text(made.read_text() + (folder / "cert").read_text())
    return made


@pytest.fixture
def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusting(certificate: Path) -> Callable[[], ssl.SSLContext]:
    return lambda: ssl.create_default_context(cafile=str(certificate))


async def test_exchanges_over_tls_share_one_connection_and_one_context(
    serving: ssl.SSLContext, trusting: Callable[[], ssl.SSLContext]
) -> None:
    built: list[ssl.SSLContext] = []

    def build() -> ssl.SSLContext:
        built.append(trusting())
        return built[-1]

    async with RawServer(chunked(b"hello"), tls=serving) as server, aclosing(PoolBackend(context=build)) as backend:
        for _ in range(3):
            answer = await backend.open(OutRequest("GET", server.url))
            assert await answer.read() == b"hello"
            await answer.aclose()
        assert server.accepted == 1
        answers = [await backend.open(OutRequest("GET", server.url)) for _ in range(2)]
        for answer in answers:
            await answer.aclose()
        assert server.accepted == 2
        assert len(built) == 1


async def test_records_that_arrived_together_are_one_item(
    serving: ssl.SSLContext, trusting: Callable[[], ssl.SSLContext]
) -> None:
    """Each send of the server is a record of its own; anyio hands them over one by one."""
    go = anyio.Event()
    script: Script = [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Wait(go),
        b"3\r\none\r\n", b"3\r\ntwo\r\n", b"5\r\nthree\r\n", b"0\r\n\r\n",
    ]  # fmt: skip
    async with RawServer(script, tls=serving) as server, aclosing(PoolBackend(context=trusting)) as backend:
        answer = await backend.open(OutRequest("GET", server.url))
        go.set()
        await anyio.sleep(0.05)
        assert [item async for item in answer.chunks()] == [b"onetwothree"]
        await answer.aclose()


async def test_a_large_body_over_tls(serving: ssl.SSLContext, trusting: Callable[[], ssl.SSLContext]) -> None:
    body = bytes(range(256)) * 8000
    async with RawServer(response(body), tls=serving) as server, aclosing(PoolBackend(context=trusting)) as backend:
        answer = await backend.open(OutRequest("POST", server.url, body=body))
        assert await answer.read() == body
        await answer.aclose()
        assert server.heard[0].body == body


async def test_a_body_that_is_cut_under_tls(serving: ssl.SSLContext, trusting: Callable[[], ssl.SSLContext]) -> None:
    script: Script = [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhel", Close()]
    async with RawServer(script, tls=serving) as server, aclosing(PoolBackend(context=trusting)) as backend:
        answer = await backend.open(OutRequest("GET", server.url))
        with pytest.raises(LunaError, match="middle of the body"):
            await answer.read()
        await answer.aclose()
        assert "connections=0" in repr(backend)


async def test_a_certificate_that_nobody_vouches_for_is_refused(serving: ssl.SSLContext) -> None:
    async with RawServer(response(b"x"), tls=serving) as server, aclosing(PoolBackend()) as backend:
        with pytest.raises(LunaError, match="CERTIFICATE_VERIFY_FAILED") as refused:
            await backend.open(OutRequest("GET", server.url))
        assert refused.value.kind is Kind.UPSTREAM_BROKEN
        assert refused.value.detail["phase"] == "connect"
        assert server.heard == []
        assert "exchanges=0/512 waiting=0 connections=0" in repr(backend)


async def test_a_server_that_speaks_no_tls() -> None:
    async with RawServer(response(b"x")) as server, aclosing(PoolBackend()) as backend:
        with pytest.raises(LunaError, match="connect") as refused:
            await backend.open(OutRequest("GET", server.url.replace("http", "https"), timeouts=Timeouts(connect=1)))
        assert refused.value.kind in (Kind.UPSTREAM_BROKEN, Kind.TIMEOUT)


async def test_a_handshake_that_never_ends() -> None:
    async with RawServer([Stall()]) as server, aclosing(PoolBackend()) as backend:
        with pytest.raises(LunaError, match=r"no TLS handshake within 0\.1 s") as late:
            await backend.open(OutRequest("GET", server.url.replace("http", "https"), timeouts=Timeouts(connect=0.1)))
        assert late.value.kind is Kind.TIMEOUT


class Handshake(httpcore.AsyncNetworkStream):
    """A stream that only remembers how it was asked to start TLS."""

    def __init__(self) -> None:
        self.asked: dict[str, object] = {}

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self.asked = {"context": ssl_context, "name": server_hostname, "timeout": timeout}
        raise httpcore.ConnectError("enough")


class OneStream(Network):
    def __init__(self, stream: Handshake) -> None:
        self.stream = stream

    async def connect_tcp(self, *args: object, **kwargs: object) -> Handshake:  # type: ignore[override]
        return self.stream


async def test_tls_is_started_for_the_host_with_the_shared_context() -> None:
    context = ssl.create_default_context()
    stream = Handshake()
    async with aclosing(PoolBackend(network=OneStream(stream), context=lambda: context)) as backend:
        with pytest.raises(LunaError, match="enough"):
            await backend.open(OutRequest("GET", "https://chat.qwen.ai/", timeouts=Timeouts(connect=7)))
    assert stream.asked == {"context": context, "name": "chat.qwen.ai", "timeout": 7}
