"""The store: what is queued is committed in order, survives, and never blocks or loses silently."""

import logging
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import (
    Connection,
    Executable,
    bindparam,
    column,
    delete,
    func,
    insert,
    inspect,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import OperationalError

from luna.model.errors import Kind, LunaError
from luna.state import log_archive
from luna.state import session_rows as rows
from luna.state.run_writing import COLUMNS
from luna.state.store import Store
from luna.state.store.ahead import SMALL, WARY
from luna.state.store.database import DatabaseError, database_url
from luna.state.store.form import Form
from luna.state.store.journal import Bound, Journal
from luna.state.store.late import LateRow
from luna.state.store.migrations import NewerDatabase
from luna.state.store.prepared import Prepared
from luna.state.store.tables import VERSION, account_states, chats, files, meta, metadata, runs
from luna.state.store.transaction import Transactions, Write, names_its_rows
from tests.support.stores import Database

ADD = insert(chats)
RENAME = update(chats).where(chats.c.id == bindparam("key")).values(title=bindparam("new"))
FILE = {"account_id": "a", "kind": "document", "file_id": "f", "entry": "{}", "bytes": 7, "created_at": 1.0}
DROP = delete(chats).where(chats.c.id == bindparam("key"))


def row(number: int, title: str = "") -> dict[str, object]:
    return {
        "id": f"c{number}",
        "account_id": "a",
        "state": "open",
        "purpose": "main",
        "title": title,
        "created_at": float(number),
    }


async def titles(store: Store) -> dict[str, str]:
    rows = await store.read(select(chats.c.id, chats.c.title).order_by(chats.c.created_at))
    return {found.id: found.title for found in rows}


async def test_what_was_committed_is_there_for_the_next_process(database: Database) -> None:
    async with database.opened() as store:
        store.write(ADD, row(1, "one"))
        await store.commit()
    async with database.opened() as again:
        assert await titles(again) == {"c1": "one"}


async def test_what_is_queued_at_the_end_is_still_written(database: Database) -> None:
    async with database.opened() as store:
        store.write(ADD, [row(n) for n in range(500)])
    async with database.opened() as again:
        assert len(await titles(again)) == 500


async def test_the_order_of_different_writes_is_kept(store: Store) -> None:
    for number in range(20):
        store.write(ADD, row(number, "new"))
        store.write(RENAME, {"key": f"c{number}", "new": "renamed"})
        if number % 2:
            store.write(DROP, {"key": f"c{number}"})
    await store.commit()
    assert await titles(store) == {f"c{n}": "renamed" for n in range(0, 20, 2)}


async def test_many_who_wait_for_the_thread_share_commits(store: Store) -> None:
    async def one(number: int) -> None:
        store.write(ADD, row(number))
        await store.commit()

    before = store.describe()["commits"]
    store.write(ADD, [row(number) for number in range(1000, 1000 + 2 * SMALL)])  # it is busy with that for a while
    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(one, number)
    assert len(await titles(store)) == 200 + 2 * SMALL
    assert store.describe()["commits"] - before < 20


@pytest.fixture
async def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Store, list[str]]]:
    """A store over a file, and what becomes of its transactions."""
    async with Store.opened(tmp_path) as store:
        where: list[str] = []
        bring_in, append = Transactions.bring_in, Journal.append

        def brought_in(self: Transactions, batch: Sequence[Write], kept: Sequence[Bound] = (), mark: str = "") -> Any:
            where.append("thread" if batch else f"{len(kept)} from the journal")
            assert threading.current_thread() is not threading.main_thread()
            return bring_in(self, batch, kept, mark)

        def appended(self: Journal, transaction: Sequence[Bound]) -> bool:
            taken = append(self, transaction)
            if taken:
                where.append("journal")
            return taken

        monkeypatch.setattr(Transactions, "bring_in", brought_in)
        monkeypatch.setattr(Journal, "append", appended)
        yield store, where


async def test_a_small_commit_to_a_file_is_put_into_the_journal(watched: tuple[Store, list[str]]) -> None:
    store, where = watched
    for number in range(3):
        store.write(ADD, row(number))
        await store.commit()
        assert (store.describe()["waiting"], store.describe()["journaled"]) == (0, number + 1)
    assert where == ["journal"] * 3
    store.write(ADD, [row(number) for number in range(10, 10 + SMALL + 1)])
    await store.commit()
    assert where[3:] == ["3 from the journal", "thread"], "in the order in which they were queued"
    assert store.describe()["journaled"] == 0
    store.write(update(chats).values(account_id="b"), {})
    await store.commit()
    assert where[5:] == ["thread"], "nobody knows how many rows that is"
    store.write(RENAME, {"key": "c1", "new": "nobody waits"})
    with anyio.fail_after(10):
        while store.describe()["waiting"]:
            await anyio.sleep(0.005)
    assert where[6:] == ["journal"]
    assert (await titles(store))["c1"] == "nobody waits"
    assert where[7:] == ["1 from the journal"], "whoever reads sees everything"


