"""The backend that shows somebody what came back, without being in the way of what matters.

Owns which responses are looked at: the head of each, and the body of those that are one document, up to a limit. A
stream that was accepted is given out as it is: a layer around each of its reads would cost more than looking at it is
worth, and whoever reads it can do so (`luna.qwen.samples`).
"""

from collections.abc import AsyncIterator, Callable
from typing import Self

from luna.upstream.exchange import Backend, InResponse, OutRequest
from luna.upstream.response import Around

LARGEST = 512 * 1024
"""Bytes of a body that is shown; of a larger one only the head is."""

Watch = Callable[[OutRequest, InResponse, bytes | None], None]
"""Is told of every response, once: when its body has been read to its end (None: when it is not to be looked at)."""


class WatchingBackend:
    """Tells `watch` what `inner` gets. `wanted`: which requests it is about. Neither may raise."""

    def __init__(self, inner: Backend, watch: Watch, wanted: Callable[[OutRequest], bool]) -> None:
        self._inner = inner
        self._watch = watch
        self._wanted = wanted

    def __repr__(self) -> str:
        return f"<WatchingBackend {self._inner!r}>"

    async def open(self, request: OutRequest) -> InResponse:
        """See `Backend.open`."""
        response = await self._inner.open(request)
        if not self._wanted(request):
            return response
        kind = response.header("content-type")
        real = response.header("x-actual-status-code")
        streams = "event-stream" in kind and response.status == 200 and real in ("", "200")
        if streams or not ("json" in kind or "event-stream" in kind):
            self._watch(request, response, None)
            return response
        return WatchedResponse(response, request, self._watch)

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._inner.aclose()


class WatchedResponse(Around):
    """A response whose body is kept until it has been read."""

    def __init__(self, inner: InResponse, request: OutRequest, watch: Watch) -> None:
        super().__init__(inner)
        self._chunks = inner.chunks()
        self._request = request
        self._watch: Watch | None = watch
        self._pieces: list[bytes] = []
        self._room = LARGEST

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._chunks.__anext__()
        except StopAsyncIteration:
            self._tell(b"".join(self._pieces) if self._room >= 0 else None)
            raise
        self._room -= len(data)
        if self._room >= 0:
            self._pieces.append(data)
        return data

    def _tell(self, body: bytes | None) -> None:
        watch, self._watch = self._watch, None
        self._pieces = []
        if watch is not None:
            watch(self._request, self._inner, body)

    async def aclose(self) -> None:
        self._tell(None)
        await super().aclose()
