"""What every backend's response has in common, and how a failure on the way is told.

Owns the reading of a whole body within a limit and the wording of upstream failures, so that the
pool, the replay and the faults fail alike. Knows neither sockets nor recordings.
"""

from collections.abc import AsyncIterator, Mapping

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import Headers, InResponse

READ_LIMIT = 4 * 1024 * 1024

_AGAIN = "Send the request again; if it goes on, check the network and the upstream's state."


class Response:
    """Base of the responses that the backends give: an `InResponse` but for `chunks` and `aclose`."""

    fields: Mapping[str, str]

    def __init__(self, host: str, status: int, headers: Headers) -> None:
        self.host = host
        self._says(status, headers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status} from {self.host}>"

    def _says(self, status: int, headers: Headers) -> None:
        """Its head is this."""
        self.status = status
        self.headers = headers
        self.fields = dict(reversed(headers))

    def header(self, name: str) -> str:
        """The first header of that (lower-case) name, or ""."""
        return self.fields.get(name, "")

    @property
    def at_end(self) -> bool:
        """No more chunks come; False where that is not known."""
        return False

    def chunks(self) -> AsyncIterator[bytes]:
        """The body, piece by piece."""
        raise NotImplementedError

    async def read(self, limit: int = READ_LIMIT) -> bytes:
        """The whole body. Raises what `chunks` raises, and LunaError(UPSTREAM_BROKEN) beyond `limit` bytes."""
        pieces: list[bytes] = []
        room = limit
        async for piece in self.chunks():
            room -= len(piece)
            if room < 0:
                raise broken(self.host, "body", f"more than the {limit} bytes that such an answer may have")
            pieces.append(piece)
        return b"".join(pieces)


class Around(Response):
    """Base of those that show, count or write down the body of another."""

    def __init__(self, inner: InResponse) -> None:
        self.host, self.status, self.headers, self.fields = inner.host, inner.status, inner.headers, inner.fields
        self._inner = inner

    @property
    def at_end(self) -> bool:
        return self._inner.at_end

    def chunks(self) -> AsyncIterator[bytes]:
        return self._inner.chunks()

    async def aclose(self) -> None:
        await self._inner.aclose()


def broken(host: str, phase: str, what: str) -> LunaError:
    """The other side could not be reached, broke off or made no sense."""
    return LunaError(
        Kind.UPSTREAM_BROKEN,
        f"The exchange with {host} broke ({phase}): {what}.",
        hint=_AGAIN,
        detail={"host": host, "phase": phase},
    )


def too_slow(host: str, phase: str, what: str) -> LunaError:
    """The other side took longer than the request allowed."""
    return LunaError(
        Kind.TIMEOUT,
        f"{host} was too slow ({phase}): {what}.",
        hint=_AGAIN,
        detail={"host": host, "phase": phase},
    )
