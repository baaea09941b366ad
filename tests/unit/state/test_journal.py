"""The journal: what was appended is there for the next process, once, however the one before ended."""

import errno
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from zlib import crc32

import anyio
import anyio.to_thread
import msgspec
import pytest
from sqlalchemy import bindparam, insert, select, update

from luna.state.store import Store
from luna.state.store import journal as journals
from luna.state.store.journal import FULL, HEADER, LARGE, Bound, InUse, Journal, claim, path_of, read
from luna.state.store.migrations import NewerDatabase
from luna.state.store.tables import VERSION, chats, meta
from luna.state.store.transaction import Transactions
from luna.state.transfer import reading
from tests.support.command import ROOT

ID = bytes(range(16))
ADD = insert(chats)
RENAME = update(chats).where(chats.c.id == bindparam("key")).values(title=bindparam("new"))


def row(number: int, title: str = "") -> dict[str, object]:
    plain = {"account_id": "a", "state": "open", "purpose": "main", "created_at": float(number)}
    return {"id": f"c{number}", "title": title, **plain}


def begun(path: Path, number: int = 0) -> Journal:
    return Journal(path, claim(path), ID, number)


def transaction(number: int) -> list[Bound]:
    values = [number, "wörds", 0.1, None, True, b"\x00\xff"]
    return [(f"INSERT {number % 2}", [values, values]), ("UPDATE", [(number,)])]


def understood(path: Path) -> tuple[list[list[Any]], str]:
    found = read(path)
    assert found is not None
    id, frames, wrong = found
    assert id == ID
    assert [frame.number for frame in frames] == [*range(1, len(frames) + 1)]
    return [[(sql, [tuple(row) for row in rows]) for sql, rows in frame.statements] for frame in frames], wrong


def same(transactions: Sequence[Sequence[Bound]]) -> list[list[Any]]:
    return [[(sql, [tuple(row) for row in rows]) for sql, rows in one] for one in transactions]


async def titles(store: Store) -> dict[str, str]:
    rows = await store.read(select(chats.c.id, chats.c.title).order_by(chats.c.created_at))
    return {found.id: found.title for found in rows}


# The file


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = begun(path)
    wanted = [transaction(number) for number in range(5)]
    assert all(journal.append(one) for one in wanted)
    assert understood(path) == (same(wanted), "")
    assert path.stat().st_mode & 0o077 == 0


def test_it_begins_anew_with_the_numbers_going_on(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = begun(path, number=-2)
    for number in range(2):
        journal.append(transaction(number))
    journal.clear()
    assert (path.stat().st_size, understood(path)) == (HEADER, ([], ""))
    journal.append(transaction(7))
    assert understood(path) == (same([transaction(7)]), "")
    assert journal.number == 1


def test_a_frame_that_was_cut_off_at_any_byte_was_never_there(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = begun(path)
    wanted = [transaction(number) for number in range(3)]
    ends = []
    for one in wanted:
        journal.append(one)
        ends.append(path.stat().st_size)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        if size < HEADER:
            assert read(path) is None
        else:
            assert understood(path) == (same(wanted[: sum(end <= size for end in ends)]), "")


def test_a_byte_that_is_another_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = begun(path)
    journal.append([("UPDATE t SET a=?", [("some words",)])])
    end = path.stat().st_size
    journal.append([("UPDATE t SET a=?", [("other words",)])])
    whole = path.read_bytes()
    for at in range(HEADER + 3, end):  # a length that is a little longer is a frame that was cut off
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 0x41,)) + whole[at + 1 :])
        found, wrong = understood(path)
        assert found == []
        assert wrong.startswith("transaction 1 ")


