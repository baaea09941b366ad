"""Feels the process's pulse: how late the event loop is, and what recordings and the disk come to.

Owns the two tasks that measure beside the requests, so that whoever reads the figures waits for none of it.
"""

import shutil
from collections import deque
from pathlib import Path

import anyio
import anyio.to_thread

from luna.model.ambient import Clock
from luna.state.metrics import Metrics
from luna.wire.store import Recordings

BEAT_SECONDS = 0.5
WORST_OF = 120
"""Beats of which the worst is told: a minute."""
LOOK_SECONDS = 60.0


class Pulse:
    """What was measured last."""

    def __init__(self, metrics: Metrics, recordings: Recordings, folder: Path, clock: Clock) -> None:
        self._lag = metrics.lag
        self._recordings = recordings
        self._folder = folder
        self._clock = clock
        self._late: deque[float] = deque(maxlen=WORST_OF)
        self.recordings: float | None = None
        """How many there are; None before they were counted."""
        self.recorded: float | None = None
        """Bytes in them."""
        self.free: float | None = None
        """Bytes free on the disk of the data directory."""

    def __repr__(self) -> str:
        return f"<Pulse late={self.worst():.4f}s>"

    def worst(self) -> float:
        """Seconds that the event loop was late at most, within the last minute."""
        return max(self._late, default=0.0)

    async def beat(self) -> None:
        """Measure the event loop, until cancelled."""
        now = self._clock.monotonic
        while True:
            due = now() + BEAT_SECONDS
            await anyio.sleep(BEAT_SECONDS)
            late = max(0.0, now() - due)
            self._late.append(late)
            self._lag.observe(late)

    async def look(self) -> None:
        """Measure what lies on the disk, until cancelled."""
        while True:
            await anyio.to_thread.run_sync(self._measure)
            await anyio.sleep(LOOK_SECONDS)

    def _measure(self) -> None:
        entries = self._recordings.list()
        self.recordings, self.recorded = float(len(entries)), float(sum(entry.size for entry in entries))
        self.free = float(shutil.disk_usage(self._folder).free)