async def test_what_stands_in_the_journal_goes_over_by_itself(
    watched: tuple[Store, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luna.state.store.writer.GATHER", 0.01)
    store, where = watched
    store.write(ADD, row(1))
    await store.commit()
    with anyio.fail_after(10):
        while store.describe()["journaled"]:
            await anyio.sleep(0.005)
    assert where == ["journal", "1 from the journal"]
    monkeypatch.setattr("luna.state.store.writer.GATHER", 600.0)
    monkeypatch.setattr("luna.state.store.writer.ENOUGH", 3)
    for number in range(2, 5):
        store.write(ADD, row(number))
        await store.commit()
    with anyio.fail_after(10):
        while store.describe()["journaled"]:
            await anyio.sleep(0.005)
    assert where[2:] == ["journal"] * 3 + ["3 from the journal"]


async def test_to_settle_is_to_have_it_where_others_see_it(store: Store, database: Database) -> None:
    store.write(ADD, row(1, "one"))
    await store.settle()
    assert store.describe()["journaled"] == 0
    async with database.opened() as other:
        assert await titles(other) == {"c1": "one"}


async def test_two_stores_over_one_file_do_not_take_each_others_journal(tmp_path: Path) -> None:
    async with Store.opened(tmp_path) as one:
        await anyio.sleep(0)  # it gets under way
        one.write(ADD, row(1, "one"))
        await one.commit()
        assert one.describe()["journaled"] == 1
        async with Store.opened(tmp_path) as other:
            other.write(ADD, row(2, "two"))
            await other.commit()
            assert other.describe()["journaled"] == 0, "it has no journal"
            assert await titles(other) == {"c2": "two"}
        assert await titles(one) == {"c1": "one", "c2": "two"}
        assert one.describe()["lost"] == 0


@pytest.mark.parametrize(
    ("statement", "quick"),
    [
        (ADD, True),
        (RENAME, True),
        (DROP, True),
        (update(chats).where(chats.c.chat_id == bindparam("chat"), chats.c.title == "").values(title="x"), True),
        (update(chats).where(chats.c.account_id == bindparam("account")).values(title="x"), False),
        (update(chats).where((chats.c.id == bindparam("a")) | (chats.c.title == bindparam("b"))), False),
        (update(chats).where(chats.c.created_at < bindparam("at")).values(title="x"), False),
        (delete(chats), False),
        (delete(chats).where(chats.c.id.in_(["c1"])), False),
        (insert(meta).from_select(["name", "value"], select(chats.c.id, chats.c.title)), False),
        (text("VACUUM"), False),
    ],
)
def test_into_the_journal_goes_only_what_names_its_rows(statement: Executable, quick: bool) -> None:
    assert names_its_rows(statement) is quick


async def test_a_disk_that_was_slow_is_left_to_the_thread_for_a_while(
    watched: tuple[Store, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, where = watched
    now = 100.0
    monkeypatch.setattr("luna.state.store.ahead.perf_counter", lambda: now)
    monkeypatch.setattr("luna.state.store.ahead.SLOW", -1.0)
    for number in range(4):
        now += WARY if number == 3 else 0.0
        store.write(ADD, row(number))
        await store.commit()
    assert where == ["journal", "1 from the journal", "thread", "thread", "journal"]


async def test_the_log_goes_over_into_the_file_in_the_thread(
    watched: tuple[Store, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("luna.state.store.transaction.CHECKPOINT", 3)
    store, _ = watched
    file = tmp_path / "luna.db"
    before = file.stat().st_size
    for number in range(3):
        store.write(ADD, row(number, "x" * 5000))
        await store.settle()
    assert file.stat().st_size == before
    store.write(ADD, row(4))
    await store.settle()
    assert file.stat().st_size > before
    assert not caplog.records  # and not because a connection was closed over a failure


async def test_a_little_look_up_is_done_on_the_spot(store: Store) -> None:
    store.write(ADD, row(1))
    await store.settle()
    ran_in = await store.look_up(lambda connection: threading.current_thread(), little=True)
    assert (ran_in is threading.main_thread()) == (store.describe()["database"] == "luna.db")


async def test_what_is_wrong_in_the_journal_costs_only_itself(
    watched: tuple[Store, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    store, where = watched
    store.write(ADD, row(1))
    store.write(ADD, [{**row(2), "state": None}, row(3)])
    store.write(ADD, {**row(4), "attempts": 2**63})
    store.write(RENAME, {"key": "c1", "new": "after"})
    with caplog.at_level(logging.ERROR):
        await store.settle()
    assert where == ["journal", "4 from the journal"]
    assert await titles(store) == {"c1": "after", "c3": ""}
    assert store.describe()["lost"] == 2
    assert caplog.text.count("a write was dropped") == 2


async def test_a_row_is_made_when_it_is_taken(store: Store) -> None:
    class Late(LateRow):
        title = "early"

        def make(self) -> dict[str, object]:
            return row(1, self.title)

    late = Late()
    store.write(ADD, late)
    late.title = "late"
    assert not late.taken
    await store.commit()
    assert late.taken
    late.title = "too late"
    assert await titles(store) == {"c1": "late"}


@pytest.mark.parametrize(
    "columns", [("id", "account_id", "state", "created_at"), ("state", "created_at", "id", "account_id")]
)
async def test_rows_of_a_form_have_the_order_of_its_columns(store: Store, columns: tuple[str, ...]) -> None:
    form = Form(insert(chats), columns)
    many = [tuple({**row(number), "attempts": 3}[column] for column in columns) for number in range(2 * SMALL)]
    store.write(form, many[0])
    await store.commit()
    store.write(form, many[1:])  # too many for the journal
    await store.commit()
    assert len(await titles(store)) == 2 * SMALL
    assert {one.account_id for one in await store.read(select(chats))} == {row(0)["account_id"]}


async def test_what_every_request_writes_is_in_the_order_of_the_database(tmp_path: Path) -> None:
    async with Store.opened(tmp_path) as store:
        run = Form(store.upsert(runs), COLUMNS)
    session = rows.ADD_SESSION, rows.TOUCH_SESSION, rows.ADD_NODE, rows.GONE_ON_FROM, rows.ADD_MESSAGES
    for form in (run, *session, log_archive.INSERT):
        assert form.way()[1] is tuple, form.columns


async def test_an_upsert_replaces_the_row_of_its_key(store: Store) -> None:
    state = {"account_id": "a", "purpose": "chat", "state": "cooling", "reason": "", "since": 1.0, "until": 9.0}
    put = store.upsert(account_states)
    store.write(put, {**state, "detail": None})
    store.write(put, {**state, "state": "ready", "until": None, "detail": "{}"})
    await store.commit()
    (found,) = await store.read(select(account_states))
    assert (found.state, found.until, found.detail) == ("ready", None, "{}")


async def test_a_write_that_is_wrong_costs_only_itself(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    async with Store.opened(database.directory, database.url) as store:
        store.write(ADD, row(1))
        store.write(ADD, {**row(2), "state": None})
        store.write(RENAME, {"key": "c1", "new": "after"})
        with caplog.at_level(logging.ERROR):
            await store.commit()
        assert await titles(store) == {"c1": "after"}
        assert store.describe()["lost"] == 1
    assert "dropped" in caplog.text


async def test_several_selects_see_one_state(store: Store) -> None:
    store.write(ADD, [row(1), row(2)])
    await store.commit()
    counted = await store.run(lambda connection: connection.execute(select(func.count()).select_from(chats)).scalar())
    assert counted == 2


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], sqlite3.Connection]]:
    """Locks the database of a store that is open; gives the lock, to be rolled back."""
    monkeypatch.setattr("luna.state.store.database.BUSY_SECONDS", 0.05)
    monkeypatch.setattr("luna.state.store.writer.PATIENCE", 0.3)
    with closing(sqlite3.connect(tmp_path / "luna.db", isolation_level=None, check_same_thread=False)) as other:

        def lock() -> sqlite3.Connection:
            other.execute("BEGIN IMMEDIATE")
            return other

        yield lock


async def test_a_locked_file_holds_up_only_what_is_not_for_the_journal(
    tmp_path: Path, locked: Callable[[], sqlite3.Connection]
) -> None:
    async with Store.opened(tmp_path) as store:
        await anyio.sleep(0)  # it gets under way
        lock = locked()
        store.write(ADD, row(1, "in the journal"))
        await store.commit()
        with pytest.raises(LunaError, match="locked"):
            await store.settle()
        assert "locked" in store.problem
        assert await titles(store) == {}, "it can be read as it is"
        store.write(ADD, row(2))
        with pytest.raises(LunaError) as refused:
            await store.commit()
        assert refused.value.kind is Kind.INTERNAL
        lock.execute("ROLLBACK")
        with anyio.fail_after(10):
            while store.problem:
                await anyio.sleep(0.02)
        await store.commit()
        assert await titles(store) == {"c1": "in the journal", "c2": ""}


async def test_what_cannot_be_written_at_the_end_is_told_and_the_end_comes(
    tmp_path: Path, locked: Callable[[], sqlite3.Connection], caplog: pytest.LogCaptureFixture
) -> None:
    async with Store.opened(tmp_path) as store:
        await anyio.sleep(0)  # it gets under way
        lock = locked()
        store.write(ADD, row(1, "in the journal"))
        await store.commit()
        store.write(ADD, [row(number) for number in range(10, 10 + SMALL + 1)])
    lock.execute("ROLLBACK")
    assert "is lost: luna cannot write to its database" in caplog.text
    assert "is brought in at the next start: luna cannot write to its database" in caplog.text
    async with Store.opened(tmp_path) as again:
        assert await titles(again) == {"c1": "in the journal"}


@pytest.mark.parametrize("garbage", [b"this is not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
async def test_a_damaged_file_is_moved_aside_and_reported(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "luna.db").write_bytes(garbage)
    async with Store.opened(tmp_path) as store:
        store.write(ADD, row(1))
        await store.commit()
        (problem,) = store.problems
        assert "luna.db.damaged-1" in problem
    assert (tmp_path / "luna.db.damaged-1").read_bytes() == garbage
    async with Store.opened(tmp_path) as again:
        assert again.problems == []
        assert await titles(again) == {"c1": ""}


async def test_a_truncated_file_is_never_written_over(tmp_path: Path) -> None:
    async with Store.opened(tmp_path) as store:
        store.write(ADD, [row(n, "x" * 500) for n in range(2000)])
    path = tmp_path / "luna.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    async with Store.opened(tmp_path) as again:
        assert again.problems
        assert await titles(again) == {}
    assert (tmp_path / "luna.db.damaged-1").read_bytes() == whole[: len(whole) // 2]


async def test_a_newer_database_is_left_alone(database: Database) -> None:
    async with database.opened() as store:
        store.write(update(meta).where(meta.c.name == "version").values(value=str(VERSION + 1)), {"x": 1})
        await store.commit()
    with pytest.raises(NewerDatabase):
        async with database.opened():
            pass


async def test_a_database_of_the_first_version_gets_the_indexes_of_now(database: Database) -> None:
    def indexes(connection: Connection) -> dict[str, set[str]]:
        inspector = inspect(getattr(connection, "outer", connection))
        return {name: {str(index["name"]) for index in inspector.get_indexes(name)} for name in metadata.tables}

    async with database.opened() as store:
        store.write(ADD, row(1, "kept"))
        await store.commit()
        wanted = await store.run(indexes)
        for name in ("runs_not_completed", "chats_by_id"):
            store.write(text(f"DROP INDEX {name}"), {})
        for name, what in (
            ("runs_by_status", "runs (status, created_at)"),
            ("sessions_by_chat", "sessions (chat_id)"),
            ("chats_by_chat", "chats (chat_id)"),
            ("chats_by_time", "chats (created_at, id)"),
        ):
            store.write(text(f"CREATE INDEX {name} ON {what}"), {})
        store.write(update(meta).where(meta.c.name == "version").values(value="1"), {})
        await store.commit()
        assert await store.run(indexes) != wanted
    async with database.opened() as again:
        assert await again.run(indexes) == wanted
        assert await titles(again) == {"c1": "kept"}
        (version,) = await again.read(select(meta.c.value).where(meta.c.name == "version"))
        assert version.value == str(VERSION)


async def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    async with Store.opened(tmp_path / "data") as store:
        store.write(ADD, row(1))
        await store.commit()
        for path in (tmp_path / "data").iterdir():
            assert path.stat().st_mode & 0o077 == 0, path.name
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("configured", "said"),
    [("mysql://x/y", "mysql"), ("what is this", "not a database URL")],
)
def test_another_database_is_refused_by_name(configured: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=said):
        database_url(configured, tmp_path)


async def test_an_unreachable_server_is_a_sentence_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError) as refused:
        async with Store.opened(tmp_path, "postgresql://luna:hunter2@127.0.0.1:1/luna"):
            pass
    assert "hunter2" not in str(refused.value)
    assert "127.0.0.1" in str(refused.value)


AT = select(chats.c.id, chats.c.created_at, chats.c.ended_at).where(chats.c.id == bindparam("key")).limit(5)
AMONG = select(chats.c.id).where(chats.c.id.in_(bindparam("keys", expanding=True))).order_by(chats.c.id)
FILES = insert(files)


async def test_a_prepared_select_gives_what_the_store_reads(store: Store) -> None:
    store.write(ADD, [row(1), row(2)])
    store.write(FILES, {**FILE, "digest": bytes(range(32))})
    await store.commit()
    at, among, content = Prepared(AT), Prepared(AMONG), Prepared(select(files.c.digest, files.c.bytes))
    for _ in range(2):
        assert [*await store.run(lambda connection: at.rows(connection, {"key": "c2"}))] == [("c2", 2.0, None)]
    assert await store.run(lambda connection: at.rows(connection, {"key": "c3"})) == []
    for keys in (["c1"], ["c1", "c2", "c3"]):
        found = await store.run(lambda connection, keys=keys: among.rows(connection, {"keys": keys}))  # type: ignore[misc]
        assert found == [(key,) for key in keys if key != "c3"]
    assert [*await store.run(lambda connection: content.rows(connection, {}))] == [(bytes(range(32)), 7)]


async def test_a_prepared_select_that_is_wrong_is_told_as_any_other(store: Store) -> None:
    missing = Prepared(select(column("nothing")).select_from(table("nowhere")))
    with pytest.raises(LunaError, match="cannot read its database") as raised:
        await store.run(lambda connection: missing.rows(connection, {}))
    assert raised.value.kind is Kind.INTERNAL
    assert await titles(store) == {}


async def test_rows_may_leave_out_what_has_a_default(store: Store) -> None:
    bare = {"account_id": "a", "state": "open", "created_at": 1.0}
    store.write(ADD, {"id": "one", **bare})
    store.write(ADD, [{"id": name, **bare} for name in ("two", "three")])
    store.write(ADD, {"id": "four", **bare, "purpose": "aside"})
    await store.commit()
    found = await store.read(select(chats.c.id, chats.c.purpose, chats.c.attempts).order_by(chats.c.id))
    assert [tuple(row) for row in found] == [
        ("four", "aside", 0),
        ("one", "main", 0),
        ("three", "main", 0),
        ("two", "main", 0),
    ]


async def test_a_statement_with_a_list_of_values_is_written(store: Store) -> None:
    store.write(ADD, [row(number) for number in range(5)])
    store.write(delete(chats).where(chats.c.id.in_(["c1", "c3"])), {})
    store.write(DROP, [{"key": "c0"}, {"key": "c4"}])
    await store.commit()
    assert [*await titles(store)] == ["c2"]


@pytest.mark.parametrize("little", [False, True])
async def test_a_look_up_sees_what_was_committed_and_keeps_nothing_open(store: Store, little: bool) -> None:
    at, look_up = Prepared(AT), partial(store.look_up, little=little)
    for number in range(3):
        store.write(ADD, row(number))
        await (store.settle() if little else store.commit())
        assert await look_up(lambda connection, key=f"c{number}": at.rows(connection, {"key": key})) != []  # type: ignore[misc]
        assert await look_up(lambda connection: connection.scalar(select(func.count(chats.c.id)))) == number + 1
    with pytest.raises(LunaError, match="cannot read its database"):
        await look_up(lambda connection: connection.execute(select(column("x")).select_from(table("nowhere"))))
    with pytest.raises(ZeroDivisionError):
        await look_up(lambda connection: 1 // 0)
    assert await look_up(lambda connection: at.rows(connection, {"key": "c9"})) == []


async def test_a_look_up_whose_connection_was_lost_takes_another(store: Store) -> None:
    seen: list[Connection] = []

    def look(connection: Connection) -> int:
        seen.append(connection)
        if len(seen) == 2:
            raise OperationalError("SELECT 1", None, Exception("the server went away"))
        return len(seen)

    assert await store.look_up(look) == 1
    assert await store.look_up(look) == 3
    assert seen[0] is seen[1] is not seen[2]
