"""Finding what went wrong in a reply."""

import msgspec
import pytest

from luna.model.errors import Kind, LunaError
from luna.qwen.errors import document_error, real_status, reply_error, unexpected_document

JSON, HTML = "application/json", "text/html; charset=utf-8"
PUNISH = "https://chat.qwen.ai:443//api/v2/chat/completions/_____tmd_____/punish?x5secdata=SECRET&x5step=2"
WAF_JSON = {"ret": ["FAIL_SYS_USER_VALIDATE", "RGV587_ERROR::SM::busy"], "data": {"url": PUNISH}}
WAF_HTML = b'<!doctypehtml><html><head><meta name="aliyun_waf_aa" content="0"></head></html>'
CHALLENGE = b"<html><script>sessionStorage.x5referer=1;window.location.replace('/x/punish?y')</script></html>"


def judge(
    body: bytes | object, *, status: int = 200, kind: str = JSON, actual: str = "", location: str = ""
) -> LunaError | None:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return reply_error(status, kind, actual, raw, location)


def kind_of(body: bytes | object, **options: object) -> Kind | None:
    error = judge(body, **options)  # type: ignore[arg-type]
    return error.kind if error is not None else None


def test_a_success_is_no_error() -> None:
    assert judge({"success": True, "data": {"id": "c"}}, actual="200") is None
    assert judge({"id": "u", "email": "x"}) is None
    assert judge([1]) is None


def test_the_envelope_of_a_refusal() -> None:
    body = {"success": False, "data": {"code": "RateLimited", "details": "limit", "num": 10}}
    error = judge(body, actual="429")
    assert error is not None
    assert error.kind is Kind.RATE_LIMITED
    assert error.retry_after == 36_000
    assert error.detail["status"] == 429


@pytest.mark.parametrize("num", [True, "10", -1, 1e9, None, [1]])
def test_hours_that_make_no_sense_are_left_out(num: object) -> None:
    error = judge({"success": False, "data": {"code": "RateLimited", "num": num}})
    assert error is not None
    assert error.retry_after == 3600


def test_the_older_form_and_a_bare_string() -> None:
    assert kind_of({"error": {"message": "The chat is in progress!"}}, status=400) is Kind.CHAT_BUSY
    assert kind_of({"error": "Internal error"}, status=500) is Kind.UPSTREAM_TRANSIENT
    assert kind_of({"success": False, "data": None, "code": "Unauthorized"}) is Kind.UPSTREAM_LOGIN


def test_the_status_in_the_header_counts_where_the_body_says_nothing() -> None:
    assert kind_of({"success": True, "data": {}}, actual="401") is Kind.UPSTREAM_LOGIN
    assert kind_of({}, actual="503") is Kind.UPSTREAM_TRANSIENT
    assert kind_of(b"", actual="401") is Kind.UPSTREAM_LOGIN
    assert kind_of(b"", status=502) is Kind.UPSTREAM_TRANSIENT


def test_nothing_at_all() -> None:
    assert kind_of(b"") is Kind.UPSTREAM_BROKEN
    assert kind_of(b"  \n ", actual="200") is Kind.UPSTREAM_BROKEN
    assert kind_of(b"", status=403) is Kind.UPSTREAM_BLOCKED


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (WAF_JSON, "application/json;charset=utf-8"),
        (WAF_HTML, HTML),
        (CHALLENGE, HTML),
        (WAF_HTML, "text/plain"),
        (b"RGV587 ...", "text/plain"),
    ],
)
def test_the_firewall(body: object, kind: str) -> None:
    error = judge(body, kind=kind)
    assert error is not None
    assert error.kind is Kind.UPSTREAM_BLOCKED
    assert "browser" in error.hint


def test_the_secret_of_a_challenge_is_not_kept() -> None:
    error = judge(WAF_JSON)
    assert error is not None
    assert error.detail["challenge"].startswith("https://chat.qwen.ai//api/v2/chat/completions/")  # type: ignore[attr-defined]
    assert "SECRET" not in f"{error.detail} {error.told} {error!r}"


@pytest.mark.parametrize("url", ["", "no url", "http://[bad", 5, None])
def test_an_odd_challenge_is_a_challenge_all_the_same(url: object) -> None:
    assert kind_of({"ret": ["RGV587_ERROR"], "data": {"url": url}}) is Kind.UPSTREAM_BLOCKED
    assert kind_of({"ret": ["RGV587_ERROR"], "data": url}) is Kind.UPSTREAM_BLOCKED


def test_other_pages() -> None:
    assert kind_of(b"<html>hello</html>", kind=HTML) is Kind.UPSTREAM_BROKEN
    assert kind_of(b"<h1>502 Bad Gateway</h1>", kind=HTML, status=502) is Kind.UPSTREAM_TRANSIENT
    assert kind_of(b"<h1>Forbidden</h1>", kind=HTML, status=403) is Kind.UPSTREAM_BLOCKED


def test_redirects() -> None:
    assert kind_of(b"", status=302, location="https://chat.qwen.ai/auth") is Kind.UPSTREAM_LOGIN
    assert kind_of(b"", status=302, location=PUNISH) is Kind.UPSTREAM_BLOCKED


def test_what_is_not_json() -> None:
    assert kind_of(b"hello", kind="text/plain") is Kind.UPSTREAM_BROKEN
    assert kind_of(b"Internal Server Error", kind="text/plain", status=500) is Kind.UPSTREAM_TRANSIENT
    assert kind_of(b'{"success": fal', actual="200") is Kind.UPSTREAM_BROKEN
    assert kind_of(b"[" * 100_000) is Kind.UPSTREAM_BROKEN
    assert kind_of(b"\xff\xfe\x00") is Kind.UPSTREAM_BROKEN


def test_an_answer_may_talk_about_the_firewall() -> None:
    said = {"choices": [{"delta": {"content": "RGV587 x5secdata baxia"}}]}
    assert document_error(said) is None
    assert judge(said) is None


def test_the_real_status() -> None:
    assert real_status(200, "401") == 401
    assert real_status(200, "") == 200
    assert real_status(200, "abc") == 200
    assert real_status(500, "\u0661\u0662\u0663") == 500


def test_a_document_where_a_stream_was_due() -> None:
    error = unexpected_document("application/json")
    assert error.kind is Kind.UPSTREAM_BROKEN
    assert "application/json" in error.message
