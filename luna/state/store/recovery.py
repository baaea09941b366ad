"""The journal's transactions come into the database: after the end of a process that had no time for it, and always.

Owns how one is brought in, what stands in the table `meta` about it, and the start: what the last process left is
brought in before anything else is asked of the database; what is damaged, or another database's, is moved aside and
reported.
Synchronous, and by the driver alone, since the journal has SQL with its values. Knows no table but `meta`.
"""

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

from luna.state.store import journal
from luna.state.store.journal import Bound, Damaged, Frame, InUse, Journal
from luna.state.store.tables import VERSION

log = logging.getLogger("luna.state.store")

MARK = "UPDATE meta SET value = ? WHERE name = 'journal'"
"""Belongs into the transaction that brings a journal's frames in, with a `mark`."""
BUSY_SECONDS = 5.0
LOOKS, BETWEEN_LOOKS = 30, 0.05
"""How often, and with how many seconds between, somebody else looks whether all was brought in: three times as long as
it ever takes."""


def mark(id: bytes, number: int) -> str:
    """What stands in `meta`: whose journal, and the last frame that was brought in."""
    return f"{id.hex()} {number}"


def apply(cursor: sqlite3.Cursor, statements: Iterable[Bound]) -> list[str]:
    """Run them, each row by itself: what is wrong in itself is left out, so that it cannot hold back the others.
    Returns why, for each of those. Raises sqlite3.Error for what is the database's state."""
    wrong: list[str] = []
    for sql, rows in statements:
        for row in rows:
            try:
                cursor.execute(sql, row)
            except (sqlite3.Error, OverflowError, TypeError, ValueError) as error:
                if isinstance(error, sqlite3.Error) and not _is_the_rows_fault(error):
                    raise
                wrong.append(f"{type(error).__name__}: {error}")
    return wrong


def _is_the_rows_fault(error: sqlite3.Error) -> bool:
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)):
        return True
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR  # SQL that means nothing here


def bring_in_what_is_left(database: Path, problems: list[str]) -> None:
    """Bring in what the journal beside this SQLite file has and the file has not, and leave no journal. What cannot
    be brought in is moved aside and said so in `problems`. Raises UnknownVersion, sqlite3.Error, OSError."""
    path = journal.path_of(database)
    if not path.exists():
        return
    try:
        file = journal.claim(path)
    except InUse:  # whoever has it brings it in
        return
    try:
        if _bring_in_all(database, path, problems):
            os.ftruncate(file, 0)
    finally:
        os.close(file)


def _bring_in_all(database: Path, path: Path, problems: list[str]) -> bool:
    """Whether it may be emptied."""
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection:
            if _is_newer(connection):
                return False
            found = journal.read(path)
            if found is None:
                return True
            id, frames, wrong = found
            if frames:
                _bring_in(connection, id, frames)
        if wrong:
            raise Damaged(wrong)
    except Damaged as error:
        _set_aside(path, str(error), problems)
        return False
    return True


def _bring_in(connection: sqlite3.Connection, id: bytes, frames: list[Frame]) -> None:
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    known = _marked(cursor) if _has_tables(cursor) else None
    if known is None or known[0] != id:
        raise Damaged("it is another database's")
    left = [frame for frame in frames if frame.number > known[1]]
    if left and left[0].number > known[1] + 1:
        raise Damaged("it goes on from a later state of the database")
    for frame in left:
        for why in apply(cursor, frame.statements):
            log.error("a write was dropped: %s", why)
    if left:
        cursor.execute(MARK, (mark(id, left[-1].number),))
        log.info("%d transactions that the last process left were brought in", len(left))
    connection.commit()


def begin(database: Path) -> Journal:
    """An empty journal for a database of the newest version. Raises InUse, sqlite3.Error, OSError."""
    path = journal.path_of(database)
    file = journal.claim(path)
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection:
            cursor = connection.cursor()
            known = _marked(cursor)
            if known is None:
                known = os.urandom(journal.ID), 0
                cursor.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('journal', ?)", (mark(*known),))
                connection.commit()
        return Journal(path, file, *known)
    except BaseException:
        os.close(file)
        raise


@contextmanager
def complete(database: Path) -> Iterator[Path]:
    """A SQLite file that has what the journal has as well, for somebody else who reads: this one, once the luna that
    works there has brought it in, or a copy for as long as the block runs. Changes nothing. Blocks. Raises
    UnknownVersion, sqlite3.Error, OSError."""
    for _ in range(LOOKS):
        if not _lacks_something(database):
            yield database
            return
        sleep(BETWEEN_LOOKS)
    with TemporaryDirectory() as folder:
        copy = Path(folder) / database.name
        with closing(_reader(database)) as connection, closing(sqlite3.connect(copy)) as other:
            connection.backup(other)
            found = _understood(database)  # later than the copy, so that nothing is lost between the two
            if found is not None:
                with suppress(Damaged):
                    _bring_in(other, *found)
        yield copy


def _lacks_something(database: Path) -> bool:
    found = _understood(database)
    if found is None or not found[1]:
        return False
    with closing(_reader(database)) as connection:
        known = _marked(connection.cursor()) if _has_tables(connection.cursor()) else None
    return known is not None and known[0] == found[0] and known[1] < found[1][-1].number


def _understood(database: Path) -> tuple[bytes, list[Frame]] | None:
    try:
        found = journal.read(journal.path_of(database))
    except Damaged:
        return None
    return None if found is None else found[:2]


def _reader(database: Path) -> sqlite3.Connection:
    at_rest = not database.with_name(f"{database.name}-wal").exists()
    return sqlite3.connect(f"{database.as_uri()}?mode=ro{'&immutable=1' if at_rest else ''}", uri=True)


def _marked(cursor: sqlite3.Cursor) -> tuple[bytes, int] | None:
    """The database's id and the last frame that it has; None for a database that never had a journal."""
    found = cursor.execute("SELECT value FROM meta WHERE name = 'journal'").fetchone()
    id, _, number = str(found[0] if found is not None else "").partition(" ")
    try:
        return (bytes.fromhex(id), int(number)) if len(id) == 2 * journal.ID else None
    except ValueError:
        return None


def _is_newer(connection: sqlite3.Connection) -> bool:
    """Whether a newer luna wrote the database: then so it did its journal, and both are left alone."""
    if not _has_tables(connection.cursor()):
        return False
    found = connection.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    return found is not None and (not str(found[0]).isdecimal() or int(found[0]) > VERSION)


def _has_tables(cursor: sqlite3.Cursor) -> bool:
    return cursor.execute("SELECT name FROM sqlite_master WHERE name = 'meta'").fetchone() is not None


def _set_aside(path: Path, why: str, problems: list[str]) -> None:
    places = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    aside = next(place for place in places if not place.exists())
    path.rename(aside)
    problem = f"{path.name} cannot be brought in ({why}); it was moved to {aside.name}."
    problems.append(problem)
    log.error("%s The last moments before luna ended may be missing.", problem)
