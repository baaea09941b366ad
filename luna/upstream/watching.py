"""The backend that shows somebody what came back, without being in the way of what matters.

Owns what is shown of a response: its head, and its body if that is one document, up to a limit. A
stream that was accepted is given out as it is: a layer around each of its reads would cost more than looking at it is
worth, and whoever reads it can do so (`luna.qwen.samples`).
"""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Self

from luna.model.alarm import soon
from luna.upstream.exchange import Backend, InResponse, OutRequest
from luna.upstream.response import Around

LARGEST = 512 * 1024
"""Bytes of a body that is shown; of a larger one only the head is."""

Look = Callable[[bytes | None], None]
"""Is told of the body, once: when it has been read to its end, and None when it is not to be looked at."""
Watch = Callable[[OutRequest, InResponse], Look | None]
"""Is told of every response when its head is there. None: it does not want to know more."""


class WatchingBackend:
    """Tells `watch` what `inner` gets. Neither it nor its looks may raise."""

    def __init__(self, inner: Backend, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch

    def __repr__(self) -> str:
        return f"<WatchingBackend {self._inner!r}>"

    async def open(self, request: OutRequest) -> InResponse:
        """See `Backend.open`."""
        response = await self._inner.open(request)
        kind = response.header("content-type")
        real = response.header("x-actual-status-code")
        streams = "event-stream" in kind and response.status == 200 and real in ("", "200")
        if streams or not ("json" in kind or "event-stream" in kind):
            soon(partial(self._glance, request, response))
            return response
        look = self._watch(request, response)
        return response if look is None else WatchedResponse(response, look)

    def _glance(self, request: OutRequest, response: InResponse) -> None:
        """At the head alone."""
        look = self._watch(request, response)
        if look is not None:
            look(None)

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._inner.aclose()


class WatchedResponse(Around):
    """A response whose body is kept until it has been read."""

    def __init__(self, inner: InResponse, look: Look) -> None:
        super().__init__(inner)
        self._chunks = inner.chunks()
        self._look: Look | None = look
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
        look, self._look = self._look, None
        self._pieces = []
        if look is not None:
            look(body)

    async def aclose(self) -> None:
        self._tell(None)
        await super().aclose()
