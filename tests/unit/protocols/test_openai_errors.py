"""What a client of the OpenAI protocol sees of each kind of failure."""

import math

import msgspec
import openai
import pytest

from luna.model.dialect import Reply
from luna.model.errors import Kind, LunaError
from luna.protocols.openai_chat import OpenAIChat
from luna.protocols.openai_errors import FACES
from tests.support.sdk import ask, stream_of

DIALECT = OpenAIChat()


def body_of(reply: Reply) -> dict[str, dict[str, object]]:
    return msgspec.json.decode(reply.body, type=dict[str, dict[str, object]])


def test_every_kind_has_a_face() -> None:
    assert set(FACES) == set(Kind)


TABLE = [
    (Kind.BAD_REQUEST, 400, "invalid_request_error", "invalid_request"),
    (Kind.UNAUTHORIZED, 401, "invalid_request_error", "invalid_api_key"),
    (Kind.FORBIDDEN, 403, "permission_error", "forbidden"),
    (Kind.NOT_FOUND, 404, "invalid_request_error", "not_found"),
    (Kind.CONFLICT, 409, "invalid_request_error", "conflict"),
    (Kind.METHOD_NOT_ALLOWED, 405, "invalid_request_error", "method_not_allowed"),
    (Kind.UPGRADE_REQUIRED, 426, "invalid_request_error", "upgrade_required"),
    (Kind.REQUEST_TIMEOUT, 408, "invalid_request_error", "request_timeout"),
    (Kind.TOO_LARGE, 413, "invalid_request_error", "request_too_large"),
    (Kind.UNSUPPORTED_MEDIA_TYPE, 415, "invalid_request_error", "unsupported_media_type"),
    (Kind.CONTEXT_OVERFLOW, 400, "invalid_request_error", "context_length_exceeded"),
    (Kind.CONTENT_FILTERED, 400, "invalid_request_error", "content_filter"),
    (Kind.RATE_LIMITED, 429, "rate_limit_error", "rate_limit_exceeded"),
    (Kind.QUOTA_EXHAUSTED, 429, "insufficient_quota", "insufficient_quota"),
    (Kind.OVERLOADED, 503, "server_error", "overloaded"),
    (Kind.NO_ACCOUNT, 503, "server_error", "no_account"),
    (Kind.EGRESS_CLOSED, 503, "server_error", "egress_closed"),
    (Kind.UPSTREAM_LOGIN, 502, "upstream_error", "upstream_login"),
    (Kind.UPSTREAM_BLOCKED, 502, "upstream_error", "upstream_blocked"),
    (Kind.UPSTREAM_REJECTED, 502, "upstream_error", "upstream_rejected"),
    (Kind.UPSTREAM_BROKEN, 502, "upstream_error", "upstream_broken"),
    (Kind.UPSTREAM_TRANSIENT, 502, "upstream_error", "upstream_transient"),
    (Kind.CHAT_BUSY, 503, "server_error", "chat_busy"),
    (Kind.CHAT_GONE, 404, "invalid_request_error", "chat_gone"),
    (Kind.MODEL_GONE, 404, "invalid_request_error", "model_not_found"),
    (Kind.TIMEOUT, 504, "upstream_error", "timeout"),
    (Kind.CANCELLED, 499, "server_error", "cancelled"),
    (Kind.DRAINING, 503, "server_error", "draining"),
    (Kind.INTERNAL, 500, "server_error", "internal_error"),
]


@pytest.mark.parametrize(("kind", "status", "type_", "code"), TABLE)
def test_each_kind_has_its_status_type_and_code(kind: Kind, status: int, type_: str, code: str) -> None:
    reply = DIALECT.error(LunaError(kind, "It failed."), "flow_1")
    assert (reply.status, reply.content_type) == (status, "application/json")
    error = body_of(reply)["error"]
    assert (error["type"], error["code"]) == (type_, code)
    first = "Your input exceeds the context window of this model. " if kind is Kind.CONTEXT_OVERFLOW else ""
    assert error["message"] == f"{first}It failed. [flow flow_1]"
    assert dict(reply.headers)["x-luna-error"] == kind.value


