"""What stands in the database: rows that somebody, or a broken disk, has changed.

An input is a JSON list of changes `[table, column, value]`, each made in every row of that table before luna opens
it; a value `{"b": "…"}` is bytes. `["file", offset, byte]` changes the file itself. What must hold: a start that works,
or is refused with a named error; and everything that services read is read, left aside, or refused by LunaError.
"""

import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import msgspec
from sqlalchemy import insert, select

from luna.model.ambient import ManualClock
from luna.model.errors import LunaError
from luna.model.preferences import LivePreferences
from luna.qwen.endpoints import Site
from luna.state.account import Account
from luna.state.account_states import AccountStates
from luna.state.accounts import Accounts
from luna.state.audit import Audit
from luna.state.chats import ChatLedger
from luna.state.credentials import CredentialStore
from luna.state.log_archive import LogFilter
from luna.state.logs import Logs
from luna.state.one_flow import lines_of, run_of
from luna.state.overflow_files import OverflowFiles
from luna.state.run_archive import RunFilter
from luna.state.run_row import row_of
from luna.state.runs import Runs
from luna.state.session_archive import SessionArchive
from luna.state.session_memory import SessionMemory
from luna.state.session_records import SessionFilter
from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.state.store.database import DatabaseError
from luna.state.store.migrations import NewerDatabase
from luna.state.store.tables import audit, chats, files, logs, metadata, overflow_files, runs, sessions, summaries
from luna.state.uploads import Uploads
from luna.upstream.pool import PoolBackend
from tests.fuzz.guided import Target
from tests.fuzz.scratch import scratch
from tests.support.sessions import answered, asked

FLOW = "flow_0123456789abcdef01234567"
_SAID = ("Hello!", "ok", "And now?")
_FOLDER = scratch()
_AT = 1_790_000_000.0
_ROWS: Mapping[Any, dict[str, Any]] = {
    runs: {
        "id": FLOW,
        "status": "streaming",
        "created_at": _AT,
        "model": "m",
        "tools": "\nBash\n",
        "stages": '[["qwen",1.5]]',
        "preview": "x",
        "session_id": "s",
    },
    chats: {
        "id": "chat_00112233445566778899aabb",
        "chat_id": "c1",
        "account_id": "env",
        "state": "open",
        "title": "t",
        "created_at": _AT,
        "used_at": _AT,
    },
    files: {
        "digest": b"d" * 32,
        "account_id": "env",
        "kind": "image",
        "file_id": "f1",
        "entry": "{}",
        "bytes": 5,
        "created_at": _AT,
    },
    logs: {
        "id": 7,
        "at": _AT,
        "level": "info",
        "logger": "l",
        "message": "m",
        "folded": "m",
        "flow": FLOW,
        "fields": '{"a":1}',
    },
    audit: {"at": _AT, "actor": "key", "method": "PUT", "path": "/api/x", "status": 200, "said": '{"a":1}'},
    overflow_files: {
        "name": "a.txt",
        "folder": "overflow",
        "session_id": "s",
        "run_id": FLOW,
        "bytes": 3,
        "tokens": 1,
        "created_at": _AT,
    },
}


async def _made(folder: Path) -> None:
    """A database with a row in each table."""
    async with Store.opened(folder) as store:
        sessions = Sessions(store)
        first = await answered(sessions, asked(_SAID[0]), when=_AT)
        await answered(sessions, asked(*_SAID), when=_AT)
        for table, row in _ROWS.items():
            store.write(insert(table), row)
        ledger = ChatLedger(store, ManualClock())
        await ledger.load()
        await ledger.prune(_AT + 1e9)
        session = first.session.id if first.session else ""
        told = {
            "id": "sum_1",
            "session_id": session,
            "digest": b"d" * 16,
            "node_id": "n",
            "position": 1,
            "text": "t",
            "created_at": _AT,
        }
        store.write(insert(summaries), {name: value for name, value in told.items() if name in summaries.c})
        await store.commit()


def _template() -> bytes:
    folder = _FOLDER / "template"
    folder.mkdir()
    anyio.run(_made, folder)
    path = folder / "luna.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    return path.read_bytes()


_WHOLE = _template()


