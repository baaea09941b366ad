"""The backend that really goes out: a gated pool of HTTP/1.1 connections.

Owns how many connections there are, who waits for one, when a request may be sent a second time,
and the one boundary at which httpcore's exceptions become `LunaError`. Knows nothing of Qwen.

Gated: who has passed the gate gets a connection at once, an idle one or a new one. So nothing queues in the pool, and
what is cancelled leaves nothing behind in it.
"""

import ssl
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import anyio
import anyio.to_thread
import httpcore

from luna.model.ambient import Clock, SystemClock
from luna.upstream.connection import Connection, State
from luna.upstream.exchange import OutRequest, Usage
from luna.upstream.network import Network
from luna.upstream.request import Phase, Place, Wire, wire
from luna.upstream.response import broken, too_slow
from luna.upstream.turn import FOREIGN, StaleConnection, Turn, failure

CONNECTIONS = 512
KEEPALIVE = 50.0
"""Seconds that an idle connection is kept: a little less than servers commonly do."""


class Pool:
    """The connections."""

    def __init__(
        self,
        connections: int,
        keepalive: float,
        clock: Clock,
        network: httpcore.AsyncNetworkBackend,
        context: Callable[[], ssl.SSLContext],
    ) -> None:
        self.retired = False
        """No connection is kept any more."""
        self._most = connections
        self._network = network
        self._keepalive = keepalive
        self._clock = clock
        self._build_context = context
        self._building = anyio.Lock()
        self._context: ssl.SSLContext | None = None
        self._connections: list[Connection] = []
        self._idle: dict[Place, deque[Connection]] = {}
        """By where they lead: those that may serve again, the longest idle first."""

    def __repr__(self) -> str:
        return f"<Pool {len(self.connections)}>"

    @property
    def connections(self) -> list[Connection]:
        """Those that are open."""
        return [connection for connection in self._connections if connection.state is not State.CLOSED]

    def take(self, place: Place, *, fresh: bool) -> tuple[Connection, Sequence[Connection]]:
        """The connection for a request: the one that was idle last, or a new one, and always that if it is to be
        `fresh`. And those that are to be closed: idle ones whose time is over, and the one that has to make room."""
        idle = self._idle.get(place)
        closing: list[Connection] = []
        if idle:
            now = self._clock.monotonic()
            while idle and now > idle[0].expires:
                closing.append(idle.popleft())
            while idle and not fresh:
                connection = idle.pop()
                stream = connection.stream
                if stream is not None and not stream.readable:
                    connection.state = State.ACTIVE
                    if closing:
                        self._forget(closing)
                    return connection, closing
                closing.append(connection)
        self._forget(closing)
        if len(self._connections) >= self._most and (longest := self._longest_idle()) is not None:
            self._connections.remove(longest)
            closing.append(longest)
        connection = Connection(place, network=self._network, tls=self._tls, clock=self._clock)
        self._connections.append(connection)
        return connection, closing

    def keep(self, connection: Connection) -> bool:
        """It waits for its next request; False where it is not to."""
        if self.retired or connection.state is not State.ACTIVE:
            return False
        connection.state = State.IDLE
        connection.expires = self._clock.monotonic() + self._keepalive
        try:
            self._idle[connection.place].append(connection)
        except KeyError:
            self._idle[connection.place] = deque((connection,))
        return True

    def _forget(self, closing: Sequence[Connection]) -> None:
        """Only those that are open and not about to be closed count."""
        self._connections = [c for c in self.connections if c not in closing]

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

    async def close(self, connections: Iterable[Connection]) -> None:
        """Close these, even for somebody who is cancelled."""
        with anyio.CancelScope(shield=True):
            for connection in connections:
                await connection.aclose()

    async def close_idle(self, *, expired: bool = False) -> None:
        """Close the connections that serve nobody; the others live on. `expired`: only those that can serve nobody any
        more."""
        idle = [c for c in self._connections if c.is_idle() and (c.has_expired() or not expired)]
        self._connections = [connection for connection in self._connections if connection not in idle]
        for place, waiting in [*self._idle.items()]:
            self._idle[place] = deque(connection for connection in waiting if connection not in idle)
            if not self._idle[place]:
                del self._idle[place]
        await self.close(idle)


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
        self._most = connections
        self._gate = anyio.Semaphore(connections)

    def __repr__(self) -> str:
        usage = self.usage()
        state = " retired" if self.pool.retired else ""
        return (
            f"<PoolBackend exchanges={usage.exchanges}/{self._most} waiting={usage.waiting} "
            f"connections={usage.connections}{state}>"
        )

    def usage(self) -> Usage:
        """What goes on now."""
        gate, open_ = self._gate, self.pool.connections
        idle = sum(connection.is_idle() for connection in open_)
        return Usage(self._most - gate.value, gate.statistics().tasks_waiting, len(open_), idle)

    async def open(self, request: OutRequest) -> Turn:
        """See `Backend.open`. Sends a second time only when a reused connection proves to have been closed."""
        outgoing = wire(request)
        pool = self.pool
        if pool.retired:
            raise broken(outgoing.place.host, Phase.CONNECT, "this pool of connections has been closed")
        try:
            self._gate.acquire_nowait()
        except anyio.WouldBlock:
            await self._queue(outgoing)
        fresh = outgoing.address != ""
        while True:
            connection, closing = pool.take(outgoing.place, fresh=fresh)
            turn = Turn(outgoing, connection, self._over)
            try:
                if closing:
                    await pool.close(closing)
                stream = connection.stream or await connection.connect(outgoing)
                connection.served += 1
                await turn.begin(stream, reused=connection.served > 1)
                turn.headed()
            except StaleConnection:
                turn.drop()
                await connection.drop()
                fresh = True
            except FOREIGN as error:
                await self._failed(turn, connection)
                raise failure(outgoing.place.host, outgoing.phase, error) from error
            except BaseException:
                await self._failed(turn, connection)
                raise
            else:
                return turn

    async def aclose(self) -> None:
        """Close what is idle; what is in use closes when it is done."""
        self.pool.retired = True
        await self.pool.close_idle()

    async def tidy(self) -> None:
        """Close what has been idle for too long, or was closed by the other side: while nobody asks, nobody else
        would."""
        await self.pool.close_idle(expired=True)

    async def _queue(self, outgoing: Wire) -> None:
        """Wait to be let in."""
        patience = outgoing.timeouts.connect
        with anyio.move_on_after(patience) as limit:
            await self._gate.acquire()
        if limit.cancelled_caught:
            what = f"all {self._most} connections were in use for {patience:g} s"
            raise too_slow(outgoing.place.host, Phase.CONNECT, what) from None

    async def _failed(self, turn: Turn, connection: Connection) -> None:
        """An exchange has come to nothing: the next one may come."""
        self._gate.release()
        turn.drop()
        await connection.drop()

    def _over(self, connection: Connection, reusable: bool) -> bool:
        """An exchange is over: the next one may come. True if its connection is kept for it."""
        self._gate.release()
        return reusable and self.pool.keep(connection)
