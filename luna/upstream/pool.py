"""The backend that really goes out: a gated pool of HTTP/1.1 connections.

Owns how many connections there are, who waits for one, when a request may be sent a second time,
and the one boundary at which httpcore's exceptions become `LunaError`. Knows nothing of Qwen.

Gated: a limiter of the pool's own size stands in front of it, so that httpcore never queues a
request. Its queue does not survive cancellation: a request cancelled in it leaves a connection
behind that nobody will ever use, until the pool is full of them.
"""

import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, Self

import anyio
import anyio.to_thread
import httpcore

from luna.model.ambient import Clock, SystemClock
from luna.model.errors import LunaError
from luna.upstream.connection import Connection
from luna.upstream.encoding import EncodingError, Inflater, inflater
from luna.upstream.exchange import Headers, OutRequest
from luna.upstream.network import Network
from luna.upstream.parser import RawHeaders
from luna.upstream.request import Outgoing, Wire, wire
from luna.upstream.response import Response, broken, too_slow
from luna.upstream.turn import Phase, StaleConnection, Turn

CONNECTIONS = 512
KEEPALIVE = 50.0
"""Seconds that an idle connection is kept: a little less than servers commonly do."""

_NONE: "deque[Connection]" = deque()

_FOREIGN = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


class Pool(httpcore.AsyncConnectionPool):
    """httpcore's pool with our connections in it."""

    def __init__(
        self,
        connections: int,
        keepalive: float,
        clock: Clock,
        network: httpcore.AsyncNetworkBackend,
        context: Callable[[], ssl.SSLContext],
    ) -> None:
        super().__init__(max_connections=connections, network_backend=network)
        self._network = network
        self._keepalive = keepalive
        self._clock = clock
        self._build_context = context
        self._building = anyio.Lock()
        self._context: ssl.SSLContext | None = None
        self._idle: dict[tuple[bytes, bytes, int], deque[Connection]] = {}
        """By where they lead: those that may serve again, the longest idle first."""

    def create_connection(self, origin: httpcore.Origin) -> Connection:
        """The place for proxies: one is a `network` whose streams lead through it; everything else stays as it is."""
        return Connection(
            origin,
            network=self._network,
            tls=self._tls,
            clock=self._clock,
            keepalive=self._keepalive,
            rests=self._rests,
        )

    @property
    def connections(self) -> list[httpcore.AsyncConnectionInterface]:
        """Those that are open."""
        return [connection for connection in self._connections if not connection.is_closed()]

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send it on the connection that was idle last, or on a new one. The response's stream is the turn: closing it
        gives the connection back.

        In the place of httpcore's own method, which queues every request and looks at every pair of idle connections,
        twice, polling each one's socket: 5 ms with a hundred of them. Behind the gate a request never waits."""
        assert isinstance(request, Outgoing), "what httpcore made itself"
        while True:
            connection, closing = self._choose(request.origin, reuse=not request.extensions.get("fresh"))
            if closing:
                await self._close_connections([*closing])
            try:
                return await connection.handle_async_request(request)
            except httpcore.ConnectionNotAvailable:
                continue

    def _choose(self, origin: httpcore.Origin, *, reuse: bool) -> tuple[Connection, list[Connection]]:
        """The connection for a request, and those that are to be closed: idle ones whose time is over, and the one
        that has to make room."""
        closing: list[Connection] = []
        idle = self._idle.get((origin.scheme, origin.host, origin.port), _NONE)
        while idle and idle[0].overdue():  # the longest idle comes first
            closing.append(idle.popleft())
        chosen: Connection | None = None
        while reuse and idle and chosen is None:
            connection = idle.pop()
            if connection.is_available() and not connection.has_expired():
                chosen = connection
            else:
                closing.append(connection)
        if chosen is None or closing:
            living = [c for c in self.connections if c not in closing]
            self._connections = living
        if chosen is None:
            if len(self._connections) >= self._max_connections and (longest := self._longest_idle()) is not None:
                self._connections.remove(longest)
                closing.append(longest)
            chosen = self.create_connection(origin)
            self._connections.append(chosen)
        return chosen, closing

    def _rests(self, connection: Connection) -> None:
        """It waits for its next request."""
        origin = connection.origin
        self._idle.setdefault((origin.scheme, origin.host, origin.port), deque()).append(connection)

    def _longest_idle(self) -> Connection | None:
        for idle in self._idle.values():
            while idle:
                connection = idle.popleft()
                if connection.is_idle():
                    return connection
        return None

    async def _tls(self) -> ssl.SSLContext:
        """One for all connections, built when the first needs it and in a thread: it takes 60 ms."""
        async with self._building:
            if self._context is None:
                self._context = await anyio.to_thread.run_sync(self._build_context)
                self._context.set_alpn_protocols(["http/1.1"])
            return self._context

    async def close_idle(self, *, expired: bool = False) -> None:
        """Close the connections that serve nobody; the others live on. `expired`: only those that can serve nobody any
        more."""
        idle = [c for c in self._connections if c.is_idle() and (c.has_expired() or not expired)]
        self._connections = [connection for connection in self._connections if connection not in idle]
        for origin, waiting in [*self._idle.items()]:
            self._idle[origin] = deque(connection for connection in waiting if connection not in idle)
            if not self._idle[origin]:
                del self._idle[origin]
        await self._close_connections([*idle])


