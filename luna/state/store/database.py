"""Opens the database: SQLite in the data directory, or PostgreSQL by URL.

Owns the check of an existing file, and what happens to a damaged one: it is moved aside, reported, and a new one takes
its place. A file that is as it should be, or empty, needs SQLAlchemy for neither (`luna.state.store.local`).
Synchronous; runs in the store's threads. Knows no table but `meta`.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from luna.state.store import errors, recovery, texts
from luna.state.store.journal import Damaged, Journal, UnknownVersion, path_of, read
from luna.state.store.local import BUSY_SECONDS, LocalFile
from luna.state.store.prepared import wrapped
from luna.state.store.tables import VERSION

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL

log = logging.getLogger("luna.state.store")

READERS = 3
"""Connections for reading, beside those that the writer and the one who looks up keep."""


class DatabaseError(Exception):
    """The database cannot be used at all. The sentence says why, without a password."""


class NewerDatabase(Exception):
    """The database was written by a newer luna; this one would lose something."""


class Place(msgspec.Struct, frozen=True):
    """Where the database is: in a file, or at a server."""

    path: Path | None = None
    url: "URL | None" = None

    def __str__(self) -> str:
        """As a person may see it: no password, no folder."""
        if self.url is None:
            return self.path.name if self.path is not None else ""
        return f"postgresql://{self.url.host or 'local'}/{self.url.database or ''}"


class Server:
    """A database at a server: gives connections."""

    name = "postgresql"

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine

    def connect(self) -> "Connection":
        """One to keep, with close() in the end. Raises DBAPIError."""
        return self.engine.connect()

    @contextmanager
    def reading(self) -> "Iterator[Connection]":
        """One for a while. Raises DBAPIError."""
        with self.engine.connect() as connection:
            yield connection

    def dispose(self) -> None:
        """Close what is kept."""
        self.engine.dispose()


Database = LocalFile | Server


def database_place(configured: str, data_dir: Path) -> Place:
    """The one that is meant: the configured one, else `luna.db` in the data directory. Raises DatabaseError."""
    if not configured:
        return Place(data_dir / "luna.db")
    url = database_url(configured, data_dir)
    return Place(Path(url.database or "")) if url.get_backend_name() == "sqlite" else Place(url=url)


def database_url(configured: str, data_dir: Path) -> "URL":
    """The same, as SQLAlchemy has it. Raises DatabaseError."""
    from sqlalchemy.engine import URL, make_url  # brings the toolkit, which most have no need of

    if not configured:
        return URL.create("sqlite", database=str(data_dir / "luna.db"))
    try:
        url = make_url(configured)
    except errors.ArgumentError:
        raise DatabaseError("LUNA_DATABASE_URL is not a database URL, like postgresql://user@host/name.") from None
    match url.get_backend_name():
        case "sqlite":
            return url
        case "postgresql":
            return url.set(drivername="postgresql+psycopg")
        case other:
            raise DatabaseError(f"LUNA_DATABASE_URL names {other!r}; luna knows sqlite and postgresql.")


def open_database(place: Place, problems: list[str]) -> Database:
    """A database of the newest version. A SQLite file that is damaged is moved aside and said so in `problems`. Raises
    DatabaseError for one that cannot be reached or cannot be written, NewerDatabase for one newer than this luna."""
    if place.path is not None:
        return _open_file(place.path, problems)
    from sqlalchemy import create_engine  # brings the toolkit, as all below

    from luna.state.store.migrations import migrate

    assert place.url is not None
    url = place.url
    engine = create_engine(url, pool_size=READERS + 2, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    try:
        migrate(engine)
    except (errors.DBAPIError, NewerDatabase) as error:
        engine.dispose()
        if isinstance(error, NewerDatabase):
            raise
        raise DatabaseError(f"{place} cannot be used: {_first_line(error)}") from None
    return Server(engine)


def _open_file(path: Path, problems: list[str]) -> LocalFile:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for _ in range(2):
        if not path.exists():
            path.touch(mode=0o600)
        file = LocalFile(path)
        try:
            recovery.bring_in_what_is_left(path, problems)
            if not _is_ready(file):
                from luna.state.store.migrations import migrate  # brings the toolkit

                migrate(file.engine)
        except UnknownVersion as error:
            file.dispose()
            raise NewerDatabase(str(error)) from None
        except (sqlite3.Error, errors.DBAPIError, NewerDatabase, _Damaged) as error:
            file.dispose()
            if isinstance(error, NewerDatabase):
                raise
            if not _is_damage(error):
                raise DatabaseError(f"{path.name} cannot be used: {_first_line(error)}") from None
            _set_aside(path, _first_line(error), problems)
        else:
            return file
    raise DatabaseError(f"{path.name} cannot be made")


def _is_ready(file: LocalFile) -> bool:
    """Whether it is whole and of this version; an empty one is made so. False: it has to be migrated. Raises
    sqlite3.Error."""
    connection = file.driver()
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise _Damaged(str(verdict))
        # Nobody else may begin to make the tables, too.
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT name FROM sqlite_master WHERE name = 'meta'").fetchone() is not None:
            found = connection.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
            return found is not None and found[0] == str(VERSION)
        if connection.execute("SELECT name FROM sqlite_master").fetchone() is not None or not texts.tables():
            return False
        for statement in texts.tables():
            connection.execute(statement)
        connection.execute("INSERT INTO meta (name, value) VALUES ('version', ?)", (str(VERSION),))
        connection.commit()
        return True
    finally:
        connection.close()


def open_journal(place: Place) -> Journal | None:
    """The journal beside a database that is open; None where there is none to be."""
    if place.path is None:
        return None
    try:
        return recovery.begin(place.path)
    except (sqlite3.Error, OSError) as error:  # it can do without
        log.warning("there is no journal, and every commit goes to the database itself: %s", _first_line(error))
        return None


def journal_left(configured: str, data_dir: Path) -> str:
    """What a person may know of the journal beside the database; "" where nothing stands in it. Touches nothing. Raises
    DatabaseError, NewerDatabase."""
    place = database_place(configured, data_dir)
    if place.path is None:
        return ""
    path = path_of(place.path)
    try:
        found = read(path)
    except UnknownVersion as error:
        raise NewerDatabase(str(error)) from None
    except (Damaged, OSError) as error:
        raise DatabaseError(f"{path.name} cannot be read: {error}") from None
    if found is None or not found[1]:
        return ""
    return f"{path.name} has {len(found[1])} transactions, which luna brings in, at its next start at the latest"


def wait_for_locks(connection: "Connection", wait: bool) -> None:
    """Whether whoever finds SQLite locked waits for it, for a while, or is told at once. Raises DBAPIError."""
    _pragma(connection, f"busy_timeout={round(BUSY_SECONDS * 1000) if wait else 0}")


def checkpoint(connection: "Connection") -> None:
    """Copy SQLite's log over into the file, as far as nobody reads it, so that it begins anew: that is where the disk
    is waited for, and with the write that comes next. Raises DBAPIError."""
    _pragma(connection, "wal_checkpoint(PASSIVE)")


def _pragma(connection: "Connection", words: str) -> None:
    try:
        connection.connection.cursor().execute(f"PRAGMA {words}").close()
    except connection.dialect.loaded_dbapi.Error as error:
        raise wrapped(words, error, connection.dialect) from error


class _Damaged(Exception):
    pass


def _is_damage(error: Exception) -> bool:
    if isinstance(error, _Damaged):
        return True
    words = str(getattr(error, "orig", error)).lower()
    return any(sign in words for sign in ("malformed", "not a database", "corrupt", "encrypted"))


def _set_aside(path: Path, why: str, problems: list[str]) -> None:
    for number in range(1, 1000):
        aside = path.with_name(f"{path.name}.damaged-{number}")
        if not aside.exists():
            break
    else:
        raise DatabaseError(f"{path.name} is damaged, and there are too many damaged ones beside it")
    for suffix in ("", "-wal", "-shm", "-pending"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    problem = f"{path.name} cannot be read ({why}); it was moved to {aside.name}, and a new one was begun."
    problems.append(problem)
    log.error("%s Sessions, runs and logs of before are in that file.", problem)


def _first_line(error: Exception) -> str:
    lines = str(getattr(error, "orig", error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
