"""The backend that takes down every exchange for the flow's recording, and else stays out of the way.

Owns the tee. Which recorder is meant says `luna.wire.recorder.CURRENT`, a context variable: nothing
is handed through, and a flow that nobody records gets the inner backend's response itself.
"""

from collections.abc import AsyncIterator
from typing import Self
from urllib.parse import urlsplit

from luna.model.errors import LunaError
from luna.upstream.exchange import Backend, InResponse, OutRequest
from luna.upstream.response import Response
from luna.wire.recorder import CURRENT
from luna.wire.tape import Tape


class RecordingBackend:
    """Records what `inner` exchanges."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner

    def __repr__(self) -> str:
        return f"<RecordingBackend {self._inner!r}>"

    async def open(self, request: OutRequest) -> InResponse:
        """See `Backend.open`."""
        recorder = CURRENT.get()
        if recorder is None:
            return await self._inner.open(request)
        tape = recorder.exchange(request.method, request.url, request.headers, request.body)
        try:
            response = await self._inner.open(request)
        except LunaError as error:
            tape.end("broken", error)
            raise
        except BaseException:
            tape.end("closed")
            raise
        tape.head(response.status, response.headers)
        return RecordedResponse(response, urlsplit(request.url).hostname or "", tape)

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._inner.aclose()


class RecordedResponse(Response):
    """A response whose body is written down as it is read."""

    def __init__(self, inner: InResponse, host: str, tape: Tape) -> None:
        super().__init__(host, inner.status, inner.headers)
        self._inner = inner
        self._tape = tape
        self._chunks = inner.chunks()

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._chunks.__anext__()
        except StopAsyncIteration:
            self._tape.end("complete")
            raise
        except LunaError as error:
            self._tape.end("broken", error)
            raise
        self._tape.data(data)
        return data

    async def aclose(self) -> None:
        self._tape.end("closed")
        await self._inner.aclose()
