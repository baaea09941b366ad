"""Qwen's vocabulary."""

import pytest

from luna.model.errors import Kind
from luna.qwen.refusals import CHAT_GONE, PARENT_LOST, Refusal, quoted, refused

LIMIT = "You've reached the upper limit for today's usage."
QUOTA = "Allocated quota exceeded, please increase your quota limit. For details, see: https://x/error-code#token-limit"


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        ("RateLimited", LIMIT, Kind.RATE_LIMITED),
        ("RateLimited", "401 Unauthorized", Kind.UPSTREAM_LOGIN),
        ("ParallelLimited", "", Kind.RATE_LIMITED),
        ("Too_Many_Requests", "slow down", Kind.RATE_LIMITED),
        ("quotaLimited", "", Kind.QUOTA_EXHAUSTED),
        ("ExceedLimit", "", Kind.QUOTA_EXHAUSTED),
        ("quota_exhausted", "", Kind.QUOTA_EXHAUSTED),
        ("insufficient_quota", QUOTA, Kind.QUOTA_EXHAUSTED),
        ("", QUOTA, Kind.QUOTA_EXHAUSTED),
        ("ContextLengthExceeded", "", Kind.CONTEXT_OVERFLOW),
        ("TokenLimit", "", Kind.CONTEXT_OVERFLOW),
        ("Bad_Request", "The chat is in progress!", Kind.CHAT_BUSY),
        ("Bad_Request", "An internal error occurred, please try again later.", Kind.UPSTREAM_TRANSIENT),
        ("internal_error", "Internal error...", Kind.UPSTREAM_TRANSIENT),
        ("Internal_Server_Error", "", Kind.UPSTREAM_TRANSIENT),
        ("Bad_Request", "Invalid input too many messages.", Kind.UPSTREAM_REJECTED),
        ("RequestValidationError", "field required", Kind.UPSTREAM_REJECTED),
        ("PARENT_NOT_FOUND", "", Kind.CHAT_GONE),
        ("Bad_Request", "Invalid input chat parent_id abc is not exist.", Kind.CHAT_GONE),
        ("CHAT_NOT_FOUND", "This chat has been deleted. Please start a new chat to continue.", Kind.CHAT_GONE),
        ("Not_Found", "This chat has been deleted.", Kind.CHAT_GONE),
        ("Not_Found", "Model not found", Kind.MODEL_GONE),
        ("Unauthorized", "", Kind.UPSTREAM_LOGIN),
        ("unauthorized", "x", Kind.UPSTREAM_LOGIN),
        ("", "Token has expired", Kind.UPSTREAM_LOGIN),
        ("", "The token has been revoked, please sign in again.", Kind.UPSTREAM_LOGIN),
        ("data_inspection_failed", "Content security warning: output text", Kind.CONTENT_FILTERED),
        ("Something_New", "never seen", Kind.UPSTREAM_REJECTED),
    ],
)
def test_words_become_kinds(code: str, details: str, kind: Kind) -> None:
    error = refused(Refusal(code, details, status=200))
    assert error.kind is kind
    assert quoted(details or code) in error.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Kind.UPSTREAM_LOGIN),
        (413, Kind.CONTEXT_OVERFLOW),
        (429, Kind.RATE_LIMITED),
        (500, Kind.UPSTREAM_TRANSIENT),
        (503, Kind.UPSTREAM_TRANSIENT),
        (400, Kind.UPSTREAM_REJECTED),
        (418, Kind.UPSTREAM_REJECTED),
    ],
)
def test_without_words_the_status_decides(status: int, kind: Kind) -> None:
    error = refused(Refusal(status=status))
    assert error.kind is kind
    assert "Qwen says" not in error.message


def test_hours_become_seconds() -> None:
    error = refused(Refusal("RateLimited", LIMIT, hours=10))
    assert error.retry_after == 36_000
    assert "10 h" in error.message


def test_a_cap_without_hours_is_tried_once_an_hour() -> None:
    assert refused(Refusal("RateLimited", LIMIT)).retry_after == 3600


def test_a_lost_parent_can_be_told_from_a_lost_chat() -> None:
    assert PARENT_LOST.is_told_by(refused(Refusal("PARENT_NOT_FOUND")))
    gone = refused(Refusal("CHAT_NOT_FOUND"))
    assert not PARENT_LOST.is_told_by(gone)
    assert CHAT_GONE.is_told_by(gone)


def test_words_are_quoted_safely() -> None:
    assert quoted("a\r\nb\x00c \x1b[31m") == "a bc [31m"
    assert quoted("bad token eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjEifQ.c2lnbmF0dXJl here") == "bad token [token] here"
    assert len(quoted("x" * 5000)) == 300
