"""A recorded flow as text for a terminal: overview, time axis, one boundary.

Owns the wording and the columns. What there is to say is `luna.wire`'s; nothing is printed here.
"""

from collections.abc import Iterator

import msgspec

from luna.wire.boundaries import Boundary, boundaries, document_at, events_at, first_change
from luna.wire.changes import BatchChange, Change, batch_changes, document_changes
from luna.wire.reader import Recording
from luna.wire.timeline import Span, length, spans

WIDTH = 40
"""Columns of the time axis."""
_LABELS = {
    "queue": "waiting for an account",
    "chat": "a chat is made",
    "upload": "a file goes up",
    "completion": "Qwen answers",
    "stop": "Qwen is told to stop",
    "exchange": "asking Qwen",
    "first-byte": "  until the first byte",
    "settle": "being written down",
    "answer": "to the client",
}


def overview(recording: Recording) -> Iterator[str]:
    """What came, what each stage made of it, what went out."""
    head, client, end, failure = recording.head, recording.client, recording.end, recording.failure
    asked = f"{client.method} {client.path}" if client is not None else "no client request"
    yield f"{head.flow}: {asked}, recorded by luna {head.luna}"
    outcome = end.outcome if end is not None else "unfinished"
    yield f"route {head.route}, pipeline {head.pipeline}, {outcome} after {_ms(length(recording))}"
    if failure is not None:
        yield f"failed at {failure.stage or 'no stage'}: {failure.kind}: {failure.message}"
    if recording.truncated:
        yield "bodies are missing: the recording's budget was used up"
    yield ""
    found = boundaries(recording)
    width = max([len(boundary.name) for boundary in found], default=0)
    for boundary in found:
        yield f"  {_ms(boundary.at):>10}  {boundary.name:{width}}  {_what(boundary)}"
    yield ""
    for number, exchange in enumerate(recording.exchanges, 1):
        opened = exchange.opened
        how = exchange.end.how if exchange.end is not None else "open"
        came = f"{exchange.status or 'no answer'}, {len(exchange.body)} bytes in {len(exchange.chunks)} reads, {how}"
        yield f"  upstream {number}  {opened.method} {opened.url.partition('?')[0]}: {came}"
    status, sent = recording.status or "no answer", recording.sent
    yield f"  client      {status}, {len(recording.answer)} bytes in {len(sent)} sends"
    first = first_change(found)
    if first is not None:
        where = f" in batch {first.first}" if first.side == "response" else ""
        yield f"\nfirst change: {first.name}{where}  (--at {first.name} shows it)"


def axis(recording: Recording) -> Iterator[str]:
    """Everything that lasted, as bars on one axis."""
    whole = max(1, length(recording))
    rows = [(_label(span), span) for span in spans(recording)]
    width = max([len(label) for label, _ in rows], default=0)
    yield f"{'':{width}}  0{_ms(whole):>{WIDTH - 1}}"
    for label, span in rows:
        begun = min(WIDTH - 1, span.at * WIDTH // whole)
        size = max(1, min(WIDTH - begun, -(-(span.end - span.at) * WIDTH // whole)))
        bar = f"{'':{begun}}{'█' * size}"
        count = f"  {span.count} ×" if span.count else ""
        bulk = f"  {span.size} bytes" if span.size else ""
        yield f"{label:{width}}  {bar:{WIDTH}}  {_ms(span.at):>10}  {_ms(span.end - span.at):>10}{count}{bulk}"


def contents(recording: Recording, stage: str) -> Iterator[str]:
    """The document at a boundary, or its events, one to a line. Raises LunaError(NOT_FOUND)."""
    if stage in recording.documents:
        _, document = document_at(recording, stage)
        yield msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
        return
    _, batches = events_at(recording, stage)
    for number, batch in enumerate(batches, 1):
        moment = recording.batches[number - 1] if number <= len(recording.batches) else None
        yield f"batch {number}" + (f"  {_ms(moment.t)}" if moment is not None else "")
        yield from (f"  {msgspec.json.encode(event).decode()}" for event in batch)


def difference(recording: Recording, stage: str) -> Iterator[str]:
    """What a stage has changed. Raises LunaError(NOT_FOUND)."""
    if stage in recording.documents:
        before, document = document_at(recording, stage)
        if before is None:
            yield f"{stage} made the request (--events shows all of it)"
            return
        changes, more = document_changes(before, document)
        yield from _told(stage, [line for change in changes for line in _change(change)], more)
        return
    old, batches = events_at(recording, stage)
    if old is None:
        yield f"{stage} made the events (--events shows them)"
        return
    changed, more = batch_changes(old, batches)
    yield from _told(stage, [line for batch in changed for line in _batch(batch)], more)


def _told(stage: str, lines: list[str], more: bool) -> Iterator[str]:
    yield from lines or [f"{stage} left everything as it was"]
    if more:
        yield "… and more than can be shown here"


def _change(change: Change) -> Iterator[str]:
    yield f"{change.op} {change.path}" + ("  (shortened)" if change.cut else "")
    if change.diff:
        yield from (f"  {line}" for line in change.diff.split("\n"))
        return
    if change.op != "added":
        yield from (f"  - {line}" for line in change.before.split("\n"))
    if change.op != "removed":
        yield from (f"  + {line}" for line in change.after.split("\n"))


def _batch(batch: BatchChange) -> Iterator[str]:
    yield f"batch {batch.n}"
    yield from (f"  - {line}" for line in batch.before if line not in batch.after)
    yield from (f"  {' ' if line in batch.before else '+'} {line}" for line in batch.after)


def _what(boundary: Boundary) -> str:
    if boundary.side == "transport":
        return f"{boundary.batches} batches of events"
    if boundary.side == "request":
        return "changed the request" if boundary.changed else ""
    return f"changed {boundary.changed} of {boundary.batches} batches" if boundary.changed else ""


def _label(span: Span) -> str:
    if span.kind == "stage":
        return span.name
    return f"{span.name} holds back" if span.kind == "held" else _LABELS[span.kind]


def _ms(microseconds: int) -> str:
    return f"{microseconds / 1000:.2f} ms"
