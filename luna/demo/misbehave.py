"""What can go wrong at the site, in one table: `FAULTS`.

There are three kinds. An `Instead` answers in place of the site, on any path. A `Rewrite` changes
the frames of a stream. A `Deliver` changes how a response reaches the socket, on any path. Tests
push them (`luna.demo.faults`), prompts name them: `[[fault:NAME:ARGUMENT:…]]`. Arguments are numbers;
the names and defaults of the builders' parameters say what they mean, positions are in bytes of the
body, times in seconds.

The bodies are those of the wire document, sections 4.2, 4.5 and 4.6.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from luna.demo import deliveries
from luna.demo.frames import Frames, delta_frame, error_frame
from luna.demo.http import Delivery, Reply
from luna.demo.refusal import LIMIT, WAIT, Refusal

if TYPE_CHECKING:
    from luna.demo.envelope import Call

WAF_JSON = (
    '{"ret":["FAIL_SYS_USER_VALIDATE","RGV587_ERROR::SM::哎哟喂,被挤爆啦,请稍后重试"],"data":{"url":'
    '"https://chat.qwen.ai:443//api/v2/chat/completions/_____tmd_____/punish?x5secdata=REDACTED&x5step=2'
    '&action=captcha&pureCaptcha="}}'
).encode()
WAF_HTML = (
    b'<!doctypehtml><html><head><meta charset="utf-8"><meta name="aliyun_waf_aa" content="0">'
    b'<meta name="aliyun_waf_bb" content="0"><title>Access Verification</title></head>'
    b"<body><script>/* challenge */</script></body></html>"
)
CHALLENGE = (
    b"<html><head><script>sessionStorage.x5referer = window.location.href;window.location.replace("
    b'"https://chat.qwen.ai/_____tmd_____/punish?x5secdata=REDACTED&x5step=1");</script></head><body></body></html>'
)
QUOTA = (
    "Allocated quota exceeded, please increase your quota limit. For details, see:"
    " https://www.alibabacloud.com/help/en/model-studio/error-code#token-limit"
)
GONE = "This chat has been deleted. Please start a new chat to continue."
UNSAFE = "Content security warning: output text data may contain inappropriate content!"
GARBAGE = (
    b': a comment\n\nevent: message\nid: 7\nretry: 1000\ndata: {"choices": [{"del\n\n'
    b"data:\n\nnot a field\n\ndata: []\n\n"
)


@dataclass(frozen=True)
class Instead:
    """Answer with this."""

    reply: Callable[["Call"], Reply]


@dataclass(frozen=True)
class Rewrite:
    """Change the frames of the stream."""

    change: Callable[[Frames], Frames]


@dataclass(frozen=True)
class Deliver:
    """Put such a delivery between the response and the socket. The event is set when stalls are released."""

    make: Callable[[anyio.Event], Delivery]


Effect = Instead | Rewrite | Deliver


@dataclass(frozen=True)
class Entry:
    """One row of the table."""

    about: str
    build: Callable[..., Effect]
    once: bool = False
    """A directive with the same prompt has this effect only the first time."""


def _refusal(code: str, details: str, status: int, **more: object) -> Instead:
    return Instead(lambda call: call.failure(Refusal(code, details, status, **more)))


def _page(status: int, body: bytes, content_type: str) -> Instead:
    return Instead(lambda call: Reply(status, body, (("content-type", content_type),)))


def _empty(content_type: str, status: int) -> Instead:
    return Instead(lambda call: Reply(200, b"", call.headers(content_type, status)))


_LIMITED = b'data: {"success":false,"request_id":"\0q","data":{"code":"RateLimited","details":"%b","num":%d}}\n\n'


def _only(frame: bytes) -> Rewrite:
    return Rewrite(lambda frames: Frames((frame,), ("",)))


def _error(code: str, details: str, **more: str) -> Rewrite:
    frame = error_frame({"code": code, **more, "details": details})
    return Rewrite(lambda frames: Frames((frames.data[0], frame), ("", "")))


def _limit_in_stream(hours: float = 3) -> Rewrite:
    return _only(_LIMITED % (LIMIT.encode(), int(hours)))


def _filter(frames: Frames) -> Frames:
    spoken = [position for position, words in enumerate(frames.words) if words]
    end = spoken[len(spoken) // 2] + 1 if spoken else 1
    frame = error_frame({"code": "data_inspection_failed", "details": UNSAFE})
    return Frames((*frames.data[:end], frame), (*frames.words[:end], ""))


def _twice(frames: Frames) -> Frames:
    pairs = [pair for pair in zip(*frames, strict=True) for _ in range(1 if pair[1] else 2)]
    return Frames(tuple(data for data, _ in pairs), tuple(words for _, words in pairs))


def _between(frame: bytes, words: str = "") -> Rewrite:
    """Put `frame` after the first frame and before the last."""
    return Rewrite(
        lambda frames: Frames(
            (frames.data[0], frame, *frames.data[1:-1], frame, *frames.data[-1:]),
            (frames.words[0], words, *frames.words[1:-1], words, *frames.words[-1:]),
        )
    )


def _each(change: Callable[[bytes], bytes]) -> Rewrite:
    return Rewrite(lambda frames: Frames(tuple(change(data) for data in frames.data), frames.words))


def _giant(size: float = 1024 * 1024) -> Rewrite:
    words = "x" * int(size)
    frame = delta_frame({"role": "assistant", "content": words, "phase": "answer", "status": "typing"})
    return Rewrite(
        lambda frames: Frames((frames.data[0], frame, *frames.data[1:]), (frames.words[0], words, *frames.words[1:]))
    )


def _half_frame(frames: Frames) -> Frames:
    last = frames.data[-1]
    return Frames((*frames.data[:-1], last[: len(last) // 2]), frames.words)


_NOTES = {"role": "assistant", "content": "NOT FOR THE ANSWER", "phase": "research_notes", "status": "typing"}

FAULTS: dict[str, Entry] = {
    # in place of an answer
    "rate-limit": Entry(
        "The daily cap as JSON, to be lifted in `hours`.",
        lambda hours=10: _refusal("RateLimited", LIMIT, 429, template=WAIT, num=int(hours)),
    ),
    "parallel-limit": Entry(
        "Too many answers at once, as JSON.",
        lambda: _refusal("ParallelLimited", "Too many requests, please try again later.", 429),
    ),
    "token-expired": Entry(
        "The access token is no longer good, as JSON.",
        lambda: _refusal("Unauthorized", "Token has expired.", 401),
    ),
    "token-expired-empty": Entry(
        "The same with an empty body: only `x-actual-status-code` says 401.",
        lambda: _empty("application/json", 401),
    ),
    "waf-json": Entry(
        "The firewall's challenge as JSON without `success`.",
        lambda: _page(200, WAF_JSON, "application/json;charset=utf-8"),
    ),
    "waf-html": Entry(
        "The firewall's challenge as an HTML page with status 200.",
        lambda: _page(200, WAF_HTML, "text/html; charset=utf-8"),
    ),
    "challenge": Entry(
        "An HTML page with status 200 whose script leads to the challenge.",
        lambda: _page(200, CHALLENGE, "text/html; charset=utf-8"),
    ),
    "empty": Entry(
        "Status 200 and an empty body that calls itself an event stream.",
        lambda: _empty("text/event-stream; charset=utf-8", 200),
    ),
    "chat-busy": Entry(
        "The chat's lock is taken, says the site.",
        lambda: _refusal("Bad_Request", "The chat is in progress!", 400),
    ),
    "chat-gone": Entry(
        "The chat has been deleted, says the site.",
        lambda: _refusal("CHAT_NOT_FOUND", GONE, 404),
    ),
    "internal-json": Entry(
        "A passing failure as JSON: `Bad_Request` that speaks of an internal error.",
        lambda: _refusal("Bad_Request", "An internal error occurred, please try again later.", 400),
    ),
    "login": Entry(
        "A redirect (302) to the sign-in page.",
        lambda: Instead(lambda call: Reply(302, b"", (("location", "https://chat.qwen.ai/auth"),))),
    ),
    "http-500": Entry("A plain 500.", lambda: _page(500, b"Internal Server Error", "text/plain")),
    "http-502": Entry("A gateway's 502 as HTML.", lambda: _page(502, b"<h1>502 Bad Gateway</h1>", "text/html")),
    "http-503": Entry("A plain 503.", lambda: _page(503, b"Service Unavailable", "text/plain")),
    # in the stream
    "rate-limit-sse": Entry("The daily cap as the stream's only line: a refusal's envelope.", _limit_in_stream),
    "quota-sse": Entry(
        "The token quota is used up: an error frame right after created.",
        lambda: _error("insufficient_quota", QUOTA, message=QUOTA),
    ),
    "internal": Entry(
        "The backend fails: an error frame right after created.",
        lambda: _error("internal_error", "Internal error..."),
    ),
    "internal-once": Entry(
        "The same, but the next request with the same prompt is answered.",
        lambda: _error("internal_error", "Internal error..."),
        once=True,
    ),
    "content-filter": Entry("Moderation ends the answer half-way: an error frame.", lambda: Rewrite(_filter)),
    "no-finished": Entry(
        "The stream ends properly, but without its finished frame.",
        lambda: Rewrite(lambda frames: Frames(frames.data[:-1], frames.words[:-1])),
    ),
    "half-frame": Entry("The stream ends properly, in the middle of its last frame.", lambda: Rewrite(_half_frame)),
    "duplicate": Entry(
        "Every frame that adds no words to the answer comes twice: created, thinking, empty, finished.",
        lambda: Rewrite(_twice),
    ),
    "unknown-phase": Entry("Two frames of a phase that nobody knows.", lambda: _between(delta_frame(_NOTES))),
    "garbage": Entry(
        "Comments, other fields, broken JSON and an empty `data:` line, twice.",
        lambda: _between(GARBAGE),
    ),
    "giant-line": Entry("One frame whose content has `size` letters x, before the answer.", _giant),
    "tight": Entry("No blank lines between frames.", lambda: _each(lambda frame: frame[:-1])),
    "crlf": Entry("Lines end with CR LF.", lambda: _each(lambda frame: frame.replace(b"\n", b"\r\n"))),
    # on the socket
    "cut": Entry(
        "The connection is closed right after byte `at` of the body.",
        lambda at=0: Deliver(lambda released: deliveries.Cut(int(at))),
    ),
    "hang-up": Entry(
        "The connection is closed without a byte.",
        lambda: Deliver(lambda released: deliveries.HungUp()),
    ),
    "stall": Entry(
        "Silence after byte `at` of the body, for `seconds`, or until released when none are given.",
        lambda at=0, seconds=None: Deliver(lambda released: deliveries.Stall(int(at), seconds, released)),
    ),
    "drip": Entry(
        "Every byte of the response in a write of its own.",
        lambda: Deliver(lambda released: deliveries.Drip()),
    ),
    "slow-head": Entry(
        "The response's head comes after `seconds`.",
        lambda seconds=1.0: Deliver(lambda released: deliveries.LateHead(seconds)),
    ),
    "gzip": Entry(
        "The body is compressed, whatever the client accepts.",
        lambda: Deliver(lambda released: deliveries.Gzip()),
    ),
    "mislabelled": Entry(
        "The response calls itself plain text.",
        lambda: Deliver(lambda released: deliveries.Mislabelled("text/plain; charset=utf-8")),
    ),
}