def test_the_table_above_is_whole() -> None:
    assert {row[0] for row in TABLE} == set(Kind)


def test_the_message_holds_the_hint_and_the_place() -> None:
    error = LunaError(Kind.NO_ACCOUNT, "All accounts rest.", hint="Add one.", stage="schedule", param="account")
    assert body_of(DIALECT.error(error, "flow_9")) == {
        "error": {
            "message": "All accounts rest. Add one. [flow flow_9, stage schedule]",
            "type": "server_error",
            "param": "account",
            "code": "no_account",
        }
    }


def test_params_that_follow_from_the_kind() -> None:
    assert body_of(DIALECT.error(LunaError(Kind.CONTEXT_OVERFLOW, "Long."), "f"))["error"]["param"] == "messages"
    assert body_of(DIALECT.error(LunaError(Kind.MODEL_GONE, "Gone."), "f"))["error"]["param"] == "model"
    assert body_of(DIALECT.error(LunaError(Kind.INTERNAL, "Oh."), "f"))["error"]["param"] is None


@pytest.mark.parametrize(("seconds", "header"), [(3, "3"), (0.2, "1"), (86_400.0, "86400"), (0, "0"), (-5, "0")])
def test_the_pause_is_told_in_whole_seconds(seconds: float, header: str) -> None:
    reply = DIALECT.error(LunaError(Kind.RATE_LIMITED, "Wait.", retry_after=seconds), "f")
    assert dict(reply.headers)["retry-after"] == header
    assert int(header) == max(0, math.ceil(seconds))


def test_without_a_pause_there_is_no_such_header() -> None:
    assert "retry-after" not in dict(DIALECT.error(LunaError(Kind.RATE_LIMITED, "Wait."), "f").headers)


CLASSES: list[tuple[Kind, type[openai.APIStatusError]]] = [
    (Kind.BAD_REQUEST, openai.BadRequestError),
    (Kind.CONTEXT_OVERFLOW, openai.BadRequestError),
    (Kind.UNAUTHORIZED, openai.AuthenticationError),
    (Kind.FORBIDDEN, openai.PermissionDeniedError),
    (Kind.MODEL_GONE, openai.NotFoundError),
    (Kind.RATE_LIMITED, openai.RateLimitError),
    (Kind.QUOTA_EXHAUSTED, openai.RateLimitError),
    (Kind.UPSTREAM_LOGIN, openai.InternalServerError),
    (Kind.NO_ACCOUNT, openai.InternalServerError),
    (Kind.TIMEOUT, openai.InternalServerError),
]


@pytest.mark.parametrize(("kind", "raised"), CLASSES)
def test_the_sdk_raises_the_class_that_fits(kind: Kind, raised: type[openai.APIStatusError]) -> None:
    reply = DIALECT.error(LunaError(kind, "It failed.", param="x"), "f")
    with pytest.raises(raised, match="It failed") as caught:
        ask(reply)
    assert caught.value.code == FACES[kind].code
    assert caught.value.type == FACES[kind].type
    assert caught.value.param == "x"


@pytest.mark.parametrize("kind", [kind for kind, face in FACES.items() if not face.retry])
def test_the_sdk_does_not_repeat_what_cannot_succeed(kind: Kind) -> None:
    seen: list[str] = []
    with pytest.raises(openai.APIStatusError):
        ask(DIALECT.error(LunaError(kind, "It failed."), "f"), retries=2, seen=seen)
    assert len(seen) == 1


def test_an_error_in_the_stream_reaches_the_caller_of_the_sdk() -> None:
    frame = DIALECT.error_frame(LunaError(Kind.UPSTREAM_BROKEN, "Cut.", stage="qwen"), "flow_1")
    assert frame == (
        b'data: {"error":{"message":"Cut. [flow flow_1, stage qwen]","type":"upstream_error","param":null,'
        b'"code":"upstream_broken"}}\n\ndata: [DONE]\n\n'
    )
    with pytest.raises(openai.APIError, match=r"Cut. \[flow flow_1, stage qwen\]") as caught:
        list(stream_of(frame))
    assert caught.value.code == "upstream_broken"
