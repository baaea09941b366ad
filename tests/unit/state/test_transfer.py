"""Sessions and runs into the database and out of it: nothing twice, nothing lost, nothing of luna's undone."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, select, update

from luna.model.errors import Kind, LunaError
from luna.state import transfer
from luna.state.lunaproxy_fields import records_of
from luna.state.store import Store
from luna.state.store.database import DatabaseError
from luna.state.store.migrations import NewerDatabase
from luna.state.store.tables import VERSION, messages, meta, nodes, sessions
from luna.state.transfer import Known, known, look, reading, runs_json, sessions_json, take_runs, take_sessions
from tests.support.stores import Database

FIXTURES = Path("fixtures/lunaproxy")


def records(name: str) -> list[tuple[str, msgspec.Raw]]:
    return records_of((FIXTURES / name).read_bytes().replace(rb"\ud83d", b"."))


def session(id: str, updated: int = 1000, *said: str, ids: Iterable[str] = (), **more: Any) -> tuple[str, msgspec.Raw]:
    named = iter(ids)
    document = {
        "id": id,
        "createdAt": 1000,
        "updatedAt": updated,
        "messages": [{"role": "user", "content": text, "id": next(named, None)} for text in said],
        **more,
    }
    return id, msgspec.Raw(msgspec.json.encode(document))


async def there(store: Store) -> Known:
    return await store.run(known)


async def said_in(store: Store, id: str) -> list[str]:
    rows = await store.read(select(messages.c.content).where(messages.c.session_id == id).order_by(messages.c.position))
    return [msgspec.json.decode(row.content) for row in rows]


async def out(store: Store) -> tuple[Any, Any]:
    return (
        msgspec.json.decode(await store.run(lambda connection: b"".join(sessions_json(connection)))),
        msgspec.json.decode(await store.run(lambda connection: b"".join(runs_json(connection)))),
    )


async def test_what_goes_in_comes_out(store: Store) -> None:
    assert await out(store) == ({}, [])
    taken = await take_sessions(store, records("sessions.json"), await there(store), "default", "sessions.json")
    assert (taken.found, taken.taken, taken.there, taken.damaged) == (2, 2, 0, [])
    taken = await take_runs(store, records("runs.json"), await there(store), "runs.json")
    assert (taken.found, taken.taken, taken.there, taken.damaged) == (7, 7, 0, [])
    gone_in = msgspec.json.decode((FIXTURES / "sessions.json").read_bytes())
    out_sessions, out_runs = await out(store)
    assert list(out_sessions) == ["session::3f0c8a52-4e0e-4d35-9a8e-5f6a1f0c2b11", "session::second"]
    for document in gone_in.values():
        for message in document["messages"]:
            message.pop("workerId", None)
        found = out_sessions[f"session::{document['id']}"]
        assert {key: found.get(key) for key in document} == document
    assert [run["status"] for run in out_runs] == ["completed", *["interrupted"] * 4, "failed", "cancelled"]


async def test_a_second_time_changes_nothing(database: Database) -> None:
    before: object = None
    for round in range(2):
        async with database.opened() as store:
            now = await there(store)
            first = await take_sessions(store, records("sessions.json"), now, "", "sessions.json")
            second = await take_runs(store, records("runs.json"), now, "runs.json")
            assert (first.taken, first.there) == ((2, 0), (0, 2))[round]
            assert (second.taken, second.there) == ((7, 0), (0, 7))[round]
            if round == 0:
                before = await out(store)
            else:
                assert await out(store) == before


async def test_what_goes_out_can_go_in_again_elsewhere(store: Store, tmp_path: Path) -> None:
    await take_sessions(store, records("sessions.json"), await there(store), "default", "sessions.json")
    await take_runs(store, records("runs.json"), await there(store), "runs.json")
    first = await out(store)
    async with Store.opened(tmp_path / "another") as another:
        now = await there(another)
        await take_sessions(another, records_of(msgspec.json.encode(first[0])), now, "other", "sessions.json")
        await take_runs(another, records_of(msgspec.json.encode(first[1])), now, "runs.json")
        assert await out(another) == first


async def test_a_later_state_of_a_session_takes_its_place(store: Store) -> None:
    await take_sessions(store, [session("a", 2000, "one", "two", "three")], await there(store), "", "x")
    tally = await take_sessions(store, [session("a", 1500, "older")], await there(store), "", "x")
    assert (tally.taken, tally.there) == (0, 1)
    assert await said_in(store, "a") == ["one", "two", "three"]
    tally = await take_sessions(store, [session("a", 3000, "one", "new")], await there(store), "", "x")
    assert (tally.taken, tally.there) == (1, 0)
    assert await said_in(store, "a") == ["one", "new"]
    (row,) = await store.read(select(sessions.c.message_count, sessions.c.updated_at))
    assert tuple(row) == (2, 3.0)


async def test_a_session_that_luna_has_spoken_in_is_never_replaced(store: Store) -> None:
    await take_sessions(store, [session("a", 2000, "one")], await there(store), "", "x")
    node = {
        "id": "n",
        "digest": b"d" * 16,
        "asked": b"a" * 16,
        "session_id": "a",
        "account_id": "work",
        "chat_id": "c",
        "response_id": "r",
        "model": "m",
        "created_at": 2.0,
    }
    store.write(insert(nodes), node)
    await store.commit()
    tally = await take_sessions(store, [session("a", 9000, "other")], await there(store), "", "x")
    assert (tally.taken, tally.there) == (0, 1)
    assert await said_in(store, "a") == ["one"]


async def test_the_same_session_twice_in_one_file(store: Store) -> None:
    twice = [session("a", 2000, "one"), session("a", 1000, "older"), session("a", 3000, "newer", "still")]
    tally = await take_sessions(store, twice, await there(store), "", "x")
    assert (tally.found, tally.taken, tally.there) == (3, 2, 1)
    assert await said_in(store, "a") == ["newer", "still"]


async def test_ids_of_messages_that_are_taken(store: Store) -> None:
    fresh = [session("a", 1000, "one", "two", ids=["m", "m"]), session("b", 1000, "three", ids=["m"])]
    await take_sessions(store, fresh, await there(store), "", "x")
    await take_sessions(store, [session("c", 1000, "four", ids=["m"])], await there(store), "", "x")
    await take_sessions(store, [session("a", 2000, "five", "six", ids=["m", "m"])], await there(store), "", "x")
    assert [await said_in(store, id) for id in "abc"] == [["five", "six"], ["three"], ["four"]]
    assert len(await store.read(select(messages.c.id).where(messages.c.id == "m"))) == 1


async def test_records_that_are_none_are_named_and_the_others_taken(store: Store) -> None:
    broken = [("session::x", msgspec.Raw(b'{"id": 5}')), session("a", 1000, "one")]
    tally = await take_sessions(store, broken, await there(store), "", "sessions.json")
    assert (tally.found, tally.taken) == (2, 1)
    assert [str(remark) for remark in tally.damaged] == [
        "sessions.json session::x: Expected `str`, got `int` - at `$.id`"
    ]
    tally = await take_runs(store, [("[0]", msgspec.Raw(b"7"))], await there(store), "runs.json")
    assert (tally.found, tally.taken, [remark.where for remark in tally.damaged]) == (1, 0, ["runs.json [0]"])


async def test_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "AT_ONCE", 7)
    many = [session(f"s{number}", 1000 + number, "a", "b") for number in range(40)]
    tally = await take_sessions(store, iter(many), await there(store), "", "x")
    assert tally.taken == 40
    several = [("", msgspec.Raw(b'{"id":"r%d","status":"failed","createdAt":%d}' % (n, n))) for n in range(100)]
    assert (await take_runs(store, iter(several), await there(store), "x")).taken == 100
    found, written = await out(store)
    assert len(found) == 40
    assert all(len(document["messages"]) == 2 for document in found.values())
    assert [run["id"] for run in written] == [f"r{number}" for number in range(100)]


async def test_what_breaks_off_is_finished_the_next_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "AT_ONCE", 2)
    many = [session(f"s{number}", 1000, "a") for number in range(6)]
    commit, calls = store.commit, 0

    async def failing() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(28, "No space left on device")
        await commit()

    with monkeypatch.context() as patch:
        patch.setattr(store, "commit", failing)
        with pytest.raises(OSError, match="No space"):
            await take_sessions(store, many, await there(store), "", "x")
    await store.commit()
    tally = await take_sessions(store, many, await there(store), "", "x")
    assert tally.taken + tally.there == 6
    assert tally.taken >= 2
    assert [await said_in(store, f"s{number}") for number in range(6)] == [["a"]] * 6


async def test_without_a_store_it_is_only_counted(database: Database) -> None:
    now = look(database.directory, database.url)
    assert now == Known({}, frozenset(), frozenset())
    assert (await take_sessions(None, records("sessions.json"), now, "", "x")).taken == 2
    assert (await take_runs(None, records("runs.json"), now, "x")).taken == 7
    async with database.opened() as store:
        assert await there(store) == Known({}, frozenset(), frozenset())
        await take_sessions(store, [session("a", 1000, "one")], await there(store), "", "x")
        assert look(database.directory, database.url).sessions == {"a": 1.0}
    assert look(database.directory, database.url).sessions == {"a": 1.0}


def test_looking_makes_nothing(tmp_path: Path) -> None:
    assert look(tmp_path / "data").sessions == {}
    assert not (tmp_path / "data").exists()


async def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    async with Store.opened(tmp_path):
        pass
    before = sorted(path.name for path in tmp_path.iterdir())
    look(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


async def test_a_database_of_another_version_is_not_read(database: Database) -> None:
    async with database.opened() as store:
        for version, refused in ((99, NewerDatabase), (VERSION - 1, DatabaseError)):
            store.write(update(meta).where(meta.c.name == "version").values(value=str(version)), {})
            await store.settle()
            with pytest.raises(refused, match=r"version 99|older luna"), reading(database.directory, database.url):
                raise AssertionError("it is not to be read")
        store.write(update(meta).where(meta.c.name == "version").values(value="1"), {})
        await store.commit()


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "luna.db").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(DatabaseError, match=r"luna\.db cannot be read: "):
        look(tmp_path)


async def test_a_database_that_cannot_be_written_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse() -> None:
        raise LunaError(Kind.INTERNAL, "luna cannot write")

    monkeypatch.setattr(store, "commit", refuse)
    with pytest.raises(LunaError, match="cannot write"):
        await take_runs(store, records("runs.json"), await there(store), "runs.json")
