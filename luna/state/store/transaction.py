"""One transaction after the other, on the connection that writes.

Owns that connection, the short way of each statement to it, and when SQLite's log of writes goes over into the file
itself: every so often, first thing in a transaction that may take its time. Synchronous, and in whatever thread it is
called; never in two at once.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from luna.state.store import errors, texts
from luna.state.store.database import Database, checkpoint, wait_for_locks
from luna.state.store.prepared import Prepared, committed, cursor_of
from luna.state.store.sql import Connection, Executable

Row = Mapping[str, Any]
Write = tuple[Executable, Sequence[Row]]

PREPARED = 200
"""Statements whose text is kept."""
CHECKPOINT = 1_000
"""Rows between two times that SQLite's log is copied over: some 3,000 pages, most of them the same again."""


class Transactions:
    """Brings writes in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._cursor: Any = None
        self._patient: bool | None = None
        self._prepared: dict[tuple[object, ...], Prepared] = {}
        self._quick: dict[Executable, bool] = {}
        self._rows = 0
        self.local = database.name == "sqlite"
        """To commit is to write to a file, and not to wait for a server."""

    def __repr__(self) -> str:
        return f"<Transactions {self._rows} rows since the checkpoint>"

    @property
    def long(self) -> bool:
        """The next one is to take its time: it has the log to copy over."""
        return self.local and self._rows >= CHECKPOINT

    def quick(self, batch: Sequence[Write], rows: int) -> bool:
        """Whether no more than so many rows are concerned, whatever the tables hold."""
        for statement, given in batch:
            known = self._quick.get(statement)
            if known is None:
                if len(self._quick) >= PREPARED:
                    self._quick.clear()
                known = self._quick[statement] = names_its_rows(statement)
            rows -= len(given)
            if rows < 0 or not known:
                return False
        return True

    def bring_in(self, batch: Sequence[Write], *, patient: bool) -> None:
        """All of it, or nothing. `patient`: wait for whoever has the database locked, and do what takes time. Raises
        SQLAlchemyError."""
        connection = self._connection
        if connection is None:
            connection, self._patient = self._database.connect(), None
            self._connection, self._cursor = connection, cursor_of(connection)
        try:
            if self.local and patient is not self._patient:
                wait_for_locks(connection, patient)
                self._patient = patient
            if patient and self.long:
                self._rows = 0
                checkpoint(connection)
            for statement, rows in _grouped(batch):
                self._prepare(statement, rows[0]).write(connection, self._cursor, rows)
                self._rows += len(rows)
            committed(connection)
        except BaseException:
            self.let_go()
            raise

    def let_go(self) -> None:
        """Give the connection back; the next transaction takes another."""
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            if self._patient is False:
                with suppress(errors.SQLAlchemyError):
                    wait_for_locks(connection, True)  # it may be somebody's who reads, next
            connection.close()

    def _prepare(self, statement: Executable, row: Row) -> Prepared:
        """The statement for rows with these columns. Nearly all are made once and come again."""
        key = statement, *row
        found = self._prepared.get(key)
        if found is None:
            if len(self._prepared) >= PREPARED:
                del self._prepared[next(iter(self._prepared))]
            found = self._prepared[key] = Prepared(statement, row.keys())
        return found


def names_its_rows(statement: Executable) -> bool:
    """Whether it concerns one row, or a few, for each that it is given: it brings them, or finds them by what names a
    row."""
    known = texts.is_quick(statement)
    if known is not None:
        return known
    from luna.state.store.naming import names_its_rows as look  # brings the toolkit

    return look(statement)


def _grouped(batch: Sequence[Write]) -> Sequence[Write]:
    """Neighbours with the same statement become one. Rows of one statement have the same columns."""
    grouped: list[Write] = []
    last: Executable | None = None
    for statement, rows in batch:
        if not rows:
            continue
        if statement is last and grouped[-1][1][0].keys() == rows[0].keys():
            grouped[-1] = statement, [*grouped[-1][1], *rows]
        else:
            grouped.append((statement, rows))
            last = statement
    return grouped
