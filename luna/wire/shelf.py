"""What stands in the folder of recordings, and which of it goes when there is too much.

Owns the file names and the quota. It looks into the folder once and then keeps count: to look at thousands of files for
every few recordings would cost more than to record. A file's name says when its flow was born, so names in order are
recordings in order.
"""

import re
import stat
from bisect import insort
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from luna.model.ambient import Clock
from luna.wire.draft import log

_NAME = re.compile(r"(\d{8}T\d{6}\.\d{3})Z-([\w-]{1,64})\.jsonl", re.ASCII)
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
_LEFTOVER_SECONDS = 86_400.0


class Quota(msgspec.Struct, frozen=True):
    """What the folder may hold. The oldest recordings go first."""

    size: int = 1024 * 1024 * 1024
    """Bytes."""
    count: int = 2000
    age: float = 14 * 86_400.0
    """Seconds."""


class Entry(msgspec.Struct, frozen=True):
    """One recording on disk. `at` is when the flow was born, in seconds since the epoch; `size` in bytes."""

    flow: str
    at: float
    size: int
    path: Path


def name_of(flow: str, born: float) -> str:
    """The file of a flow that was born then."""
    return f"{_stamp(born)}Z-{_FOREIGN.sub('_', flow)[:64]}.jsonl"


def entries(folder: Path) -> list[Entry]:
    """What is there, newest first. Blocks."""
    try:
        found = [entry for path in folder.iterdir() if (entry := _entry(path)) is not None]
    except FileNotFoundError:
        return []  # nothing was ever recorded
    return sorted(found, key=lambda entry: (entry.at, entry.flow), reverse=True)


def find(folder: Path, flow: str) -> Entry | None:
    """The recording of a flow. Looks at names alone until one fits. Blocks."""
    end = f"Z-{flow}.jsonl"
    try:
        fitting = [path for path in folder.iterdir() if path.name.endswith(end)]
    except FileNotFoundError:
        return None
    return next((entry for path in fitting if (entry := _entry(path)) is not None and entry.flow == flow), None)


class Shelf:
    """Keeps a folder within its quota. For one thread, but for `look_again`."""

    def __init__(self, folder: Path, quota: Quota, clock: Clock) -> None:
        self._folder = folder
        self._quota = quota
        self._clock = clock
        self._there: list[tuple[str, int]] = []
        self._size = 0
        self._trusted = 0
        """How many more recordings may be put there before we look what there is."""

    def __repr__(self) -> str:
        return f"<Shelf {self._folder.name}/ {len(self._there)} recordings, {self._size} bytes>"

    def look_again(self) -> None:
        """Somebody else has taken something away."""
        self._trusted = 0

    def put(self, name: str, size: int) -> None:
        """A recording has been written: see that the folder stays within its quota."""
        try:
            if self._trusted > 0:
                self._trusted -= 1
                self._size += size
                insort(self._there, (name, size))
            else:
                self._look()
            self._prune()
        except OSError as error:
            log.warning("The recordings could not be pruned: %s.", error.strerror)

    def _look(self) -> None:
        self._there = [(entry.path.name, entry.size) for entry in reversed(entries(self._folder))]
        self._size = sum(size for _, size in self._there)
        self._trusted = self._quota.count
        now = self._clock.wall()
        for leftover in self._folder.glob("*.part"):
            if now - leftover.stat().st_mtime > _LEFTOVER_SECONDS:  # of a process that died
                leftover.unlink(missing_ok=True)

    def _prune(self) -> None:
        there, quota = self._there, self._quota
        too_old = _stamp(max(0.0, self._clock.wall() - quota.age))
        gone = 0
        while gone < len(there) and (
            len(there) - gone > quota.count or self._size > quota.size or there[gone][0] < too_old
        ):
            name, size = there[gone]
            (self._folder / name).unlink(missing_ok=True)
            self._size -= size
            gone += 1
            log.debug("Removed the recording %s: the quota is used up.", name)
        del there[:gone]


def _stamp(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03}"


def _entry(path: Path) -> Entry | None:
    """None for what is no recording, or has just gone."""
    named = _NAME.fullmatch(path.name)
    try:
        facts = path.lstat()
        at = datetime.fromisoformat(f"{named[1]}+00:00").timestamp() if named else 0.0
    except (FileNotFoundError, ValueError):
        return None
    return Entry(named[2], at, facts.st_size, path) if named and stat.S_ISREG(facts.st_mode) else None
