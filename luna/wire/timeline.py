"""Where a recorded flow's time went: spans on one axis, and the moments of its reads and sends.

Owns what counts as a span and how many moments are told at once. Pure; all times are microseconds since the flow was
born. What a span's bytes were is `luna.wire.causes`'.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from luna.model.events import Notice, Opened, StreamEvent, Usage
from luna.wire.reader import Chunk, Exchange, Recording

SpanKind = Literal[
    "stage", "queue", "chat", "upload", "completion", "stop", "exchange", "first-byte", "held", "settle", "answer"
]


class Span(msgspec.Struct, frozen=True):
    """Something that lasted. `name` is a stage's, or `POST /path` of an exchange."""

    kind: SpanKind
    name: str
    at: int
    end: int
    exchange: int = 0
    """Its number, where it belongs to one."""
    count: int = 0
    """Reads, sends or batches in it."""
    size: int = 0
    """Bytes in it."""


class Mark(msgspec.Struct, frozen=True):
    """One read, send or batch; or `count` of them between `at` and `end`, the first of which is number `number` (from
    1)."""

    at: int
    end: int
    number: int
    count: int = 1
    size: int = 0


class Lane(msgspec.Struct, frozen=True):
    """Moments of one kind: the reads of exchange `exchange`, the batches, or the sends to the client."""

    kind: Literal["reads", "batches", "sends"]
    marks: list[Mark]
    exchange: int = 0
    total: int = 0
    """How many there are, on the whole axis."""


def length(recording: Recording) -> int:
    """When the last thing happened that the recording knows of."""
    ends = [span.end for span in _exchanges(recording)]
    ends += [chunk.t for chunk in recording.sent[-1:]]
    ends += [moment.t for moment in recording.batches[-1:]]
    ends += [recording.end.t] if recording.end is not None else []
    return max([0, *ends, *recording.times.values()])


def spans(recording: Recording) -> list[Span]:
    """Everything that lasted, by its beginning."""
    found = [
        *_stages(recording),
        *_exchanges(recording),
        *_held(recording),
        *_settling(recording),
        *_answering(recording),
    ]
    return sorted(found, key=lambda span: (span.at, -span.end))


def lanes(recording: Recording, start: int, end: int, most: int) -> list[Lane]:
    """The moments between two times; more than `most` of a kind are told in groups."""
    made = [
        Lane("reads", _chunks(exchange.chunks, start, end, most), number, len(exchange.chunks))
        for number, exchange in enumerate(recording.exchanges, 1)
        if exchange.chunks
    ]
    times = [moment.t for moment in recording.batches]
    made.append(Lane("batches", _marks(times, [0] * len(times), start, end, most), total=len(times)))
    made.append(Lane("sends", _chunks(recording.sent, start, end, most), total=len(recording.sent)))
    return made


def kind_of(exchange: Exchange) -> SpanKind:
    """What an exchange was for, by where it went (wire document, sections 2 to 6)."""
    return purpose(exchange.opened.method, exchange.opened.url)


def purpose(method: str, url: str) -> SpanKind:
    """The same of a request."""
    path = urlsplit(url).path
    if path.endswith("/completions/stop"):
        return "stop"
    if path.endswith("/chat/completions"):
        return "completion"
    if path.endswith("/chats/new"):
        return "chat"
    return "upload" if "/files/" in path or method == "PUT" else "exchange"


def speaks(batch: Sequence[StreamEvent]) -> bool:
    """True when a client would see something of it: what is no content is never held back."""
    return any(not isinstance(event, Opened | Usage | Notice) for event in batch)


def _stages(recording: Recording) -> Iterator[Span]:
    before = 0
    for name in recording.documents:
        at = recording.times[name]
        yield Span("stage", name, before, at)
        before = at
    failure = recording.failure
    if failure is not None and not recording.exchanges and failure.stage and failure.stage not in recording.documents:
        yield Span("stage", failure.stage, before, max(before, failure.t))


def _exchanges(recording: Recording) -> Iterator[Span]:
    for number, exchange in enumerate(recording.exchanges, 1):
        opened, chunks = exchange.opened, exchange.chunks
        name = f"{opened.method} {urlsplit(opened.url).path}"
        if opened.waited:
            yield Span("queue", "", max(0, opened.t - opened.waited), opened.t, number)
        last = max(opened.t, exchange.head_t, chunks[-1].t if chunks else 0)
        end = exchange.end.t if exchange.end is not None else last
        size = sum(len(chunk.data) for chunk in chunks)
        yield Span(kind_of(exchange), name, opened.t, max(end, last), number, len(chunks), size)
        if chunks:
            yield Span("first-byte", name, opened.t, chunks[0].t, number)


def _held(recording: Recording) -> Iterator[Span]:
    """From a batch that a stage swallowed to the next one in which something came out of it."""
    times = recording.batches
    for (_, before), (name, after) in pairwise(recording.events.items()):
        begun = -1
        for at, batch in enumerate(after[: len(times)]):
            if begun < 0 and batch is before[at]:
                continue  # the usual case, and cheap
            if speaks(batch):
                if begun >= 0:
                    yield Span("held", name, times[begun].t, times[at].t, count=at - begun)
                begun = -1
            elif begun < 0 and speaks(before[at]):
                begun = at
        if begun >= 0:
            yield Span("held", name, times[begun].t, times[-1].t, count=len(times) - begun)


def _settling(recording: Recording) -> Iterator[Span]:
    """From the last batch to the last bytes: what the client is told is being written down."""
    if recording.batches and recording.sent:
        begun, over = recording.batches[-1].t, recording.sent[-1].t
        if over > begun:
            yield Span("settle", "", begun, over)


def _answering(recording: Recording) -> Iterator[Span]:
    sent = recording.sent
    if recording.status:
        end = max(recording.started, sent[-1].t if sent else 0)
        size = sum(len(chunk.data) for chunk in sent)
        yield Span("answer", "", recording.started, end, count=len(sent), size=size)


def _chunks(chunks: Sequence[Chunk], start: int, end: int, most: int) -> list[Mark]:
    return _marks([chunk.t for chunk in chunks], [len(chunk.data) for chunk in chunks], start, end, most)


def _marks(times: list[int], sizes: list[int], start: int, end: int, most: int) -> list[Mark]:
    first, last = bisect_left(times, start), bisect_right(times, end)
    if last - first <= most:
        return [Mark(times[at], times[at], at + 1, 1, sizes[at]) for at in range(first, last)]
    made: list[Mark] = []
    width = max(1, (end - start) // most + 1)
    while first < last:
        over = bisect_left(times, start + ((times[first] - start) // width + 1) * width, first, last)
        made.append(Mark(times[first], times[over - 1], first + 1, over - first, sum(sizes[first:over])))
        first = over
    return made
