"""Finds what went wrong in what Qwen sent back.

Pure. Owns the order of judging a reply that is no stream (wire document section 4.5): content type first, then
the body, then the status. The words inside are `luna.qwen.refusals`' business. Knows nothing of retries and
accounts; it only says what happened.

The wire status is 200 nearly always; `x-actual-status-code` holds the real one. Marks of the firewall are looked
for only in bodies that are no stream, since a chat answer may well talk about them.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from luna.model.errors import Kind, LunaError
from luna.qwen.refusals import LOGIN_HINT, Refusal, quoted, refused
from luna.upstream.exchange import InResponse

FIREWALL_MARKS = (
    "RGV587",
    "FAIL_SYS_USER_VALIDATE",
    "_____tmd_____",
    "x5secdata",
    "aliyun_waf_aa",
    "x5referer",
    "Access Verification",
    "baxia",
)
CHALLENGE_HINT = (
    "Open https://chat.qwen.ai in the browser whose session this account uses, pass the check there,"
    " then update the account's cookies (POST /api/provider/token). luna does not solve it."
)


def document_error(document: object, status: int = 0) -> LunaError | None:
    """What a JSON document from Qwen says went wrong, or None when it says nothing of the kind. Understands the
    envelope `{success: false, data: {...}}`, `{error: {...} | "…"}` and the firewall's `{ret: [...]}`."""
    if not isinstance(document, dict):
        return None
    if document.get("success") is False:
        data = document.get("data")
        return refused(_refusal(data if isinstance(data, dict) and data else document, status))
    if document.get("error"):
        return refused(_refusal(document["error"], status))
    marks = document.get("ret")
    if isinstance(marks, list) and any(_firewall(str(mark)) for mark in marks):
        data = document.get("data")
        return _blocked(str(data.get("url", "")) if isinstance(data, dict) else "")
    return None


def understood(response: InResponse, body: bytes) -> Any:
    """The document in a reply that is no stream, and whose body has been read. Raises LunaError for what went
    wrong."""
    fields = response.fields
    kind, actual = fields.get("content-type", ""), fields.get("x-actual-status-code", "")
    document, error = _judged(response.status, kind, actual, body, fields.get("location", ""))
    if error is not None:
        raise error
    return document


def judge(response: InResponse, body: bytes) -> LunaError | None:
    """`reply_error` for a response whose body has been read."""
    return reply_error(
        response.status,
        response.header("content-type"),
        response.header("x-actual-status-code"),
        body,
        response.header("location"),
    )


def reply_error(status: int, content_type: str, actual: str, body: bytes, location: str = "") -> LunaError | None:
    """Judge a whole reply that is no stream. `status` is the one on the wire, `actual` the header
    `x-actual-status-code` ("" when absent). None: it is a success, and `body` a JSON document."""
    return _judged(status, content_type, actual, body, location)[1]


def _judged(status: int, content_type: str, actual: str, body: bytes, location: str) -> tuple[Any, LunaError | None]:
    """The document, or why there is none."""
    if 300 <= status < 400:
        return None, _redirected(location)
    real = max(status, real_status(status, actual)) if actual else status
    text = body.decode("utf-8", "replace").strip()
    if text[:1] == "<" or "html" in content_type.lower():
        return None, _page(text, real)
    if not text:
        return None, _nothing(real)
    try:
        document = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None, _illegible(text, real)
    error = document_error(document, real)
    if error is None and real >= 400:
        error = refused(Refusal(status=real))
    return document, error


def real_status(status: int, actual: str) -> int:
    """What the status would be if the wire were honest."""
    return int(actual) if len(actual) == 3 and actual.isascii() and actual.isdigit() else status


def unexpected_document(content_type: str) -> LunaError:
    """Qwen accepted, but answered with something that is no stream."""
    return LunaError(
        Kind.UPSTREAM_BROKEN,
        f"Qwen sent {quoted(content_type) or 'something without a type'} where a stream was due.",
        hint="Send the request again.",
    )


def _refusal(said: Any, status: int) -> Refusal:
    if not isinstance(said, Mapping):
        return Refusal(details=str(said), status=status)
    details = next((str(said[key]) for key in ("details", "message", "detail", "msg") if said.get(key)), "")
    code, hours = said.get("code"), said.get("num")
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 <= hours <= 24 * 31:
        hours = None
    return Refusal("" if code is None else str(code), details, hours, status)


def _firewall(text: str) -> bool:
    return any(mark in text for mark in FIREWALL_MARKS)


def _blocked(url: str) -> LunaError:
    """The address of the challenge carries a secret in its query: only what stands before it is kept."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    place = quoted(f"{parts.scheme}://{parts.hostname}{parts.path}")[:200] if parts.hostname else ""
    return LunaError(
        Kind.UPSTREAM_BLOCKED,
        "Qwen's firewall wants a human to pass a check before this session may go on.",
        hint=CHALLENGE_HINT,
        detail={"challenge": place},
    )


def _redirected(location: str) -> LunaError:
    if _firewall(location) or "/punish" in location:
        return _blocked(location)
    return LunaError(
        Kind.UPSTREAM_LOGIN, "Qwen sent the request to another page, as it does without a login.", hint=LOGIN_HINT
    )


def _nothing(status: int) -> LunaError:
    if status == 403:
        return _blocked("")
    if status >= 400:
        return refused(Refusal(status=status))
    return LunaError(Kind.UPSTREAM_BROKEN, "Qwen's reply was empty.", hint="Send the request again.")


def _page(text: str, status: int) -> LunaError:
    if _firewall(text) or "/punish" in text or status == 403:
        return _blocked("")
    if status >= 400:
        return refused(Refusal(status=status))
    return LunaError(
        Kind.UPSTREAM_BROKEN,
        "Qwen sent a web page instead of an answer.",
        hint="Open https://chat.qwen.ai in a browser and see whether the chat works there.",
    )


def _illegible(text: str, status: int) -> LunaError:
    if _firewall(text):
        return _blocked("")
    if status >= 400:
        return refused(Refusal(details=text[:2000], status=status))
    return LunaError(Kind.UPSTREAM_BROKEN, "Qwen's reply is not in a form that luna knows.", hint="Try again.")
