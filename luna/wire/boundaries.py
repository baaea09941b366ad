"""The boundaries of a recorded flow, in the order in which the data met them, and where something first changed.

Owns what a boundary is called and when it counts as changed. Pure. What exactly changed is `luna.wire.changes`'.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from luna.model.chat import ChatRequest
from luna.model.errors import Kind, LunaError
from luna.model.events import StreamEvent
from luna.wire.reader import Recording

Side = Literal["request", "transport", "response"]


class Boundary(msgspec.Struct, frozen=True):
    """What left the stage `name`: a document, or batches of events. `at` in microseconds since the flow was born."""

    name: str
    side: Side
    at: int
    batches: int = 0
    changed: int = 0
    """In how many batches (1 for a document) it differs from the boundary before; what makes the first document or the
    first events changes nothing."""
    first: int = 0
    """The first batch that differs, from 1; 0 where none does."""


def boundaries(recording: Recording) -> list[Boundary]:
    """All of them."""
    return [*_documents(recording), *_events(recording)]


def first_change(found: list[Boundary]) -> Boundary | None:
    """The first one that is not what it was before."""
    return next((boundary for boundary in found if boundary.changed), None)


def document_at(recording: Recording, name: str) -> tuple[ChatRequest | None, ChatRequest]:
    """The document as it came to the stage (None for the one that made it), and as it left it. Raises
    LunaError(NOT_FOUND)."""
    before: ChatRequest | None = None
    for boundary, document in recording.documents.items():
        if boundary == name:
            return before, document
        before = document
    raise unknown(recording, name)


def events_at(recording: Recording, name: str) -> tuple[list[list[StreamEvent]] | None, list[list[StreamEvent]]]:
    """The batches as they came to the stage (None for the transport), and as they left it. Raises
    LunaError(NOT_FOUND)."""
    before: list[list[StreamEvent]] | None = None
    for boundary, batches in recording.events.items():
        if boundary == name:
            return before, batches
        before = batches
    raise unknown(recording, name)


def unknown(recording: Recording, name: str) -> LunaError:
    """There is no such boundary."""
    names = ", ".join([*recording.documents, *recording.events]) or "none"
    return LunaError(
        Kind.NOT_FOUND, f"The recording has no boundary {name[:64]!r}.", hint=f"It has: {names}.", param="stage"
    )


def _documents(recording: Recording) -> Iterator[Boundary]:
    before: ChatRequest | None = None
    for name, document in recording.documents.items():
        changed = before is not None and document is not before and document != before
        yield Boundary(name, "request", recording.times[name], 0, int(changed), int(changed))
        before = document


def _events(recording: Recording) -> Iterator[Boundary]:
    before: list[list[StreamEvent]] | None = None
    for name, batches in recording.events.items():
        at = recording.times.get(name, 0)
        if before is None:
            yield Boundary(name, "transport", at, len(batches))
        else:
            pairs = enumerate(zip(before, batches, strict=False), 1)
            differing = [n for n, (old, new) in pairs if old is not new and old != new]
            yield Boundary(name, "response", at, len(batches), len(differing), differing[0] if differing else 0)
        before = batches
