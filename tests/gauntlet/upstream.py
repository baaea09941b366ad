"""Faults of the upstream: what it does to a connection, to a stream, and what it says.

Owns the list, and what each must become for the client. Every fault happens to all six ways of asking at once, each
with an account of its own; then nothing may be left, and the next request must be answered.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

import anyio

from luna.demo.faults import Fault as Said
from luna.model.errors import Kind
from tests.gauntlet.arena import PATIENCE, Arena
from tests.gauntlet.record import Row
from tests.gauntlet.relay import COMPLETION, NEW, Break, Ending, Fault, Instead, LastAnswer, Late
from tests.gauntlet.speech import WAYS, Got, Way

ANSWER = "[[count:12]]"
WORDS = "".join(f"{number} " for number in range(12))
BROKEN = frozenset({Kind.UPSTREAM_BROKEN})
SILENT = frozenset({Kind.TIMEOUT})
LOGIN = frozenset({Kind.UPSTREAM_LOGIN})
ANSWERED = frozenset[Kind]()
POINTS = {NEW: "new chat", COMPLETION: "completion"}
ENDINGS: tuple[Ending, ...] = ("close", "reset", "half-close")
OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """A fault, where it happens, and which errors it may become; without one, the whole answer must come."""

    name: str
    at: bytes
    fault: Fault | Said | None
    becomes: frozenset[Kind]
    answer_may_come: bool = False
    """It hits so late that the answer can be whole."""
    ways: tuple[Way, ...] = WAYS
    deaf: bool = False


def chunk(data: bytes) -> bytes:
    """One chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(status: str, content_type: str, body: bytes, *more: str) -> bytes:
    """A response with a length."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", f"content-length: {len(body)}", *more, "", ""]
    return "\r\n".join(lines).encode() + body


FRAME = b'data: {"choices":[{"delta":{"role":"assistant","content":"on and on ","phase":"answer","status":"typing"}}]}'
CREATED = b'data: {"response.created":{"chat_id":"c","parent_id":"p","response_id":"r"}}\n\n'

_STRANGE: tuple[tuple[str, Instead, frozenset[Kind]], ...] = (
    ("no HTTP at all", Instead(b"SSH-2.0-OpenSSH_9.6\r\n"), BROKEN),
    ("random bytes", Instead(random.Random(7).randbytes(4096)), BROKEN),
    ("endless head", Instead(b"HTTP/1.1 200 OK\r\n", more=b"x-more: and more\r\n" * 4096), BROKEN),
    ("gzip that is none", Instead(whole("200 OK", "text/event-stream", b"{}", "content-encoding: gzip")), BROKEN),
    ("unknown encoding", Instead(whole("200 OK", "text/event-stream", b"{}", "content-encoding: zip")), BROKEN),
    ("two lengths", Instead(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"), BROKEN),
    ("redirect to sign in", Instead(whole("302 Found", "text/html", b"", "location: /auth")), LOGIN),
    ("redirect elsewhere", Instead(whole("307 No", "text/html", b"", "location: http://127.0.0.1:1/")), LOGIN),
    ("a picture", Instead(whole("200 OK", "image/png", b"\x89PNG\r\n\x1a\n")), BROKEN),
    ("a page", Instead(whole("200 OK", "text/html", b"<html>Hello</html>")), BROKEN),
    ("JSON of no meaning", Instead(whole("200 OK", "application/json", b'{"hello": 1}')), BROKEN),
    ("no content", Instead(b"HTTP/1.1 204 No Content\r\n\r\n"), BROKEN),
)  # fmt: skip

_STREAMS: tuple[tuple[str, Instead, frozenset[Kind]], ...] = (
    ("garbage in the stream", Instead(OK + chunk(random.Random(8).randbytes(8192)) + b"0\r\n\r\n"), BROKEN),
    ("a bad chunk", Instead(OK + chunk(CREATED) + b"zz\r\n"), BROKEN),
    ("endless line", Instead(OK + chunk(CREATED + b"data: "), more=chunk(b"x" * 65536)), BROKEN),
    ("endless comments", Instead(OK + chunk(CREATED), more=chunk(b": still here\n\n")), SILENT),
    ("endless answer", Instead(OK + chunk(CREATED), more=chunk(FRAME + b"\n\n")), SILENT),
)

_SAID: dict[str, frozenset[Kind]] = {
    "rate-limit": frozenset({Kind.RATE_LIMITED}),
    "parallel-limit": frozenset({Kind.RATE_LIMITED}),
    "token-expired": LOGIN,
    "token-expired-empty": LOGIN,
    "waf-json": frozenset({Kind.UPSTREAM_BLOCKED}),
    "waf-html": frozenset({Kind.UPSTREAM_BLOCKED}),
    "challenge": frozenset({Kind.UPSTREAM_BLOCKED}),
    "empty": BROKEN,
    "chat-busy": frozenset({Kind.CHAT_BUSY}),
    "chat-gone": frozenset({Kind.CHAT_GONE}),
    "internal-json": frozenset({Kind.UPSTREAM_TRANSIENT}),
    "login": LOGIN,
    "http-500": frozenset({Kind.UPSTREAM_TRANSIENT}),
    "http-502": frozenset({Kind.UPSTREAM_TRANSIENT}),
    "http-503": frozenset({Kind.UPSTREAM_TRANSIENT}),
    "hang-up": BROKEN,
}
"""What may be said in the place of any answer."""
_SAID_IN_STREAM: dict[str, frozenset[Kind]] = {
    "rate-limit-sse": frozenset({Kind.RATE_LIMITED}),
    "quota-sse": frozenset({Kind.QUOTA_EXHAUSTED}),
    "internal": frozenset({Kind.UPSTREAM_TRANSIENT}),
    "content-filter": frozenset({Kind.CONTENT_FILTERED}),
    "no-finished": BROKEN,
    "half-frame": BROKEN,
    "duplicate": ANSWERED,
    "unknown-phase": ANSWERED,
    "garbage": ANSWERED,
    "tight": ANSWERED,
    "crlf": ANSWERED,
    "drip": ANSWERED,
    "gzip": ANSWERED,
    "mislabelled": ANSWERED,
}
VOCABULARY: dict[tuple[str, str, int], Kind] = {
    ("Bad_Request", "The chat is in progress!", 400): Kind.CHAT_BUSY,
    ("PARENT_NOT_FOUND", "Invalid input chat parent_id 1 is not exist.", 400): Kind.CHAT_GONE,
    ("data_inspection_failed", "Content security warning: input data", 400): Kind.CONTENT_FILTERED,
    ("insufficient_quota", "Allocated quota exceeded, see #token-limit", 429): Kind.QUOTA_EXHAUSTED,
    ("token_limit", "The prompt is too long.", 400): Kind.CONTEXT_OVERFLOW,
    ("context_length_exceeded", "Too long.", 400): Kind.CONTEXT_OVERFLOW,
    ("RateLimited", "You have reached the limit.", 429): Kind.RATE_LIMITED,
    ("RateLimited", "401 Unauthorized: token has expired", 401): Kind.UPSTREAM_LOGIN,
    ("Too_Many_Requests", "Slower.", 429): Kind.RATE_LIMITED,
    ("quota_exhausted", "No more.", 403): Kind.QUOTA_EXHAUSTED,
    ("TokenExpired", "Sign in again.", 401): Kind.UPSTREAM_LOGIN,
    ("Not_Found", "Model not found", 404): Kind.MODEL_GONE,
    ("CHAT_NOT_FOUND", "This chat has been deleted.", 404): Kind.CHAT_GONE,
    ("internal_error", "Internal error...", 500): Kind.UPSTREAM_TRANSIENT,
    ("RequestValidationError", "A field is wrong.", 400): Kind.UPSTREAM_REJECTED,
    ("Something_New", "Nobody knows this.", 418): Kind.UPSTREAM_REJECTED,
}
"""Refusals in the site's own words: (code, details, status) and what they mean."""


