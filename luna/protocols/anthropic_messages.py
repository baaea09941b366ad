"""Anthropic's messages, as the machine sees a protocol.

Owns the one decode of the body and puts the codec's parts together: `anthropic_decode` on the way down,
`anthropic_encode` or `anthropic_document` on the way up, `anthropic_errors` when something fails.
"""

import msgspec

from luna.model.chat import ChatRequest
from luna.model.dialect import AnswerHead, ClientRequest, Encoder, Facts, Parsed, Reply
from luna.model.errors import Kind, LunaError
from luna.protocols import anthropic_errors, anthropic_tools, body, sse
from luna.protocols.anthropic_decode import decode
from luna.protocols.anthropic_document import MessageEncoder
from luna.protocols.anthropic_encode import EventEncoder
from luna.protocols.anthropic_fields import TABLE
from luna.protocols.anthropic_types import Body

_BODY = msgspec.json.Decoder(Body)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Document(msgspec.Struct, frozen=True):
    """A body, decoded, and the names of its fields that are to be reported as ignored."""

    body: Body
    unread: tuple[str, ...] = ()


class AnthropicMessages:
    """`POST /v1/messages` and `/v1/messages/count_tokens`."""

    name = "anthropic-messages"
    id_header = "request-id"
    heartbeat = sse.event("ping", b'{"type": "ping"}')

    def __repr__(self) -> str:
        return f"<dialect {self.name}>"

    def parse(self, request: ClientRequest) -> Parsed:
        """Decode the body. A skim beside the decode finds the fields nobody reads; it skips over their values."""
        if not request.body.strip():
            raise LunaError(Kind.BAD_REQUEST, "The request has no body.", hint="Send one JSON object.")
        decoded = body.read(_BODY, request.body)
        unread = TABLE.ignored(body.read(_FIELDS, request.body))
        facts = Facts(decoded.model, decoded.stream, anthropic_tools.tool_names(decoded))
        return Parsed(Document(decoded, tuple(unread)), facts)

    def decode(self, parsed: Parsed, request: ClientRequest) -> ChatRequest:
        """Translate the document of `parse`. Raises LunaError(BAD_REQUEST)."""
        document = parsed.document
        assert isinstance(document, Document), "only what this dialect has parsed"
        try:
            return decode(document.body, document.unread, request)
        except RecursionError as error:
            raise LunaError(Kind.BAD_REQUEST, "The messages' content is nested too deeply.") from error

    def answer_id(self, token: str) -> str:
        """`msg_…`."""
        return f"msg_{token}"

    def encoder(self, head: AnswerHead) -> Encoder:
        """For a stream or for a document, as the request wants it."""
        return EventEncoder(head) if head.stream else MessageEncoder(head)

    def error(self, error: LunaError, flow_id: str) -> Reply:
        """`{"type": "error", "error": {"type", "message"}, "request_id"}` under the kind's status."""
        return anthropic_errors.reply(error, flow_id)

    def error_frame(self, error: LunaError, flow_id: str) -> bytes:
        """The same as an `error` event."""
        return anthropic_errors.frame(error, flow_id)
