"""What a recording is written down in: encoded lines, within a budget, on their way to a sink.

Owns the budget, the time of frames, the handing over to the sink, and what happens when recording
itself goes wrong. Knows nothing of what the frames say.
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

log = logging.getLogger("luna.recordings")

BUDGET = 32 * 1024 * 1024
"""Bytes of bodies, documents and events in one recording."""
SPILL = 256 * 1024
"""Bytes of lines that are held in memory before they go to the sink."""

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
        self.encode = msgspec.json.Encoder(enc_hook=values.encode).encode
        self._clock = clock
        self._start = clock.monotonic()
        self._sink = sink
        self._budget = budget
        self._room = budget
        self._lines: list[bytes] = []
        self._pending = 0
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "broken" if self.fault else "full" if self.left_out else "open"
        return f"<Ledger {self.flow} {state} room={self._room}>"

    def now(self) -> int:
        """Microseconds since the flow was born."""
        return int((self._clock.monotonic() - self._start) * 1_000_000)

    def afford(self, size: int) -> bool:
        """Whether the budget allows so many bytes more. Once it did not, it never does."""
        if not self.left_out and size <= self._room:
            self._room -= size
            return True
        if not self.left_out:
            self.write(Truncated(self.now(), self._budget))
        self.left_out += size
        return False

    def write(self, frame: AnyFrame) -> None:
        """Keep a frame whose parts are redacted already."""
        self._keep(self.encode(frame))

    def write_redacted(self, frame: AnyFrame) -> None:
        """Redact a frame as a whole and keep it: for small ones."""
        self._keep(self.redactor.body(self.encode(frame)))

    def close(self, last: AnyFrame, outcome: str) -> None:
        """The last frame. Whatever comes after is ignored."""
        if not self._closed:
            self.write(last)
            self._closed = True
            lines, self._lines = self._lines, []
            self._sink.finish(lines, outcome)

    def stop(self, fault: str) -> None:
        """Recording went wrong: take nothing more but the end."""
        self.fault = fault
        log.warning("The recording of flow %s stopped: %s.", self.flow, fault)

    def _keep(self, line: bytes) -> None:
        if self._closed:
            return
        self._lines.append(line)
        self._pending += len(line)
        if self._pending > SPILL:
            lines, self._lines, self._pending = self._lines, [], 0
            self._sink.spill(lines)


def harmless(method: _Method) -> _Method:
    """For methods of an object with a `ledger`: a recording that fails must not hurt the flow. It stops."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> None:
        ledger: Ledger = self.ledger
        if not ledger.fault:
            try:
                method(self, *args, **kwargs)
            except _MISHAPS as error:
                ledger.stop(f"{type(error).__name__} in {method.__name__}")

    return cast("_Method", guarded)
