"""The backend that answers from a recording instead of the network.

Owns which recorded exchange answers which request: method and path must agree, and those that agree
are used in the order in which they were recorded. Knows no recorder and no file.
"""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Self
from urllib.parse import urlsplit

import anyio

from luna.model.errors import Kind, LunaError
from luna.upstream.chaos import replayed
from luna.upstream.exchange import OutRequest
from luna.upstream.response import Response, broken
from luna.wire.reader import Exchange

Sleep = Callable[[float], Awaitable[None]]
_Key = tuple[str, str]


class ReplayBackend:
    """Serves `exchanges`. `speed` 0 is as fast as possible, 1 as it was, 2 twice as fast."""

    def __init__(self, exchanges: Iterable[Exchange], *, speed: float = 0, sleep: Sleep = anyio.sleep) -> None:
        self.requests: list[OutRequest] = []
        """Everything that was asked for, in order."""
        self._speed = speed
        self._sleep = sleep
        self._left: defaultdict[_Key, deque[Exchange]] = defaultdict(deque)
        for exchange in exchanges:
            self._left[_key(exchange.opened.method, exchange.opened.url)].append(exchange)

    def __repr__(self) -> str:
        return f"<ReplayBackend asked={len(self.requests)} left={len(self.left)}>"

    @property
    def left(self) -> list[str]:
        """What the recording holds and nobody has asked for yet: `POST /api/…`."""
        return [" ".join(key) for key, waiting in self._left.items() for _ in waiting]

    async def open(self, request: OutRequest) -> "ReplayedResponse":
        """See `Backend.open`. Raises LunaError(UPSTREAM_BROKEN) also for what the recording does not hold."""
        self.requests.append(request)
        method, path = key = _key(request.method, request.url)
        waiting = self._left.get(key)
        if not waiting:
            left = ", ".join(self.left) or "nothing"
            raise LunaError(
                Kind.UPSTREAM_BROKEN,
                f"The recording has no (further) {method} {path}; it still has: {left}.",
                hint="What is replayed asks the upstream for something else than what was recorded.",
            )
        exchange = waiting.popleft()
        host = urlsplit(request.url).hostname or ""
        if exchange.status:
            replayed(exchange.headers)
            await self.pause(exchange.head_t - exchange.opened.t)
            return ReplayedResponse(self, host, exchange)
        if exchange.end is not None:
            await self.pause(exchange.end.t - exchange.opened.t)
        raise _ending(host, exchange)

    async def aclose(self) -> None:
        """Nothing is open."""

    async def pause(self, microseconds: int) -> None:
        """Let pass what passed then, at this replay's speed."""
        if self._speed > 0 and microseconds > 0:
            await self._sleep(microseconds / 1_000_000 / self._speed)


class ReplayedResponse(Response):
    """A recorded response: the same chunks, at most once."""

    def __init__(self, backend: ReplayBackend, host: str, exchange: Exchange) -> None:
        super().__init__(host, exchange.status, exchange.headers)
        self._backend = backend
        self._exchange = exchange
        self._chunks = deque(exchange.chunks)
        self._t = exchange.head_t

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while self._chunks:
            chunk = self._chunks.popleft()
            await self._pass(chunk.t)
            if chunk.data:
                return chunk.data
        end = self._exchange.end
        if end is not None:
            await self._pass(end.t)
        if end is None or end.how != "complete":
            raise _ending(self.host, self._exchange)
        raise StopAsyncIteration

    async def _pass(self, t: int) -> None:
        gap, self._t = t - self._t, t
        await self._backend.pause(gap)

    async def aclose(self) -> None:
        self._chunks.clear()


def _key(method: str, url: str) -> _Key:
    return method, urlsplit(url).path or "/"


def _ending(host: str, exchange: Exchange) -> LunaError:
    """How an exchange went wrong then; for one that luna itself had closed, that the recording ends there."""
    end = exchange.end
    if end is None or end.how != "broken":
        return broken(host, "body" if exchange.status else "head", "the recording of this exchange ends here")
    kinds = [kind for kind in Kind if kind.value == end.kind]
    return LunaError(kinds[0] if kinds else Kind.UPSTREAM_BROKEN, end.message, hint=end.hint)
