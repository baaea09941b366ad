"""The local copies of prompts that went up as files: for people who want to see what the model was given.

Owns the folder `data/overflow` (and `data/compact`, with the same limits, for what sessions were compacted from), what
is known of each file (table `overflow_files`), and how much is kept: so many files, so many days, so many megabytes,
the oldest going first. A file that a session got within the last hour is
never removed for room, because somebody may be looking into just that. What is here is never needed to go on: Qwen has
its own copy.

A file is written before its row, so a crash leaves a file without a row at worst: it is taken in again at the next
start. A row whose file is gone, goes. Names are relative, given by luna, and looked up among the known ones, so that
no name leads anywhere else. One process owns the folder.
"""

import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import LivePreferences
from luna.state.store import Store
from luna.state.store.sql import bindparam, delete, select
from luna.state.store.tables import overflow_files

log = logging.getLogger("luna.state.overflow_files")

PROTECTED_SECONDS = 3600.0
"""So long a session's file is safe from everything but a person."""
TIDY_EVERY = 600.0
"""Seconds."""
MEGABYTE = 1_000_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}\.txt")
_FORGET = delete(overflow_files).where(
    overflow_files.c.name == bindparam("gone"), overflow_files.c.folder == bindparam("of")
)


class OverflowEntry(msgspec.Struct, frozen=True):
    """What is known of one file. Times are seconds since the epoch."""

    name: str
    bytes: int
    created_at: float
    session: str = ""
    run: str = ""
    tokens: int | None = None


