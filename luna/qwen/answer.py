"""Reads one accepted completion off the network.

Owns the way from reads to events: bytes, lines, frames, and the end. What frames mean is `luna.qwen.stream`'s
business; opening, retrying and closing are the transport's.
"""

from collections.abc import AsyncIterator

import anyio

from luna.model.errors import LunaError
from luna.model.events import StreamEvent
from luna.protocols.sse import SSEReader
from luna.qwen.errors import judge, unexpected_document
from luna.qwen.stream import StreamReader
from luna.upstream.exchange import InResponse

LINGER = 1.0
"""Seconds to wait for the end of the body once the answer has ended: usage may still come."""
_KEPT = 64 * 1024


class AnswerReader:
    """One answer, one `read` for each read of the socket that brought something."""

    def __init__(self, response: InResponse, model: str) -> None:
        self.stream = StreamReader(model)
        self.over = False
        """The last events have been given."""
        self._response = response
        self._chunks: AsyncIterator[bytes] = response.chunks()
        self._lines = SSEReader()
        self._raw = b""
        self._at_end = False

    def __repr__(self) -> str:
        return f"<AnswerReader {self.stream!r}>"

    async def read(self) -> list[StreamEvent]:
        """The next events, never none; the last ones end with `Finish` and set `over`. Raises LunaError when the
        answer failed, was cut or stalls, after everything that came before was given."""
        stream = self.stream
        while True:
            if stream.failure is not None:
                raise stream.failure
            if self._at_end:
                self.over = True
                return self._close()
            if stream.ended:
                data = await self._afterwards()
            else:
                try:
                    data = await self._chunks.__anext__()
                except StopAsyncIteration:
                    data = None
            if data is None:
                self._at_end = True
                events = stream.feed(self._lines.close())
            else:
                if not stream.understood and len(self._raw) < _KEPT:
                    self._raw += data
                events = stream.feed(self._lines.feed(data))
                self._at_end = stream.done
            if events:
                return events

    def _close(self) -> list[StreamEvent]:
        if self._raw and not self.stream.understood:
            # It was no stream after all, whatever it called itself.
            raise judge(self._response, self._raw) or unexpected_document(self._response.header("content-type"))
        return self.stream.close()

    async def _afterwards(self) -> bytes | None:
        """The next piece of the body once the answer has ended; None at its end."""
        try:
            if self._response.at_end:
                return await self._chunks.__anext__()
            with anyio.move_on_after(LINGER):
                return await self._chunks.__anext__()
        except (StopAsyncIteration, LunaError):
            pass  # the answer is complete; how the connection ended does not matter any more
        return None
