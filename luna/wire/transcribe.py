"""Turns what was noted of a flow into the lines of its recording: all that came since the last time, in one go.

Owns what a note is and how many of them are redacted together. A note holds what was seen as it was seen, secrets and
all: it lives in memory, and only what `transcribe` gives back may go on to a file.
"""

from collections.abc import Callable, Iterator

import msgspec

from luna.wire.frames import AnyFrame, ClientBytes, Events, UpData, pack
from luna.wire.redact import RedactedStream, Redactor


class Body:
    """A body that comes in pieces: that of exchange number `x`, or what the client gets (0)."""

    def __init__(self, x: int, stream: RedactedStream) -> None:
        self.x = x
        self.stream = stream

    def __repr__(self) -> str:
        return f"<Body {self.x or 'of the answer'} {self.stream!r}>"

    def frame(self, t: int, data: bytes) -> UpData | ClientBytes:
        """The frame of a piece that has been redacted."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return UpData(t, x=self.x, **pack(data)) if self.x else ClientBytes(t, **pack(data))
        return UpData(t, x=self.x, text=text) if self.x else ClientBytes(t, text=text)


class Piece(msgspec.Struct, frozen=True, gc=False):
    """One read or send. `data` None: the body is over."""

    t: int
    body: Body
    data: bytes | None


class Passed(msgspec.Struct, frozen=True, gc=False):
    """Batch number `n` as it left `boundary`; `events` is a JSON list."""

    t: int
    boundary: str
    n: int
    events: bytes


Note = Piece | Passed | bytes
"""Bytes are a line that has been redacted already."""


def transcribe(notes: list[Note], redactor: Redactor, encode: Callable[[AnyFrame], bytes]) -> Iterator[bytes]:
    """The lines, in the order of the notes. Pieces of one body are looked at as one text: it costs a fraction of one
    look at each, and a secret that two of them share is seen as well."""
    said: dict[Body, list[bytes]] = {}
    batches: list[bytes] = []
    for note in notes:
        if isinstance(note, Piece):
            if note.data is not None:
                said.setdefault(note.body, []).append(note.data)
        elif isinstance(note, Passed):
            batches.append(note.events)
    pieces = {body: iter(body.stream.feed_all(data)) for body, data in said.items()}
    passed = iter(redactor.texts(batches))
    for note in notes:
        if isinstance(note, Piece):
            if note.data is not None:
                yield encode(note.body.frame(note.t, next(pieces[note.body])))
            elif rest := note.body.stream.flush():
                yield encode(note.body.frame(note.t, rest))
        elif isinstance(note, Passed):
            yield encode(Events(note.t, note.boundary, note.n, msgspec.Raw(next(passed))))
        else:
            yield note
