"""What Qwen, or whoever stands in its place, sends.

http        however a response is cut: the same status, headers, body and failure; within the bounds of its encoding
sse         see `tests.fuzz.sse`; and every protocol can write down what the reader made of it
refusals    a LunaError or nothing; no token of the reply in its words
documents   what is read of API replies: something, nothing, or LunaError(UPSTREAM_...)
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from random import Random
from typing import Any

import msgspec

from luna.model.dialect import AnswerHead
from luna.model.errors import LunaError
from luna.model.events import StreamEvent
from luna.model.fold import Fold
from luna.protocols.registry import ANTHROPIC_MESSAGES, OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_RESPONSES
from luna.qwen import shapes
from luna.qwen.catalogue import read_models
from luna.qwen.chat_list import holds_nothing, read_chats
from luna.qwen.chats import current_answer, said_in
from luna.qwen.endpoints import Site
from luna.qwen.errors import document_error, reply_error
from luna.qwen.permits import parse_item, read_permit
from luna.upstream.encoding import FLOOR, RATIO, EncodingError, inflater
from luna.upstream.parser import ResponseParser
from tests.fuzz import sse
from tests.fuzz.guided import Target
from tests.support.scenarios import FIXTURES, transcript
from tests.support.streams import a_stream

TOKEN = b"eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOiJmdXp6In0.c2lnbmF0dXJl"
"""What must not get into an error."""
_MARK = TOKEN.decode().partition(".")[0]


def cut(data: bytes, draw: Random) -> list[bytes]:
    """The data in pieces."""
    size = draw.choice((1, 2, 3, 7, 16, 100, 1000))
    if size == 1 and len(data) < 3000:
        return [data[at : at + 1] for at in range(len(data))]
    ends = sorted({draw.randint(0, len(data)) for _ in range(min(64, len(data) // size))} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


def _response(pieces: Iterable[bytes]) -> tuple[Any, ...]:
    parser, body, wrong, came = ResponseParser(), b"", "", 0
    undo = None
    for piece in pieces:
        came += len(piece)
        plain = parser.feed(piece)
        if wrong or not parser.head_read:
            continue
        try:
            if undo is None:
                named = next((v for k, v in parser.headers if k == "content-encoding"), "")
                undo = inflater(named) or _Plain()
            body += undo.feed(plain) if plain else b""
        except EncodingError as error:
            wrong = str(error)
        assert len(body) <= max(FLOOR, RATIO * came), "a body beyond its bound"
    parser.end()
    if undo is not None and not wrong and parser.done:
        try:
            undo.end()
        except EncodingError as error:
            wrong = str(error)
    # Of what failed, how much was given before depends on the cuts, and so do the words for a body that is broken.
    failed = bool(wrong or parser.failure)
    headers = parser.headers if parser.head_read else ()
    return (
        parser.head_read,
        parser.status if parser.head_read else 0,
        headers,
        "" if failed else body,
        failed,
        parser.done,
    )


class _Plain:
    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> None:
        pass


def http(data: bytes) -> None:
    """One response on the wire."""
    draw = Random(data)
    whole = _response([data])
    assert _response(cut(data, draw)) == whole, "it matters where the reads end"
    head, status, headers, body, failed, _ = whole
    if head and not failed:
        named = dict(reversed(headers))
        _judged(
            status,
            named.get("content-type", ""),
            named.get("x-actual-status-code", ""),
            body,
            named.get("location", ""),
        )


def refusals(data: bytes) -> None:
    """A reply that is no stream: `status content-type|actual|location` in the first line, then the body."""
    line, _, body = data.partition(b"\n")
    fields = (line.decode("latin-1") + "|||").split("|")
    digits = "".join(sign for sign in fields[0][:3] if sign.isascii() and sign.isdigit())
    _judged(int(digits or 200), fields[0][3:].strip(), fields[1], body, fields[2])


def _judged(status: int, kind: str, actual: str, body: bytes, location: str) -> None:
    error = reply_error(status, kind, actual, body, location)
    if error is not None:
        _quiet(error)
    shapes.of_status(status, status, kind)


def _quiet(error: LunaError) -> None:
    """A message is short, on one line, and no place for tokens."""
    told = f"{error!r} {error.told} {error.detail}"
    assert _MARK not in told, f"a token: {told}"
    assert len(error.message) < 1000 and "\n" not in error.message, f"a message: {error.message[:200]!r}"


def stream(data: bytes) -> None:
    """An event stream."""
    reads = cut(data, Random(data))
    assert not sse.misread(reads), "other payloads than the whole"
    assert not sse.differs(reads), "it matters where the reads end"
    sse._check_grammar(data)
    events, _, failure = sse.read([data])
    if not failure:
        _encoded(events)
    shapes.of_stream(data)


def _encoded(events: list[StreamEvent]) -> None:
    fold = Fold()
    for event in events:
        fold.feed(event)
    for dialect in (OPENAI_CHAT, ANTHROPIC_MESSAGES, OPENAI_RESPONSES, OPENAI_COMPLETIONS):
        for streamed in (True, False):
            encoder = dialect.encoder(AnswerHead("id", "m", 1, streamed, True))
            sent = b"".join([encoder.feed(event) for event in events]) + encoder.close()
            if not streamed:
                msgspec.json.decode(sent)


_SITE = Site("https://chat.qwen.ai", "https://auth.qwen.ai")


def documents(data: bytes) -> None:
    """A JSON document of Qwen's API, read as each of them."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    error = document_error(document, 200)
    if error is not None:
        _quiet(error)
    shapes.of_answer("GET /x", document)
    for read in (read_models, read_chats):
        try:
            read(document)
        except LunaError as error:
            _quiet(error)
    holds_nothing(document)
    answer = current_answer(document)
    said_in(document, answer)
    if isinstance(document, dict):
        try:
            parse_item(document, "file")
            read_permit(document, _SITE)
            inner = document.get("data")
            read_permit(inner if isinstance(inner, dict) else {}, _SITE)
        except LunaError as error:
            _quiet(error)


