"""Tells onlookers of runs as they change: each at once, and then no more often than anybody can look.

Owns the pace. What is told is a run's row; who is told is the bulletin's business. Nobody looks on: nothing is done.
"""

from collections.abc import Callable

import anyio

from luna.state.bulletin import Bulletin
from luna.state.run import Run
from luna.state.run_row import row_of
from luna.state.runs import Runs

PACE = 0.1
"""Seconds between two tellings of the same run."""
TOPIC = "runs"


class RunNews:
    """`news.follow(runs)`, and `news.keep` in the background."""

    def __init__(self, bulletin: Bulletin, now: Callable[[], float]) -> None:
        self._bulletin = bulletin
        self._now = now
        self._told: dict[str, float] = {}
        """When each of those that go on was told last."""
        self._waiting: dict[str, Run] = {}
        self._wanted = anyio.Event()
        self._leave: Callable[[], None] | None = None
        """Ends the watch on the runs."""

    def __repr__(self) -> str:
        return f"<RunNews told={len(self._told)} waiting={len(self._waiting)}>"

    def follow(self, runs: Runs) -> None:
        """Watch the runs whenever somebody looks on."""

        def begin() -> None:
            if self._leave is None:
                self._leave = runs.watch(self.changed)

        self._bulletin.expect(begin)

    def changed(self, run: Run) -> None:
        """A run is another than before."""
        if not self._bulletin.watched:
            self._told.clear()
            self._waiting.clear()
            if self._leave is not None:
                self._leave()
                self._leave = None
            return
        last = self._told.get(run.id)
        if last is None or self._now() - last >= PACE:
            self._tell(run)
        elif run.id not in self._waiting:
            self._waiting[run.id] = run
            self._wanted.set()

    async def keep(self) -> None:
        """Tell what came too soon after the last time. Runs until cancelled."""
        while True:
            await self._wanted.wait()
            await anyio.sleep(PACE)
            self._wanted = anyio.Event()
            waiting, self._waiting = self._waiting, {}
            for run in waiting.values():
                self._tell(run)

    def _tell(self, run: Run) -> None:
        self._waiting.pop(run.id, None)
        if run.terminal:
            self._told.pop(run.id, None)
        else:
            self._told[run.id] = self._now()
        self._bulletin.publish(TOPIC, row_of(run.record))
