"""What a failure looks like to a client of Anthropic's protocol."""

import time

import anthropic
import msgspec
import pytest

from luna.model.dialect import Reply
from luna.model.errors import Kind, LunaError
from luna.protocols.anthropic_errors import FACES
from luna.protocols.anthropic_messages import AnthropicMessages
from tests.support.anthropic_sdk import ask, stream_of

TABLE = {
    Kind.BAD_REQUEST: (400, "invalid_request_error"),
    Kind.UNAUTHORIZED: (401, "authentication_error"),
    Kind.FORBIDDEN: (403, "permission_error"),
    Kind.NOT_FOUND: (404, "not_found_error"),
    Kind.CONFLICT: (409, "invalid_request_error"),
    Kind.METHOD_NOT_ALLOWED: (405, "invalid_request_error"),
    Kind.UPGRADE_REQUIRED: (426, "invalid_request_error"),
    Kind.REQUEST_TIMEOUT: (408, "timeout_error"),
    Kind.TOO_LARGE: (413, "request_too_large"),
    Kind.UNSUPPORTED_MEDIA_TYPE: (415, "invalid_request_error"),
    Kind.CONTEXT_OVERFLOW: (400, "invalid_request_error"),
    Kind.CONTENT_FILTERED: (400, "invalid_request_error"),
    Kind.RATE_LIMITED: (429, "rate_limit_error"),
    Kind.QUOTA_EXHAUSTED: (429, "rate_limit_error"),
    Kind.OVERLOADED: (529, "overloaded_error"),
    Kind.NO_ACCOUNT: (529, "overloaded_error"),
    Kind.EGRESS_CLOSED: (500, "api_error"),
    Kind.UPSTREAM_LOGIN: (502, "api_error"),
    Kind.UPSTREAM_BLOCKED: (502, "api_error"),
    Kind.UPSTREAM_REJECTED: (502, "api_error"),
    Kind.UPSTREAM_BROKEN: (502, "api_error"),
    Kind.UPSTREAM_TRANSIENT: (502, "api_error"),
    Kind.CHAT_BUSY: (529, "overloaded_error"),
    Kind.CHAT_GONE: (404, "not_found_error"),
    Kind.MODEL_GONE: (404, "not_found_error"),
    Kind.TIMEOUT: (504, "timeout_error"),
    Kind.CANCELLED: (499, "api_error"),
    Kind.DRAINING: (529, "overloaded_error"),
    Kind.INTERNAL: (500, "api_error"),
}


def reply_to(error: LunaError) -> Reply:
    return AnthropicMessages().error(error, "flow_7")


def told(reply: Reply) -> dict[str, object]:
    body = msgspec.json.decode(reply.body)
    assert body["type"] == "error"
    assert body["request_id"] == "flow_7"
    error: dict[str, object] = body["error"]
    return error


def test_every_kind_has_a_face() -> None:
    assert set(FACES) == set(Kind) == set(TABLE)


@pytest.mark.parametrize("kind", Kind)
def test_status_type_and_words(kind: Kind) -> None:
    reply = reply_to(LunaError(kind, "It broke.", hint="Mend it.", stage="qwen"))
    status, kind_of_error = TABLE[kind]
    assert (reply.status, reply.content_type) == (status, "application/json")
    error = told(reply)
    assert error["type"] == kind_of_error
    words = "It broke. Mend it. [flow flow_7, stage qwen]"
    assert error["message"] == (f"prompt is too long: {words}" if kind is Kind.CONTEXT_OVERFLOW else words)
    headers = dict(reply.headers)
    assert (headers["request-id"], headers["x-luna-error"]) == ("flow_7", kind.value)


@pytest.mark.parametrize("kind", Kind)
def test_the_sdk_raises_its_own_error(kind: Kind) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask(reply_to(LunaError(kind, "It broke.")))
    status, kind_of_error = TABLE[kind]
    error = caught.value
    assert (error.status_code, error.type, error.request_id) == (status, kind_of_error, "flow_7")
    assert error.api_message is not None
    assert error.api_message.endswith("It broke. [flow flow_7]")


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (Kind.BAD_REQUEST, anthropic.BadRequestError),
        (Kind.UNAUTHORIZED, anthropic.AuthenticationError),
        (Kind.FORBIDDEN, anthropic.PermissionDeniedError),
        (Kind.NOT_FOUND, anthropic.NotFoundError),
        (Kind.TOO_LARGE, anthropic.ContentTooLargeError),
        (Kind.RATE_LIMITED, anthropic.RateLimitError),
        (Kind.OVERLOADED, anthropic.OverloadedError),
        (Kind.INTERNAL, anthropic.InternalServerError),
    ],
)
def test_the_class_that_people_catch(kind: Kind, wanted: type[anthropic.APIStatusError]) -> None:
    with pytest.raises(wanted):
        ask(reply_to(LunaError(kind, "It broke.")))


@pytest.mark.parametrize(
    ("kind", "attempts"),
    [
        (Kind.RATE_LIMITED, 2),
        (Kind.OVERLOADED, 2),
        (Kind.CHAT_BUSY, 2),
        (Kind.UPSTREAM_BROKEN, 2),
        (Kind.QUOTA_EXHAUSTED, 1),
        (Kind.UPSTREAM_LOGIN, 1),
        (Kind.UPSTREAM_BLOCKED, 1),
        (Kind.UNAUTHORIZED, 1),
        (Kind.BAD_REQUEST, 1),
    ],
)
def test_what_is_worth_repeating_is_repeated(kind: Kind, attempts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    seen: list[str] = []
    with pytest.raises(anthropic.APIStatusError):
        ask(reply_to(LunaError(kind, "It broke.")), retries=1, seen=seen)
    assert len(seen) == attempts


def test_agents_are_told_not_to_repeat_a_wrong_key() -> None:
    assert ("x-should-retry", "false") in reply_to(LunaError(Kind.UNAUTHORIZED, "Wrong key.")).headers


def test_when_to_come_back() -> None:
    reply = reply_to(LunaError(Kind.RATE_LIMITED, "Slower.", retry_after=1.2))
    assert ("retry-after", "2") in reply.headers


def test_the_words_that_start_compaction() -> None:
    error = LunaError(Kind.CONTEXT_OVERFLOW, "Too long.", detail={"tokens": 140_000, "maximum": 131_072})
    assert told(reply_to(error))["message"] == (
        "prompt is too long: 140000 tokens > 131072 maximum. Too long. [flow flow_7]"
    )


def test_a_stream_ends_with_an_error_event() -> None:
    frame = AnthropicMessages().error_frame(LunaError(Kind.UPSTREAM_BROKEN, "Cut."), "flow_7")
    assert frame == (
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"Cut. [flow flow_7]"},'
        b'"request_id":"flow_7"}\n\n'
    )
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(stream_of(frame))
    assert caught.value.type == "api_error"


def test_codes_that_sdks_branch_on_are_told_and_nothing_else() -> None:
    thread = {"error_code": "thread_unsupported_request", "unsupported": ["thread"], "secret": "s"}
    assert told(reply_to(LunaError(Kind.BAD_REQUEST, "No.", detail=thread)))["details"] == {
        "error_code": "thread_unsupported_request",
        "unsupported": ["thread"],
    }
    for detail in ({"error_code": "made_up", "unsupported": []}, {"error_code": 7}, {"account": "a"}):
        assert "details" not in told(reply_to(LunaError(Kind.BAD_REQUEST, "No.", detail=detail)))
