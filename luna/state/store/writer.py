"""Writes: queued by whoever has something to keep, committed together.

Owns the queue, who brings it in and where, and what happens when the database refuses. `write` costs an append. All
that is waiting becomes one transaction: of SQLite's, a small one is made on the spot by whoever asks for the commit,
because waking a thread costs several times what the transaction does; every other one in a thread, where many requests
share it. The order of the writes is kept. What fails for the moment (a lock, a full disk, a server that restarts) is
kept and tried again; a single write that is wrong in itself is dropped and named, so that it cannot hold back the
others.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter

import anyio
from anyio.lowlevel import current_token

from luna.model.errors import Kind, LunaError
from luna.state.store import errors
from luna.state.store.database import Database
from luna.state.store.sql import Executable
from luna.state.store.thread import OwnThread
from luna.state.store.transaction import Row, Transactions, Write

log = logging.getLogger("luna.state.store")

MOST = 2_000
"""Writes in one transaction."""
LIMIT = 100_000
"""Writes that may wait while the database refuses; beyond that the oldest are given up."""
PAUSES = (0.05, 0.2, 1.0, 5.0)
"""Seconds between two tries at a database that refuses; the last one repeats."""
LINGER = 0.05
"""Seconds that writes nobody waits for may lie, so that more of them share a commit."""
SMALL = 64
"""Rows that may be brought in on the spot: a millisecond's work."""
SLOW = 0.05
"""Seconds that this may take. A disk that has needed longer is left to the thread for a while."""
WARY = 1.0
"""Seconds of that while."""
PATIENCE = 2.0
"""Seconds that somebody who waits for a commit is kept waiting while the database refuses."""


