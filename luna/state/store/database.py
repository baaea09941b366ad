"""Opens the database: SQLite in the data directory, or PostgreSQL by URL.

Owns the engine and its settings, the check of an existing file, and what happens to a damaged one: it is moved aside,
reported, and a new one takes its place. Synchronous; runs in the store's threads. Knows no table but `meta`.
"""

import logging
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool

from luna.state.store import recovery
from luna.state.store.journal import Damaged, Journal, UnknownVersion, path_of, read
from luna.state.store.migrations import NewerDatabase, migrate
from luna.state.store.prepared import wrapped

log = logging.getLogger("luna.state.store")

BUSY_SECONDS = 5.0
"""How long SQLite waits for somebody else's lock."""
READERS = 3
"""Connections for reading, beside those that the writer and the one who looks up keep."""
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "temp_store=MEMORY",
    "mmap_size=67108864",
    # Who writes sees to that (`checkpoint`); this is for what grows faster than is foreseen.
    "wal_autocheckpoint=16000",
)


class DatabaseError(Exception):
    """The database cannot be used at all. The sentence says why, without a password."""


def database_url(configured: str, data_dir: Path) -> URL:
    """The URL that is meant: the configured one, else `luna.db` in the data directory. Raises DatabaseError."""
    if not configured:
        return URL.create("sqlite", database=str(data_dir / "luna.db"))
    try:
        url = make_url(configured)
    except ArgumentError:
        raise DatabaseError("LUNA_DATABASE_URL is not a database URL, like postgresql://user@host/name.") from None
    match url.get_backend_name():
        case "sqlite":
            return url
        case "postgresql":
            return url.set(drivername="postgresql+psycopg")
        case other:
            raise DatabaseError(f"LUNA_DATABASE_URL names {other!r}; luna knows sqlite and postgresql.")


def open_database(url: URL, problems: list[str]) -> Engine:
    """An engine over a database of the newest version. A SQLite file that is damaged is moved aside and said so in
    `problems`. Raises DatabaseError for one that cannot be reached, is newer than this luna, or cannot be written."""
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url, problems)
    engine = create_engine(url, pool_size=READERS + 2, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    try:
        migrate(engine)
    except (DBAPIError, NewerDatabase) as error:
        engine.dispose()
        if isinstance(error, NewerDatabase):
            raise
        raise DatabaseError(f"{told(url)} cannot be used: {_first_line(error)}") from None
    return engine


def _open_sqlite(url: URL, problems: list[str]) -> Engine:
    path = Path(url.database or "")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for _ in range(2):
        if not path.exists():
            path.touch(mode=0o600)
        engine = _sqlite_engine(url)
        try:
            with engine.connect() as connection:
                verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if verdict != "ok":
                raise _Damaged(str(verdict))
            recovery.bring_in_what_is_left(path, problems)
            migrate(engine)
        except UnknownVersion as error:
            engine.dispose()
            raise NewerDatabase(str(error)) from None
        except (DBAPIError, sqlite3.Error, NewerDatabase, _Damaged) as error:
            engine.dispose()
            if isinstance(error, NewerDatabase):
                raise
            if not _is_damage(error):
                raise DatabaseError(f"{path.name} cannot be used: {_first_line(error)}") from None
            _set_aside(path, _first_line(error), problems)
        else:
            return engine
    raise DatabaseError(f"{path.name} cannot be made")


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=READERS + 2,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        # What was committed survives the end of the process; only a power cut could take the last moments.
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine


def open_journal(url: URL) -> Journal | None:
    """The journal beside a database that is open; None where there is none to be."""
    if url.get_backend_name() != "sqlite":
        return None
    try:
        return recovery.begin(Path(url.database or ""))
    except (sqlite3.Error, OSError) as error:  # it can do without
        log.warning("there is no journal, and every commit goes to the database itself: %s", _first_line(error))
        return None


def journal_left(configured: str, data_dir: Path) -> str:
    """What a person may know of the journal beside the database; "" where nothing stands in it. Touches nothing. Raises
    DatabaseError, NewerDatabase."""
    url = database_url(configured, data_dir)
    path = path_of(Path(url.database or ""))
    try:
        found = read(path) if url.get_backend_name() == "sqlite" else None
    except UnknownVersion as error:
        raise NewerDatabase(str(error)) from None
    except (Damaged, OSError) as error:
        raise DatabaseError(f"{path.name} cannot be read: {error}") from None
    if found is None or not found[1]:
        return ""
    return f"{path.name} has {len(found[1])} transactions, which luna brings in, at its next start at the latest"


def checkpoint(connection: Connection) -> None:
    """Copy SQLite's log over into the file, as far as nobody reads it, so that it begins anew: that is where the disk
    is waited for, and with the write that comes next. Raises DBAPIError."""
    words = "PRAGMA wal_checkpoint(PASSIVE)"
    try:
        connection.connection.cursor().execute(words).close()
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


def told(url: URL) -> str:
    """The database as a person may see it: no password, no path."""
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "").name
    return f"postgresql://{url.host or 'local'}/{url.database or ''}"


def _first_line(error: Exception) -> str:
    lines = str(getattr(error, "orig", error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