def framed(body: bytes) -> bytes:
    return struct.pack("<II", len(body), crc32(body, crc32(ID))) + body


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\x92\x02\x91\x93\x00\xa2\xff\xfe\x90", "understood"),
        (b"\x92\x02\x91\x93\x00\xc0\x91" + b"\x91" * 100_000, "understood"),
        (b"\x92\x02\x91\x93\x09\xc0\x90", "understood"),
        (msgspec.msgpack.encode((1, [(0, "A", [])])), "does not follow"),
        (msgspec.msgpack.encode((3, [(0, "A", [])])), "does not follow"),
    ],
    ids=["no text", "too deep", "an unknown statement", "a number again", "a number left out"],
)
def test_what_nobody_wrote_is_noticed_even_with_its_checksum(body: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "j"
    begun(path).append(transaction(0))
    path.write_bytes(path.read_bytes() + framed(body))
    found, wrong = understood(path)
    assert found == same([transaction(0)])
    assert wrong.startswith("transaction 2 ")
    assert why in wrong


@pytest.mark.parametrize("garbage", [b"x", b"nothing of the kind" * 10, b"luna journbl\n" + bytes(40)])
def test_what_is_no_journal_is_damaged(garbage: bytes, tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(garbage)
    with pytest.raises(journals.Damaged):
        read(tmp_path / "j")


def test_what_the_driver_would_not_take_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = begun(path)
    for value in (2**64, object(), "\ud800"):
        assert not journal.append([("INSERT", [(value,)])])
    assert not journal.append([("INSERT", [("x" * LARGE,)])])
    assert path.stat().st_size == HEADER
    assert journal.append([("INSERT", [("x",)])])
    assert understood(path) == ([[("INSERT", [("x",)])]], "")


def test_a_disk_that_takes_half_a_frame_has_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j"
    journal = begun(path)
    journal.append(transaction(0))
    monkeypatch.setattr("luna.state.store.journal._write", _cut_short)
    with pytest.raises(OSError, match="No space"):
        journal.append([("A NEW ONE", [(1,)])])
    monkeypatch.undo()
    assert understood(path) == (same([transaction(0)]), "")
    assert journal.open
    assert journal.append([("A NEW ONE", [(1,)])])
    assert understood(path)[0][1] == [("A NEW ONE", [(1,)])], "its SQL stands there"


def _cut_short(file: int, data: bytes) -> None:
    os.write(file, data[:-1])
    raise OSError(28, "No space left on device")


def test_one_that_cannot_even_be_cut_takes_no_more_until_it_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j"
    journal = begun(path)

    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("luna.state.store.journal._write", refuse)
    monkeypatch.setattr("luna.state.store.journal.os.ftruncate", refuse)
    with pytest.raises(OSError, match="Input/output"):
        journal.append(transaction(0))
    monkeypatch.undo()
    assert not journal.open
    journal.clear()
    assert journal.open


def test_one_that_is_full_takes_no_more_until_it_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LARGE * 4 < FULL
    monkeypatch.setattr("luna.state.store.journal.FULL", 300)
    journal = begun(tmp_path / "j")
    while journal.open:
        journal.append(transaction(0))
    assert journal.size >= 300 - HEADER
    journal.clear()
    assert journal.open


def test_only_one_has_it(tmp_path: Path) -> None:
    journal = begun(tmp_path / "j")
    with pytest.raises(InUse):
        claim(tmp_path / "j")
    journal.close()
    assert (tmp_path / "j").stat().st_size == 0
    os.close(claim(tmp_path / "j"))


# The store

DIES = """
import os, signal, sys
from pathlib import Path
import anyio
import anyio.to_thread
from luna.state.store import Store
from luna.state.store import journal, recovery, transaction
from tests.unit.state.test_journal import ADD, RENAME, row

at, folder = sys.argv[1], Path(sys.argv[2])

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def before(home, name):
    setattr(home, name, die)

def after(home, name):
    real = getattr(home, name)
    def then(*given, **named):
        real(*given, **named)
        die()
    setattr(home, name, then)

async def main():
    async with Store.opened(folder) as store:
        await anyio.sleep(0)
        for number in range(3):
            store.write(ADD, row(number, "told"))
            store.write(RENAME, {"key": f"c{number}", "new": f"told {number}"})
            await store.commit()
            print(number, flush=True)
        match at:
            case "appended":
                after(journal, "_write")
            case "half appended":
                real = journal._write
                journal._write = lambda file, data: (real(file, data[:-1]), die())
            case "brought in":
                before(transaction, "committed")
            case "committed":
                after(transaction, "committed")
            case "cleared":
                after(journal.Journal, "clear")
        if "appended" in at:
            store.write(ADD, row(3, "not told"))
            await store.commit()
        if at != "journaled":
            await store.settle()
        die()

anyio.run(main)
"""


@pytest.mark.parametrize(
    "at", ["journaled", "appended", "half appended", "brought in", "committed", "cleared", "settled"]
)
async def test_killed_at_any_point_it_has_what_was_told(at: str, tmp_path: Path) -> None:
    ended = await anyio.run_process([sys.executable, "-c", DIES, at, str(tmp_path)], check=False, cwd=ROOT)
    assert ended.returncode == -9, ended.stderr.decode()
    assert ended.stdout.split() == [b"0", b"1", b"2"]
    wanted = {f"c{number}": f"told {number}" for number in range(3)}
    if at == "appended":
        wanted["c3"] = "not told"  # but durable
    for _ in range(2):
        async with Store.opened(tmp_path) as store:
            assert store.problems == []
            assert await titles(store) == wanted
            assert store.describe()["lost"] == 0


async def killed(folder: Path, at: str = "journaled") -> Path:
    """A data directory whose luna was killed with three transactions in its journal; gives the journal."""
    ended = await anyio.to_thread.run_sync(
        lambda: subprocess.run([sys.executable, "-c", DIES, at, str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
    )
    assert ended.returncode == -9
    path = path_of(folder / "luna.db")
    assert path.stat().st_size > HEADER
    return path


@pytest.mark.parametrize("at", ["locked", "begin", "emptied"])
async def test_killed_while_it_starts_again_it_has_what_was_told(at: str, tmp_path: Path) -> None:
    await killed(tmp_path)
    dies = DIES.replace(
        "async def main():",
        f"""
match {at!r}:
    case "locked":
        before(recovery.journal, "read")
    case "begin":
        after(recovery, "bring_in_what_is_left")
    case "emptied":
        before(recovery, "begin")
async def main():""",
    )
    ended = await anyio.run_process([sys.executable, "-c", dies, "-", str(tmp_path)], check=False, cwd=ROOT)
    assert ended.returncode == -9, ended.stderr.decode()
    assert ended.stdout == b""
    async with Store.opened(tmp_path) as store:
        assert await titles(store) == {f"c{number}": f"told {number}" for number in range(3)}


async def test_brought_in_twice_is_brought_in_once(tmp_path: Path) -> None:
    path = await killed(tmp_path)
    left = path.read_bytes()
    for number in range(3):
        async with Store.opened(tmp_path) as store:
            assert (await titles(store))["c0"] == ("told 0" if not number else "renamed since")
            store.write(RENAME, {"key": "c0", "new": "renamed since"})
            assert store.describe()["lost"] == 0
        assert path.stat().st_size == 0
        path.write_bytes(left)


async def test_a_journal_of_an_unknown_version_is_left_alone(tmp_path: Path) -> None:
    path = await killed(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(journals.MAGIC)] = 2
    path.write_bytes(data)
    with pytest.raises(NewerDatabase, match=r"luna\.db-pending has version 2, and this luna knows 1"):
        async with Store.opened(tmp_path):
            pass
    assert path.read_bytes() == data


async def test_the_journal_of_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    path = await killed(tmp_path)
    data = path.read_bytes()
    with closing(sqlite3.connect(tmp_path / "luna.db")) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE name = 'version'", (str(VERSION + 1),))
        connection.commit()
    with pytest.raises(NewerDatabase, match=f"has version {VERSION + 1}"):
        async with Store.opened(tmp_path):
            pass
    assert path.read_bytes() == data


async def test_the_journal_of_another_database_is_moved_aside(tmp_path: Path) -> None:
    path = await killed(tmp_path)
    data = path.read_bytes()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"luna.db{suffix}").unlink(missing_ok=True)
    async with Store.opened(tmp_path) as store:
        (problem,) = store.problems
        assert "another database's" in problem
        assert await titles(store) == {}
    assert (tmp_path / "luna.db-pending.damaged-1").read_bytes() == data


async def test_a_journal_that_goes_on_from_a_later_state_is_moved_aside(tmp_path: Path) -> None:
    async with Store.opened(tmp_path) as store:
        store.write(ADD, row(9, "before"))
    backup = (tmp_path / "luna.db").read_bytes()
    async with Store.opened(tmp_path) as store:
        await anyio.sleep(0)
        store.write(RENAME, {"key": "c9", "new": "after"})
        await store.commit()
    await killed(tmp_path)
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"luna.db{suffix}").unlink(missing_ok=True)
    (tmp_path / "luna.db").write_bytes(backup)
    async with Store.opened(tmp_path) as store:
        (problem,) = store.problems
        assert "a later state" in problem
        assert await titles(store) == {"c9": "before"}


async def test_of_a_damaged_journal_what_is_whole_is_brought_in(tmp_path: Path) -> None:
    path = await killed(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"told 1")] ^= 0x20
    path.write_bytes(data)
    async with Store.opened(tmp_path) as store:
        (problem,) = store.problems
        assert "transaction 2 is not what was written" in problem
        assert await titles(store) == {"c0": "told 0"}
        store.write(ADD, row(9))
        await store.commit()
    assert (tmp_path / "luna.db-pending.damaged-1").read_bytes() == data


async def test_a_damaged_database_takes_its_journal_along(tmp_path: Path) -> None:
    path = await killed(tmp_path)
    data = path.read_bytes()
    (tmp_path / "luna.db-wal").unlink(missing_ok=True)
    (tmp_path / "luna.db").write_bytes(b"nothing of the kind" * 1000)
    async with Store.opened(tmp_path) as store:
        assert len(store.problems) == 1
        assert await titles(store) == {}
    assert (tmp_path / "luna.db.damaged-1-pending").read_bytes() == data


def read_beside(folder: Path) -> dict[str, str]:
    with reading(folder) as connection:
        assert connection is not None
        return {found.id: found.title for found in connection.execute(select(chats.c.id, chats.c.title))}


async def test_somebody_else_who_reads_waits_for_what_is_on_its_way(tmp_path: Path) -> None:
    async with Store.opened(tmp_path) as store:
        await anyio.sleep(0)
        for number in range(3):
            store.write(ADD, row(number))
            await store.commit()
            assert len(await anyio.to_thread.run_sync(read_beside, tmp_path)) == number + 1


async def test_what_a_killed_luna_left_is_read_and_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luna.state.store.recovery.LOOKS", 1)
    path = await killed(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
    assert read_beside(tmp_path) == {f"c{number}": f"told {number}" for number in range(3)}
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")} == before
    path.write_bytes(b"nothing of the kind")
    assert read_beside(tmp_path) == {}


async def test_an_old_database_without_a_journal_gets_one(tmp_path: Path) -> None:
    async with Store.opened(tmp_path) as store:
        store.write(ADD, row(1, "kept"))
    path_of(tmp_path / "luna.db").unlink()
    with closing(sqlite3.connect(tmp_path / "luna.db")) as connection:
        connection.execute("DELETE FROM meta WHERE name = 'journal'")
        connection.execute("UPDATE meta SET value = '2' WHERE name = 'version'")
        connection.commit()
    for _ in range(2):
        async with Store.opened(tmp_path) as again:
            await anyio.sleep(0)
            again.write(RENAME, {"key": "c1", "new": "renamed"})
            await again.commit()
            assert again.describe()["journaled"] == 1
            assert await titles(again) == {"c1": "renamed"}
            names = {found.name for found in await again.read(select(meta.c.name))}
            assert names == {"version", "journal"}


async def test_without_room_for_a_journal_commits_go_to_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Path) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("luna.state.store.journal.claim", refuse)
    async with Store.opened(tmp_path) as store:
        store.write(ADD, row(1))
        await store.commit()
        assert store.describe()["journaled"] == 0
        assert await titles(store) == {"c1": ""}
    assert "there is no journal" in caplog.text


async def test_an_append_that_fails_is_the_databases_to_take_or_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    where: list[bool] = []
    bring_in = Transactions.bring_in
    monkeypatch.setattr("luna.state.store.journal._write", _cut_short)

    def brought_in(self: Transactions, batch: Sequence[Any], kept: Sequence[Bound] = (), mark: str = "") -> list[str]:
        where.append(bool(kept))
        return bring_in(self, batch, kept, mark)

    async with Store.opened(tmp_path / "none") as store:
        assert "there is no journal" in caplog.text
        monkeypatch.undo()
    async with Store.opened(tmp_path) as store:
        await anyio.sleep(0)
        store.write(ADD, row(1))
        await store.commit()
        monkeypatch.setattr("luna.state.store.journal._write", _cut_short)
        monkeypatch.setattr(Transactions, "bring_in", brought_in)
        store.write(ADD, row(2))
        await store.commit()
        assert where == [True, False], "what stands in the journal comes first"
        assert [*await titles(store)] == ["c1", "c2"]
    assert "the journal takes nothing: No space left on device" in caplog.text


async def test_where_no_file_can_be_opened_it_waits_for_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even the toolkit can be imported then, which has the words for what is wrong."""
    bring_in, refusals = Transactions.bring_in, [OSError(errno.EMFILE, "Too many open files")] * 2

    def refused(self: Transactions, *what: Any) -> list[str]:
        if refusals:
            raise refusals.pop()
        return bring_in(self, *what)

    async with Store.opened(tmp_path) as store:
        monkeypatch.setattr(Transactions, "bring_in", refused)
        store.write(ADD, row(0, "told"))
        await store.commit()
        while refusals:
            await anyio.sleep(0.01)
        assert (await titles(store)) == {"c0": "told"}
        assert store.describe()["lost"] == 0
    assert "the database refuses to write: OSError: Too many open files" in caplog.text
