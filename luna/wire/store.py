"""Where recordings live: a folder of JSON Lines files, newest worth most.

Owns the policy: which flows are recorded, which recordings are kept. A disk that is full or read-only costs recordings,
never a flow. How lines reach the disk is `luna.wire.draft`, what of it stays there `luna.wire.shelf`; what they say is
not looked at here.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

from luna.model.ambient import Clock
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.wire.draft import Draft, Writer
from luna.wire.ledger import BUDGET, Ledger
from luna.wire.recorder import Recorder
from luna.wire.redact import Redactor
from luna.wire.shelf import Entry, Quota, Shelf, entries, find, name_of

Policy = Literal["off", "errors", "all"]

_FLOW = re.compile(r"[\w-]{1,64}", re.ASCII)


class Recordings:
    """All recordings of this data directory."""

    def __init__(
        self, folder: Path, *, luna: str, clock: Clock, quota: Quota | None = None, budget: int = BUDGET
    ) -> None:
        self.folder = folder
        self._luna = luna
        self._clock = clock
        self._budget = budget
        self._writer = Writer()
        self._shelf = Shelf(folder, quota or Quota(), clock)

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
        draft = Draft(self.folder, name_of(flow, born), self._writer, keep_always=policy == "all", kept=self._shelf.put)
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
        return entries(self.folder)

    def path(self, flow: str) -> Path:
        """The file of a flow's recording. Raises LunaError(NOT_FOUND)."""
        entry = find(self.folder, flow) if _FLOW.fullmatch(flow) else None
        if entry is not None:
            return entry.path
        raise LunaError(
            Kind.NOT_FOUND,
            "There is no recording of that flow.",
            hint="It was not recorded (see `record` on its route), or the quota has removed it.",
        )

    def remove(self, flow: str) -> None:
        """Delete a recording. Raises LunaError(NOT_FOUND)."""
        self.path(flow).unlink(missing_ok=True)
        self._shelf.look_again()

    def discard(self, flows: Collection[str]) -> int:
        """Delete those recordings of these flows that there are: how many there were. Blocks."""
        self.flush()
        found = [entry for entry in self.list() if entry.flow in flows]
        for entry in found:
            entry.path.unlink(missing_ok=True)
        self._shelf.look_again()
        return len(found)

    def flush(self) -> None:
        """Return when everything that ended so far is on disk. Blocks."""
        self._writer.flush()

    def close(self) -> None:
        """Write what is waiting and stop. Blocks; recordings that end later are dropped."""
        self._writer.close()