class Usage(NamedTuple):
    """What goes on in one pool: exchanges, those that wait to be one, and connections."""

    exchanges: int
    waiting: int
    connections: int
    idle: int
    """Of the connections, those that serve nobody."""


class PoolBackend:
    """Opens exchanges over real connections."""

    def __init__(
        self,
        *,
        connections: int = CONNECTIONS,
        keepalive: float = KEEPALIVE,
        clock: Clock | None = None,
        network: httpcore.AsyncNetworkBackend | None = None,
        context: Callable[[], ssl.SSLContext] = httpcore.default_ssl_context,
    ) -> None:
        self.pool = Pool(connections, keepalive, clock or SystemClock(), network or Network(), context)
        self._gate = anyio.CapacityLimiter(connections)
        self._retired = False

    def __repr__(self) -> str:
        gate = self._gate.statistics()
        state = " retired" if self._retired else ""
        open_ = len(self.pool.connections)
        return (
            f"<PoolBackend exchanges={gate.borrowed_tokens}/{gate.total_tokens:g} waiting={gate.tasks_waiting} "
            f"connections={open_}{state}>"
        )

    def usage(self) -> Usage:
        """What goes on now."""
        gate, open_ = self._gate.statistics(), self.pool.connections
        idle = sum(connection.is_idle() for connection in open_)
        return Usage(gate.borrowed_tokens, gate.tasks_waiting, len(open_), idle)

    async def open(self, request: OutRequest) -> "PoolResponse":
        """See `Backend.open`. Sends a second time only when a reused connection proves to have been closed."""
        outgoing = wire(request)
        if self._retired:
            raise broken(outgoing.host, Phase.CONNECT, "this pool of connections has been closed")
        place = object()
        await self._enter(place, outgoing)
        try:
            response = await self._send(outgoing)
            try:
                return PoolResponse(self, place, outgoing, response)
            except LunaError:
                await response.aclose()
                raise
        except BaseException:
            await self.leave(place)
            raise

    async def aclose(self) -> None:
        """Close what is idle; what is in use closes when it is done."""
        self._retired = True
        await self.pool.close_idle()

    async def tidy(self) -> None:
        """Close what has been idle for too long, or was closed by the other side: while nobody asks, nobody else
        would."""
        await self.pool.close_idle(expired=True)

    async def _enter(self, place: object, outgoing: Wire) -> None:
        try:
            self._gate.acquire_on_behalf_of_nowait(place)
        except anyio.WouldBlock:
            patience = outgoing.timeout["connect"]
            with anyio.move_on_after(patience) as limit:
                await self._gate.acquire_on_behalf_of(place)
            if limit.cancelled_caught:
                what = f"all {self._gate.total_tokens:g} connections were in use for {patience:g} s"
                raise too_slow(outgoing.host, Phase.CONNECT, what) from None

    async def leave(self, place: object) -> None:
        """An exchange is over: the next one may come."""
        self._gate.release_on_behalf_of(place)
        if self._retired:
            with anyio.CancelScope(shield=True):
                await self.pool.close_idle()

    async def _send(self, outgoing: Wire) -> httpcore.Response:
        request = outgoing.attempt(fresh=False)
        try:
            try:
                return await self.pool.handle_async_request(request)
            except StaleConnection:
                request = outgoing.attempt(fresh=True)
                return await self.pool.handle_async_request(request)
        except _FOREIGN as error:
            raise _failure(outgoing.host, request.extensions.get("phase", Phase.CONNECT), error) from error


class PoolResponse(Response):
    """A response on a real connection; it iterates over its own body."""

    def __init__(self, backend: PoolBackend, place: object, outgoing: Wire, response: httpcore.Response) -> None:
        headers = _decoded(response.headers)
        super().__init__(outgoing.host, response.status, headers)
        self._backend = backend
        self._place: object | None = place
        self._turn: Turn = response.extensions["turn"]
        try:
            self._inflater = inflater(self.header("content-encoding"))
        except EncodingError as error:
            raise broken(outgoing.host, Phase.HEAD, str(error)) from error
        if self._inflater is not None:
            encoded = ("content-encoding", "content-length")
            self.headers = tuple((name, value) for name, value in headers if name not in encoded)

    @property
    def at_end(self) -> bool:
        return self._turn.at_end

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            if self._inflater is None:
                return await self._turn.__anext__()
            return await self._inflated(self._inflater)
        except _FOREIGN as error:
            raise _failure(self.host, Phase.BODY, error) from error

    async def _inflated(self, undo: Inflater) -> bytes:
        try:
            async for data in self._turn:
                if plain := undo.feed(data):
                    return plain
            undo.end()
        except EncodingError as error:
            raise broken(self.host, Phase.BODY, str(error)) from error
        raise StopAsyncIteration

    async def aclose(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            try:
                await self._turn.aclose()
            finally:
                await self._backend.leave(place)


def _decoded(headers: RawHeaders) -> Headers:
    """As text, all of it in one go: no header holds a NUL."""
    texts = b"\0".join([text for pair in headers for text in pair]).decode("latin-1").split("\0")
    return tuple(zip(texts[::2], texts[1::2], strict=True)) if headers else ()


def _failure(host: str, phase: str, error: Exception) -> LunaError:
    """What httpcore's exception means. Its own message is often empty, so its name always stands there."""
    what = f"{type(error).__name__}, {error}" if str(error) else type(error).__name__
    tell = too_slow if isinstance(error, httpcore.TimeoutException) else broken
    return tell(host, phase, what)
