"""OpenAI's chat completions, as the machine sees a protocol.

Owns the one decode of the body and puts the codec's parts together: `openai_decode` on the way down,
`openai_encode` on the way up, `openai_errors` when something fails.
"""

import msgspec

from luna.model.chat import ChatRequest
from luna.model.dialect import AnswerHead, ClientRequest, Encoder, Facts, Parsed, Reply
from luna.model.errors import Kind, LunaError
from luna.protocols import body, openai_errors, openai_lean, openai_tools, sse
from luna.protocols.openai_decode import decode
from luna.protocols.openai_encode import ChunkEncoder, DocumentEncoder
from luna.protocols.openai_fields import TABLE
from luna.protocols.openai_types import Body

_BODY = msgspec.json.Decoder(Body)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BODILESS = ("GET", "HEAD", "OPTIONS", "DELETE")


class Document(msgspec.Struct, frozen=True):
    """A body, decoded, and the names of its fields that are to be reported as ignored."""

    body: Body
    unread: tuple[str, ...] = ()


class OpenAIChat:
    """`POST /v1/chat/completions`, and the shape of errors on all paths that no other protocol claims."""

    name = "openai-chat"
    id_header = "x-request-id"
    heartbeat = sse.comment("keep-alive")

    def __repr__(self) -> str:
        return f"<dialect {self.name}>"

    def parse(self, request: ClientRequest) -> Parsed:
        """Decode the body. Where it has fields that nobody reads, a skim beside the decode finds them; it skips over
        their values."""
        if not request.body and request.method in _BODILESS:
            return Parsed(Document(Body()), Facts())
        known = openai_lean.read(request.body)
        if known is not None:
            return Parsed(Document(known), Facts(known.model, known.stream, openai_tools.tool_names(known)))
        if not request.body.strip():
            raise LunaError(Kind.BAD_REQUEST, "The request has no body.", hint="Send one JSON object.")
        decoded = body.read(_BODY, request.body)
        unread = TABLE.ignored(body.read(_FIELDS, request.body))
        facts = Facts(decoded.model, decoded.stream, openai_tools.tool_names(decoded))
        return Parsed(Document(decoded, tuple(unread)), facts)

    def decode(self, parsed: Parsed, request: ClientRequest) -> ChatRequest:
        """Translate the document of `parse`. Raises LunaError(BAD_REQUEST)."""
        document = parsed.document
        assert isinstance(document, Document), "only what this dialect has parsed"
        return decode(document.body, document.unread, request)

    def answer_id(self, token: str) -> str:
        """`chatcmpl-…`."""
        return f"chatcmpl-{token}"

    def encoder(self, head: AnswerHead) -> Encoder:
        """For a stream or for a document, as the request wants it."""
        return ChunkEncoder(head) if head.stream else DocumentEncoder(head)

    def error(self, error: LunaError, flow_id: str) -> Reply:
        """`{"error": {"message", "type", "param", "code"}}` under the kind's status."""
        return openai_errors.reply(error, flow_id)

    def error_frame(self, error: LunaError, flow_id: str) -> bytes:
        """The same as an event, then `[DONE]`."""
        return openai_errors.frame(error, flow_id)
