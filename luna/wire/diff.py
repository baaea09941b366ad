"""Compares two recordings of what should be the same flow, in the order in which the data met the boundaries.

Owns what counts as a difference and how it is shown: documents as JSON, events one to a line, bytes
as their lines. Pure. Ids and timestamps are no excuse: a replay draws the same ones. Only headers
whose value was redacted on either side are passed over, and so is what a replay cannot know that never
saw the secrets of the request: the numbers of placeholders, and how many tokens a text with secrets had.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

import msgspec

from luna.model.chat import ChatRequest
from luna.model.dialect import Headers
from luna.model.events import StreamEvent
from luna.wire.reader import Exchange, Recording

CONTEXT_LINES = 3
_REDACTED = "<redacted:"
_PLACEHOLDER = re.compile(r"<redacted:\d+>")
_TOKENS = re.compile(r'(?<=tokens":)( ?)\d+')

Lines = list[str]


@dataclass(frozen=True)
class Difference:
    """Where two recordings part, and a unified diff of what they hold there."""

    boundary: str
    diff: str

    def __str__(self) -> str:
        return f"{self.boundary}\n{self.diff}"


def first_divergence(before: Recording, after: Recording, *, heartbeat: bytes = b"") -> Difference | None:
    """The first difference, or None when there is none."""
    return next(_differences(before, after, heartbeat), None)


def differences(before: Recording, after: Recording, *, heartbeat: bytes = b"") -> list[Difference]:
    """All boundaries at which they differ, in data order. `heartbeat` is what keeps a silent stream of this protocol
    alive: it depends on the time alone, and is taken out of the client's bytes."""
    return list(_differences(before, after, heartbeat))


def _differences(before: Recording, after: Recording, heartbeat: bytes) -> Iterator[Difference]:
    """First where they part in substance; then where one side merely went further, which is what comes of it."""
    further: list[Difference] = []
    counted = not any(_asks_redacted(recording) for recording in (before, after))
    for boundary, old, new, substance in _boundaries(before, after, heartbeat):
        if old != new:
            old, new = _as_far_as_known(old, counted), _as_far_as_known(new, counted)
        if old == new:
            continue
        titles = (
            "before (nothing there)" if old is None else "before",
            "after (nothing there)" if new is None else "after",
        )
        diff = difflib.unified_diff(old or [], new or [], *titles, lineterm="", n=CONTEXT_LINES)
        difference = Difference(boundary, "\n".join(diff) or "\n".join(titles))
        if substance:
            yield difference
        else:
            further.append(difference)
    yield from further


def _boundaries(
    before: Recording, after: Recording, heartbeat: bytes
) -> Iterator[tuple[str, Lines | None, Lines | None, bool]]:
    """Boundary by boundary: what either side holds there, None where it has no such boundary, and whether it is more
    than that one side went further."""
    yield "client request", _asked(before, after), _asked(after, before), True
    for name in _union(before.documents, after.documents):
        yield f"document {name}", _document(before.documents.get(name)), _document(after.documents.get(name)), True
    for x, (old, new) in enumerate(zip_longest(before.exchanges, after.exchanges), 1):
        substance = not _only_how_far(old, new)
        yield f"upstream request {x}", _request(old, new), _request(new, old), substance
        yield f"upstream response {x}", _response(old, new), _response(new, old), substance
    for name in _union(before.events, after.events):
        then, now = _events(before.events.get(name)), _events(after.events.get(name))
        yield f"events {name}", then, now, then is None or now is None or not _begins(then, now)
    yield "client answer", _answer(before, after, heartbeat), _answer(after, before, heartbeat), True
    yield "outcome", _outcome(before), _outcome(after), True


def _asks_redacted(recording: Recording) -> bool:
    return recording.client is not None and _REDACTED.encode() in recording.client.body


def _as_far_as_known(lines: Lines | None, counted: bool) -> Lines | None:
    if lines is None:
        return None
    lines = [_PLACEHOLDER.sub("<redacted>", line) for line in lines]
    return lines if counted else [_TOKENS.sub(r"\1…", line) for line in lines]


def _begins(old: Lines, new: Lines) -> bool:
    """True when the shorter is how the longer begins."""
    shared = min(len(old), len(new))
    return old[:shared] == new[:shared]


def _only_how_far(old: Exchange | None, new: Exchange | None) -> bool:
    """True where the two tell only how far an answer was read, or that one side went on asking (it stopped a
    generation, it tried again): what came of something further down, not what caused it."""
    if old is None or new is None:
        return True
    if _request(old, new) != _request(new, old) or old.status != new.status:
        return False
    return old.body.startswith(new.body) or new.body.startswith(old.body)


def _union(old: Iterable[str], new: Iterable[str]) -> list[str]:
    """Both sides' boundaries in the order of the data's way; one that only the new side has stands before the one that
    follows it there."""
    merged, fresh = list(old), list(new)
    for place, name in enumerate(fresh):
        if name not in merged:
            following = next((other for other in fresh[place + 1 :] if other in merged), None)
            merged.insert(len(merged) if following is None else merged.index(following), name)
    return merged


def _asked(recording: Recording, other: Recording) -> Lines | None:
    client = recording.client
    if client is None:
        return None
    query = f"?{client.query}" if client.query else ""
    headers = _headers(client.headers, other.client.headers if other.client is not None else ())
    return [f"{client.method} {client.path}{query}", *headers, "", *_body(client.body)]


def _request(exchange: Exchange | None, other: Exchange | None) -> Lines | None:
    if exchange is None:
        return None
    opened = exchange.opened
    headers = _headers(opened.headers, other.opened.headers if other is not None else ())
    return [f"{opened.method} {opened.url}", *headers, "", *_body(opened.data)]


def _response(exchange: Exchange | None, other: Exchange | None) -> Lines | None:
    if exchange is None:
        return None
    end = exchange.end
    ending = ["unfinished"] if end is None else [f"{end.how} {end.kind} {end.message}".strip()]
    headers = _headers(exchange.headers, other.headers if other is not None else ())
    return [str(exchange.status), *headers, "", *_body(exchange.body), *ending]


def _answer(recording: Recording, other: Recording, heartbeat: bytes) -> Lines:
    # The length says nothing that the body does not, and counts what redaction has taken out since.
    headers = [line for line in _headers(recording.headers, other.headers) if not line.startswith("content-length:")]
    sent = [chunk.data for chunk in recording.sent if not heartbeat or chunk.data != heartbeat]
    return [str(recording.status), *headers, "", *_body(b"".join(sent))]


def _outcome(recording: Recording) -> Lines:
    failure = recording.failure
    failed = [] if failure is None else [f"{failure.kind} at {failure.stage or 'no stage'}: {failure.message}"]
    return [*failed, recording.end.outcome if recording.end is not None else "unfinished"]


def _headers(own: Headers, others: Headers) -> Lines:
    passed_over = {name.lower() for name, value in (*own, *others) if _REDACTED in value}
    return [f"{name.lower()}: {value}" for name, value in own if name.lower() not in passed_over]


def _document(document: ChatRequest | None) -> Lines | None:
    return None if document is None else _pretty(document)


def _events(batches: list[list[StreamEvent]] | None) -> Lines | None:
    if batches is None:
        return None
    return [msgspec.json.encode(event).decode() for batch in batches for event in batch]


def _pretty(document: object) -> Lines:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode().split("\n")


def _body(data: bytes) -> Lines:
    try:
        return _pretty(msgspec.json.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return data.decode("utf-8", "backslashreplace").split("\n")
