"""How failures look to a client of Anthropic's protocol.

Owns the table kind → status and type. As in `openai_errors`, what is luna's or the upstream's trouble is never blamed
on the client's key or request. What is special here:

    context-overflow   the message begins with `prompt is too long`: the words from which Claude Code starts compaction
    overloaded         529, Anthropic's own status; SDKs and agents repeat it after a pause. Whatever passes by itself
                       looks like this: no account free, an earlier answer still running, luna shutting down
    unauthorized       with `x-should-retry: false`: agents otherwise repeat a wrong key for minutes

An error whose `detail` holds one of the codes in `_CODES` also tells it as `error.details`: SDKs branch on it.
"""

from typing import Any, NamedTuple

import msgspec

from luna.model.dialect import Reply
from luna.model.errors import Kind, LunaError
from luna.protocols import failure, sse


class Face(NamedTuple):
    """What a kind of error looks like."""

    status: int
    type: str
    retry: bool = True


_INVALID = "invalid_request_error"

FACES: dict[Kind, Face] = {
    Kind.BAD_REQUEST: Face(400, _INVALID),
    Kind.UNAUTHORIZED: Face(401, "authentication_error", retry=False),
    Kind.FORBIDDEN: Face(403, "permission_error"),
    Kind.NOT_FOUND: Face(404, "not_found_error"),
    Kind.CONFLICT: Face(409, _INVALID, retry=False),
    Kind.METHOD_NOT_ALLOWED: Face(405, _INVALID),
    Kind.UPGRADE_REQUIRED: Face(426, _INVALID, retry=False),
    Kind.REQUEST_TIMEOUT: Face(408, "timeout_error"),
    Kind.TOO_LARGE: Face(413, "request_too_large"),
    Kind.UNSUPPORTED_MEDIA_TYPE: Face(415, _INVALID),
    Kind.CONTEXT_OVERFLOW: Face(400, _INVALID),
    Kind.CONTENT_FILTERED: Face(400, _INVALID),
    Kind.RATE_LIMITED: Face(429, "rate_limit_error"),
    Kind.QUOTA_EXHAUSTED: Face(429, "rate_limit_error", retry=False),
    Kind.OVERLOADED: Face(529, "overloaded_error"),
    Kind.NO_ACCOUNT: Face(529, "overloaded_error"),
    Kind.EGRESS_CLOSED: Face(500, "api_error"),
    Kind.UPSTREAM_LOGIN: Face(502, "api_error", retry=False),
    Kind.UPSTREAM_BLOCKED: Face(502, "api_error", retry=False),
    Kind.UPSTREAM_REJECTED: Face(502, "api_error", retry=False),
    Kind.UPSTREAM_BROKEN: Face(502, "api_error"),
    Kind.UPSTREAM_TRANSIENT: Face(502, "api_error"),
    Kind.CHAT_BUSY: Face(529, "overloaded_error"),
    Kind.CHAT_GONE: Face(404, "not_found_error"),
    Kind.MODEL_GONE: Face(404, "not_found_error"),
    Kind.TIMEOUT: Face(504, "timeout_error"),
    Kind.CANCELLED: Face(499, "api_error", retry=False),
    Kind.DRAINING: Face(529, "overloaded_error"),
    Kind.INTERNAL: Face(500, "api_error"),
}
"""Every kind; a test says so."""

THREAD_UNSUPPORTED = "thread_unsupported_request"
THREAD_NOT_FOUND = "thread_not_found"

_CODES: dict[str, tuple[str, ...]] = {THREAD_UNSUPPORTED: ("unsupported",), THREAD_NOT_FOUND: ()}
"""`detail["error_code"]` → the other entries of `detail` that the client is told with it."""


def reply(error: LunaError, flow_id: str) -> Reply:
    """The error as an answer of its own."""
    face = FACES[error.kind]
    headers = (("request-id", flow_id), *failure.headers(error, retry=face.retry))
    return Reply(face.status, _body(error, flow_id), headers=headers)


def frame(error: LunaError, flow_id: str) -> bytes:
    """The error in a stream that has begun; nothing follows it."""
    return sse.event("error", _body(error, flow_id))


def _body(error: LunaError, flow_id: str) -> bytes:
    told: dict[str, Any] = {"type": FACES[error.kind].type, "message": _message(error, flow_id)}
    code = error.detail.get("error_code")
    if isinstance(code, str) and code in _CODES:
        more = {name: error.detail[name] for name in _CODES[code] if name in error.detail}
        told["details"] = {"error_code": code, **more}
    return msgspec.json.encode({"type": "error", "error": told, "request_id": flow_id})


def _message(error: LunaError, flow_id: str) -> str:
    words = failure.words(error, flow_id)
    if error.kind is not Kind.CONTEXT_OVERFLOW:
        return words
    tokens, maximum = error.detail.get("tokens"), error.detail.get("maximum")
    figures = f"{tokens} tokens > {maximum} maximum. " if isinstance(tokens, int) and isinstance(maximum, int) else ""
    return f"prompt is too long: {figures}{words}"
