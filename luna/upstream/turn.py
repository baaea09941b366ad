"""One request and its response on a connected stream.

Owns what goes out when, which timeout is about what, and the reading of the body. What a response is
says `luna.upstream.parser`; where streams come from and what becomes of them afterwards is the
connection's business.
"""

import enum
import math
from collections.abc import Awaitable, Callable
from typing import Self

import anyio
import httpcore

from luna.upstream.parser import ResponseParser
from luna.upstream.request import Outgoing
from luna.upstream.stream import Stream

READ_BYTES = 256 * 1024
PIECE_BYTES = 64 * 1024
"""A request larger than this is written in pieces, so that a write timeout is about progress."""
STRETCH_BYTES = 256 * 1024
"""Of what is longer, so much at a time: each costs a timer and a wake-up, and has its own patience."""


class Phase(enum.StrEnum):
    """How far an exchange had come."""

    CONNECT = "connect"
    SEND = "send"
    HEAD = "head"
    BODY = "body"


class StaleConnection(httpcore.RemoteProtocolError):
    """A reused connection turned out to be closed before the first byte of a response: nothing was answered."""


class Turn:
    """`begin` it, read `status` and `headers`, iterate over it for the body: one item for each read of the socket that
    brought any. Then close it. `reused`: the stream served before. `release` is told whether it may serve again."""

    def __init__(
        self,
        stream: Stream,
        request: Outgoing,
        *,
        reused: bool,
        release: Callable[[bool], Awaitable[None]],
    ) -> None:
        self._stream = stream
        self._request = request
        self._timeouts: dict[str, float] = request.extensions.get("timeout", {})
        self._reused = reused
        self._release = release
        self._parser = ResponseParser(bodiless=request.method == b"HEAD")
        self._untouched = True
        self._sent = False
        self._unsent: httpcore.WriteError | httpcore.WriteTimeout | None = None
        self._lost: httpcore.ReadError | None = None
        self._timed_out = False
        self._first = b""
        self._closed = False

    def __repr__(self) -> str:
        return f"<Turn {self._request.method.decode()} {self._parser!r}{' closed' if self._closed else ''}>"

    @property
    def status(self) -> int:
        """The response's status, once it has begun."""
        return self._parser.status

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The response's headers: names in lower case, in order."""
        return self._parser.headers

    @property
    def at_end(self) -> bool:
        """The body has been read to its end."""
        return self._parser.done and not self._first

    async def begin(self) -> None:
        """Send the request and read until the head is there. Raises httpcore's exceptions, StaleConnection among them.

        A large request is sent while the answer is awaited: a server may refuse it before it has seen all of it, and
        close (RFC 9112, section 9.6). For the same reason a write that fails is no verdict yet.
        """
        message = self._request.head + self._request.body
        self._reach(Phase.SEND)
        try:
            if len(message) <= PIECE_BYTES:
                patience = self._timeouts.get("head")
                self._send_at_once(message)
                await self._read_head(patience)
            else:
                with anyio.CancelScope() as limit:
                    async with anyio.create_task_group() as sending:
                        sending.start_soon(self._send, message, limit)
                        await self._read_head()
                        sending.cancel_scope.cancel()
                self._timed_out = limit.cancelled_caught
            if not self._parser.head_read:
                raise self._verdict()
        except BaseException:
            self._parser.drop()  # nobody closes what has not begun
            raise
        self._reach(Phase.BODY)

    def _reach(self, phase: Phase) -> None:
        self._request.extensions["phase"] = phase

    def _send_at_once(self, message: bytes) -> None:
        """Whether it arrives shows by the answer."""
        try:
            self._stream.write_at_once(message)
        except httpcore.WriteError as error:
            self._unsent = error
        else:
            self._sent = True
            self._reach(Phase.HEAD)

    async def _send(self, message: bytes, limit: anyio.CancelScope) -> None:
        patience = self._timeouts.get("write")
        try:
            view = memoryview(message)
            for start in range(0, len(message), STRETCH_BYTES):
                await self._stream.write(bytes(view[start : start + STRETCH_BYTES]), patience)
        except httpcore.WriteError as error:
            self._unsent = error
        except httpcore.WriteTimeout as error:
            self._unsent = error
            limit.cancel()
        else:
            self._sent = True
            self._reach(Phase.HEAD)
            limit.deadline = anyio.current_time() + self._timeouts.get("head", math.inf)

    async def _read_head(self, patience: float | None = None) -> None:
        parser = self._parser
        until = None if patience is None else self._stream.now() + patience
        try:
            while not parser.head_read and not parser.failure:
                data = await self._stream.read(READ_BYTES, patience)
                if not data:
                    break
                self._untouched = False
                self._first = parser.feed(data)
                if until is not None and not parser.head_read:
                    patience = max(0.0, until - self._stream.now())
        except httpcore.ReadTimeout:
            self._timed_out = True
        except httpcore.ReadError as error:
            self._lost = error

    def _verdict(self) -> Exception:
        """Why there is no head."""
        if self._timed_out and not self._sent:
            return self._unsent or httpcore.WriteTimeout(f"nothing was taken for {self._timeouts['head']:g} s")
        if self._timed_out:
            return self._unsent or httpcore.ReadTimeout(f"no answer within {self._timeouts['head']:g} s")
        if self._untouched and self._reused:
            return StaleConnection("the connection had been closed while it was idle")
        if self._untouched:
            return self._unsent or self._lost or httpcore.RemoteProtocolError("it closed without an answer")
        self._parser.end()
        return httpcore.RemoteProtocolError(self._parser.failure)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        parser = self._parser
        while not self._closed:
            if parser.failure:
                raise httpcore.RemoteProtocolError(parser.failure)
            if parser.done:
                break
            data = await self._stream.read(READ_BYTES, self._timeouts.get("read"))
            if not data:
                parser.end()
            elif body := parser.feed(data):
                return body
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """The turn is over, wherever it is. May be called twice."""
        if not self._closed:
            self._closed = True
            self._parser.drop()
            await self._release(self._sent and self._parser.done and self._parser.reusable)