def refusal(code: str, details: str, status: int) -> bytes:
    """It as a document with a status of 200, as the site says it."""
    body = f'{{"success":false,"request_id":"1","data":{{"code":"{code}","details":"{details}"}}}}'
    return whole("200 OK", "application/json", body.encode(), f"x-actual-status-code: {status}")


def in_stream(code: str, details: str) -> bytes:
    """The same as a frame after a few words."""
    frame = f'data: {{"error":{{"code":"{code}","details":"{details}"}}}}\n\n'
    return OK + chunk(CREATED) + chunk(FRAME + b"\n\n") + chunk(frame.encode()) + b"0\r\n\r\n"


def cases(events: list[int], length: int, *, short: bool, seed: int = 1) -> Iterable[Case]:
    """All of them. `events`: the ends of the answer's events in its `length` bytes."""
    yield Case("nobody listens", NEW, None, BROKEN)
    yield Case("nobody listens any more", NEW, LastAnswer(), BROKEN)
    yield from _connections(short=short)
    yield from _cuts(events, length, short=short, chance=random.Random(seed))
    for name, stream, kinds in _STREAMS:
        if not short or not name.startswith(("endless comments", "endless answer")):
            yield Case(name, COMPLETION, stream, kinds)
    yield from _said(short=short)


def _said(*, short: bool) -> Iterable[Case]:
    for at in (COMPLETION,) if short else (NEW, COMPLETION):
        for name, strange, kinds in _STRANGE:
            yield Case(name, at, strange, kinds)
        for name, kinds in _SAID.items():
            yield Case(name, at, Said(name), kinds)
        for (code, details, status), kind in VOCABULARY.items():
            yield Case(f"{code} ({details})", at, Instead(refusal(code, details, status)), frozenset({kind}))
    for name, kinds in _SAID_IN_STREAM.items():
        if short and name == "drip":
            continue
        yield Case(name, COMPLETION, Said(name), kinds)
    for (code, details, _), kind in VOCABULARY.items():
        said = Instead(in_stream(code, details))
        yield Case(f"{code} ({details}) in mid stream", COMPLETION, said, frozenset({kind}))


