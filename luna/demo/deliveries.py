"""Deliveries that go wrong: responses that are cut, stall, drip, come late, or are dressed up.

Owns what happens between a response and the socket. Positions are counted in bytes of the body as
the client sees it, so that a cut at `n` leaves a reader with exactly the first `n` bytes; where they
end inside a chunk, the chunk's size line has promised more.
"""

import zlib

import anyio
from anyio.abc import ByteSendStream

from luna.demo.http import Delivery, HangUp, Headers


class Cut(Delivery):
    """Closes the connection right after byte `at` of the body."""

    def __init__(self, at: int) -> None:
        self._left = at

    async def send(self, socket: ByteSendStream, head: bytes, before: bytes, data: bytes, after: bytes) -> None:
        if len(data) < self._left:
            self._left -= len(data)
            await super().send(socket, head, before, data, after)
            return
        await socket.send(head + before + data[: self._left])
        raise HangUp


class HungUp(Delivery):
    """Closes the connection without a byte."""

    async def send(self, socket: ByteSendStream, head: bytes, before: bytes, data: bytes, after: bytes) -> None:
        raise HangUp


class Stall(Delivery):
    """Falls silent after byte `at` of the body, for `seconds` or until released, then goes on as if nothing was."""

    def __init__(self, at: int, seconds: float | None, released: anyio.Event) -> None:
        self._left: int | None = at
        self._seconds = seconds
        self._released = released

    async def send(self, socket: ByteSendStream, head: bytes, before: bytes, data: bytes, after: bytes) -> None:
        if self._left is None or len(data) < self._left:
            if self._left is not None:
                self._left -= len(data)
            await super().send(socket, head, before, data, after)
            return
        cut, self._left = self._left, None
        await socket.send(head + before + data[:cut])
        with anyio.move_on_after(self._seconds):
            await self._released.wait()
        await socket.send(data[cut:] + after)


class Drip(Delivery):
    """Writes every byte by itself, the head's too."""

    async def send(self, socket: ByteSendStream, head: bytes, before: bytes, data: bytes, after: bytes) -> None:
        for byte in b"".join((head, before, data, after)):
            await socket.send(bytes((byte,)))


class LateHead(Delivery):
    """Lets the client wait `seconds` for the head."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def send(self, socket: ByteSendStream, head: bytes, before: bytes, data: bytes, after: bytes) -> None:
        if head:
            await anyio.sleep(self._seconds)
        await super().send(socket, head, before, data, after)


class Gzip(Delivery):
    """Compresses the body, whatever the client accepts; each piece can be read at once."""

    def __init__(self) -> None:
        self._squeeze = zlib.compressobj(wbits=31)

    def headers(self, headers: Headers) -> Headers:
        return (*headers, ("content-encoding", "gzip"))

    def encode(self, data: bytes) -> bytes:
        return self._squeeze.compress(data) + self._squeeze.flush(zlib.Z_SYNC_FLUSH) if data else b""

    def flush(self) -> bytes:
        return self._squeeze.flush()


class Mislabelled(Delivery):
    """Says that the body is something else."""

    def __init__(self, content_type: str) -> None:
        self._content_type = content_type

    def headers(self, headers: Headers) -> Headers:
        return tuple((name, self._content_type if name == "content-type" else value) for name, value in headers)
