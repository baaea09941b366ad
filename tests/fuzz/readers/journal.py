"""The journal beside the database, as a process, a disk or somebody else has left it.

An input that begins like a journal is one. Any other is the inside of its second frame, with the length and the
checksum that belong to it, so that what is behind them is reached. What must hold: luna's start gets over it, by
itself or with a named error; the first frame, which is whole, is in the database; and nothing is brought in twice.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zlib import crc32

import msgspec

from luna.state.store import journal, recovery
from tests.fuzz.guided import Target
from tests.fuzz.scratch import scratch

INSERT = "INSERT INTO things (name, size) VALUES (?, ?)"
UPDATE = "UPDATE things SET size = ? WHERE name = ?"
_KNOWN = (INSERT, UPDATE)
_FOLDER = scratch()
_ID = bytes(range(journal.ID))
_HEADER = journal.MAGIC + bytes((journal.VERSION,)) + _ID
_FIRST = msgspec.msgpack.encode((1, [(0, INSERT, [["first", 1]])]))


def frame(body: bytes) -> bytes:
    """With its length and its checksum."""
    checksum = crc32(body, crc32(_ID))
    return len(body).to_bytes(4, "little") + checksum.to_bytes(4, "little") + body


def _template() -> Path:
    path = _FOLDER / "template.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
        connection.execute("CREATE TABLE things (name TEXT, size INTEGER)")
        connection.execute("INSERT INTO meta VALUES ('journal', ?)", (recovery.mark(_ID, 0),))
        connection.execute("INSERT INTO meta VALUES ('version', '3')")
        connection.commit()
    return path


_TEMPLATE = _template()
_DATABASE = _FOLDER / "luna.db"


def left(data: bytes) -> None:
    """What was left."""
    whole = data.startswith(journal.MAGIC)
    for path in _FOLDER.iterdir():
        if path != _TEMPLATE:
            path.unlink()
    shutil.copyfile(_TEMPLATE, _DATABASE)
    path = journal.path_of(_DATABASE)
    path.write_bytes(data if whole else _HEADER + frame(_FIRST) + frame(data))
    try:
        found = journal.read(path)
    except (journal.Damaged, journal.UnknownVersion):
        found = None
    assert whole or (found is not None and found[1][0].number == 1), "the whole frame is not read"
    if found is not None and any(sql not in _KNOWN for one in found[1] for sql, _ in one.statements):
        return  # a program that nobody has written
    told: list[str] = []
    try:
        recovery.bring_in_what_is_left(_DATABASE, told)
    except journal.UnknownVersion:
        assert path.read_bytes() == data, "another luna's journal was touched"
        return
    assert not path.exists() or not path.stat().st_size, "it is still there"
    there = _things()
    if not whole:
        assert "first" in there, "what was whole is lost"
    recovery.bring_in_what_is_left(_DATABASE, told)
    assert _things() == there, "brought in twice"
    assert all(len(problem) < 500 for problem in told)


def _things() -> list[str]:
    with closing(sqlite3.connect(_DATABASE)) as connection:
        return [str(row[0]) for row in connection.execute("SELECT name FROM things ORDER BY rowid")]


def _seeds() -> Iterator[bytes]:
    update = [(1, UPDATE, [[2, "first"]]), (0, None, [["second", 5], ["third", None]])]
    bodies = [
        msgspec.msgpack.encode((2, update)),
        msgspec.msgpack.encode((2, [(0, None, [["b", b"\0\1"], ["f", 1.5]])])),
        msgspec.msgpack.encode((7, [])),
    ]
    yield from bodies
    yield _HEADER + frame(_FIRST)
    yield _HEADER + frame(_FIRST) + frame(bodies[0])[:-3]
    yield _HEADER[:-4]


TARGETS = {"journal": Target("journal", left, _seeds, (frame(_FIRST), _HEADER, b"\xc0", b"\xdc\xff\xff"), short=120)}
