"""What a recording is written down in: notes that become lines, within a budget, on their way to a sink.

Owns the budget, the time of frames, when notes are transcribed, the handing over to the sink, and what happens when
recording itself goes wrong. Knows nothing of what the frames say.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

import msgspec

from luna.model import values
from luna.model.ambient import Clock
from luna.wire.frames import AnyFrame, Truncated
from luna.wire.redact import Redactor
from luna.wire.transcribe import Body, Note, Passed, Piece, transcribe

log = logging.getLogger("luna.recordings")

BUDGET = 32 * 1024 * 1024
"""Bytes of bodies, documents and events in one recording."""
ENOUGH = 64 * 1024
"""Bytes of notes that are worth being transcribed; a flow holds no more of them."""
SPILL = 256 * 1024
"""Bytes of lines that are held in memory before they go to the sink."""
_NOTE = 64
"""Bytes that a note counts for beside what it holds."""

_ENCODER = msgspec.json.Encoder(enc_hook=values.encode)
_MISHAPS = (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError, NotImplementedError)
_Method = TypeVar("_Method", bound=Callable[..., None])


class Sink(Protocol):
    """Where a recording's lines go. Neither method blocks nor raises."""

    def spill(self, lines: list[bytes]) -> None:
        """Take these lines; more will follow."""
        ...

    def finish(self, lines: list[bytes], outcome: str) -> None:
        """Take the last lines and decide whether the recording is kept."""
        ...


class Ledger:
    """One recording as it is written. Its time begins when it is made."""

    def __init__(self, flow: str, *, clock: Clock, redactor: Redactor, sink: Sink, budget: int = BUDGET) -> None:
        self.flow = flow
        self.redactor = redactor
        self.left_out = 0
        """Bytes that the budget did not allow."""
        self.fault = ""
        """Why recording stopped before the flow did."""
        self.encode = _ENCODER.encode
        self._monotonic = clock.monotonic
        self._start = clock.monotonic()
        self._sink = sink
        self._budget = budget
        self._room = budget
        self._notes: list[Note] = []
        self._noted = 0
        self._lines: list[bytes] = []
        self._pending = 0
        self._listening = True
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "broken" if self.fault else "full" if self.left_out else "open"
        return f"<Ledger {self.flow} {state} room={self._room}>"

    def now(self) -> int:
        """Microseconds since the flow was born."""
        return int((self._monotonic() - self._start) * 1_000_000)

    def afford(self, size: int) -> bool:
        """Whether the budget allows so many bytes more. Once it did not, it never does."""
        if self._listening and size <= self._room:
            self._room -= size
            return True
        if not self.left_out:
            self.write(Truncated(self.now(), self._budget))
        self.left_out += size
        self._listening = False
        return False

    def body(self, x: int, *, fields: bool) -> Body:
        """For a body that comes in pieces: that of exchange `x`, or the client's answer (0)."""
        return Body(x, self.redactor.stream(fields=fields))

    # While a flow runs this is all that is done for it: what was seen is noted, with its time.

    def piece(self, body: Body, data: bytes) -> None:
        """A read, or a send."""
        size = len(data)
        if self._listening and size <= self._room:
            self._room -= size
            self._noted += size + _NOTE
            self._notes.append(Piece(int((self._monotonic() - self._start) * 1_000_000), body, data))
            if self._noted > ENOUGH:
                self.transcribe()
        elif not self.fault and not self._closed:
            self.afford(size)

    def over(self, body: Body) -> None:
        """There are no more pieces of it."""
        if self._listening:
            self._notes.append(Piece(self.now(), body, None))

    def passed(self, boundary: str, n: int, events: bytes) -> None:
        """Batch number `n`, as JSON, as it left the boundary."""
        if self.afford(len(events)):
            self._note(Passed(self.now(), boundary, n, events), len(events))

    def write(self, frame: AnyFrame) -> None:
        """A frame whose parts are redacted already."""
        line = self.encode(frame)
        self._note(line, len(line))

    def write_redacted(self, frame: AnyFrame) -> None:
        """A frame that is redacted as a whole: for small ones."""
        line = self.redactor.body(self.encode(frame))
        self._note(line, len(line))

    def _note(self, note: Note, size: int) -> None:
        if not self._closed:
            self._notes.append(note)
            self._noted += size + _NOTE
            if self._noted > ENOUGH:
                self.transcribe()

    # Now and then.

    def transcribe(self) -> None:
        """Redact and encode what has been noted since the last time, and hand lines over where there are many."""
        notes, self._notes, self._noted = self._notes, [], 0
        before = len(self._lines)
        try:
            self._lines.extend(transcribe(notes, self.redactor, self.encode))
        except _MISHAPS as error:
            self.stop(f"{type(error).__name__} in transcribe")
        self._pending += sum(map(len, self._lines[before:]))
        if self._pending > SPILL:
            lines, self._lines, self._pending = self._lines, [], 0
            self._sink.spill(lines)

    def close(self, last: AnyFrame, outcome: str) -> None:
        """The last frame. Whatever comes after is ignored."""
        if not self._closed:
            self.transcribe()
            self._closed = True
            self._listening = False
            lines, self._lines = self._lines, []
            self._sink.finish([*lines, self.encode(last)], outcome)

    def stop(self, fault: str) -> None:
        """Recording went wrong: take nothing more but the end."""
        self.fault = fault
        self._listening = False
        log.warning("The recording of flow %s stopped: %s.", self.flow, fault)


def harmless(method: _Method) -> _Method:
    """For methods of an object with a `ledger`: a recording that fails must not hurt the flow. It stops."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> None:
        ledger: Ledger = self.ledger
        if not ledger.fault:
            try:
                method(self, *args, **kwargs)
            except _MISHAPS as error:
                ledger.stop(f"{type(error).__name__} in {method.__name__.strip('_')}")

    return cast("_Method", guarded)
