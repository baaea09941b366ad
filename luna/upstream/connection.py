"""One HTTP/1.1 connection: requests in turn, until one of both sides has had enough.

Owns the life of one socket: connecting, TLS, whether it may serve again, closing. Raises httpcore's
exceptions; what they mean to luna is decided in `luna.upstream.pool`.
"""

import enum
import ssl
from collections.abc import Awaitable, Callable

import anyio
import httpcore

from luna.model.ambient import Clock
from luna.upstream.request import Phase, Place, Wire
from luna.upstream.stream import Stream


class State(enum.Enum):
    """Where a connection is in its life. The value is the word in its repr."""

    NEW = "new"
    CONNECTING = "connecting"
    ACTIVE = "active"
    IDLE = "idle"
    CLOSED = "closed"


class Connection:
    """Serves one request at a time. `tls` gives the SSL context; it is asked for only when there is need of one."""

    def __init__(
        self,
        place: Place,
        *,
        network: httpcore.AsyncNetworkBackend,
        tls: Callable[[], Awaitable[ssl.SSLContext]],
        clock: Clock,
    ) -> None:
        self.place = place
        self.state = State.NEW
        """The pool says when it is active and when idle."""
        self.stream: Stream | None = None
        """None until it is connected."""
        self.served = 0
        """Requests, the one that goes on among them."""
        self.expires = 0.0
        """When it will have been idle for too long."""
        self._network = network
        self._tls = tls
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Connection {self.place} {self.state.value}, requests={self.served}>"

    async def connect(self, outgoing: Wire) -> Stream:
        """The connected stream; to the request's address, where the host is not to be looked up."""
        outgoing.phase = Phase.CONNECT
        self.state = State.CONNECTING
        place, patience = self.place, outgoing.timeouts.connect
        context = await self._tls() if place.scheme == "https" else None
        stream = await self._network.connect_tcp(outgoing.address or place.host, place.port, timeout=patience)
        if context is not None:
            stream = await stream.start_tls(context, server_hostname=place.host, timeout=patience)
        assert isinstance(stream, Stream), "the pool's networks open no others"
        self.stream = stream
        self.state = State.ACTIVE
        return stream

    async def drop(self) -> None:
        """Close the socket, whatever is going on, and whoever is cancelled."""
        with anyio.CancelScope(shield=True):
            await self.aclose()

    async def aclose(self) -> None:
        """Close the socket, whatever is going on."""
        self.state = State.CLOSED
        if self.stream is not None:
            await self.stream.aclose()

    def is_available(self) -> bool:
        """True when it could serve a request now."""
        return self.state is State.IDLE

    def has_expired(self) -> bool:
        """True when it has been idle for too long, or the other side has closed it or said something unasked."""
        if self.state is not State.IDLE or self.stream is None:
            return False
        return self.stream.readable or self._clock.monotonic() > self.expires

    def is_idle(self) -> bool:
        """True between two requests."""
        return self.state is State.IDLE

    def is_closed(self) -> bool:
        """True when nothing will come of it any more."""
        return self.state is State.CLOSED
