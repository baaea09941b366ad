"""Sessions and runs on their way into the database out of LunaProxy's files, and out of it into such files.

Owns what is new, what is there already, and the statements. The shapes of the files are those of
`luna.state.lunaproxy_sessions` and `luna.state.lunaproxy_runs`. A session that luna has spoken in is never replaced;
one that only stands there is, by a later state of itself.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, create_engine, delete, insert, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from luna.state.lunaproxy_fields import Remark
from luna.state.lunaproxy_runs import run_document, run_row
from luna.state.lunaproxy_sessions import SessionRows, own_id, session_document, session_rows
from luna.state.store import Store
from luna.state.store.database import DatabaseError, NewerDatabase, database_place, database_url
from luna.state.store.journal import UnknownVersion
from luna.state.store.migrations import version_of
from luna.state.store.recovery import complete
from luna.state.store.tables import VERSION, messages, nodes, runs, sessions

AT_ONCE = 200
"""Sessions (or five times as many runs) that are written, or read, together."""

Records = Iterable[tuple[str, msgspec.Raw]]

_DROP_MESSAGES = delete(messages).where(messages.c.session_id == bindparam("session"))
_ADD_RUNS = insert(runs)
_OWNERS = select(messages.c.id, messages.c.session_id).where(messages.c.id.in_(bindparam("ids", expanding=True)))


class Known(NamedTuple):
    """What the database has."""

    sessions: dict[str, float]
    """By id, when they were last changed."""
    spoken: frozenset[str]
    """Those that luna itself has answered in."""
    runs: frozenset[str]


@dataclass
class Tally:
    """How many records there were, and what became of them."""

    found: int = 0
    taken: int = 0
    there: int = 0
    """Already."""
    damaged: list[Remark] = field(default_factory=list)


def known(connection: Connection) -> Known:
    """What the database has now."""
    return Known(
        dict(connection.execute(select(sessions.c.id, sessions.c.updated_at)).all()),
        frozenset(connection.execute(select(nodes.c.session_id).distinct()).scalars()),
        frozenset(connection.execute(select(runs.c.id)).scalars()),
    )


@contextmanager
def reading(data_dir: Path, configured: str = "") -> Iterator[Connection | None]:
    """A connection that makes and changes nothing; None where there is no database yet. Blocks. Raises DatabaseError,
    NewerDatabase."""
    url = database_url(configured, data_dir)
    shown = str(database_place(configured, data_dir))
    if url.get_backend_name() != "sqlite":
        with _reading(url, shown) as connection:
            yield connection
        return
    path = Path(url.database or "").absolute()
    if not path.exists():
        yield None
        return
    try:
        with complete(path) as whole:
            at_rest = not whole.with_name(whole.name + "-wal").exists()
            query = {"uri": "true", "mode": "ro", **({"immutable": "1"} if at_rest else {})}
            with _reading(URL.create("sqlite", database=whole.as_uri(), query=query), shown) as connection:
                yield connection
    except UnknownVersion as error:
        raise NewerDatabase(str(error)) from None
    except sqlite3.Error as error:
        raise DatabaseError(f"{shown} cannot be read: {error}") from None


@contextmanager
def _reading(url: URL, shown: str) -> Iterator[Connection | None]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            version = version_of(connection)
            if version is not None and version > VERSION:
                raise NewerDatabase(f"{shown} has version {version}, and this luna knows {VERSION}")
            if version is not None and version < VERSION:
                raise DatabaseError(f"{shown} is of an older luna; start luna once, so that it is brought up to date")
            yield connection if version is not None else None
    except DBAPIError as error:
        raise DatabaseError(f"{shown} cannot be read: {error.orig}") from None
    finally:
        engine.dispose()


def look(data_dir: Path, configured: str = "") -> Known:
    """What the database has, for a dry run. Raises like `reading`."""
    with reading(data_dir, configured) as connection:
        return known(connection) if connection is not None else Known({}, frozenset(), frozenset())


async def take_sessions(store: Store | None, records: Records, known: Known, client: str, file: str) -> Tally:
    """Take over the sessions that are new or newer; without a store only say which. `client` is the name of the key
    that their client shows. On disk when this returns. Raises LunaError(INTERNAL)."""
    tally, owners = Tally(), dict[str, str]()
    for chunk in _chunks(records, AT_ONCE):
        fresh: list[SessionRows] = []
        for name, raw in chunk:
            tally.found += 1
            try:
                rows = session_rows(raw, f"{file} {name}", client)
            except msgspec.ValidationError as error:
                tally.damaged.append(Remark(f"{file} {name}", str(error)))
                continue
            if _is_new(rows.session, known):
                fresh.append(rows)
                tally.taken += 1
                tally.damaged += rows.damaged
            else:
                tally.there += 1
        if store is not None and fresh:
            await _write_sessions(store, fresh, owners)
    return tally


def _is_new(session: dict[str, Any], known: Known) -> bool:
    id, updated = session["id"], session["updated_at"]
    there = known.sessions.get(id)
    fresh = there is None or (id not in known.spoken and updated > there + 0.001)
    if fresh:
        known.sessions[id] = updated
    return fresh


async def _write_sessions(store: Store, fresh: Sequence[SessionRows], owners: dict[str, str]) -> None:
    said = [message for rows in fresh for message in rows.messages]
    if said:
        found = await store.run(lambda c: c.execute(_OWNERS, {"ids": [one["id"] for one in said]}).all())
        replaced = {rows.session["id"] for rows in fresh}
        owners.update({message: session for message, session in found if session not in replaced})
    for message in said:  # an id that two messages have is the first one's
        place = f"{message['session_id']} {message['position']}"
        if owners.setdefault(message["id"], place) != place:
            message["id"] = own_id(message["session_id"], message["position"])
    store.write(_DROP_MESSAGES, [{"session": rows.session["id"]} for rows in fresh])
    if said:
        store.write(store.upsert(messages), said)
    store.write(store.upsert(sessions), [rows.session for rows in fresh])
    await store.commit()


async def take_runs(store: Store | None, records: Records, known: Known, file: str) -> Tally:
    """Take over the runs that are new; without a store only say which. On disk when this returns. Raises
    LunaError(INTERNAL)."""
    tally, there = Tally(), set(known.runs)
    for chunk in _chunks(records, 5 * AT_ONCE):
        fresh: list[dict[str, Any]] = []
        for name, raw in chunk:
            tally.found += 1
            try:
                row = run_row(raw)
            except msgspec.ValidationError as error:
                tally.damaged.append(Remark(f"{file} {name}", str(error)))
                continue
            if row["id"] in there:
                tally.there += 1
            else:
                there.add(row["id"])
                fresh.append(row)
                tally.taken += 1
        if store is not None and fresh:
            store.write(_ADD_RUNS, fresh)
            await store.commit()
    return tally


def sessions_json(connection: Connection) -> Iterator[bytes]:
    """`sessions.json`, piece by piece."""
    yield b"{"
    between = b"\n"
    latest_last = select(sessions).order_by(sessions.c.created_at, sessions.c.id)
    result = connection.execution_options(yield_per=AT_ONCE).execute(latest_last)
    for page in result.partitions():
        ids = [row.id for row in page]
        said: dict[str, list[Any]] = {id: [] for id in ids}
        statement = select(messages).where(messages.c.session_id.in_(ids)).order_by(messages.c.position)
        for message in connection.execution_options(yield_per=1000).execute(statement):
            said[message.session_id].append(message._asdict())
        for row in page:
            document = session_document(row._asdict(), said[row.id])
            yield between + msgspec.json.encode(f"session::{row.id}") + b": " + msgspec.json.encode(document)
            between = b",\n"
    yield b"\n}\n"


def runs_json(connection: Connection) -> Iterator[bytes]:
    """`runs.json`, piece by piece; the oldest first."""
    yield b"["
    between = b"\n"
    oldest_first = select(runs).order_by(runs.c.created_at, runs.c.id)
    for row in connection.execution_options(yield_per=1000).execute(oldest_first):
        yield between + msgspec.json.encode(run_document(row._asdict()))
        between = b",\n"
    yield b"\n]\n"


def _chunks(records: Records, size: int) -> Iterator[list[tuple[str, msgspec.Raw]]]:
    iterator = iter(records)
    while chunk := list(islice(iterator, size)):
        yield chunk
