"""OpenAI's Responses protocol, as the machine sees a protocol.

Owns the one decode of the body and puts the codec's parts together: `responses_decode` on the way down,
`responses_encode` or `responses_document` on the way up, `openai_errors` when something fails.
"""

import msgspec

from luna.model.chat import ChatRequest
from luna.model.dialect import AnswerHead, ClientRequest, Encoder, Facts, Parsed, Reply
from luna.model.errors import Kind, LunaError
from luna.protocols import body, failure, openai_errors, responses_tools, sse
from luna.protocols.responses_decode import decode
from luna.protocols.responses_document import DocumentEncoder
from luna.protocols.responses_encode import EventEncoder
from luna.protocols.responses_fields import ECHOED, TABLE
from luna.protocols.responses_items import RESPONSE_PREFIX
from luna.protocols.responses_types import Body, Document

_BODY = msgspec.json.Decoder(Body)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BODILESS = ("GET", "HEAD", "OPTIONS", "DELETE")


class OpenAIResponses:
    """`POST /v1/responses`, and what is below it."""

    name = "openai-responses"
    id_header = "x-request-id"
    heartbeat = sse.comment("keep-alive")

    def __repr__(self) -> str:
        return f"<dialect {self.name}>"

    def parse(self, request: ClientRequest) -> Parsed:
        """Decode the body. A skim beside the decode finds the fields nobody reads and those that the answer repeats;
        it skips over their values."""
        if not request.body and request.method in _BODILESS:
            return Parsed(Document(Body()), Facts())
        if not request.body.strip():
            raise LunaError(Kind.BAD_REQUEST, "The request has no body.", hint="Send one JSON object.")
        decoded = body.read(_BODY, request.body)
        fields = body.read(_FIELDS, request.body)
        repeated = (name for name in ECHOED if name in fields and bytes(fields[name]) != b"null")
        try:
            echo = {name: _on_one_line(fields[name]) for name in repeated}
        except UnicodeDecodeError as error:
            raise LunaError(Kind.BAD_REQUEST, "The body is not valid UTF-8.") from error
        document = Document(decoded, tuple(TABLE.ignored(fields)), echo)
        tools = {called.name for called in responses_tools.names(decoded).values()}
        return Parsed(document, Facts(decoded.model, decoded.stream, tuple(sorted(tools))))

    def decode(self, parsed: Parsed, request: ClientRequest) -> ChatRequest:
        """Translate the document of `parse`. Raises LunaError(BAD_REQUEST)."""
        document = parsed.document
        assert isinstance(document, Document), "only what this dialect has parsed"
        return decode(document.body, document.unread, request)

    def answer_id(self, token: str) -> str:
        """`resp_…`."""
        return RESPONSE_PREFIX + token

    def encoder(self, head: AnswerHead) -> Encoder:
        """For a stream or for a document, as the request wants it."""
        return EventEncoder(head) if head.stream else DocumentEncoder(head)

    def error(self, error: LunaError, flow_id: str) -> Reply:
        """`{"error": {"message", "type", "param", "code"}}` under the kind's status. A prompt that is too long is told
        by a stream that fails at once, to clients that hear of it only there (`detail["in_stream"]`)."""
        if error.kind is Kind.CONTEXT_OVERFLOW and error.detail.get("in_stream") is True:
            head = AnswerHead(RESPONSE_PREFIX + flow_id.rpartition("_")[2], "", 0, stream=True, include_usage=False)
            frames = EventEncoder(head).fail(error, flow_id)
            return Reply(200, frames, sse.CONTENT_TYPE, failure.headers(error, retry=False))
        return openai_errors.reply(error, flow_id, conversation="input")

    def error_frame(self, error: LunaError, flow_id: str) -> bytes:
        """An `error` event, for a stream of which nobody knows what went out; one that does says `response.failed`
        as well (`EventEncoder.fail`)."""
        told = openai_errors.told(error, flow_id, conversation="input")
        said = {key: told[key] for key in ("code", "message", "param")}
        return sse.event("error", msgspec.json.encode({"type": "error", "sequence_number": 0, **said}))


def _on_one_line(raw: msgspec.Raw) -> msgspec.Raw:
    """The JSON as it may stand in an event: bodies that people write have line breaks in them. Raises
    UnicodeDecodeError: nobody has looked into it so far."""
    written = bytes(raw)
    written.decode()
    return msgspec.Raw(msgspec.json.format(written, indent=-1)) if b"\n" in written or b"\r" in written else raw
