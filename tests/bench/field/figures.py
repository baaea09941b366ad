"""The figures of a run, as they come in round by round, and their medians.

Pure. A figure that could not be had has a reason in its place.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.field.rows import ROWS, Row, Verdict

DIRECT, FLOOR, LUNA, RECORDED = "direct", "floor", "luna", "luna, recording"


@dataclass
class Figures:
    """By row and server. `peers`: those of the servers that luna competes with."""

    servers: Sequence[str]
    peers: Sequence[str]
    rounds: dict[str, dict[str, dict[int, float]]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """Servers that were not measured at all, with the reason."""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    """(what was measured, server), with the reason."""

    def add(self, server: str, turn: int, found: Mapping[str, float]) -> None:
        """What one turn of one server gave, by row."""
        for key, value in found.items():
            self.rounds.setdefault(key, {}).setdefault(server, {})[turn] = value

    def of(self, row: Row, server: str) -> float | None:
        """The median; None when it was not measured. What is `added` is against the same round's direct figure."""
        by_server = self.rounds.get(row.key, {})
        turns = by_server.get(server, {})
        if row.added:
            direct = by_server.get(DIRECT, {})
            turns = {turn: value - direct[turn] for turn, value in turns.items() if turn in direct}
        return statistics.median(turns.values()) if turns else None

    def rows(self) -> list[Row]:
        """Those of which there is anything."""
        return [row for row in ROWS if row.key in self.rounds]

    def best_peer(self, row: Row) -> tuple[str, float] | None:
        """The best of them, with its figure."""
        found = self._of_all(row, self.peers)
        return (max if row.more else min)(found.items(), key=lambda item: item[1]) if found else None

    def verdict(self, row: Row) -> Verdict:
        """How luna stands in that row."""
        ours = self.of(row, LUNA)
        return (
            Verdict(None, ()) if ours is None else row.verdict(ours, self.of(row, FLOOR), self._of_all(row, self.peers))
        )

    def recording(self, row: Row) -> float | None:
        """How many times the processor time recording everything takes."""
        plain, recorded = self.of(row, LUNA), self.of(row, RECORDED)
        return recorded / plain if row.cpu and plain and recorded else None

    def wrong(self) -> list[str]:
        """Why the run as a whole is a failure: luna behind a peer, or not measured. One sentence each."""
        said = [
            f"{row.title}: luna is behind {' and '.join(behind)}."
            for row in self.rows()
            if (behind := self.verdict(row).behind)
        ]
        ours = (LUNA, RECORDED)
        said += [f"{name}: {reason}" for name, reason in self.absent.items() if name in ours]
        said += [f"{what}: {name}: {reason}" for (what, name), reason in self.failures.items() if name in ours]
        return said

    def _of_all(self, row: Row, servers: Iterable[str]) -> dict[str, float]:
        return {name: value for name in servers if (value := self.of(row, name)) is not None}
