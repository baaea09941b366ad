"""Writes: queued by whoever has something to keep, committed together.

Owns what becomes of the queue and where, and what happens when the database refuses. `write` costs an append. All that
is waiting becomes one transaction. A small one for SQLite is put into the journal on the spot
(`luna.state.store.journal`): that makes it durable. A thread brings the journal into the database, many transactions
in one, and takes every other transaction there itself, where many requests share it. The order of the writes is kept.
What fails for the moment (a lock, a full disk, a server that restarts) is kept and tried again; a single write that is
wrong in itself is dropped and named, so that it cannot hold back the others.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anyio
from anyio.lowlevel import current_token

from luna.model.errors import Kind, LunaError
from luna.state.store import errors
from luna.state.store.ahead import Ahead
from luna.state.store.backlog import FEW, Backlog
from luna.state.store.database import Database
from luna.state.store.form import Form, Values
from luna.state.store.journal import Journal
from luna.state.store.late import LateRow
from luna.state.store.refusals import may_pass, reason
from luna.state.store.sql import Executable
from luna.state.store.thread import OwnThread
from luna.state.store.transaction import Transactions, Write

log = logging.getLogger("luna.state.store")

Rows = dict[str, Any] | Values | list[dict[str, Any]] | list[Values] | LateRow
"""One row, or several."""

MOST = 2_000
"""Writes in one transaction."""
PAUSES = (0.05, 0.2, 1.0, 5.0)
"""Seconds between two tries at a database that refuses; the last one repeats."""
LINGER = 0.05
"""Seconds that writes nobody waits for may lie, so that more of them share a commit."""
GATHER = 0.5
"""Seconds that something may stand in the journal alone, so that more of it goes over together."""
ENOUGH = 2_000
"""Statements that are enough of it."""
PATIENCE = 2.0
"""Seconds that somebody who waits for a commit is kept waiting while the database refuses."""


class Writer:
    """The one who writes. With a `journal`, where it is SQLite."""

    def __init__(self, database: Database, journal: Journal | None = None) -> None:
        self._waiting = Backlog()
        self._queued = 0
        self._done = 0
        self._wanted = anyio.Event()
        self._pressing = False
        """What waits is for the thread."""
        self._later: Callable[[float, Callable[[], None]], object] | None = None
        """The event loop's own timer, as long as `run` runs."""
        self._lingering = False
        """What waits will be taken when its time has come, if not before."""
        self._gathering = False
        """The same of what is ahead."""
        self._moved: anyio.Event | None = None
        """For those who wait, where somebody does."""
        self._stopping = False
        self._thread = OwnThread("writer")
        self._transactions = Transactions(database)
        self._ahead = Ahead(journal, self._transactions)
        self._away = False
        """The thread is at what was never in the journal."""
        self.problem = ""
        """Why nothing can be written now; empty when all is well."""
        self.commits = 0
        self.seconds = 0.0
        """Spent on them, waiting for the database included."""
        self._given_up = 0
        """Since it began to refuse."""
        self.lost = 0
        """Writes that were given up."""

    def __repr__(self) -> str:
        problem = f" problem={self.problem!r}" if self.problem else ""
        return f"<Writer waiting={self.waiting} journaled={self.journaled} commits={self.commits}{problem}>"

    @property
    def waiting(self) -> int:
        """Writes that are not committed yet."""
        return self._queued - self._done

    @property
    def journaled(self) -> int:
        """Transactions that are durable, and not in the database yet."""
        return self._ahead.count

    def write(self, statement: Executable | Form, rows: Rows) -> None:
        """Queue one statement for one row or several. Never blocks, never raises."""
        self._waiting.append((statement, [rows] if isinstance(rows, (dict, tuple)) else rows))
        self._queued += 1
        if self.problem or len(self._waiting) > FEW:
            self._shorten()
        if not self._lingering and self._later is not None:
            self._lingering = True
            self._later(LINGER, self._time_has_come)

    def commit_here(self) -> bool:
        """Whether everything that was queued is durable, after it was written into the journal if it could be."""
        if self._waiting:
            self._keep()
        return self._done >= self._queued

    async def commit(self) -> None:
        """Return when everything that was queued before is durable. Raises LunaError(INTERNAL) when it cannot be."""
        if not self.commit_here():
            goal = self._queued
            self._press()
            await self._until(lambda: self._done >= goal)

    async def settle(self) -> None:
        """Return when everything that was queued before is in the database itself, where others see it. Raises
        LunaError(INTERNAL) when it cannot be."""
        await self.commit()
        if self._ahead.count:
            goal = self._ahead.number
            self._wanted.set()
            await self._until(lambda: self._ahead.reached >= goal)

    async def show(self) -> None:
        """Return when everything that was committed before is in the database itself, or cannot be for now."""
        goal = self._ahead.number
        while self._ahead.reached < goal and not self.problem:
            self._wanted.set()
            moved = self._moved = self._moved or anyio.Event()
            await moved.wait()

    async def _until(self, reached: Callable[[], bool]) -> None:
        patience = PATIENCE
        while not reached() and patience > 0:
            moved = self._moved = self._moved or anyio.Event()
            if not self.problem:
                await moved.wait()
                continue
            begun = anyio.current_time()
            with anyio.move_on_after(patience):
                await moved.wait()
            patience -= anyio.current_time() - begun
        if not reached():
            raise LunaError(
                Kind.INTERNAL,
                f"luna cannot write to its database: {self.problem or 'it does not answer'}.",
                hint="See that the disk has room and that luna may write to its data directory.",
            )

    async def run(self) -> None:
        """Write until `stop`, and then what is left."""
        self._later = current_token().native_token.call_later  # type: ignore[attr-defined]
        if self._waiting:
            self._press()
        try:
            while not self._stopping or self._waiting or self._ahead.statements:
                if not (self._stopping or self._wanted.is_set()):
                    await self._wanted.wait()
                batch: list[Write] = []
                if self._pressing or self._stopping:
                    batch = self._waiting.take(MOST)
                    self._pressing = bool(self._waiting)
                if not self._pressing:
                    self._wanted = anyio.Event()
                if batch or self._ahead.statements:
                    self._away = bool(batch)
                    await self._bring_in(batch)
                    self._away = False
        finally:
            self._later = None

    def stop(self) -> None:
        """Let `run` end once everything is written."""
        self._stopping = True
        self._wanted.set()

    def _shorten(self) -> None:
        given_up = self._waiting.shorten()
        if given_up and not self._given_up:
            log.error("more writes wait for the database than luna keeps: the oldest are given up")
        self._given_up += given_up
        self._done += given_up
        self.lost += given_up

    def _press(self) -> None:
        self._pressing = True
        self._wanted.set()

    def _time_has_come(self) -> None:
        self._lingering = False
        if self._waiting and not self._keep():
            self._press()

    def _enough_is_gathered(self) -> None:
        self._gathering = False
        if self._ahead.statements:
            self._wanted.set()

    def _keep(self) -> bool:
        """Make all that waits durable on the spot, if nothing is to come into the database before it."""
        ahead, later = self._ahead, self._later
        if self._away or self._pressing or self.problem or later is None or not ahead.keep(self._waiting):
            return False
        self._done += len(self._waiting)
        self._waiting.clear()
        self.commits += 1
        self.seconds += ahead.spent
        if ahead.statements >= ENOUGH:
            self._wanted.set()
        elif not self._gathering:
            self._gathering = True
            later(GATHER, self._enough_is_gathered)
        if self._moved is not None:
            self._tell()
        return True

    async def _bring_in(self, batch: list[Write]) -> None:
        """What is ahead, and then the batch."""
        begun = anyio.current_time()
        if self._ahead.statements and not await self._bring_in_what_is_ahead():
            self._give_up(batch)  # it would come into the database before what is ahead of it
        elif batch and not await self._insist(partial(self._transactions.bring_in, batch), batch):
            self._give_up(batch)
        if batch:
            self._done += len(batch)
            self.commits += 1
            self.seconds += anyio.current_time() - begun
        self._tell()

    async def _bring_in_what_is_ahead(self) -> bool:
        """False when the database would not take it to the end; it stays in the journal."""
        kept, number, mark = self._ahead.take()
        dropped: list[str] = []

        def bring_in() -> None:
            dropped[:] = self._transactions.bring_in((), kept, mark)

        if not await self._insist(bring_in):
            return False
        for why in dropped:
            self.lost += 1
            log.error("a write was dropped: %s", why)
        self._ahead.brought_in(number)
        self._tell()
        return True

    async def _insist(self, work: Callable[[], object], batch: Sequence[Write] = ()) -> bool:
        """Have it done by the thread, whatever the database says. False when the end came before."""
        pauses = iter(PAUSES)
        while True:
            try:
                await self._thread.run(work)
            except errors.Refusal as error:
                if batch and not may_pass(error):
                    await self._bring_in_one_by_one(batch, error)
                    break
                said = reason(error)
                if said != self.problem:
                    log.error("the database refuses to write: %s", said)
                self.problem = said
                self._tell()
                if self._stopping and next(pauses, None) is None:
                    return False
                await anyio.sleep(next(pauses, PAUSES[-1]))
            else:
                break
        if self.problem:
            log.warning("the database takes writes again; %d were given up", self._given_up)
        self.problem, self._given_up = "", 0
        return True

    async def _bring_in_one_by_one(self, batch: Sequence[Write], error: Exception) -> None:
        """Something in the batch is wrong: find it, so that only it is lost."""
        if len(batch) == 1:
            self.lost += 1
            log.error("a write was dropped: %s", reason(error))
            return
        for write in batch:
            try:
                await self._thread.run(partial(self._transactions.bring_in, [write]))
            except errors.Refusal as wrong:
                self.lost += 1
                log.error("a write was dropped: %s", reason(wrong))

    def _give_up(self, batch: Sequence[Write]) -> None:
        if batch:
            self.lost += len(batch)
            log.error("%d writes could not be brought in before the end", len(batch))

    def close(self) -> None:
        """Give the connection back and end the thread. Blocks; to be called when nothing is being written."""
        self._thread.close()
        self._transactions.let_go()
        self._ahead.close()

    def _tell(self) -> None:
        moved, self._moved = self._moved, None
        if moved is not None:
            moved.set()
