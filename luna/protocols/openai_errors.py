"""How failures look to a client of the OpenAI protocol.

Owns the table kind → status, type, code. Where OpenAI has a word for it, that word is used, because SDKs and agents
branch on status and code. What is luna's or the upstream's trouble is never blamed on the client's key or request:

    upstream-login     502, not 401: the client's key is fine, it is luna's account that must log in again
    upstream-rejected  502, not 400: the client did nothing wrong that it could mend
    chat-busy          503, not 409: an earlier answer is still running; every client repeats a 503 after a pause
    chat-gone          404: the upstream chat that the request is bound to was deleted
    cancelled          499: somebody ended it on purpose; clients repeat a 409 and every 5xx, and it must not come back
    quota-exhausted    429 with OpenAI's `insufficient_quota`; rate-limited is 429 with `rate_limit_exceeded`
    context-overflow   begins with OpenAI's own sentence: many agents know a prompt that is too long by the words alone

`retry: False` sends `x-should-retry: false`, which OpenAI's SDKs obey: repeating at once cannot help there.
"""

from typing import NamedTuple

import msgspec

from luna.model.dialect import Reply
from luna.model.errors import Kind, LunaError
from luna.protocols import failure, sse


class Face(NamedTuple):
    """What a kind of error looks like."""

    status: int
    type: str
    code: str
    retry: bool = True


_INVALID = "invalid_request_error"

FACES: dict[Kind, Face] = {
    Kind.BAD_REQUEST: Face(400, _INVALID, "invalid_request"),
    Kind.UNAUTHORIZED: Face(401, _INVALID, "invalid_api_key"),
    Kind.FORBIDDEN: Face(403, "permission_error", "forbidden"),
    Kind.NOT_FOUND: Face(404, _INVALID, "not_found"),
    Kind.CONFLICT: Face(409, _INVALID, "conflict", retry=False),
    Kind.METHOD_NOT_ALLOWED: Face(405, _INVALID, "method_not_allowed"),
    Kind.UPGRADE_REQUIRED: Face(426, _INVALID, "upgrade_required", retry=False),
    Kind.REQUEST_TIMEOUT: Face(408, _INVALID, "request_timeout"),
    Kind.TOO_LARGE: Face(413, _INVALID, "request_too_large"),
    Kind.UNSUPPORTED_MEDIA_TYPE: Face(415, _INVALID, "unsupported_media_type"),
    Kind.CONTEXT_OVERFLOW: Face(400, _INVALID, "context_length_exceeded"),
    Kind.CONTENT_FILTERED: Face(400, _INVALID, "content_filter"),
    Kind.RATE_LIMITED: Face(429, "rate_limit_error", "rate_limit_exceeded"),
    Kind.QUOTA_EXHAUSTED: Face(429, "insufficient_quota", "insufficient_quota", retry=False),
    Kind.OVERLOADED: Face(503, "server_error", "overloaded"),
    Kind.NO_ACCOUNT: Face(503, "server_error", "no_account"),
    Kind.EGRESS_CLOSED: Face(503, "server_error", "egress_closed"),
    Kind.UPSTREAM_LOGIN: Face(502, "upstream_error", "upstream_login", retry=False),
    Kind.UPSTREAM_BLOCKED: Face(502, "upstream_error", "upstream_blocked", retry=False),
    Kind.UPSTREAM_REJECTED: Face(502, "upstream_error", "upstream_rejected", retry=False),
    Kind.UPSTREAM_BROKEN: Face(502, "upstream_error", "upstream_broken"),
    Kind.UPSTREAM_TRANSIENT: Face(502, "upstream_error", "upstream_transient"),
    Kind.CHAT_BUSY: Face(503, "server_error", "chat_busy"),
    Kind.CHAT_GONE: Face(404, _INVALID, "chat_gone"),
    Kind.MODEL_GONE: Face(404, _INVALID, "model_not_found"),
    Kind.TIMEOUT: Face(504, "upstream_error", "timeout"),
    Kind.CANCELLED: Face(499, "server_error", "cancelled", retry=False),
    Kind.DRAINING: Face(503, "server_error", "draining"),
    Kind.INTERNAL: Face(500, "server_error", "internal_error"),
}
"""Every kind; a test says so."""

CONVERSATION = "messages"
"""The field that holds the conversation, in chat completions."""


def reply(error: LunaError, flow_id: str, conversation: str = CONVERSATION) -> Reply:
    """The error as an answer of its own."""
    face = FACES[error.kind]
    body = msgspec.json.encode({"error": told(error, flow_id, conversation)})
    return Reply(face.status, body, headers=failure.headers(error, retry=face.retry))


def frame(error: LunaError, flow_id: str) -> bytes:
    """The error in a stream that has begun, and the stream's end."""
    return sse.frame(msgspec.json.encode({"error": told(error, flow_id)})) + sse.DONE


def told(error: LunaError, flow_id: str, conversation: str = CONVERSATION) -> dict[str, str | None]:
    """What is said of an error. `conversation`: the protocol's field that a conversation too long stands in."""
    face = FACES[error.kind]
    fields = {Kind.CONTEXT_OVERFLOW: conversation, Kind.MODEL_GONE: "model"}
    return {
        "message": words(error, flow_id),
        "type": face.type,
        "param": error.param or fields.get(error.kind),
        "code": face.code,
    }


def words(error: LunaError, flow_id: str) -> str:
    """What the client reads of an error."""
    said = failure.words(error, flow_id)
    if error.kind is not Kind.CONTEXT_OVERFLOW:
        return said
    tokens, maximum = error.detail.get("tokens"), error.detail.get("maximum")
    if not (isinstance(tokens, int) and isinstance(maximum, int)):
        return f"Your input exceeds the context window of this model. {said}"
    return (
        f"This model's maximum context length is {maximum} tokens. However, your messages resulted in {tokens} tokens."
        f" Please reduce the length of the messages. {said}"
    )