class OverflowFiles:
    """All of them. `start` before anything else; `keep_tidy` runs beside."""

    def __init__(self, directory: Path, store: Store, clock: Clock, preferences: LivePreferences) -> None:
        self.directory = directory
        self._folder = directory.name
        self._store = store
        self._clock = clock
        self._preferences = preferences
        self._known: dict[str, OverflowEntry] = {}
        """By name; the oldest first."""
        self._turn = anyio.Lock()

    def __repr__(self) -> str:
        return f"<OverflowFiles {len(self._known)} files, {self.total_bytes} bytes>"

    @property
    def total_bytes(self) -> int:
        """What they have together."""
        return sum(entry.bytes for entry in self._known.values())

    async def start(self) -> None:
        """Learn what there is, and make folder and rows agree. Raises LunaError(INTERNAL) when the rows cannot be
        read; a folder that cannot be used is reported and holds nothing."""
        rows = await self._store.read(select(overflow_files).where(overflow_files.c.folder == self._folder))
        recorded = {
            row.name: OverflowEntry(
                row.name, row.bytes, row.created_at, row.session_id or "", row.run_id or "", row.tokens
            )
            for row in rows
        }
        found = await anyio.to_thread.run_sync(_look, self.directory)
        for name in recorded.keys() - found.keys():
            self._store.write(_FORGET, self._named(name))
        for name, (size, modified) in found.items():
            entry = recorded.get(name)
            if entry is None or entry.bytes != size:
                entry = recorded[name] = (
                    OverflowEntry(name, size, modified)
                    if entry is None
                    else OverflowEntry(name, size, entry.created_at, entry.session, entry.run)
                )
                self._store.write(self._store.upsert(overflow_files), _row(entry, self._folder))
        known = (recorded[name] for name in found)
        self._known = {entry.name: entry for entry in sorted(known, key=lambda e: (e.created_at, e.name))}
        await self.tidy()

    async def keep(
        self, name: str, text: str | bytes, *, session: str = "", run: str = "", tokens: int | None = None
    ) -> None:
        """Write one down (bytes are UTF-8), then make room. That it cannot be written is reported and nobody's
        failure."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name for an overflow file: {name!r}")
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text
        entry = OverflowEntry(name, len(data), self._clock.wall(), session, run, tokens)
        async with self._turn:
            try:
                await anyio.to_thread.run_sync(_put, self.directory / name, data)
            except OSError as error:
                log.warning("the copy of an overflow file cannot be kept: %s", error.strerror or error)
                return
            self._known.pop(name, None)
            self._known[name] = entry
            self._store.write(self._store.upsert(overflow_files), _row(entry, self._folder))
            await self._make_room()

    def listing(self, limit: int, before: str = "") -> tuple[list[OverflowEntry], str]:
        """The newest, or those older than `before`; and the name to ask for the next with, "" when there are no
        more."""
        newest = [*reversed(self._known.values())]
        names = [entry.name for entry in newest]
        begin = names.index(before) + 1 if before in self._known else 0
        page = newest[begin : begin + limit]
        return page, page[-1].name if begin + limit < len(newest) else ""

    def __len__(self) -> int:
        return len(self._known)

    async def content(self, name: str) -> tuple[OverflowEntry, str]:
        """One file with what is known of it. Raises LunaError(NOT_FOUND)."""
        entry = self._find(name)
        try:
            text = await anyio.to_thread.run_sync(_read, self.directory / entry.name)
        except FileNotFoundError:
            self._forget([entry])
            raise _unknown(name) from None
        except OSError as error:
            raise LunaError(
                Kind.INTERNAL,
                f"The overflow file cannot be read: {error.strerror}.",
                hint="See that luna may read its data directory.",
            ) from error
        return entry, text

    async def remove(self, names: Iterable[str]) -> int:
        """Remove these files; returns how many there were. Raises LunaError(NOT_FOUND) for the first that is none."""
        async with self._turn:
            entries = [self._find(name) for name in names]
            await self._remove(entries)
            return len(entries)

    async def clear(self) -> int:
        """Remove all of them, those of live sessions too; returns how many there were."""
        return await self.remove(list(self._known))

    async def tidy(self) -> None:
        """Remove what is too much or too old."""
        async with self._turn:
            await self._make_room()

    async def keep_tidy(self) -> None:
        """Tidy from time to time, forever: files grow old by themselves, and limits change."""
        while True:
            await anyio.sleep(TIDY_EVERY)
            await self.tidy()

    def _find(self, name: str) -> OverflowEntry:
        entry = self._known.get(name)
        if entry is None:
            raise _unknown(name)
        return entry

    async def _make_room(self) -> None:
        limits = self._preferences.current.token_overflow
        now = self._clock.wall()
        too_old = now - limits.max_age_hours * 3600
        many, much = len(self._known) - limits.max_files, self.total_bytes - limits.max_total_megabytes * MEGABYTE
        going: list[OverflowEntry] = []
        for entry in self._known.values():
            if many <= 0 and much <= 0 and entry.created_at > too_old:
                break
            if entry.session and now - entry.created_at < PROTECTED_SECONDS:
                continue
            going.append(entry)
            many, much = many - 1, much - entry.bytes
        await self._remove(going)

    async def _remove(self, entries: list[OverflowEntry]) -> None:
        if not entries:
            return
        gone = await anyio.to_thread.run_sync(_unlink, [self.directory / entry.name for entry in entries])
        self._forget(entry for entry in entries if entry.name in gone)

    def _forget(self, entries: Iterable[OverflowEntry]) -> None:
        for entry in entries:
            self._known.pop(entry.name, None)
            self._store.write(_FORGET, self._named(entry.name))

    def _named(self, name: str) -> dict[str, str]:
        return {"gone": name, "of": self._folder}


def _row(entry: OverflowEntry, folder: str) -> dict[str, object]:
    return {
        "name": entry.name,
        "folder": folder,
        "session_id": entry.session or None,
        "run_id": entry.run or None,
        "bytes": entry.bytes,
        "tokens": entry.tokens,
        "created_at": entry.created_at,
    }


def _unknown(name: str) -> LunaError:
    return LunaError(
        Kind.NOT_FOUND,
        f"There is no overflow file {name[:80]!r}.",
        hint="GET /api/overflow lists them; old ones are removed (tokenOverflow.maxFiles and its neighbours).",
        param="name",
    )


def _look(directory: Path) -> dict[str, tuple[int, float]]:
    """Size and time of each file that is one of these; what was being written when somebody was killed is removed."""
    found: dict[str, tuple[int, float]] = {}
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for entry in os.scandir(directory):
            if not entry.is_file(follow_symlinks=False):
                continue
            if entry.name.endswith(".new"):
                Path(entry.path).unlink(missing_ok=True)
            elif _NAME.fullmatch(entry.name):
                about = entry.stat(follow_symlinks=False)
                found[entry.name] = (about.st_size, about.st_mtime)
    except OSError as error:
        log.warning("the folder of overflow files cannot be used: %s", error.strerror or error)
    return found


def _put(path: Path, data: bytes) -> None:
    """Put it in its place, whole or not at all. The disk is not waited for: nobody needs the copy to go on."""
    fresh = path.with_name(f"{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(fresh, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(fresh, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        return file.read().decode("utf-8", "replace")


def _unlink(paths: list[Path]) -> set[str]:
    """The names of those that are gone now."""
    gone: set[str] = set()
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be removed: %s", path.name, error.strerror or error)
        else:
            gone.add(path.name)
    return gone