def _cuts(events: list[int], length: int, *, short: bool, chance: random.Random) -> Iterable[Case]:
    for position, end in enumerate(events):
        if not short or position in (0, 1, len(events) // 2, len(events) - 1):
            endings = ("close",) if short else ENDINGS
            for ending in endings:
                name = f"{ending} after event {position + 1} of {len(events)}"
                yield Case(name, COMPLETION, Break(ending, end), BROKEN, answer_may_come=position + 1 == len(events))
    for _ in range(6 if short else 200):
        after, ending = chance.randrange(length), chance.choice(ENDINGS)
        name = f"{ending} after byte {after} of {length}"
        yield Case(name, COMPLETION, Break(ending, after), BROKEN, answer_may_come=after >= events[-1] - 8)


def _connections(*, short: bool) -> Iterable[Case]:
    for at in (COMPLETION, NEW):
        for ending in ENDINGS:
            yield Case(f"{ending} before the answer", at, Break(ending), BROKEN)
            yield Case(f"{ending} in the head", at, Break(ending, 20), BROKEN)
        yield Case("a late head", at, Late(PATIENCE / 3), ANSWERED)
    yield Case("no head", COMPLETION, Break("stall"), SILENT)
    yield Case("half a head", COMPLETION, Break("stall", 30), SILENT)
    yield Case("silent in mid stream", COMPLETION, Break("stall", 900), SILENT)
    if not short:
        yield Case("no head", NEW, Break("stall"), SILENT)
        yield Case("silent in the document", NEW, Break("stall", 300), SILENT)
        yield Case("nobody accepts", NEW, None, SILENT, deaf=True)


async def ends_of_events(arena: Arena) -> tuple[list[int], int]:
    """Where the events of an undisturbed answer end, and its length, head and framing included."""
    got = await arena.ask(WAYS[0], f"{ANSWER} undisturbed")
    assert got.text == WORDS, got
    raw = arena.relay.bytes
    pieces = raw.split(b"\n\n")
    return [*accumulate(len(piece) + 2 for piece in pieces)][:-1], len(raw)


async def run(arena: Arena, case: Case, number: int, *, short: bool = False) -> list[Row]:
    """Let it happen to all ways at once (the short form: to one that streams and one that does not, in turn); a row
    for each."""
    ways = [way for way in case.ways if not short or way in (WAYS[2 * number % 6], WAYS[(2 * number + 3) % 6])]
    arena.fresh_accounts(ways)
    gots: dict[Way, Got] = {}

    async def client(way: Way) -> None:
        gots[way] = await arena.ask(way, f"{ANSWER} case {number}")

    async def clients() -> None:
        async with anyio.create_task_group() as tasks:
            for way in ways:
                tasks.start_soon(client, way)

    if case.deaf:
        async with arena.relay.deaf():
            await clients()
    else:
        await _begin(arena, case)
        await clients()
    arena.relay.fault = None
    arena.lookalike.faults.clear()
    await arena.relay.listen()
    left = await arena.settled()
    rows = [await _row(arena, case, way, gots[way], left) for way in ways]
    if not isinstance(case.fault, Said | Instead):
        rows.append(await _again(arena, case, ways[number % len(ways)], number))
    return rows


async def _again(arena: Arena, case: Case, way: Way, number: int) -> Row:
    """The fault is over: the same account must answer."""
    got = await arena.ask(way, f"{ANSWER} after case {number}")
    wrong = got.misshapen or ("" if got.text == WORDS and got.ended else f"no answer: {got.message}")
    left = await arena.settled()
    record = await arena.run_of(got.flow)
    says = "no run" if record is None else record.status
    wrong = wrong or ("" if says == "completed" else "the run should be completed")
    return Row("Upstream", case.name, f"{POINTS[case.at]}, then again", str(way), str(got), says, left, wrong)


async def _begin(arena: Arena, case: Case) -> None:
    arena.relay.at = case.at
    match case.fault:
        case None:
            await arena.forget_connections()
            await arena.relay.refuse()
        case Said():
            path = "/api/v2/chats/new" if case.at == NEW else "/api/v2/chat/completions"
            arena.lookalike.faults.push(case.fault, times=100, path=path)
        case fault:
            arena.relay.fault = fault


async def _row(arena: Arena, case: Case, way: Way, got: Got, left: str) -> Row:
    record = await (arena.run_of(got.flow) if got.flow else arena.latest(arena.accounts[way]))
    wrong = got.misshapen or _judged(case, way, got)
    says = "nothing"
    if record is not None:
        says = f"{record.status}{f', {record.error_kind}' if record.error_kind else ''}"
        expected = "failed" if got.error else "completed"
        if record.status != expected and not wrong:
            wrong = f"the run should be {expected}"
        if got.error and record.error_kind and got.error != way.word(Kind(record.error_kind)) and not wrong:
            wrong = "the run and the client were told different things"
        if got.error and Kind(record.error_kind) not in case.becomes and not wrong:
            wrong = f"should be {' or '.join(case.becomes)}"
    else:
        wrong = wrong or "there is no run"
    return Row("Upstream", case.name, POINTS[case.at], str(way), str(got), says, left, wrong)


def _judged(case: Case, way: Way, got: Got) -> str:
    """What is wrong with what the client got; "" for nothing."""
    if not got.error:
        if case.becomes and not case.answer_may_come:
            return f"an answer, where it should be {' or '.join(case.becomes)}"
        return "" if got.ended and got.text == WORDS else "not the whole answer"
    if not case.becomes:
        return f"an error, where the answer should come: {got.message}"
    if got.error not in {way.word(kind) for kind in case.becomes}:
        return f"should be {' or '.join(case.becomes)}: {got.message}"
    if not got.ended:
        return "an error without the protocol's end"
    if got.status != 200 and got.status not in {way.status(kind) for kind in case.becomes}:
        return "the status does not fit the error"
    if got.status != 200 and got.kind not in case.becomes:
        return "x-luna-error does not fit the error"
    own = isinstance(case.fault, Instead)
    return "" if own or WORDS.startswith(got.text) else "words that the upstream never said"
