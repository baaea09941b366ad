"""Sockets: httpcore's seam for the network, on anyio, with as little as possible around a read.

Owns connecting, TLS, reading and writing, and their timeouts. Foreign exceptions become httpcore's
here and nowhere else. Knows nothing of HTTP.

httpcore's own backend does the same at two to three times the price for each read (a context
manager, a mapping and a timeout scope even where there is no timeout), and hands TLS records
over one at a time.
"""

# ruff: noqa: ASYNC109 - the parameter's name is httpcore's

import os
import select
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import anyio
import httpcore
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSStream

from luna.model.alarm import Alarm

_LOST = (anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError, OSError)


class Stream(httpcore.AsyncNetworkStream):
    """One connected socket, perhaps with TLS on it. Timeouts in seconds; None waits for ever."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._tls: ssl.SSLObject | None = stream.extra(attribute=TLSAttribute.ssl_object, default=None)
        self._socket = stream.extra(attribute=SocketAttribute.raw_socket)
        self._alarm = Alarm(self._break_off)
        self._too_late = False

    def __repr__(self) -> str:
        peer = self._stream.extra(attribute=SocketAttribute.remote_address, default="nowhere")
        return f"<Stream {peer}{' tls' if self._tls is not None else ''}>"

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has arrived, b"" at the end. Raises ReadTimeout, ReadError."""
        try:
            if timeout is not None:
                self._alarm.set(timeout)
            data = await self._stream.receive(max_bytes)
        except anyio.EndOfStream:
            if self._too_late:
                raise httpcore.ReadTimeout(f"nothing came for {timeout:g} s") from None
            return b""
        except _LOST as error:
            if self._too_late:
                raise httpcore.ReadTimeout(f"nothing came for {timeout:g} s") from None
            raise httpcore.ReadError(reason(error)) from error
        finally:
            self._alarm.off()
        return data if self._tls is None else data + self._decrypted(self._tls, max_bytes - len(data))

    def _decrypted(self, tls: ssl.SSLObject, room: int) -> bytes:
        """The TLS records that came with the one just read: anyio hands over one record for each call."""
        more: list[bytes] = []
        try:
            while room > 0 and (record := tls.read(room)):
                more.append(record)
                room -= len(record)
        except ssl.SSLError:
            pass  # nothing complete is left; a real failure comes back with the next read
        return b"".join(more)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of `buffer`. Raises WriteTimeout, WriteError."""
        if not buffer:
            return
        try:
            if timeout is None:
                await self._stream.send(buffer)
                return
            with anyio.move_on_after(timeout) as limit:
                await self._stream.send(buffer)
        except _LOST as error:
            raise httpcore.WriteError(reason(error)) from error
        if limit.cancelled_caught:
            raise httpcore.WriteTimeout(f"nothing was taken for {timeout:g} s")

    def _break_off(self) -> None:
        """The other side has taken too long: whoever reads finds the connection closed."""
        self._too_late = True
        # Through a second descriptor: the event loop lends its own for looking at only.
        with suppress(OSError), socket.socket(fileno=os.dup(self._socket.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)

    async def aclose(self) -> None:
        self._alarm.close()
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """The same connection, encrypted. Raises ConnectTimeout, ConnectError; then the socket is closed."""
        try:
            with anyio.fail_after(timeout):
                encrypted = await TLSStream.wrap(
                    self._stream,
                    ssl_context=ssl_context,
                    hostname=server_hostname,
                    standard_compatible=False,
                    server_side=False,
                )
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await self.aclose()
            match error:
                case TimeoutError():
                    raise httpcore.ConnectTimeout(f"no TLS handshake within {timeout:g} s") from error
                case anyio.EndOfStream():
                    raise httpcore.ConnectError("closed during the TLS handshake") from error
                case _ if isinstance(error, _LOST):
                    raise httpcore.ConnectError(reason(error)) from error
            raise
        return Stream(encrypted)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks a stream for; None for what it does not know."""
        match info:
            case "ssl_object":
                return self._tls
            case "client_addr":
                return self._stream.extra(attribute=SocketAttribute.local_address, default=None)
            case "server_addr":
                return self._stream.extra(attribute=SocketAttribute.remote_address, default=None)
            case "socket":
                return self._socket
            case "is_readable":
                return _readable(self._socket)
        return None


class Network(httpcore.AsyncNetworkBackend):
    """Opens TCP connections."""

    def __repr__(self) -> str:
        return "<Network>"

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> Stream:
        """Raises ConnectTimeout, ConnectError."""
        try:
            with anyio.fail_after(timeout):
                stream = await anyio.connect_tcp(host, port, local_host=local_address)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection within {timeout:g} s") from error
        except (OSError, UnicodeError) as error:  # the latter for a host that no DNS name can be
            raise httpcore.ConnectError(reason(error)) from error
        raw = stream.extra(attribute=SocketAttribute.raw_socket)
        for option in socket_options or ():
            raw.setsockopt(*option)
        return Stream(stream)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


def reason(error: BaseException) -> str:
    """What lies at the bottom of an exception, in words: many of these have no message of their own."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, BaseExceptionGroup):
        return reason(error.exceptions[0])
    return str(error) or type(error).__name__


def _readable(sock: socket.socket | None) -> bool:
    """True when a read would return at once: on an idle connection that is its end, or something unasked."""
    if sock is None or sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))
