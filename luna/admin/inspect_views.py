"""What the inspector is told of a recording: the time axis, boundaries, batches with their causes and effects.

Owns the shapes, in milliseconds since the flow was born, and how much of each is told at once. What they say is
`luna.wire`'s.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from luna.model.events import StreamEvent
from luna.wire.boundaries import Side, boundaries, document_at, events_at, first_change
from luna.wire.causes import Piece, batch_of_read, batch_of_send, story
from luna.wire.changes import Change, document_changes
from luna.wire.diff import Difference
from luna.wire.reader import Recording
from luna.wire.timeline import Lane, Mark, Span, SpanKind, lanes, length, spans

MARKS = 600
"""Moments of a lane that are told one by one; more are told in groups."""
SPANS = 2000
TEXT = 1024 * 1024
"""Characters of a document."""
BYTES = 64 * 1024
"""Characters of what caused a batch, and of what it became."""
EVENT = 4000
"""Characters of an event."""
DIFF = 256 * 1024


class SpanView(msgspec.Struct, rename="camel"):
    """Something that lasted."""

    kind: SpanKind
    name: str
    at_ms: float
    end_ms: float
    exchange: int = 0
    count: int = 0
    size: int = 0


class MarkView(msgspec.Struct, rename="camel"):
    """A moment, or `count` of them; `batch` is the one that belongs to the first of them, 0 where none does."""

    at_ms: float
    end_ms: float
    number: int
    count: int
    size: int
    batch: int


class LaneView(msgspec.Struct):
    """The moments of one kind."""

    kind: Literal["reads", "batches", "sends"]
    exchange: int
    total: int
    marks: list[MarkView]


class BoundaryFigures(msgspec.Struct, rename="camel"):
    """A boundary, named after the stage that the data has just left. `changed` counts the batches (1 for a document)
    that the stage changed, `first` is the first of them."""

    name: str
    side: Side
    at_ms: float
    batches: int
    changed: int
    first: int


class ChangePlace(msgspec.Struct):
    """A boundary, and a batch at it (0 for a document)."""

    boundary: str
    batch: int


class TimelineView(msgspec.Struct, rename="camel"):
    """A recorded flow on one time axis."""

    flow: str
    pipeline: str
    outcome: str
    length_ms: float
    batches: int
    spans: list[SpanView]
    lanes: list[LaneView]
    boundaries: list[BoundaryFigures]
    first_change: ChangePlace | None = None
    truncated: bool = False


class BatchView(msgspec.Struct, rename="camel"):
    """A batch at a boundary, an event to a line; `before` as it came to the stage, where that is something else."""

    n: int
    at_ms: float
    changed: bool
    events: list[str]
    before: list[str] = []


class BoundaryPage(msgspec.Struct):
    """What left a stage: a document with what the stage changed in it, or a page of batches."""

    name: str
    side: Side
    document: str = ""
    cut: bool = False
    changes: list[Change] = []
    more: bool = False
    """There are more changes than are told."""
    total: int = 0
    batches: list[BatchView] = []


class StoryPiece(msgspec.Struct, rename="camel"):
    """A read or a send; `offset` within the whole body."""

    number: int
    at_ms: float
    offset: int
    size: int


class StepView(msgspec.Struct):
    """The batch at one boundary."""

    boundary: str
    changed: bool
    events: list[str]


class StoryView(msgspec.Struct, rename="camel"):
    """A batch from the bytes that caused it to the bytes that it became. `later`: nothing went out before the next
    batch, and this send came next."""

    n: int
    at_ms: float
    exchange: int
    reads: list[StoryPiece]
    offset: int
    cause: str
    cause_size: int
    steps: list[StepView]
    sends: list[StoryPiece]
    effect: str
    effect_size: int
    later: int


class DifferenceView(msgspec.Struct):
    """Where two runs part: a unified diff of what they have there."""

    boundary: str
    diff: str
    cut: bool = False


class SideView(msgspec.Struct):
    """One of two runs."""

    id: str
    pipeline: str
    outcome: str
    status: int
    size: int
    """Bytes to the client."""


class ComparisonView(msgspec.Struct):
    """Two runs side by side; `left` are exchanges that the second one did not ask for."""

    before: SideView
    after: SideView
    differences: list[DifferenceView]
    left: list[str] = []


class TimelineQuery(msgspec.Struct, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """Which part of the axis is told moment by moment."""

    start: Annotated[float, Meta(ge=0, le=1e12, description="Milliseconds.")] = 0
    end: Annotated[float, Meta(ge=0, le=1e12, description="Milliseconds; 0 for the end.")] = 0
    marks: Annotated[int, Meta(ge=1, le=MARKS, description="Moments of a lane; more are told in groups.")] = MARKS


class BoundaryQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which batches."""

    after: Annotated[int, Meta(ge=0, description="The number of the batch before the first one.")] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


