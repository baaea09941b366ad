"""The backend that takes down every exchange for the flow's recording, and else stays out of the way.

Owns the tee. Which recorder is meant says `luna.wire.recorder.CURRENT`, a context variable: nothing
is handed through, and a flow that nobody records gets the inner backend's response itself.
"""

from collections.abc import AsyncIterator, Coroutine
from typing import Any, Self

from luna.model.errors import LunaError
from luna.upstream.exchange import Backend, InResponse, OutRequest
from luna.upstream.response import Around
from luna.wire.recorder import CURRENT, Recorder
from luna.wire.tape import Tape


class RecordingBackend:
    """Records what `inner` exchanges."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner

    def __repr__(self) -> str:
        return f"<RecordingBackend {self._inner!r}>"

    def open(self, request: OutRequest) -> Coroutine[Any, Any, InResponse]:
        """See `Backend.open`."""
        recorder = CURRENT.get()
        return self._inner.open(request) if recorder is None else self._record(request, recorder)

    async def _record(self, request: OutRequest, recorder: Recorder) -> InResponse:
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
        return RecordedResponse(response, tape)

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._inner.aclose()


class RecordedResponse(Around):
    """A response whose body is written down as it is read."""

    def __init__(self, inner: InResponse, tape: Tape) -> None:
        super().__init__(inner)
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
        await super().aclose()
