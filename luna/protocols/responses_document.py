"""Events → a response of the Responses protocol as one document: the answer to a request that is not streamed.

Owns nothing but the fold; the shape is `responses_answer`'s and `responses_items`'.
"""

import msgspec

from luna.model.dialect import AnswerHead
from luna.model.events import StreamEvent
from luna.protocols.responses_answer import Response


class DocumentEncoder:
    """An answer that is not streamed."""

    content_type = "application/json"

    def __init__(self, head: AnswerHead) -> None:
        self._response = Response(head)

    def __repr__(self) -> str:
        return f"<DocumentEncoder {self._response!r}>"

    def feed(self, event: StreamEvent) -> bytes:
        """Nothing yet."""
        self._response.output.take(event)
        self._response.note(event)
        return b""

    def close(self) -> bytes:
        """The document."""
        return msgspec.json.encode(self._response.document())
