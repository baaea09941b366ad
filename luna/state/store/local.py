"""SQLite, by the standard library's driver alone, for as long as that will do.

Owns the connections to a file. Each looks like SQLAlchemy's own to those who use it: what `luna.state.store.texts` has
the words for goes to the driver as it is; for anything else a connection of the toolkit's is put around the same one of
the driver's, so that both stand in one transaction. Knows no table.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from luna.state.store import texts

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_Around = Callable[[sqlite3.Connection], "Connection"]

BUSY_SECONDS = 5.0
"""How long SQLite waits for somebody else's lock."""
KEPT = 3
"""Connections for reading that are kept when nobody reads."""
PRAGMAS = (
    "journal_mode=WAL",
    # What was committed survives the end of the process; only a power cut could take the last moments.
    "synchronous=NORMAL",
    "temp_store=MEMORY",
    "mmap_size=67108864",
    # Who writes sees to that (`checkpoint`); this is for what grows faster than is foreseen.
    "wal_autocheckpoint=16000",
)


class Dialect:
    """What is asked of SQLAlchemy's dialect, without it."""

    name = "sqlite"
    loaded_dbapi = sqlite3

    @cached_property
    def real(self) -> Any:
        """SQLAlchemy's."""
        from sqlalchemy.dialects import sqlite  # brings the toolkit

        return sqlite.dialect(dbapi=sqlite3)


DIALECT = Dialect()


class Local:
    """A connection to the file."""

    dialect = DIALECT

    def __init__(
        self, connection: sqlite3.Connection, put_around: "Callable[[sqlite3.Connection], Connection]"
    ) -> None:
        self.connection = connection
        self._put_around = put_around
        self._outer: Connection | None = None

    def __repr__(self) -> str:
        return f"<Local {'with the toolkit' if self._outer is not None else 'by itself'}>"

    @property
    def outer(self) -> "Connection":
        """SQLAlchemy's, around this one."""
        if self._outer is None:
            self._outer = self._put_around(self.connection)
        return self._outer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.outer, name)  # whatever else there is, is SQLAlchemy's

    def execute(self, statement: Any, values: Any = None) -> Any:
        """Run it. Raises DBAPIError."""
        known = texts.find(statement) if values is None or isinstance(values, Mapping) else None
        if known is None:
            return self.outer.execute(statement, values)
        words, fixed = known
        given = {**words.fixed, **fixed, **(values or {})}
        try:
            return Found(self.connection.execute(words.sql, [given[name] for name in words.order]))
        except sqlite3.Error as error:
            from luna.state.store.prepared import wrapped  # brings the toolkit

            raise wrapped(words.sql, error, DIALECT) from error

    def scalar(self, statement: Any, values: Any = None) -> Any:
        """The first value of the first row; None when there is none. Raises DBAPIError."""
        return self.execute(statement, values).scalar()

    def in_transaction(self) -> bool:
        """Whether SQLAlchemy knows of one."""
        return self._outer is not None and self._outer.in_transaction()

    def commit(self) -> None:
        """As `in_transaction` means it. Raises DBAPIError."""
        if self._outer is not None:
            self._outer.commit()

    def rollback(self) -> None:
        """Whatever was begun. Raises DBAPIError."""
        if self._outer is not None:
            self._outer.rollback()
        self.connection.rollback()

    def close(self) -> None:
        """For good. What was begun is undone at once, whoever still holds a cursor."""
        with suppress(sqlite3.Error):
            self.connection.rollback()
        if self._outer is not None:
            self._outer.close()
        self.connection.close()


class Found:
    """Rows, as SQLAlchemy's result has them."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        make = _row_type(tuple(column[0] for column in cursor.description or ()))
        self._rows = [make(*row) for row in cursor]
        cursor.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def fetchall(self) -> list[Any]:
        """All of them."""
        return self._rows

    all = fetchall

    def first(self) -> Any:
        """The first one, or None."""
        return self._rows[0] if self._rows else None

    def scalar(self) -> Any:
        """The first one's first value, or None."""
        return self._rows[0][0] if self._rows else None


@cache
def _row_type(columns: tuple[str, ...]) -> Any:
    # Columns that nobody named, as a count's, are asked for by their place.
    return NamedTuple("Row", [(name if name.isidentifier() else f"at_{at}", Any) for at, name in enumerate(columns)])


class LocalFile:
    """A database in a file: gives connections."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: deque[Local] = deque()
        self._lock = Lock()
        self._handed_over: sqlite3.Connection | None = None

    def __repr__(self) -> str:
        return f"<LocalFile {self.path.name}>"

    def connect(self) -> "Connection":
        """One to keep, with close() in the end. Raises DBAPIError."""
        try:
            return cast("Connection", Local(self.driver(), self._put_around))
        except sqlite3.Error as error:
            from luna.state.store.prepared import wrapped  # brings the toolkit

            raise wrapped("", error, DIALECT) from error

    @contextmanager
    def reading(self) -> "Iterator[Connection]":
        """One for a while. Raises DBAPIError."""
        try:
            local = self._idle.pop()
        except IndexError:
            local = cast(Local, self.connect())
        try:
            yield cast("Connection", local)
            local.rollback()
        except BaseException:
            local.close()
            raise
        if len(self._idle) < KEPT:
            self._idle.append(local)
        else:
            local.close()

    def dispose(self) -> None:
        """Close what is kept."""
        while self._idle:
            self._idle.pop().close()

    def driver(self) -> sqlite3.Connection:
        """A connection of the driver's. Raises sqlite3.Error."""
        # Between threads it is handed over, and never in two at once.
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}").close()
        except BaseException:
            connection.close()
            raise
        return connection

    @cached_property
    def engine(self) -> "Engine":
        """SQLAlchemy's way to this file."""
        from sqlalchemy import create_engine  # brings the toolkit
        from sqlalchemy.pool import NullPool

        engine = create_engine("sqlite://", creator=self._hand_over, poolclass=NullPool)
        engine.connect().close()  # with the first one it learns what it talks to, and undoes what was begun there
        return engine

    def _hand_over(self) -> sqlite3.Connection:
        return self._handed_over or self.driver()

    def _put_around(self, connection: sqlite3.Connection) -> "Connection":
        with self._lock:
            engine = self.engine
            self._handed_over = connection
            try:
                return engine.connect()
            finally:
                self._handed_over = None
