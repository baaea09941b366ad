"""One request and its response on a connected stream.

Owns what goes out when, which timeout is about what, and the reading of the body. What a response is
says `luna.upstream.parser`; where connections come from and what becomes of them afterwards is the
pool's business.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

import anyio
import httpcore

from luna.model.errors import LunaError
from luna.upstream.connection import Connection
from luna.upstream.encoding import EncodingError, Inflater, inflater
from luna.upstream.parser import ResponseParser
from luna.upstream.request import Phase, Wire
from luna.upstream.response import READ_LIMIT, Response, broken, too_slow
from luna.upstream.stream import Stream

READ_BYTES = 256 * 1024
PIECE_BYTES = 64 * 1024
"""A request larger than this is written in pieces, so that a write timeout is about progress."""
STRETCH_BYTES = 256 * 1024
"""Of what is longer, so much at a time: each costs a timer and a wake-up, and has its own patience."""

FOREIGN = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


class StaleConnection(httpcore.RemoteProtocolError):
    """A reused connection turned out to be closed before the first byte of a response: nothing was answered."""


class Turn(Response):
    """`begin` it and await that, then it is `headed`, and from then on a response: it iterates over its own body, one
    item for each read of the socket that brought any. `over` is told at the end whether the connection may serve
    again, and says whether it will."""

    def __init__(self, outgoing: Wire, connection: Connection, over: Callable[[Connection, bool], bool]) -> None:
        self.host = outgoing.place.host
        self._outgoing = outgoing
        self._connection = connection
        self._over = over
        self._parser = ResponseParser(bodiless=outgoing.method == "HEAD")
        self._stream: Stream
        self._inflater: Inflater | None = None
        self._reused = False
        self._untouched = True
        self._sent = False
        self._unsent: httpcore.WriteError | httpcore.WriteTimeout | None = None
        self._lost: httpcore.ReadError | None = None
        self._timed_out = False
        self._first = b""
        self._closed = False

    def __repr__(self) -> str:
        return f"<Turn {self._outgoing.method} {self._parser!r}{' closed' if self._closed else ''}>"

    @property
    def at_end(self) -> bool:
        return self._parser.done and not self._first

    def begin(self, stream: Stream, *, reused: bool) -> Awaitable[None]:
        """Send the request, and read, when that is awaited, until the head is there or will not come. `reused`: the
        stream served before.

        A large request is sent while the answer is awaited: a server may refuse it before it has seen all of it, and
        close (RFC 9112, section 9.6). For the same reason a write that fails is no verdict yet.
        """
        self._stream, self._reused = stream, reused
        outgoing = self._outgoing
        message = outgoing.head + outgoing.body
        outgoing.phase = Phase.SEND
        if len(message) > PIECE_BYTES:
            return self._send(message)
        try:
            stream.write_at_once(message)  # whether it arrives shows by the answer
        except httpcore.WriteError as error:
            self._unsent = error
        else:
            self._sent = True
            outgoing.phase = Phase.HEAD
        return self._read_head(outgoing.timeouts.head)

    async def _send(self, message: bytes) -> None:
        with anyio.CancelScope() as limit:
            async with anyio.create_task_group() as sending:
                sending.start_soon(self._send_pieces, message, limit)
                await self._read_head()
                sending.cancel_scope.cancel()
        self._timed_out = limit.cancelled_caught

    async def _send_pieces(self, message: bytes, limit: anyio.CancelScope) -> None:
        timeouts = self._outgoing.timeouts
        try:
            view = memoryview(message)
            for start in range(0, len(message), STRETCH_BYTES):
                await self._stream.write(bytes(view[start : start + STRETCH_BYTES]), timeouts.idle)
        except httpcore.WriteError as error:
            self._unsent = error
        except httpcore.WriteTimeout as error:
            self._unsent = error
            limit.cancel()
        else:
            self._sent = True
            self._outgoing.phase = Phase.HEAD
            limit.deadline = anyio.current_time() + timeouts.head

    async def _read_head(self, patience: float | None = None) -> None:
        parser, stream = self._parser, self._stream
        until = None if patience is None else stream.now() + patience
        try:
            while not parser.head_read and not parser.failure:
                data = await stream.read(READ_BYTES, patience)
                if not data:
                    break
                self._untouched = False
                self._first = parser.feed(data)
                if until is not None and not parser.head_read:
                    patience = max(0.0, until - stream.now())
        except httpcore.ReadTimeout:
            self._timed_out = True
        except httpcore.ReadError as error:
            self._lost = error

    def headed(self) -> None:
        """Take in the head. Where there is none, raises why: httpcore's exceptions, StaleConnection among them.
        Raises LunaError for a body that cannot be read."""
        parser = self._parser
        if not parser.head_read:
            raise self._verdict()
        self._outgoing.phase = Phase.BODY
        self._says(parser.status, parser.headers)
        if "content-encoding" in self.fields:
            self._undo(self.fields["content-encoding"])

    def _undo(self, encoding: str) -> None:
        """The body is encoded; what it is read as is not."""
        try:
            self._inflater = inflater(encoding)
        except EncodingError as error:
            raise broken(self.host, Phase.HEAD, str(error)) from error
        if self._inflater is not None:
            encoded = ("content-encoding", "content-length")
            self._says(self.status, tuple([pair for pair in self.headers if pair[0] not in encoded]))

    def _verdict(self) -> Exception:
        """Why there is no head."""
        patience = self._outgoing.timeouts.head
        if self._timed_out and not self._sent:
            return self._unsent or httpcore.WriteTimeout(f"nothing was taken for {patience:g} s")
        if self._timed_out:
            return self._unsent or httpcore.ReadTimeout(f"no answer within {patience:g} s")
        if self._untouched and self._reused:
            return StaleConnection("the connection had been closed while it was idle")
        if self._untouched:
            return self._unsent or self._lost or httpcore.RemoteProtocolError("it closed without an answer")
        self._parser.end()
        return httpcore.RemoteProtocolError(self._parser.failure)

    # The body

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        parser, undo = self._parser, self._inflater
        try:
            while self._first or not self._closed:
                if self._first:
                    body, self._first = self._first, b""  # it came with the head
                elif parser.failure:
                    raise httpcore.RemoteProtocolError(parser.failure)
                elif parser.done:
                    if undo is not None:
                        undo.end()
                    break
                elif data := await self._stream.read(READ_BYTES, self._outgoing.timeouts.idle):
                    body = parser.feed(data)
                else:
                    parser.end()
                    continue
                if undo is not None:
                    body = undo.feed(body)
                if body:
                    return body
        except EncodingError as error:
            raise broken(self.host, Phase.BODY, str(error)) from error
        except FOREIGN as error:
            raise failure(self.host, Phase.BODY, error) from error
        raise StopAsyncIteration

    async def read(self, limit: int = READ_LIMIT) -> bytes:
        if self._parser.done and self._inflater is None and len(self._first) <= limit:
            whole, self._first = self._first, b""
            return whole
        return await super().read(limit)

    # The end

    def drop(self) -> None:
        """It comes to nothing."""
        self._closed = True
        self._parser.drop()

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        parser = self._parser
        if not self._over(self._connection, self._sent and parser.reusable):
            parser.drop()
            await self._connection.drop()


def failure(host: str, phase: str, error: Exception) -> LunaError:
    """What httpcore's exception means. Its own message is often empty, so its name always stands there."""
    what = f"{type(error).__name__}, {error}" if str(error) else type(error).__name__
    tell = too_slow if isinstance(error, httpcore.TimeoutException) else broken
    return tell(host, phase, what)
