"""One HTTP/1.1 connection: requests in turn, until one of both sides has had enough.

Owns the life of one socket: connecting, TLS, whether it may serve again, closing. Fits httpcore's
pool in the place of its own connection, whose parser costs several times as much. Raises httpcore's
exceptions; what they mean to luna is decided in `luna.upstream.pool`.
"""

import enum
import ssl
from collections.abc import Awaitable, Callable

import anyio
import httpcore

from luna.model.ambient import Clock
from luna.upstream.request import Outgoing
from luna.upstream.stream import Stream
from luna.upstream.turn import Phase, Turn


class State(enum.Enum):
    """Where a connection is in its life. The value is the word in its repr."""

    NEW = "new"
    CONNECTING = "connecting"
    ACTIVE = "active"
    IDLE = "idle"
    CLOSED = "closed"


class Begun(httpcore.Response):
    """A response whose head is there. Made without httpcore's constructor, which looks at every header."""

    def __init__(self, turn: Turn, stream: httpcore.AsyncNetworkStream) -> None:
        self.status = turn.status
        self.headers = turn.headers
        self.stream = turn
        self.extensions = {"http_version": b"HTTP/1.1", "network_stream": stream, "turn": turn}
        self._stream_consumed = False


class Connection(httpcore.AsyncConnectionInterface):
    """Serves one request at a time. `tls` gives the SSL context; it is asked for only when there is need of one.

    Reads these extensions of a request: `timeout` (a dict with `connect`, `write`, `head`, `read`; seconds, each may
    be missing), `address` (to connect to, where the host is not to be looked up), and keeps `phase` in them.
    """

    def __init__(
        self,
        origin: httpcore.Origin,
        *,
        network: httpcore.AsyncNetworkBackend,
        tls: Callable[[], Awaitable[ssl.SSLContext]],
        clock: Clock,
        keepalive: float,
        rests: "Callable[[Connection], None]",
    ) -> None:
        """`rests` is told when it waits for its next request."""
        self.origin = origin
        self._rests = rests
        self._network = network
        self._tls = tls
        self._clock = clock
        self._keepalive = keepalive
        self._state = State.NEW
        self._stream: Stream | None = None
        self._served = 0
        self._expires = 0.0

    def __repr__(self) -> str:
        return f"<Connection {self.origin} {self.info()}>"

    def info(self) -> str:
        """State and number of requests, for people."""
        return f"{self._state.value}, requests={self._served}"

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send the request, an `Outgoing`, and return when the response's head is there; its stream is the turn.
        Raises httpcore's exceptions, StaleConnection among them, and ConnectionNotAvailable."""
        assert isinstance(request, Outgoing), "what httpcore made itself"
        if self._state not in (State.NEW, State.IDLE):
            raise httpcore.ConnectionNotAvailable
        try:
            if self._stream is None:
                request.extensions["phase"] = Phase.CONNECT
                self._state = State.CONNECTING
                patience = request.extensions.get("timeout", {}).get("connect")
                self._stream = await self._connect(patience, request.extensions.get("address", ""))
            self._state = State.ACTIVE
            turn = Turn(self._stream, request, reused=self._served > 0, release=self._release)
            self._served += 1
            await turn.begin()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise
        return Begun(turn, self._stream)

    async def _connect(self, patience: float | None, address: str) -> Stream:
        host = self.origin.host.decode("ascii")
        context = await self._tls() if self.origin.scheme == b"https" else None
        stream = await self._network.connect_tcp(address or host, self.origin.port, timeout=patience)
        if context is not None:
            stream = await stream.start_tls(context, server_hostname=host, timeout=patience)
        assert isinstance(stream, Stream), "the pool's networks open no others"
        return stream

    async def _release(self, reusable: bool) -> None:
        """The turn is over: wait for the next request, or close."""
        if self._state is State.ACTIVE and reusable:
            self._state = State.IDLE
            self._expires = self._clock.monotonic() + self._keepalive
            self._rests(self)
        else:
            with anyio.CancelScope(shield=True):
                await self.aclose()

    async def aclose(self) -> None:
        """Close the socket, whatever is going on."""
        self._state = State.CLOSED
        if self._stream is not None:
            await self._stream.aclose()

    # What the pool asks.

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        """True for the origin it was made for."""
        return origin is self.origin or origin == self.origin

    def is_available(self) -> bool:
        """True when it could serve a request now."""
        return self._state is State.IDLE

    def overdue(self) -> bool:
        """True when it has been idle for too long."""
        return self._state is State.IDLE and self._clock.monotonic() > self._expires

    def has_expired(self) -> bool:
        """True when it has been idle for too long, or the other side has closed it or said something unasked."""
        if self._state is not State.IDLE or self._stream is None:
            return False
        return self._stream.readable or self.overdue()

    def is_idle(self) -> bool:
        """True between two requests."""
        return self._state is State.IDLE

    def is_closed(self) -> bool:
        """True when nothing will come of it any more."""
        return self._state is State.CLOSED
