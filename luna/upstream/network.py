"""The network: how a socket comes to be connected.

Owns which of a host's addresses are tried and when, and the timeout of it all. What is read and written then is
`luna.upstream.stream`'s business.
"""

# ruff: noqa: ASYNC109 - the parameter's name is httpcore's

import asyncio  # noqa: TID251 - a transport of the event loop, see luna.upstream.stream
import socket
from collections.abc import Iterable
from ipaddress import ip_address

import aiohappyeyeballs
import anyio
import httpcore

from luna.upstream.stream import Stream, reason

NEXT_ADDRESS = 0.25
"""Seconds after which another of a host's addresses is tried beside the first (RFC 8305, section 8)."""


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
                return await _connect(host, port, local_address, socket_options or ())
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection within {timeout:g} s") from error
        except (OSError, UnicodeError) as error:  # the latter for a host that no DNS name can be
            raise httpcore.ConnectError(reason(error)) from error

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def _connect(
    host: str, port: int, local_address: str | None, socket_options: Iterable[httpcore.SOCKET_OPTION]
) -> Stream:
    connected = await aiohappyeyeballs.start_connection(
        await _addresses(host, port),
        local_addr_infos=await _addresses(local_address, 0) if local_address else None,
        happy_eyeballs_delay=NEXT_ADDRESS,
        interleave=1,
    )
    try:
        for option in socket_options:
            connected.setsockopt(*option)
        _, stream = await asyncio.get_running_loop().create_connection(Stream, sock=connected)
    except BaseException:
        connected.close()
        raise
    return stream


async def _addresses(host: str, port: int) -> list[aiohappyeyeballs.AddrInfoType]:
    """An address stands for itself: it is not looked up."""
    try:
        version = ip_address(host).version
    except ValueError:
        return list(await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    if version == 4:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))]
