"""OpenAI's older text completions, as the machine sees a protocol.

Owns the one decode of the body and puts the codec's parts together: `completions_decode` on the way down,
`completions_encode` on the way up, `openai_errors` when something fails.
"""

import msgspec

from luna.model.chat import ChatRequest
from luna.model.dialect import AnswerHead, ClientRequest, Encoder, Facts, Parsed, Reply
from luna.model.errors import Kind, LunaError
from luna.protocols import body, openai_errors, sse
from luna.protocols.completions_decode import decode
from luna.protocols.completions_encode import TextChunkEncoder, TextDocumentEncoder
from luna.protocols.completions_types import TABLE, Body

_BODY = msgspec.json.Decoder(Body)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Document(msgspec.Struct, frozen=True):
    """A body, decoded, and the names of its fields that are to be reported as ignored."""

    body: Body
    unread: tuple[str, ...] = ()


class OpenAICompletions:
    """`POST /v1/completions`, which some editors still use."""

    name = "openai-completions"
    id_header = "x-request-id"
    heartbeat = sse.comment("keep-alive")

    def __repr__(self) -> str:
        return f"<dialect {self.name}>"

    def parse(self, request: ClientRequest) -> Parsed:
        """Decode the body. A skim beside the decode finds the fields nobody reads; it skips over their values."""
        if not request.body.strip():
            raise LunaError(Kind.BAD_REQUEST, "The request has no body.", hint="Send one JSON object.")
        decoded = body.read(_BODY, request.body)
        unread = TABLE.ignored(body.read(_FIELDS, request.body))
        return Parsed(Document(decoded, tuple(unread)), Facts(decoded.model, decoded.stream))

    def decode(self, parsed: Parsed, request: ClientRequest) -> ChatRequest:
        """Translate the document of `parse`. Raises LunaError(BAD_REQUEST)."""
        document = parsed.document
        assert isinstance(document, Document), "only what this dialect has parsed"
        return decode(document.body, document.unread, request)

    def answer_id(self, token: str) -> str:
        """`cmpl-…`."""
        return f"cmpl-{token}"

    def encoder(self, head: AnswerHead) -> Encoder:
        """For a stream or for a document, as the request wants it."""
        asked = head.document.body if isinstance(head.document, Document) else Body()
        return TextChunkEncoder(head, asked) if head.stream else TextDocumentEncoder(head, asked)

    def error(self, error: LunaError, flow_id: str) -> Reply:
        """`{"error": {"message", "type", "param", "code"}}` under the kind's status."""
        return openai_errors.reply(error, flow_id, conversation="prompt")

    def error_frame(self, error: LunaError, flow_id: str) -> bytes:
        """The same as an event, then `[DONE]`."""
        return openai_errors.frame(error, flow_id)
