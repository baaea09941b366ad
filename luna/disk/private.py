"""The one way to write and read a private file.

Owns permissions (0600 in a 0700 directory) and survival: a write is a new file that takes the old one's place, the
generation before it stays beside it as NAME.previous, a file that cannot be understood is moved aside as
NAME.damaged-N and reported, never written over, and what a newer luna wrote is left alone. Knows nothing of what the
files say; synchronous, so call it from a worker thread where others wait.

A link in the place of the file is read through; a write takes the link's place, so that nothing private ever leaves
the directory.
"""

import glob
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

log = logging.getLogger("luna.disk")

ABANDONED_AFTER = 60.0
"""Seconds after which a file that was being written is somebody's who was killed."""


class Damaged(Exception):
    """What a file says cannot be understood. The message says why."""


class NewerFile(OSError):
    """The file was written by a newer luna; reading it with this one would lose something."""


class PrivateFile(Generic[T]):
    """One file and the generations around it. `decode` raises Damaged or NewerFile. `advice` follows the report of a
    damaged file and says what a person can do."""

    def __init__(
        self, path: Path, decode: Callable[[bytes], T], encode: Callable[[T], bytes], *, advice: str = ""
    ) -> None:
        self.path = path
        self.previous = path.with_name(path.name + ".previous")
        self.problems: list[str] = []
        """What went wrong so far, for people to read."""
        self._decode = decode
        self._encode = encode
        self._advice = advice

    def __repr__(self) -> str:
        return f"<PrivateFile {self.path}{f' problems={len(self.problems)}' if self.problems else ''}>"

    def load(self) -> T | None:
        """What the file says; None when there is none. A damaged one is moved aside and the generation before it
        takes its place. Raises OSError (NewerFile among them)."""
        try:
            return self.look()
        except Damaged as error:
            why = str(error)
        earlier = self._earlier()
        if earlier is None:
            self._set_aside(self.path, why)
            return None
        value, data = earlier
        self._copy_aside(self.path, why)
        write(self.path, data)
        return value

    def look(self) -> T | None:
        """What the file says, touching nothing; None when there is none. Raises Damaged, OSError."""
        found = self._read(self.path)
        return found[0] if found is not None else None

    def save(self, value: T) -> None:
        """Replace everything, so that whoever reads finds either the old file or the new one. The old one becomes the
        previous generation, unless it is damaged: then it is moved aside. Raises OSError."""
        data = self._encode(value)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._close_to_others(self.path.parent)
        try:
            current = self._read(self.path)
        except Damaged as error:
            self._copy_aside(self.path, str(error))
        else:
            if current is not None:
                write(self.previous, current[1])
        write(self.path, data)

    def _read(self, path: Path) -> tuple[T, bytes] | None:
        try:
            data = path.read_bytes()
            return self._decode(data), data
        except FileNotFoundError:
            return None
        except NewerFile as error:
            raise NewerFile(f"{path.name} {error}") from None

    def _earlier(self) -> tuple[T, bytes] | None:
        """The generation before, if there is one that can be used; a damaged one is moved aside too."""
        try:
            return self._read(self.previous)
        except Damaged as error:
            self._set_aside(self.previous, str(error))
            return None

    def _set_aside(self, path: Path, why: str) -> None:
        self._report(path, path.rename(_free_name(path)), why)

    def _copy_aside(self, path: Path, why: str) -> None:
        """As long as something else is to take its place, the place is never empty."""
        aside = _free_name(path)
        write(aside, path.read_bytes())
        self._report(path, aside, why)

    def _report(self, path: Path, aside: Path, why: str) -> None:
        problem = f"{path.name} cannot be read ({why}); it was moved to {aside.name}."
        self.problems.append(problem)
        log.error("%s", f"{problem} {self._advice}".strip())

    def _close_to_others(self, directory: Path) -> None:
        if not stat.S_IMODE(directory.stat().st_mode) & 0o077:
            return
        try:
            directory.chmod(0o700)
        except PermissionError:  # somebody else's folder, a mounted volume for example; the file itself stays private
            problem = f"The folder of {self.path.name} belongs to somebody else and is open to other users."
            if problem not in self.problems:
                self.problems.append(problem)
                log.warning("%s", problem)


def write(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Put a private file in its place, durably, whole or in pieces; the directory must exist. Raises OSError, and
    then the file is as it was."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        _sweep(path, fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync(path.parent)


def json_decoder(kind: type[T], version: int) -> Callable[[bytes], T]:
    """Understands a JSON document with a `version` as `kind`."""
    decoder = msgspec.json.Decoder(kind)

    def decode(data: bytes) -> T:
        try:
            found = msgspec.json.decode(data, type=dict[str, msgspec.Raw]).get("version")
            number = msgspec.json.decode(found) if found is not None else version
            if isinstance(number, int) and number > version:
                raise NewerFile(f"was written by a newer luna: it has version {number}, this luna knows {version}")
            return decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Damaged(_reason(error)) from None

    return decode


def json_encoder(value: object) -> bytes:
    """A JSON document that a person can read and edit."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _sweep(path: Path, fresh: Path) -> None:
    """Remove what was being written when somebody was killed; a writer at work is left alone."""
    now = fresh.stat().st_mtime
    for other in path.parent.glob(f"{glob.escape(path.name)}.*.new"):
        try:
            if now - other.stat().st_mtime > ABANDONED_AFTER:
                other.unlink()
        except FileNotFoundError:  # its writer has put it in its place meanwhile
            continue


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _sync(directory: Path) -> None:
    """Make the renames last."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
