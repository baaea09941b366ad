"""Where recordings live: a folder of JSON Lines files, newest worth most.

Owns the policy (which flows are recorded, which recordings are kept), the quotas and the file names.
A disk that is full or read-only costs recordings, never a flow. How lines reach the disk is
`luna.wire.draft`; what they say is not looked at here.
"""

import re
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from luna.model.ambient import Clock
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.wire.draft import Draft, Writer, log
from luna.wire.ledger import BUDGET, Ledger
from luna.wire.recorder import Recorder
from luna.wire.redact import Redactor

Policy = Literal["off", "errors", "all"]

_NAME = re.compile(r"(\d{8}T\d{6}\.\d{3})Z-([\w-]{1,64})\.jsonl", re.ASCII)
_FLOW = re.compile(r"[\w-]{1,64}", re.ASCII)
_TIME = "%Y%m%dT%H%M%S.%f"
_LEFTOVER_SECONDS = 86_400.0
_LOW_WATER = 0.95


@dataclass(frozen=True)
class Quota:
    """What the folder may hold. The oldest recordings go first."""

    size: int = 1024 * 1024 * 1024
    """Bytes."""
    count: int = 2000
    age: float = 14 * 86_400.0
    """Seconds."""


@dataclass(frozen=True)
class Entry:
    """One recording on disk. `at` is when the flow was born, in seconds since the epoch; `size` in bytes."""

    flow: str
    at: float
    size: int
    path: Path


class Recordings:
    """All recordings of this data directory."""

    def __init__(
        self, folder: Path, *, luna: str, clock: Clock, quota: Quota | None = None, budget: int = BUDGET
    ) -> None:
        self.folder = folder
        self._luna = luna
        self._clock = clock
        self._quota = quota or Quota()
        self._budget = budget
        self._writer = Writer()
        self._count = self._size = 0
        self._oldest = 0.0  # so that the first recording makes us look at what is there

    def __repr__(self) -> str:
        return f"<Recordings {self.folder.name}/ {self._writer!r}>"

    def begin(
        self,
        policy: str,
        *,
        flow: str,
        born: float,
        seed: bytes,
        route: str,
        pipeline: str,
        snapshot: str,
        client: ClientRequest,
        options: Mapping[str, Mapping[str, object]] | None = None,
        secrets: Iterable[str] = (),
    ) -> Recorder | None:
        """A recorder for a flow that was just born; None when `policy` (`off`, `errors`, `all`) is `off`.
        `born` in seconds since the epoch, `seed` that of its ids, `snapshot` the configuration's digest, `options`
        those in force by stage, `secrets` what must not be written down wherever it stands."""
        if policy == "off":
            return None
        stamp = datetime.fromtimestamp(born, UTC).strftime(_TIME)[:-3]
        name = f"{stamp}Z-{re.sub(r'[^A-Za-z0-9_-]', '_', flow)[:64]}.jsonl"
        draft = Draft(self.folder / name, self._writer, keep_always=policy == "all", kept=self._kept)
        ledger = Ledger(flow, clock=self._clock, redactor=Redactor(secrets), sink=draft, budget=self._budget)
        recorder = Recorder(ledger)
        recorder.head(
            luna=self._luna,
            born=born,
            seed=seed,
            route=route,
            pipeline=pipeline,
            snapshot=snapshot,
            options=options or {},
        )
        recorder.client(client)
        return recorder

    def list(self) -> "list[Entry]":
        """What is there, newest first. Reads the folder: call it in a worker thread."""
        try:
            found = [entry for path in self.folder.iterdir() if (entry := _entry(path)) is not None]
        except FileNotFoundError:
            return []  # nothing was ever recorded
        return sorted(found, key=lambda entry: (entry.at, entry.flow), reverse=True)

    def path(self, flow: str) -> Path:
        """The file of a flow's recording. Raises LunaError(NOT_FOUND)."""
        if _FLOW.fullmatch(flow):
            for entry in self.list():
                if entry.flow == flow:
                    return entry.path
        raise LunaError(
            Kind.NOT_FOUND,
            "There is no recording of that flow.",
            hint="It was not recorded (see `record` on its route), or the quota has removed it.",
        )

    def remove(self, flow: str) -> None:
        """Delete a recording. Raises LunaError(NOT_FOUND)."""
        self.path(flow).unlink(missing_ok=True)

    def discard(self, flows: Collection[str]) -> int:
        """Delete those recordings of these flows that there are: how many there were. Blocks."""
        self.flush()
        found = [entry for entry in self.list() if entry.flow in flows]
        for entry in found:
            entry.path.unlink(missing_ok=True)
        return len(found)

    def flush(self) -> None:
        """Return when everything that ended so far is on disk. Blocks."""
        self._writer.flush()

    def close(self) -> None:
        """Write what is waiting and stop. Blocks; recordings that end later are dropped."""
        self._writer.close()

    def _kept(self, size: int) -> None:
        """A recording has been written: see that the folder stays within its quota. Runs in the writer's thread."""
        self._count += 1
        self._size += size
        now = self._clock.wall()
        if self._count > self._quota.count or self._size > self._quota.size or now - self._oldest > self._quota.age:
            try:
                self._prune(now)
            except OSError as error:
                log.warning("The recordings could not be pruned: %s.", error.strerror)

    def _prune(self, now: float) -> None:
        entries = self.list()
        count, size = len(entries), sum(entry.size for entry in entries)
        over = count > self._quota.count or size > self._quota.size
        water = _LOW_WATER if over else 1.0  # room to breathe, so that not every recording comes by here
        while entries and (
            count > max(1, int(self._quota.count * water))
            or size > self._quota.size * water
            or now - entries[-1].at > self._quota.age
        ):
            oldest = entries.pop()
            oldest.path.unlink(missing_ok=True)
            count -= 1
            size -= oldest.size
            log.debug("Removed the recording of flow %s: the quota is used up.", oldest.flow)
        for leftover in self.folder.glob("*.part"):
            if now - leftover.stat().st_mtime > _LEFTOVER_SECONDS:  # of a process that died
                leftover.unlink(missing_ok=True)
        self._count, self._size = count, size
        self._oldest = entries[-1].at if entries else now


def _entry(path: Path) -> Entry | None:
    """None for what is no recording, or has just gone."""
    named = _NAME.fullmatch(path.name)
    try:
        facts = path.lstat()
        at = datetime.strptime(named[1], _TIME).replace(tzinfo=UTC).timestamp() if named else 0.0
    except (FileNotFoundError, ValueError):
        return None
    return Entry(named[2], at, facts.st_size, path) if named and stat.S_ISREG(facts.st_mode) else None