def rows(data: bytes) -> None:
    """Change, open, look."""
    try:
        changes = msgspec.json.decode(data, type=list[list[Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    folder = _FOLDER / "data"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    foreign = _change(folder / "luna.db", changes)
    anyio.run(_use, folder, foreign)


def _change(path: Path, changes: list[list[Any]]) -> bool:
    """True where a column has a value of another type now: SQLite takes those."""
    foreign = any(change[:1] == ["file"] for change in changes)
    whole = bytearray(_WHOLE)
    for _, at, byte in (each for each in changes if len(each) == 3 and each[0] == "file"):
        if isinstance(at, int) and isinstance(byte, int):
            whole[at % len(whole)] = byte & 255
    path.write_bytes(whole)
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA synchronous=OFF")
        for change in changes:
            if _is_change(change):
                table, column, value = change
                if isinstance(value, dict):
                    value = str(value.get("b", "")).encode()
                kind = metadata.tables[table].c[column].type.python_type
                right = (int, float) if kind in (int, float, bool) else kind
                if isinstance(value, str | int | float | bytes | None):
                    foreign = foreign or not (value is None or isinstance(value, right))
                    try:
                        connection.execute(f'UPDATE OR IGNORE {table} SET "{column}" = ?', (value,))
                    except (sqlite3.Error, OverflowError, UnicodeEncodeError):
                        continue
        connection.commit()
    except sqlite3.Error:
        pass
    finally:
        connection.close()
    return foreign


def _is_change(change: list[Any]) -> bool:
    named = len(change) == 3 and isinstance(change[0], str) and isinstance(change[1], str)
    return named and change[0] in metadata.tables and change[1] in metadata.tables[change[0]].c


async def _use(folder: Path, foreign: bool) -> None:
    clock, live = ManualClock(_AT + 60), LivePreferences()
    try:
        async with Store.opened(folder) as store:
            failure: Exception | None = None
            try:
                await _looked_at(folder, store, clock, live, foreign)
            except (Exception, ExceptionGroup) as error:  # carried out of the task group, which would wrap it
                failure = error
        if failure is not None:
            raise failure
    except (DatabaseError, NewerDatabase):
        pass


async def _looked_at(folder: Path, store: Store, clock: ManualClock, live: LivePreferences, foreign: bool) -> None:
    # As luna starts; a LunaError here would be the end of it.
    kept, said = Runs(store, clock, live), Logs(store, clock, live)
    await kept.recover()
    await said.recover()
    ledger = ChatLedger(store, clock)
    await ledger.load()
    overflow = OverflowFiles(folder / "overflow", store, clock, live)
    await overflow.start()
    accounts = Accounts(
        store=CredentialStore(folder / "credentials.json"),
        backend=PoolBackend(clock=clock),
        clock=clock,
        site=Site(),
        env_token="t",
    )
    await accounts.restore(AccountStates(store, clock))
    people: list[Account] = [*accounts.all()]
    # As it is looked at.
    archive, memory, live_sessions = (
        SessionArchive(store, Sessions(store, live)),
        SessionMemory(store),
        Sessions(store, live),
    )
    found: list[str] = []

    async def flows() -> None:
        page = await kept.find(RunFilter(), limit=20)
        msgspec.json.encode([row_of(record) for record in page.records])
        await kept.figures(_AT - 100, _AT + 100, 50)
        await kept.tidy()

    async def one_flow() -> None:
        await store.run(lambda connection: (run_of(connection, FLOW), lines_of(connection, FLOW)))

    async def lines() -> None:
        msgspec.json.encode((await said.find(LogFilter(), limit=20)).entries)
        await said.stats()

    async def listed() -> None:
        page = await archive.find(SessionFilter(), limit=20)
        found.extend(record.id for record in page.records)
        msgspec.json.encode(page.records)
        await archive.counts()

    async def one() -> None:
        for session in [*found, "s"]:
            await archive.bindings(session)
            await archive.tree(session)
            msgspec.json.encode(await archive.said(session, limit=20))
            await memory.line(session)
            await archive.get(session)

    async def answering() -> None:
        await answered(live_sessions, asked(*_SAID, "ok", "More."), when=_AT + 10)
        await answered(live_sessions, asked("Hello!", chat="c1"), when=_AT + 11)

    async def ledgers() -> None:
        await ledger.read(select(chats))
        await ledger.find("c1")
        ledger.counts()
        await ledger.prune(_AT + 1e9)

    async def others() -> None:
        msgspec.json.encode(await Audit(store, clock).entries())
        await Uploads(clock, store).find("env", "f1")
        await overflow.tidy()
        [account.describe() for account in people]

    for look in (flows, one_flow, lines, listed, one, answering, ledgers, others):
        await _named(look, foreign)


async def _named(look: Callable[[], Awaitable[None]], foreign: bool) -> None:
    """A value of a type that its column never has is an internal error for whoever asks for that row, and no more."""
    try:
        await look()
    except LunaError:
        pass
    except (TypeError, AttributeError, ValueError):
        if not foreign:
            raise


def _seeds() -> Iterator[bytes]:
    yield b"[]"
    for table in metadata.tables.values():
        named = [(str(column.name), column.type.python_type) for column in table.c]
        yield from (msgspec.json.encode([[str(table.name), name, "{"]]) for name, kind in named if kind is str)
        for value in (10**18, {"b": "x"}, -1.5):
            yield msgspec.json.encode([[str(table.name), name, value] for name, kind in named if kind is not str])
        yield msgspec.json.encode([[str(table.name), str(column.name), None] for column in table.c])
    yield from (msgspec.json.encode([["file", at, 255]]) for at in (0, 18, 40, 100, 5000, 9000, 20000))


_NAMES = tuple(f'"{column.name}"'.encode() for column in sessions.c)
_WORDS = (*_NAMES, b'"open"', b'"x"', b'{"b":"x"}', b"1e999", b"-1", b'"[[]]"', b'"chats.pruned"')

TARGETS = {"rows": Target("rows", rows, _seeds, _WORDS, largest=2000, slow=5.0, short=10)}
