"""The seam for the network: one request out, one response in.

Owns the shapes that every backend speaks: the pool that really goes out, the recording around it,
the replay that stands in for it, the faults that break it. Knows nothing of Qwen.
"""

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, Protocol

import msgspec

Headers = tuple[tuple[str, str], ...]


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds. `head`: from the sent request to the response's head; `idle`: between two reads of the body."""

    connect: float = 15.0
    head: float = 120.0
    idle: float = 180.0


_PATIENT = Timeouts()


class OutRequest(msgspec.Struct, frozen=True):
    """What goes out. Header names as they shall stand on the wire; `host` and `content-length` are added."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""
    timeouts: Timeouts = _PATIENT
    address: str = ""
    """The IP address to connect to, for a host that has been looked up and judged (`luna.upstream.guard`): it is not
    looked up again. TLS is still checked against the host's name. Empty: whoever opens the connection looks it up."""

    def __repr__(self) -> str:
        return f"OutRequest(method={self.method!r}, url={self.url!r}, timeouts={self.timeouts!r})"


class InResponse(Protocol):
    """What comes back. Whoever opened it closes it, in the same task."""

    host: str
    """Whose it is."""
    status: int
    headers: Headers
    """Header names in lower case, in order, repeated ones kept."""
    fields: Mapping[str, str]
    """The first of each name."""

    def header(self, name: str) -> str:
        """The first header of that (lower-case) name, or ""."""
        ...

    @property
    def at_end(self) -> bool:
        """True when it is known that no more chunks come: the next read would not wait."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body, content encoding undone, one item for each read of the socket; may be iterated once.
        Raises LunaError(UPSTREAM_BROKEN) when it is cut, LunaError(TIMEOUT) when it stalls."""
        ...

    async def read(self, limit: int = 4 * 1024 * 1024) -> bytes:
        """The whole body. Raises what `chunks` raises, and LunaError(UPSTREAM_BROKEN) beyond `limit` bytes."""
        ...

    async def aclose(self) -> None:
        """Give the connection back: to the pool if the body was read to its end, else by closing the socket.
        May be called twice, and is not broken off by cancellation."""
        ...


class Backend(Protocol):
    """Opens exchanges."""

    async def open(self, request: OutRequest) -> InResponse:
        """Send the request and return when the response's head is there. Never follows a redirect.
        Raises LunaError(UPSTREAM_BROKEN) when the other side cannot be reached or breaks off, LunaError(TIMEOUT)
        when it is too slow. The message names the host and what failed, never a header or a body."""
        ...

    async def aclose(self) -> None:
        """Close what is idle and let go of the rest."""
        ...


class Usage(NamedTuple):
    """What goes on in one pool: exchanges, those that wait to be one, and connections."""

    exchanges: int
    waiting: int
    connections: int
    idle: int
    """Of the connections, those that serve nobody."""
