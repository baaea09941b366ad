"""Proxies on loopback that write down where they are asked to go: HTTP CONNECT and SOCKS 5.

`names` says where a name or an address really is: what a test calls `qwen.example` exists nowhere but behind its
proxies, so that nobody who goes another way gets there.
"""

import base64
import ssl
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

import anyio
import httpcore
from anyio.abc import ByteStream, Listener, SocketAttribute, SocketStream, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener

from luna.upstream.network import Network
from luna.upstream.stream import Stream

Names = Mapping[str, tuple[str, int]]
_LOST = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, anyio.IncompleteRead, OSError)


class Proxy:
    """`async with ConnectProxy(names=…) as proxy`, then go through `proxy.url`."""

    scheme = ""

    def __init__(
        self,
        *,
        user: str = "",
        password: str = "",
        names: Names | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = 0
        self.targets: list[str] = []
        """Where it was asked to go, as it was asked: `host:port`."""
        self.carried = 0
        """Connections that it made."""
        self.accepted = 0
        self.open = 0
        """Clients that are connected now."""
        self.wrong_logins = 0
        self.user = user
        self.password = password
        self._names = names or {}
        self._tls = tls

    def __repr__(self) -> str:
        return f"<{type(self).__name__} :{self.port} {len(self.targets)} targets>"

    @property
    def url(self) -> str:
        """With the user and the password that it wants."""
        login = f"{self.user}:{self.password}@" if self.user else ""
        return f"{'https' if self._tls else self.scheme}://{login}127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self.port = listener.listeners[0].extra(SocketAttribute.local_port)
        self._group: TaskGroup = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._listen, listener)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._group.cancel_scope.cancel()
        return await self._group.__aexit__(kind, error, trace)

    async def _listen(self, listener: Listener[SocketStream]) -> None:
        async with listener:
            if self._tls is not None:
                await TLSListener(listener, self._tls, standard_compatible=False).serve(self._serve)
            await listener.serve(self._serve)

    async def _serve(self, stream: ByteStream) -> None:
        self.accepted += 1
        self.open += 1
        try:
            async with stream:
                await self.speak(stream, BufferedByteReceiveStream(stream))
        except _LOST:
            pass  # one of both sides has gone
        finally:
            self.open -= 1

    async def speak(self, stream: ByteStream, received: BufferedByteReceiveStream) -> None:
        """The handshake, then `relay`."""
        raise NotImplementedError

    async def relay(self, stream: ByteStream, host: str, port: int, yes: bytes, no: bytes) -> None:
        """Go there and carry bytes both ways."""
        self.targets.append(f"{host}:{port}")
        real = self._names.get(host, (host, port))
        try:
            other = await anyio.connect_tcp(*real)
        except OSError:
            await stream.send(no)
            return
        self.carried += 1
        async with other, anyio.create_task_group() as tasks:
            await stream.send(yes)
            tasks.start_soon(_carry, other, stream, tasks.cancel_scope)
            await _carry(stream, other, tasks.cancel_scope)


async def _carry(source: ByteStream, sink: ByteStream, scope: anyio.CancelScope) -> None:
    try:
        while True:
            await sink.send(await source.receive())
    except _LOST:
        scope.cancel()


class ConnectProxy(Proxy):
    """RFC 9110, section 9.3.6."""

    scheme = "http"

    async def speak(self, stream: ByteStream, received: BufferedByteReceiveStream) -> None:
        head = (await received.receive_until(b"\r\n\r\n", 65536)).decode()
        line, *headers = head.split("\r\n")
        method, target, _ = line.split(" ")
        login = next(
            (value for name, _, value in (h.partition(": ") for h in headers) if name == "Proxy-Authorization"), ""
        )
        expected = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode() if self.user else ""
        if login != expected:
            self.wrong_logins += 1
            await stream.send(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        assert method == "CONNECT", line
        host, _, port = target.rpartition(":")
        yes, no = b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.1 502 Bad Gateway\r\n\r\n"
        await self.relay(stream, host.strip("[]"), int(port), yes, no)


class SocksProxy(Proxy):
    """RFC 1928 and 1929."""

    scheme = "socks5"

    async def speak(self, stream: ByteStream, received: BufferedByteReceiveStream) -> None:
        _, count = await received.receive_exactly(2)
        methods = await received.receive_exactly(count)
        wanted = 2 if self.user else 0
        await stream.send(bytes([5, wanted if wanted in methods else 255]))
        if wanted not in methods:
            self.wrong_logins += 1
            return
        if wanted == 2:
            _, size = await received.receive_exactly(2)
            user = await received.receive_exactly(size)
            password = await received.receive_exactly((await received.receive_exactly(1))[0])
            good = (user.decode(), password.decode()) == (self.user, self.password)
            await stream.send(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                self.wrong_logins += 1
                return
        _, command, _, kind = await received.receive_exactly(4)
        assert command == 1, "CONNECT"
        host = await self._host(received, kind)
        port = int.from_bytes(await received.receive_exactly(2), "big")
        await self.relay(stream, host, port, b"\x05\x00\x00\x01" + bytes(6), b"\x05\x05\x00\x01" + bytes(6))

    async def _host(self, received: BufferedByteReceiveStream, kind: int) -> str:
        match kind:
            case 1:
                return ".".join(map(str, await received.receive_exactly(4)))
            case 3:
                return (await received.receive_exactly((await received.receive_exactly(1))[0])).decode()
            case _:
                data = await received.receive_exactly(16)
                return ":".join(f"{int.from_bytes(data[at : at + 2], 'big'):x}" for at in range(0, 16, 2))


class NamedNetwork(Network):
    """A network in which `names` are known: what a worker's machine would have from its DNS."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.connected: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> Stream:
        self.connected.append(f"{host}:{port}")
        return await super().connect_tcp(*self._names.get(host, (host, port)), timeout, local_address, socket_options)