class Writer:
    """The one who writes."""

    def __init__(self, database: Database) -> None:
        self._waiting: deque[Write] = deque()
        self._queued = 0
        self._done = 0
        self._wanted = anyio.Event()
        self._later: Callable[[float, Callable[[], None]], object] | None = None
        """The event loop's own timer, as long as `run` runs."""
        self._lingering = False
        """What waits will be brought in when its time has come, if not before."""
        self._moved: anyio.Event | None = None
        """For those who wait, where somebody does."""
        self._stopping = False
        self._thread = OwnThread("writer")
        self._transactions = Transactions(database)
        self._away = False
        """The thread is at it."""
        self._wary_until = 0.0
        self.problem = ""
        """Why nothing can be written now; empty when all is well."""
        self.commits = 0
        self.seconds = 0.0
        """Spent on them, waiting for the database included."""
        self.lost = 0
        """Writes that were given up."""

    def __repr__(self) -> str:
        problem = f" problem={self.problem!r}" if self.problem else ""
        return f"<Writer waiting={len(self._waiting)} commits={self.commits}{problem}>"

    @property
    def waiting(self) -> int:
        """Writes that are not committed yet."""
        return self._queued - self._done

    def write(self, statement: Executable, rows: Row | Sequence[Row]) -> None:
        """Queue one statement for one row or several. Never blocks, never raises."""
        self._waiting.append((statement, (rows,) if isinstance(rows, Mapping) else rows))
        self._queued += 1
        if len(self._waiting) > LIMIT:
            self._waiting.popleft()
            self._done += 1
            self.lost += 1
        if not self._lingering and self._later is not None:
            self._lingering = True
            self._later(LINGER, self._time_has_come)

    async def commit(self) -> None:
        """Return when everything that was queued before is durable. Raises LunaError(INTERNAL) when it cannot be."""
        goal = self._queued
        if self._waiting and self._may_be_brought_in_here():
            self._bring_in_here()
        if self._done >= goal:
            return
        self._wanted.set()
        patience = PATIENCE
        while self._done < goal and patience > 0:
            moved = self._moved = self._moved or anyio.Event()
            if not self.problem:
                await moved.wait()
                continue
            begun = anyio.current_time()
            with anyio.move_on_after(patience):
                await moved.wait()
            patience -= anyio.current_time() - begun
        if self._done < goal:
            raise LunaError(
                Kind.INTERNAL,
                f"luna cannot write to its database: {self.problem or 'it does not answer'}.",
                hint="See that the disk has room and that luna may write to its data directory.",
            )

    async def run(self) -> None:
        """Write until `stop`, and then what is left."""
        self._later = current_token().native_token.call_later  # type: ignore[attr-defined]
        if self._waiting:
            self._wanted.set()
        try:
            while not self._stopping or self._waiting:
                if not (self._stopping or self._wanted.is_set()):
                    await self._wanted.wait()
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST))]
                if not self._waiting:
                    self._wanted = anyio.Event()
                if batch:
                    self._away = True
                    await self._bring_in(batch)
                    self._away = False
        finally:
            self._later = None

    def stop(self) -> None:
        """Let `run` end once everything is written."""
        self._stopping = True
        self._wanted.set()

    def _time_has_come(self) -> None:
        self._lingering = False
        if self._waiting:
            self._wanted.set()

    def _may_be_brought_in_here(self) -> bool:
        """Nobody else is at it, and it will not take long."""
        return (
            self._transactions.local
            and not (self._away or self.problem or self._transactions.long or self._later is None)
            and len(self._waiting) <= SMALL
            and perf_counter() >= self._wary_until
            and self._transactions.quick([*self._waiting], SMALL)
        )

    def _bring_in_here(self) -> None:
        """What does not go well at once is left to the thread, which can wait and try again."""
        batch = [*self._waiting]
        self._waiting.clear()
        begun = perf_counter()
        try:
            self._transactions.bring_in(batch, patient=False)
        except errors.SQLAlchemyError:
            self._waiting.extendleft(reversed(batch))
            self._wary_until = perf_counter() + WARY
            return
        now = perf_counter()
        if now - begun > SLOW:
            self._wary_until = now + WARY
        self._brought_in(len(batch), now - begun)

    def _brought_in(self, writes: int, seconds: float) -> None:
        self._done += writes
        self.commits += 1
        self.seconds += seconds
        self._tell()

    async def _bring_in(self, batch: list[Write]) -> None:
        pauses = iter(PAUSES)
        begun = anyio.current_time()
        while True:
            try:
                await self._thread.run(partial(self._transactions.bring_in, batch, patient=True))
            except errors.SQLAlchemyError as error:
                if not _may_pass(error):
                    await self._bring_in_one_by_one(batch, error)
                    break
                said = _reason(error)
                if said != self.problem:
                    log.error("the database refuses to write: %s", said)
                self.problem = said
                self._tell()
                if self._stopping and len(batch) + len(self._waiting) and next(pauses, None) is None:
                    self.lost += len(batch)
                    log.error("%d writes could not be brought in before the end", len(batch))
                    break
                await anyio.sleep(next(pauses, PAUSES[-1]))
            else:
                break
        if self.problem and not self.lost:
            log.warning("the database takes writes again")
        self.problem = ""
        self._brought_in(len(batch), anyio.current_time() - begun)

    async def _bring_in_one_by_one(self, batch: list[Write], error: "errors.SQLAlchemyError") -> None:
        """Something in the batch is wrong: find it, so that only it is lost."""
        if len(batch) == 1:
            self.lost += 1
            log.error("a write was dropped: %s", _reason(error))
            return
        for write in batch:
            try:
                await self._thread.run(partial(self._transactions.bring_in, [write], patient=True))
            except errors.SQLAlchemyError as wrong:
                self.lost += 1
                log.error("a write was dropped: %s", _reason(wrong))

    def close(self) -> None:
        """Give the connection back and end the thread. Blocks; to be called when nothing is being written."""
        self._thread.close()
        self._transactions.let_go()

    def _tell(self) -> None:
        moved, self._moved = self._moved, None
        if moved is not None:
            moved.set()


def _may_pass(error: "errors.SQLAlchemyError") -> bool:
    """True for what is the database's state and not the write's fault."""
    if isinstance(error, errors.OperationalError):
        return True
    if isinstance(error, errors.DBAPIError) and error.connection_invalidated:
        return True
    words = str(getattr(error, "orig", error)).lower()
    return isinstance(error, errors.DatabaseError) and any(
        sign in words for sign in ("disk", "full", "read-only", "readonly")
    )


def _reason(error: "errors.SQLAlchemyError") -> str:
    """The database's own words, without the statement and its values, which may be somebody's prompt."""
    original = getattr(error, "orig", None)
    lines = str(original if original is not None else type(error).__name__).strip().splitlines()
    return f"{type(original or error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
