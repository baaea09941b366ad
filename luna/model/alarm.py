"""A timer that seldom rings: for patience with the network, and for looking at a client once in a while (ADR 0023).

Owns the one use of the event loop's own timers. A cancel scope around each read costs more than the read; this costs
two assignments, because what is armed stays armed: it looks, when it would ring, whether it still should.
"""

import asyncio  # noqa: TID251 - the one place: anyio has timers only in cancel scopes
import math
from collections.abc import Callable


def _nobody() -> None:
    pass


class Alarm:
    """Calls `ring`, in the event loop, when it was set so many seconds ago and neither set anew nor put off since.
    It belongs to one event loop. Close it when it is of no use any more: else it lives until it would have rung."""

    __slots__ = ("_due", "_loop", "_ring", "_timer")

    def __init__(self, ring: Callable[[], object]) -> None:
        self._ring = ring
        self._due = math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Alarm {'set' if self.pending else 'off'}>"

    def set(self, seconds: float) -> None:
        """Ring so many seconds from now. Call it within the event loop."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        self._due = due = loop.time() + seconds
        timer = self._timer
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timer = loop.call_at(due, self._look)

    @property
    def pending(self) -> bool:
        """It is set, and has not rung."""
        return self._due != math.inf

    def off(self) -> None:
        """Do not ring."""
        self._due = math.inf

    def close(self) -> None:
        """Never ring again, and let go of everything: whom it would have called mostly has it."""
        self._due, self._ring = math.inf, _nobody
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._loop is None or self._due == math.inf:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._due = math.inf
            self._ring()
