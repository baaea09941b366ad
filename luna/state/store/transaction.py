"""One transaction after the other, on the connection that writes.

Owns that connection, the short way of each statement to it, and when SQLite's log of writes goes over into the file
itself: every so often, first thing in a transaction that may take its time. Synchronous, and in whatever thread it is
called; never in two at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from luna.state.store import texts
from luna.state.store.database import Database, checkpoint
from luna.state.store.form import Form
from luna.state.store.journal import Bound
from luna.state.store.late import LateRow
from luna.state.store.local import DIALECT
from luna.state.store.prepared import NO_WAY, Prepared, Way, committed, cursor_of, wrapped
from luna.state.store.recovery import MARK, apply
from luna.state.store.sql import Connection, Executable

Row = Mapping[str, Any]
Write = tuple["Executable | Form", Sequence[Any]]
"""A statement and its rows: by name, of a `Form` in its order."""

Named = tuple[Executable, Sequence[Row]]

PREPARED = 200
"""Statements whose text is kept."""
CHECKPOINT = 4_000
"""Rows between two times that SQLite's log is copied over: up to 10,000 pages, many of them the same again."""


class Transactions:
    """Brings writes in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._cursor: Any = None
        self._prepared: dict[tuple[object, ...], Prepared] = {}
        self._ways: dict[tuple[object, ...], Way] = {}
        self._rows = 0
        self.local = database.name == "sqlite"
        """To commit is to write to a file, and not to wait for a server."""

    def __repr__(self) -> str:
        return f"<Transactions {self._rows} rows since the checkpoint>"

    def bound(self, batch: Sequence[Write], most: int) -> list[Bound] | None:
        """The batch as a journal takes it; None where it may concern more than so many rows, whatever the tables
        hold."""
        found: list[Bound] = []
        for statement, rows in batch:
            if type(rows) is not list and isinstance(rows, LateRow):
                rows.take()
            most -= len(rows)
            if most < 0:
                return None
            if not rows:
                continue
            if type(statement) is Form:
                sql, bind = statement.known or statement.way()
            else:
                row: Any = rows[0]
                sql, bind = self._ways.get((statement, *row)) or self._find_way(statement, row)  # type: ignore[arg-type]
            if bind is None:
                return None
            found.append((sql, rows if bind is tuple else [*map(bind, rows)]))
        return found

    def _find_way(self, statement: Executable, row: Row) -> Way:
        way = self._prepare(statement, row).way(DIALECT) if names_its_rows(statement) else NO_WAY
        if len(self._ways) >= PREPARED:
            self._ways.clear()
        self._ways[(statement, *row)] = way
        return way

    def bring_in(self, batch: Sequence[Write], kept: Sequence[Bound] = (), mark: str = "") -> list[str]:
        """All of it, or nothing; first what a journal has `kept`, with its `mark`, and of that not what is wrong in
        itself: returns why. Raises SQLAlchemyError."""
        connection = self._connection
        if connection is None:
            connection = self._connection = self._database.connect()
            self._cursor = cursor_of(connection)
        wrong: list[str] = []
        try:
            if self.local and self._rows >= CHECKPOINT:
                self._rows = 0
                checkpoint(connection)
            if mark:
                wrong = self._apply(connection, kept, mark)
            for statement, rows in _grouped([_by_name(write) for write in batch]):
                self._prepare(statement, rows[0]).write(connection, self._cursor, rows)
                self._rows += len(rows)
            committed(connection)
        except BaseException:
            self.let_go()
            raise
        return wrong

    def _apply(self, connection: Connection, kept: Sequence[Bound], mark: str) -> list[str]:
        try:
            wrong = apply(self._cursor, kept)
            self._cursor.execute(MARK, (mark,))
        except connection.dialect.loaded_dbapi.Error as error:
            raise wrapped(MARK, error, connection.dialect) from error
        self._rows += sum(len(rows) for _, rows in kept)
        return wrong

    def let_go(self) -> None:
        """Give the connection back; the next transaction takes another."""
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
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


def _by_name(write: Write) -> Named:
    statement, rows = write
    if isinstance(rows, LateRow):
        rows.take()
    if isinstance(statement, Form):
        return statement.statement, statement.named(rows)
    return statement, rows


def _grouped(batch: Sequence[Named]) -> Sequence[Named]:
    """Neighbours with the same statement become one. Rows of one statement have the same columns."""
    grouped: list[Named] = []
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
