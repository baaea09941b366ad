"""`responses.remember`: what was answered can be gone on from, or fetched, by its id.

Owns when a response is remembered: once it is complete, and before its last bytes go out. Failed answers are not.
"""

from collections.abc import Iterable

import msgspec

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.stage import ResponseStage
from luna.model.events import Finish, StreamEvent
from luna.protocols.responses_memory import pack
from luna.stages.protocol_encode import answer_head
from luna.stages.responses_recall import ITEMS
from luna.state.responses import Remembered, Responses


class ResponsesRemember(ResponseStage):
    """Remembers the response that the client is given, and the conversation up to and with it, unless the request says
    `store: false`. Needs `responses.recall` above it; stands right above `protocol.encode`."""

    use = "responses.remember"
    needs_chat = True

    def transducer(self, flow: Flow) -> "_Remembering | None":
        """The same for the whole flow: what went out before the model was asked again is part of the answer."""
        if flow.notes.get(ITEMS) is None:
            return None
        remembering = flow.notes.get(_REMEMBERING)
        if remembering is None:
            remembering = flow.notes[_REMEMBERING] = _Remembering(flow)
        return remembering


class _Remembering:
    """Passes everything on, and makes of it the document that an answer without a stream would be."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._encoder = flow.dialect.encoder(msgspec.structs.replace(answer_head(flow), stream=False))

    def __repr__(self) -> str:
        return f"<_Remembering {self._flow.answer_id} {self._encoder!r}>"

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        self._encoder.feed(event)
        if isinstance(event, Finish):
            document, items = self._encoder.close(), self._flow.notes[ITEMS]
            remembered = Remembered(document, pack(items, document))
            self._flow.services[Responses].remember(self._flow.answer_id, remembered)
        return (event,)

    def flush(self) -> Iterable[StreamEvent]:
        return ()


_REMEMBERING: Key[_Remembering] = Key("responses remembering")