def _wire() -> Iterator[Any]:
    return (transcript(folder.name) for folder in sorted(FIXTURES.iterdir()) if (folder / "meta.json").is_file())


def _responses() -> Iterator[bytes]:
    for found in _wire():
        head = [f"HTTP/1.1 {found.status} OK", *(f"{name}: {value}" for name, value in found.headers.items())]
        start = "\r\n".join(head).encode()
        body = found.body[:1500]
        yield start + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        yield start + b"\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
        yield start + b"\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(body, mtime=0)
    for kind in (b"deflate", b"x-gzip", b"br", b"zstd"):
        yield b"HTTP/1.1 200 OK\r\nContent-Encoding: " + kind + b"\r\n\r\n" + zlib.compress(b"x" * 1000)
    yield b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 204 No\r\nconnection: close\r\n\r\n"
    yield b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\n\r\n"


def _replies() -> Iterator[bytes]:
    for found in _wire():
        kind = found.headers.get("content-type", "")
        yield f"{found.status} {kind}|{found.headers.get('x-actual-status-code', '')}|\n".encode() + found.body[:3000]
    yield (
        b'200 application/json||\n{"success":false,"data":{"code":"Bad_Request","details":"token '
        + TOKEN
        + b' expired"}}'
    )
    yield b"500 text/plain||\nBearer " + TOKEN
    yield b"302 text/html||https://x/_____tmd_____/punish?x5secdata=" + TOKEN + b"\n"


def _streams() -> Iterator[bytes]:
    yield from (found.body[:6000] for found in _wire() if b"data:" in found.body[:200])
    yield from (b"".join(a_stream(Random(seed)))[:4000] for seed in range(30))


_HTTP_WORDS = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 500 \r\n",
    b"\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"content-length: 99999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"transfer-encoding: gzip, chunked\r\n",
    b"0\r\n\r\n",
    b"5;x=y\r\nhello\r\n",
    b"ffffffffffffffffff\r\n",
    b"Connection: close\r\n",
    b"connection: keep-alive, upgrade\r\n",
    b"Content-Encoding: gzip\r\n",
    b"content-encoding: deflate\r\n",
    b"x-actual-status-code: 401\r\n",
    b"Location: https://x/punish\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
)
_FRAMES = (
    b"data: ",
    b"data:",
    b"\n\n",
    b"\r",
    b"data: [DONE]\n",
    b'"phase":"answer"',
    b'"status":"finished"',
    b"event: x\n",
    b": c\n",
    b'data: {"choices":[{"delta":{"content":"x","phase":"think","status":"typing"}}]}\n',
    b'data: {"choices":[{"delta":{"function_call":{"name":"f","arguments":"{"},"function_id":"a","phase":"f"}}]}\n',
    b'data: {"response.created":{"response_id":"r","chat_id":"c"}}\n',
    b'data: {"usage":{"input_tokens":1,"output_tokens":2}}\n',
    b'"extra":{"tool_result":[]}',
    b'"extra":{"local_mcp":{"s":[{"tool_name":"t","params":{}}]}}',
    b'"extra":{"summary_title":{"content":["a"]},"summary_thought":{"content":["b"]}}',
)

TARGETS = {
    "http": Target("http", http, _responses, _HTTP_WORDS),
    "sse": Target("sse", stream, _streams, _FRAMES),
    "refusals": Target("refusals", refusals, _replies, (TOKEN, b"|", b"text/html", b"<html>", b"RGV587_ERROR")),
    "documents": Target(
        "documents",
        documents,
        lambda: [found.body for found in _wire() if found.body.lstrip()[:1] in (b"{", b"[")],
        (b'"data"', b"oss-accelerate.aliyuncs.com", b"https://", TOKEN),
    ),
}
