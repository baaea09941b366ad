"""The journal: small transactions on their way into a SQLite file, in a file of their own beside it.

Owns that file and its format. One transaction is one frame, appended by one write: what the kernel has taken survives
the process, as SQLite's own log does, for a fraction of its pages. What is read back stands for itself, SQL with its
values, so that it can be brought in by whoever opens the database next. Knows neither tables nor who brings in what,
or when: that is `luna.state.store.writer`'s, and at the start `luna.state.store.recovery`'s.

    header   "luna journal" and a line feed, the version (1 byte), the id of its database (16 bytes)
    frame    length (4 bytes, little endian) and CRC-32 of what follows, seeded with the id's
             [number, [[statement, its SQL or nil, [row, …]], …]] as MessagePack

Numbers rise by one from frame to frame and never begin anew; the database has, in its table `meta`, the id and the
number of the last frame that was brought in. A statement's SQL stands where the statement comes first; later it is
known by its place among them.
"""

import fcntl
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

MAGIC = b"luna journal\n"
VERSION = 1
ID = 16
HEADER = len(MAGIC) + 1 + ID
_FRAME = struct.Struct("<II")
_FRAME_SIZE = _FRAME.size

FULL = 8 * 1024 * 1024
"""Bytes from which on it takes no more before all of it was brought in."""
LARGE = 256 * 1024
"""Bytes of a transaction that is no small one: written twice it would cost more than it saves."""

Bound = tuple[str, Sequence[Sequence[Any]]]
"""A statement's SQL and, for each of its rows, the values in their order."""


class Damaged(Exception):
    """It cannot be read, or not to its end. The sentence says why."""


class UnknownVersion(Exception):
    """Another luna's, of which this one cannot know what it says."""


class InUse(OSError):
    """Another store, of this process or another, has it."""


class Frame(NamedTuple):
    """One transaction."""

    number: int
    statements: list[Bound]


def path_of(database: Path) -> Path:
    """Where the journal of a database lies."""
    return database.with_name(database.name + "-pending")


def claim(path: Path) -> int:
    """A descriptor of the file, which is made where there is none; nobody else gets one before it is closed. Raises
    InUse, OSError."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise InUse(f"{path.name} is in use") from None
    return file


class Journal:
    """Takes transactions, in the order of their commits. It begins empty: what was in it has been brought in. `file`: a
    descriptor (`claim`), from now on its own; `id`: the database's; `number`: the last frame that it has. Raises
    OSError."""

    def __init__(self, path: Path, file: int, id: bytes, number: int) -> None:
        self.path = path
        self.id = id
        self.number = number
        """Of the last frame."""
        self._file = file
        self._seed = crc32(id)
        self._places: dict[str, int] = {}
        self._size = HEADER
        self._broken = False
        self._encode = msgspec.msgpack.Encoder().encode
        os.ftruncate(file, 0)
        _write(file, b"".join((MAGIC, bytes((VERSION,)), id)))

    def __repr__(self) -> str:
        return f"<Journal {self.path.name} {self._size - HEADER} bytes, frame {self.number}>"

    @property
    def size(self) -> int:
        """Bytes of frames."""
        return self._size - HEADER

    @property
    def open(self) -> bool:
        """It takes more."""
        return self._size < FULL and not self._broken

    def append(self, transaction: Sequence[Bound]) -> bool:
        """Durable on return, as far as a process can end. False when it is too large, or has values that the driver
        of the database is to be asked about. Raises OSError; then nothing of it is there."""
        places = self._places
        known, taken = len(places), False
        try:
            said = [(places[sql], None, rows) for sql, rows in transaction]
        except KeyError:
            said = self._introduced(transaction)
        try:
            body = self._encode((self.number + 1, said))
            size = len(body)
            if size <= LARGE:
                _write(self._file, _FRAME.pack(size, crc32(body, self._seed)) + body)
                self.number += 1
                self._size += _FRAME_SIZE + size
                taken = True
        except (TypeError, ValueError, OverflowError):
            pass  # the database's driver has the words for what is wrong
        except OSError:
            self._cut()
            raise
        finally:
            if not taken:
                self._forget(known)
        return taken

    def _introduced(self, transaction: Sequence[Bound]) -> list[tuple[int, Any, Any]]:
        """With the SQL of those that are not known yet."""
        places, said = self._places, list[tuple[int, Any, Any]]()
        for sql, rows in transaction:
            new = sql not in places
            said.append((places.setdefault(sql, len(places)), sql if new else None, rows))
        return said

    def _forget(self, known: int) -> None:
        """What came after so many: its SQL stands nowhere."""
        while len(self._places) > known:
            self._places.popitem()

    def clear(self) -> None:
        """Begin anew: all of it was brought in."""
        self._size = HEADER
        self._places.clear()
        self._cut()

    def close(self) -> None:
        """Let go of the file, in which nothing stands if nothing is left to be brought in."""
        if self._size == HEADER:
            self._size = 0
            self._cut()
        os.close(self._file)

    def _cut(self) -> None:
        """What is behind the last whole frame goes. Where that fails nobody would find what came after it."""
        try:
            os.ftruncate(self._file, self._size)
            self._broken = False
        except OSError:
            self._broken = True


def _write(file: int, data: bytes) -> None:
    """All of it. Raises OSError."""
    written = os.write(file, data)
    while written < len(data):  # the next one says why
        written += os.write(file, data[written:])


def read(path: Path) -> tuple[bytes, list[Frame], str] | None:
    """The id of its database, its whole frames, and what is wrong behind them: "" for nothing, or for a last frame
    that was cut off while it was written, of which nobody was told that it is there. None where there is no journal,
    or one in which nothing was ever written. Raises UnknownVersion, Damaged, OSError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(data) < HEADER and MAGIC.startswith(data[: len(MAGIC)]):
        return None
    if not data.startswith(MAGIC):
        raise Damaged("it does not begin like one")
    if data[len(MAGIC)] != VERSION:
        raise UnknownVersion(f"{path.name} has version {data[len(MAGIC)]}, and this luna knows {VERSION}")
    id = data[HEADER - ID : HEADER]
    frames, wrong = _frames(memoryview(data)[HEADER:], crc32(id))
    return id, frames, wrong


def _frames(data: memoryview, seed: int) -> tuple[list[Frame], str]:
    frames: list[Frame] = []
    places: list[str] = []
    at = 0
    while len(data) - at >= _FRAME.size:
        length, checksum = _FRAME.unpack_from(data, at)
        body = data[at + _FRAME.size : at + _FRAME.size + length]
        if length > LARGE:
            return frames, f"transaction {len(frames) + 1} has no length that was ever written"
        if len(body) < length:
            break
        if crc32(body, seed) != checksum:
            return frames, f"transaction {len(frames) + 1} is not what was written"
        try:
            number, said = _decode(body)
            statements: list[Bound] = []
            for place, sql, rows in said:
                if sql is not None and place == len(places):
                    places.append(sql)
                statements.append((places[place], rows))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError) as error:
            return frames, f"transaction {len(frames) + 1} cannot be understood: {error}"
        if frames and number != frames[-1].number + 1:
            return frames, f"transaction {len(frames) + 1} does not follow the one before it"
        frames.append(Frame(number, statements))
        at += _FRAME.size + length
    return frames, ""


_decode = msgspec.msgpack.Decoder(tuple[int, list[tuple[int, str | None, list[list[Any]]]]]).decode
