"""One connected socket, perhaps with TLS on it: httpcore's stream, straight on the event loop's transport (ADR 0028).

Owns what has arrived and was not yet read, how much of it may lie here, what it means that a socket breaks, and the
timeouts of reads and writes. Foreign exceptions become httpcore's here. Knows nothing of HTTP; how a socket comes to be
connected is `luna.upstream.network`'s business. Belongs to one event loop.
"""

# ruff: noqa: ASYNC109 - the parameter's name is httpcore's

import asyncio  # noqa: TID251 - a transport calls its own protocol; anyio's stream in between costs more than a read
import ssl
from typing import Any, cast

import anyio
import httpcore
from anyio.lowlevel import checkpoint

from luna.model.alarm import Alarm

MOST = 256 * 1024
"""Bytes that may have arrived and not been read: beyond, the other side has to wait."""
_INFO = {"client_addr": "sockname", "server_addr": "peername", "socket": "socket", "ssl_object": "ssl_object"}
"""What httpcore calls it, and what transports do."""


class Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One task reads, one writes. Timeouts in seconds; None waits for ever."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        """The event loop's time, in seconds."""
        self._alarm = Alarm(self._break_off)
        self._arrived: list[bytes] = []
        self._size = 0
        self._held_up = False
        """The other side has to wait."""
        self._over = False
        """Nothing more will arrive."""
        self._too_late = False
        """Because it took too long."""
        self._lost: Exception | None = None
        """Because of this; else the other side came to its end."""
        self._closed = False
        self._encrypted = False
        self._waiting: asyncio.Future[None] | None = None
        """Whoever reads."""
        self._room: asyncio.Future[None] | None = None
        """Is done when the system takes more; None while it does."""

    def __repr__(self) -> str:
        state = " closed" if self._closed else " over" if self._over else ""
        return f"<Stream {self.get_extra_info('server_addr')}{' tls' if self._encrypted else ''}{state}>"

    @property
    def readable(self) -> bool:
        """A read would not wait; on an idle connection that is its end, or something unasked."""
        return self._over or self._arrived != []

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has arrived, b"" at the end. Raises ReadTimeout, ReadError."""
        if not self._arrived and not self._over:
            self._waiting = self._loop.create_future()
            if timeout is not None:
                self._alarm.set(timeout)
            else:
                self._alarm.off()
            try:
                await self._waiting
            finally:
                self._waiting = None
        arrived = self._arrived
        if not arrived:
            if self._too_late:
                raise httpcore.ReadTimeout(f"nothing came for {timeout or 0:g} s")
            if self._lost is not None or self._closed:
                raise httpcore.ReadError(self._why()) from self._lost
            return b""
        data = arrived[0] if len(arrived) == 1 else b"".join(arrived)
        rest = data[max_bytes:]
        self._arrived, self._size = ([rest] if rest else []), len(rest)
        if self._held_up and self._size < MOST and not self._over:
            self._held_up = False
            self._transport.resume_reading()
        return data[:max_bytes] if rest else data

    def write_at_once(self, buffer: bytes) -> None:
        """Hand over a `buffer` so small that the system takes it, if only to send it later: whether it arrives does
        not show here. Raises WriteError."""
        if self._transport.is_closing():
            raise httpcore.WriteError(self._why()) from self._lost
        self._transport.write(buffer)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Returns when the system has taken all of `buffer`. Raises WriteTimeout, WriteError."""
        if not buffer:
            return
        with anyio.move_on_after(timeout) as limit:
            self.write_at_once(buffer)
            await checkpoint()  # so that the event loop tries
            while self._room is not None:
                await self._room
        if limit.cancelled_caught:
            raise httpcore.WriteTimeout(f"nothing was taken for {timeout:g} s")
        if self._transport.is_closing():
            raise httpcore.WriteError(self._why()) from self._lost

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "Stream":
        """The same connection, encrypted. Raises ConnectTimeout, ConnectError; then the socket is closed."""
        try:
            with anyio.fail_after(timeout):
                transport = await self._loop.start_tls(
                    self._transport, self, ssl_context, server_hostname=server_hostname
                )
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await self.aclose()
            match error:
                case TimeoutError():
                    raise httpcore.ConnectTimeout(f"no TLS handshake within {timeout:g} s") from error
                case ConnectionError():
                    raise httpcore.ConnectError("closed during the TLS handshake") from error
                case OSError():
                    raise httpcore.ConnectError(reason(error)) from error
            raise
        if transport is None:  # it was lost after the last word of the handshake
            raise httpcore.ConnectError("closed during the TLS handshake")
        self._transport, self._encrypted = transport, True
        return self

    async def aclose(self) -> None:
        """Close the socket now; what was not sent is not sent any more."""
        self._closed = True
        self._alarm.close()
        self._transport.abort()
        self._wake()
        await checkpoint()  # so that it is closed

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks a stream for; None for what it does not know."""
        if info == "is_readable":
            return self.readable
        return self._transport.get_extra_info(_INFO[info]) if info in _INFO else None

    def _break_off(self) -> None:
        """The other side has taken too long, if anybody still waits."""
        if self._waiting is None or self._waiting.done():
            return
        self._too_late = True
        self._transport.abort()
        self._wake()

    def _why(self) -> str:
        """Nothing can be read or written any more."""
        return reason(self._lost or anyio.ClosedResourceError())

    def _wake(self) -> None:
        """Nothing more arrives, and nothing more is taken."""
        self._over = True
        for task in (self._waiting, self._room):
            if task is not None and not task.done():
                task.set_result(None)
        self._room = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        self._arrived.append(data)
        self._size += len(data)
        if self._size >= MOST and not self._held_up:
            self._held_up = True
            self._transport.pause_reading()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def eof_received(self) -> bool:
        self._over = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        return not self._encrypted  # what is still to be sent is sent; TLS has no half-closed connections

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self._lost or exc
        self._wake()

    def pause_writing(self) -> None:
        if self._room is None:
            self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)


def reason(error: BaseException) -> str:
    """What lies at the bottom of an exception, in words: many of these have no message of their own."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, BaseExceptionGroup):
        return reason(error.exceptions[0])
    return str(error) or type(error).__name__
