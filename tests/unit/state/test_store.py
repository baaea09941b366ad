"""The store: what is queued is committed in order, survives, and never blocks or loses silently."""

import logging
import sqlite3
from pathlib import Path

import anyio
import pytest
from sqlalchemy import bindparam, column, delete, func, insert, select, table, update

from luna.model.errors import Kind, LunaError
from luna.state.store import Store
from luna.state.store.database import DatabaseError, database_url
from luna.state.store.migrations import NewerDatabase
from luna.state.store.prepared import Prepared
from luna.state.store.tables import VERSION, account_states, chats, files, meta
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


async def test_many_who_wait_share_commits(store: Store) -> None:
    async def one(number: int) -> None:
        store.write(ADD, row(number))
        await store.commit()

    before = store.describe()["commits"]
    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(one, number)
    assert len(await titles(store)) == 200
    assert store.describe()["commits"] - before < 20


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


async def test_a_locked_file_is_waited_for_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna.state.store.database.BUSY_SECONDS", 0.05)
    async with Store.opened(tmp_path) as store:
        other = sqlite3.connect(tmp_path / "luna.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        store.write(ADD, row(1))
        monkeypatch.setattr("luna.state.store.writer.PATIENCE", 0.3)
        with pytest.raises(LunaError) as refused:
            await store.commit()
        assert refused.value.kind is Kind.INTERNAL
        assert "locked" in store.problem
        other.execute("ROLLBACK")
        other.close()
        with anyio.fail_after(10):
            while store.problem:
                await anyio.sleep(0.02)
        await store.commit()
        assert await titles(store) == {"c1": ""}


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
