"""Keeps credentials on disk.

Owns one file, its permissions (0600 in a 0700 directory) and its survival: a write is a new file that takes the
old one's place, the generation before it stays beside it, and a file that cannot be read is moved aside and
reported, never written over. Knows no accounts; synchronous, so call it from a worker thread.
"""

import logging
import os
from pathlib import Path

import msgspec

from luna.qwen.credentials import Credentials

log = logging.getLogger("luna.state.credentials")

VERSION = 1


class Record(msgspec.Struct, omit_defaults=True):
    """One account's credentials. `basis` is, for an account out of the environment, the digest of the variables
    that these are the later state of."""

    id: str
    provider: str
    credentials: Credentials
    label: str = ""
    basis: str = ""


class _Document(msgspec.Struct):
    version: int
    accounts: list[Record]


class NewerFile(OSError):
    """The file was written by a newer luna; reading it with this one would lose something."""


class CredentialStore:
    """The file `credentials.json`. Raises OSError where the directory cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.previous = path.with_name(path.name + ".previous")
        self.problems: list[str] = []
        """What went wrong so far, for people to read."""

    def __repr__(self) -> str:
        return f"<CredentialStore {self.path}{f' problems={len(self.problems)}' if self.problems else ''}>"

    def load(self) -> list[Record]:
        """All records; none when there is no file. A damaged file is moved aside and the generation before it is
        read. Raises OSError."""
        for path in (self.path, self.previous):
            try:
                return _decode(path.read_bytes())
            except FileNotFoundError:
                continue
            except (msgspec.DecodeError, RecursionError) as error:
                self._set_aside(path, str(error))
        return []

    def save(self, records: list[Record]) -> None:
        """Replace everything, so that whoever reads finds either the old file or the new one. Raises OSError."""
        directory = self.path.parent
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        try:
            current: bytes | None = self.path.read_bytes()
        except FileNotFoundError:
            current = None
        if current is not None:
            _replace(self.previous, current)
        _replace(self.path, msgspec.json.format(msgspec.json.encode(_Document(VERSION, records)), indent=1))
        _sync(directory)

    def _set_aside(self, path: Path, why: str) -> None:
        for number in range(1, 1000):
            aside = path.with_name(f"{path.name}.damaged-{number}")
            if not aside.exists():
                break
        else:
            raise OSError(f"{path} is damaged, and there are too many damaged ones beside it")
        path.rename(aside)
        problem = f"{path.name} cannot be read ({why}); it was moved to {aside.name}."
        self.problems.append(problem)
        log.error("%s Save the credentials again, or repair that file and move it back.", problem)


def _decode(data: bytes) -> list[Record]:
    version = msgspec.json.decode(data, type=dict[str, msgspec.Raw]).get("version")
    if version is not None and version != b"%d" % VERSION:
        number = msgspec.json.decode(version)
        if isinstance(number, int) and number > VERSION:
            raise NewerFile(f"the credentials file has version {number}; this luna knows {VERSION}")
    return msgspec.json.decode(data, type=_Document).accounts


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _sync(directory: Path) -> None:
    """Make the renames last."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
