"""A server of raw bytes on loopback: what it says to each request is a script, to the byte.

For whatever reads HTTP and must not trust it. Each request takes the next script; the last one
serves all that follow. A connection stays open after a script unless the script closes it.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import ByteStream, Listener, SocketAttribute, SocketStream, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener


@dataclass(frozen=True)
class Pause:
    """Say nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Stall:
    """Say nothing any more, and keep the connection."""


@dataclass(frozen=True)
class Close:
    """Close the connection."""


@dataclass(frozen=True)
class Wait:
    """Go on when the test says so."""

    event: anyio.Event


Step = bytes | Pause | Stall | Close | Wait
Script = Sequence[Step]


@dataclass
class Heard:
    """A request as it came."""

    head: bytes
    body: bytes
    connection: int
    """Number of the connection it came on, from 1."""

    @property
    def line(self) -> str:
        """Its first line."""
        return self.head.split(b"\r\n", 1)[0].decode()

    def header(self, name: str) -> str:
        """The first header of that name, or ""."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.encode():
                return value.strip().decode()
        return ""


class RawServer:
    """`async with RawServer(b"HTTP/1.1 …", [b"HTTP/1.1 …", Close()]) as server`, then ask `server.url`.

    `early` answers as soon as a head is there and leaves the body unread.
    """

    def __init__(self, *scripts: Script | bytes, early: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self.heard: list[Heard] = []
        self.accepted = 0
        """Connections so far."""
        self.open = 0
        """Connections now."""
        self.port = 0
        self._scripts = [[script] if isinstance(script, bytes) else script for script in scripts]
        self._early = early
        self._tls = tls

    def __repr__(self) -> str:
        return f"<RawServer :{self.port} heard={len(self.heard)} open={self.open}>"

    def say(self, *scripts: Script | bytes) -> None:
        """From now on it says these, in place of what was left."""
        self._scripts = [
            *self._scripts[: len(self.heard)],
            *([one] if isinstance(one, bytes) else one for one in scripts),
        ]

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

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
            if self._tls:
                await TLSListener(listener, self._tls, standard_compatible=False).serve(self._serve)
            await listener.serve(self._serve)

    async def _serve(self, stream: ByteStream) -> None:
        self.accepted += 1
        self.open += 1
        number = self.accepted
        try:
            async with stream:
                received = BufferedByteReceiveStream(stream)
                while await self._answer(stream, received, number):
                    pass
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, anyio.IncompleteRead):
            pass  # the other side has gone: that is what some tests are about
        finally:
            self.open -= 1

    async def _answer(self, stream: ByteStream, received: BufferedByteReceiveStream, number: int) -> bool:
        head = await received.receive_until(b"\r\n\r\n", 1024 * 1024)
        request = Heard(head, b"", number)
        length = int(request.header("content-length") or 0)
        if length and not self._early:
            request.body = await received.receive_exactly(length)
        self.heard.append(request)
        for step in self._scripts[min(len(self.heard), len(self._scripts)) - 1]:
            match step:
                case bytes():
                    await stream.send(step)
                case Pause(seconds):
                    await anyio.sleep(seconds)
                case Wait(event):
                    await event.wait()
                case Stall():
                    await received.receive(1)  # until the other side gives up
                    return False
                case Close():
                    return False
        return True


def response(body: bytes, *, status: int = 200, headers: Sequence[str] = ()) -> bytes:
    """A response with a length."""
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes, headers: Sequence[str] = ()) -> bytes:
    """A response in chunks, whole."""
    lines = ["HTTP/1.1 200 OK", "transfer-encoding: chunked", *headers, "", ""]
    return "\r\n".join(lines).encode() + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"