def timeline_view(recording: Recording, id: str, query: TimelineQuery) -> TimelineView:
    """The whole axis; moments of the part that is asked for."""
    whole, found = length(recording), boundaries(recording)
    start = int(query.start * 1000)
    end = int(query.end * 1000) if query.end else whole
    first = first_change(found)
    return TimelineView(
        flow=id,
        pipeline=recording.head.pipeline,
        outcome=_outcome(recording),
        length_ms=whole / 1000,
        batches=len(recording.batches),
        spans=[_span(span) for span in spans(recording)[:SPANS]],
        lanes=[_lane(recording, lane) for lane in lanes(recording, start, end, query.marks)],
        boundaries=[
            BoundaryFigures(each.name, each.side, each.at / 1000, each.batches, each.changed, each.first)
            for each in found
        ],
        first_change=ChangePlace(first.name, first.first if first.side == "response" else 0) if first else None,
        truncated=recording.truncated,
    )


def boundary_page(recording: Recording, name: str, query: BoundaryQuery) -> BoundaryPage:
    """Raises LunaError(NOT_FOUND)."""
    if name in recording.documents:
        before, document = document_at(recording, name)
        text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
        changes, more = document_changes(before, document) if before is not None else ([], False)
        return BoundaryPage(name, "request", text[:TEXT], len(text) > TEXT, changes, more)
    old, batches = events_at(recording, name)
    page = [
        _batch(recording, n, batches[n - 1], old[n - 1] if old is not None else None)
        for n in range(query.after + 1, min(query.after + query.limit, len(batches)) + 1)
    ]
    return BoundaryPage(name, "response" if old is not None else "transport", total=len(batches), batches=page)


def story_view(recording: Recording, n: int, heartbeat: bytes) -> StoryView:
    """Raises LunaError(NOT_FOUND)."""
    told = story(recording, n, heartbeat=heartbeat)
    steps: list[StepView] = []
    before: list[StreamEvent] | None = None
    for name, batch in told.events.items():
        steps.append(StepView(name, before is not None and before != batch, _lines(batch)))
        before = batch
    return StoryView(
        n=n,
        at_ms=told.t / 1000,
        exchange=told.exchange,
        reads=[_piece(piece) for piece in told.reads],
        offset=told.offset,
        cause=_text(told.cause),
        cause_size=len(told.cause),
        steps=steps,
        sends=[_piece(piece) for piece in told.sends],
        effect=_text(told.effect),
        effect_size=len(told.effect),
        later=told.later,
    )


def side_view(recording: Recording, id: str) -> SideView:
    """One of two runs, in a line."""
    return SideView(id, recording.head.pipeline, _outcome(recording), recording.status, len(recording.answer))


def difference_view(difference: Difference) -> DifferenceView:
    """One place at which they part."""
    return DifferenceView(difference.boundary, difference.diff[:DIFF], len(difference.diff) > DIFF)


def _outcome(recording: Recording) -> str:
    return recording.end.outcome if recording.end is not None else "unfinished"


def _span(span: Span) -> SpanView:
    return SpanView(span.kind, span.name, span.at / 1000, span.end / 1000, span.exchange, span.count, span.size)


def _lane(recording: Recording, lane: Lane) -> LaneView:
    def batch(mark: Mark) -> int:
        match lane.kind:
            case "reads":
                return batch_of_read(recording, lane.exchange, mark.number)
            case "sends":
                return batch_of_send(recording, mark.number)
            case "batches":
                return mark.number

    marks = [
        MarkView(mark.at / 1000, mark.end / 1000, mark.number, mark.count, mark.size, batch(mark))
        for mark in lane.marks
    ]
    return LaneView(lane.kind, lane.exchange, lane.total, marks)


def _batch(recording: Recording, n: int, batch: list[StreamEvent], before: list[StreamEvent] | None) -> BatchView:
    at = recording.batches[n - 1].t / 1000 if n <= len(recording.batches) else 0.0
    changed = before is not None and before != batch
    return BatchView(n, at, changed, _lines(batch), _lines(before) if changed and before is not None else [])


def _lines(batch: list[StreamEvent]) -> list[str]:
    return [msgspec.json.encode(event).decode()[:EVENT] for event in batch]


def _piece(piece: Piece) -> StoryPiece:
    return StoryPiece(piece.number, piece.t / 1000, piece.offset, piece.size)


def _text(data: bytes) -> str:
    return data[: 4 * BYTES].decode("utf-8", "backslashreplace")[:BYTES]
