"""The store: one database for everything that must outlive the process.

Owns the threads between the event loop and the database: one that writes (`luna.state.store.writer`), one that looks up
what requests wait for (`luna.state.store.reader`), a few that read.
Asynchronous for its callers, who pass SQLAlchemy Core statements and know neither connections nor dialects; the
drivers below are synchronous, because one hop to a thread for a whole batch costs less than one for each call.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from luna.model.errors import Kind, LunaError
from luna.state.store import errors
from luna.state.store.database import READERS, Database, Place, database_place, open_database, open_journal
from luna.state.store.form import Form
from luna.state.store.journal import Journal
from luna.state.store.reader import Reader
from luna.state.store.sql import Connection, Executable, Select, named
from luna.state.store.sql import Row as ResultRow
from luna.state.store.writer import Rows, Writer

if TYPE_CHECKING:
    from sqlalchemy import Table

log = logging.getLogger("luna.state.store")

T = TypeVar("T")

CLOSING = 10.0
"""Seconds that the last writes may take."""


def _upserting(backend: str) -> Any:
    from luna.state.store import upserting  # brings the toolkit

    return getattr(upserting, backend)


_UPSERT = named("upsert", lambda: _upserting("sqlite_upsert"))
_UPSERT_THERE = named("postgresql_upsert", lambda: _upserting("postgresql_upsert"))


class Store:
    """Reads and writes. Open it with `Store.opened`."""

    def __init__(self, database: Database, place: Place, problems: list[str], journal: Journal | None = None) -> None:
        self._database = database
        self._place = place
        self._writer = Writer(database, journal)
        self._reader = Reader(database)
        self._readers = anyio.CapacityLimiter(READERS)
        self._upserts: dict[Table, Executable] = {}
        self.write: Callable[[Executable | Form, Rows], None] = self._writer.write
        """Queue a statement for one row or several: bound parameters by name, of a `Form` in its order. Never blocks,
        never raises; the order is kept. Build statements once: neighbours with the same one are executed together."""
        self.commit_here: Callable[[], bool] = self._writer.commit_here
        """Whether everything that was queued is durable, after it was brought in on the spot if that could be done:
        what `commit` does first, for whoever would rather not wait."""
        self.problems = problems
        """What went wrong at the start, for people to read."""

    def __repr__(self) -> str:
        return f"<Store {self._place} {self._writer!r}>"

    @classmethod
    @asynccontextmanager
    async def opened(cls, data_dir: Path, configured: str = "") -> AsyncIterator["Store"]:
        """The store, for as long as the block runs; what is queued at its end is still written. Raises DatabaseError
        and NewerDatabase."""
        place, problems = database_place(configured, data_dir), list[str]()
        database = await anyio.to_thread.run_sync(open_database, place, problems)
        store = cls(database, place, problems, await anyio.to_thread.run_sync(open_journal, place))
        failure: Exception | None = None
        working = anyio.CancelScope(shield=True)  # who is cancelled may still have something to write down
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store._work, working)
                try:
                    yield store
                except Exception as error:  # carried out of the task group, which would wrap it
                    failure = error
                finally:
                    store._writer.stop()
                    with anyio.move_on_after(CLOSING, shield=True):
                        await store._write_the_rest()
                    working.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(store._close)
        if failure is not None:
            raise failure

    async def _work(self, working: anyio.CancelScope) -> None:
        with working:
            await self._writer.run()

    def _close(self) -> None:
        self._writer.close()
        self._reader.close()
        self._database.dispose()

    async def _write_the_rest(self) -> None:
        writer = self._writer
        try:
            while writer.waiting or writer.journaled:
                await writer.settle()
        except LunaError as error:  # the end of a process is no place to fail
            if writer.waiting:
                log.error("database: what was still to be written is lost: %s", error.message)
            if writer.journaled:
                log.warning("database: what stands in the journal is brought in at the next start: %s", error.message)

    # Writing

    async def commit(self) -> None:
        """Return when everything that was queued before is durable. Raises LunaError(INTERNAL)."""
        await self._writer.commit()

    async def settle(self) -> None:
        """The same, and it is in the database itself: for decisions that rest on what is read there next. Raises
        LunaError(INTERNAL)."""
        await self._writer.settle()

    def upsert(self, table: "Table") -> Executable:
        """Insert, or replace all other columns where the primary key is taken. Rows give every column they mean; the
        columns of the first row are those of the statement."""
        made = self._upserts.get(table)
        if made is None:
            made = self._upserts[table] = (_UPSERT if self._database.name == "sqlite" else _UPSERT_THERE)(table)
        return made

    # Reading

    async def read(self, statement: Select[Any]) -> Sequence[ResultRow[Any]]:
        """All rows of one select. Sees everything committed, if the database takes it. Raises LunaError(INTERNAL)."""
        return await self.run(lambda connection: connection.execute(statement).fetchall())

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` makes of a connection, in a reader's thread, for several selects over one state. It must not
        write. Raises LunaError(INTERNAL)."""
        if self._writer.journaled:
            await self._writer.show()
        return await anyio.to_thread.run_sync(partial(self._reading, work), limiter=self._readers)

    async def look_up(self, work: Callable[[Connection], T], *, little: bool = False) -> T:
        """The same, by a shorter way, one after the other: for a row or a few that a request waits for. `little`: they
        are found by an index, in less than a millisecond, and whoever asks has at hand what was committed just now: it
        may not be there yet."""
        if self._writer.journaled and not little:
            await self._writer.show()
        try:
            return await self._reader.read(work, little=little)
        except errors.Refusal as error:
            raise _unreadable(error) from None

    def _reading(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._database.reading() as connection:
                return work(connection)
        except errors.Refusal as error:
            raise _unreadable(error) from None

    # For people

    @property
    def problem(self) -> str:
        """Why nothing can be written now; empty when all is well."""
        return self._writer.problem

    def describe(self) -> dict[str, Any]:
        """What may be shown of it."""
        writer = self._writer
        return {
            "database": str(self._place),
            "waiting": writer.waiting,
            "journaled": writer.journaled,
            "commits": writer.commits,
            "seconds": round(writer.seconds, 6),
            "lost": writer.lost,
            "problem": writer.problem,
            "problems": list(self.problems),
        }


def _unreadable(error: Exception) -> LunaError:
    said = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
    return LunaError(
        Kind.INTERNAL,
        f"luna cannot read its database: {said[0] if said else 'no reason given'}.",
        hint="See that luna may read its data directory, or that the database server runs.",
    )
