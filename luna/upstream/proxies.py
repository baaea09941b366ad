"""Ways out of this machine other than the straight one: a proxy, or another of its own addresses.

Owns the networks that lead there: a pool connects through one and notices nothing. A host's name is given to the proxy
as it is, so that nothing is looked up on this side; an address that has been looked up and judged is asked for as it
is, so that nothing is looked up on the other side either. What is said to a proxy is `luna.upstream.handshakes`'. No
message names its user or password.
"""

# ruff: noqa: ASYNC109 - the parameter's name is httpcore's

import ssl
from collections.abc import Callable, Iterable

import anyio
import anyio.to_thread
import httpcore

from luna.upstream import handshakes
from luna.upstream.network import Network
from luna.upstream.proxy_address import ProxyAddress
from luna.upstream.stream import Stream


class LocalAddressNetwork(Network):
    """Goes out from one of this machine's own addresses."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __repr__(self) -> str:
        return f"<LocalAddressNetwork {self._address}>"

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> Stream:
        """Raises ConnectTimeout, ConnectError."""
        return await super().connect_tcp(host, port, timeout, local_address or self._address, socket_options)


class ProxyNetwork(httpcore.AsyncNetworkBackend):
    """Goes out through a proxy."""

    def __init__(
        self,
        proxy: ProxyAddress,
        network: httpcore.AsyncNetworkBackend | None = None,
        context: Callable[[], ssl.SSLContext] = httpcore.default_ssl_context,
    ) -> None:
        self._proxy = proxy
        self._network = network or Network()
        self._build_context = context
        self._building = anyio.Lock()
        self._context: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"<ProxyNetwork {self._proxy}>"

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to `host` that the proxy carries. Raises ConnectTimeout, ProxyError."""
        if local_address is not None:
            raise httpcore.UnsupportedProtocol("a proxy goes out from its own address")
        try:
            with anyio.fail_after(timeout):
                return await self._connect(host, port, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection through the proxy {self._proxy} in time") from error

    async def _connect(
        self, host: str, port: int, socket_options: Iterable[httpcore.SOCKET_OPTION] | None
    ) -> httpcore.AsyncNetworkStream:
        proxy = self._proxy
        try:
            stream = await self._network.connect_tcp(proxy.host, proxy.port, None, None, socket_options)
        except httpcore.ConnectError as error:
            raise httpcore.ProxyError(f"the proxy {proxy} cannot be reached: {error}") from error
        try:
            if proxy.scheme == "https":
                stream = await stream.start_tls(await self._tls(), proxy.host)
            ask = handshakes.socks if proxy.scheme == "socks5" else handshakes.connect
            await ask(stream, host, port, proxy.user, proxy.password)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await stream.aclose()
            match error:
                case httpcore.ConnectError():
                    raise httpcore.ProxyError(f"the proxy {proxy} does not speak TLS with us: {error}") from error
                case httpcore.ReadError() | httpcore.WriteError():
                    raise httpcore.ProxyError(f"the proxy {proxy} broke off: {error}") from error
                case httpcore.ProxyError():
                    raise httpcore.ProxyError(f"the proxy {proxy} {error}") from error
            raise
        return stream

    async def _tls(self) -> ssl.SSLContext:
        """One for all connections, built in a thread: it takes 60 ms."""
        async with self._building:
            if self._context is None:
                self._context = await anyio.to_thread.run_sync(self._build_context)
                self._context.set_alpn_protocols(["http/1.1"])
            return self._context

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)
