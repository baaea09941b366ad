"""The rows of the table: what each figure is called, in which unit it is, and what luna is to reach.

Owns the targets and how they are judged. Pure; knows neither how a figure is measured nor how it is printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """What luna is to reach; 0 where there is nothing of the kind."""

    floor: float = 0
    """Times the floor's figure, at most."""
    most: float = 0
    """In the row's own unit."""
    peers: float = 0
    """Times better than the best peer, at least; 1: ahead of it."""

    def words(self, unit: str) -> str:
        """For people."""
        said: list[str] = []
        if self.floor:
            said.append(f"≤ {self.floor:g}x the floor")
        if self.most:
            said.append(f"≤ {self.most:g} {unit}")
        if self.peers:
            said.append("ahead of every peer" if self.peers == 1 else f"{self.peers:g}x the best peer")
        return ", ".join(said)


@dataclass(frozen=True)
class Row:
    """One figure of every server."""

    key: str
    title: str
    unit: str
    target: Target = Target()
    more: bool = False
    """More is better."""
    added: bool = False
    """Less what the same takes with nothing in between."""
    cpu: bool = False
    """Processor time: what recording adds to it is judged, too."""

    def ahead(self, ours: float, theirs: float) -> float:
        """How many times better ours is; below 1 it is worse."""
        if self.more:
            return ours / theirs if theirs > 0 else float("inf")
        return theirs / ours if ours > 0 else float("inf")

    def verdict(self, ours: float, floor: float | None, peers: Mapping[str, float]) -> "Verdict":
        """How luna's figure stands. A target is met when all of it is, and missed when any of it is; where something
        of it has nothing to be held against, it may be neither."""
        target = self.target
        asked: list[bool | None] = []
        if target.floor:
            asked.append(ours <= target.floor * floor if floor is not None and floor > 0 else None)
        if target.most:
            asked.append(ours <= target.most)
        if target.peers:
            least = min((self.ahead(ours, theirs) for theirs in peers.values()), default=None)
            asked.append(least >= target.peers if least is not None else None)
        behind = tuple(sorted(name for name, theirs in peers.items() if self.ahead(ours, theirs) < 1))
        met = None if not asked or (None in asked and False not in asked) else all(asked)
        return Verdict(met, behind)


@dataclass(frozen=True)
class Verdict:
    """How luna's figure stands."""

    met: bool | None
    """None: there is no target, or nothing to hold it against."""
    behind: tuple[str, ...]
    """The peers that do better."""


RECORDING = 1.25
"""Times the processor time of recording nothing that recording everything may take."""

ROWS = (
    Row("first-p50", "first token added, p50", "ms", Target(floor=4, peers=1), added=True),
    Row("first-p99", "first token added, p99", "ms", added=True),
    Row("crowd-p99", "first token added at 50 streams with 100 KB bodies, p99", "ms", Target(most=5), added=True),
    Row("json-latency", "short JSON answer, p50", "ms"),
    Row("json-cpu", "short JSON answer, CPU", "ms", Target(floor=4, peers=1), cpu=True),
    Row("rate-1", "requests, 1 client, streamed, 20 deltas", "/s", more=True),
    Row("rate-16", "requests, 16 clients", "/s", Target(peers=2), more=True),
    Row("rate-64", "requests, 64 clients", "/s", Target(peers=2), more=True),
    Row("one-rate", "one fast stream of 40,000 deltas", "/s", more=True),
    Row("one-cpu", "one fast stream, CPU per delta", "µs", Target(floor=2.5, peers=1), cpu=True),
    Row("many-rate", "100 fast streams of 2,000 deltas", "/s", more=True),
    Row("many-cpu", "100 fast streams, CPU per delta", "µs", Target(floor=2.5, peers=1), cpu=True),
    Row("paced-cpu", "200 streams paced at 20/s each, CPU per delta", "µs", Target(floor=1.6, peers=1), cpu=True),
    Row("paced-age", "200 paced streams, age of a delta at the client, p99", "ms", Target(floor=2)),
    Row("paced-rss", "200 paced streams, peak RSS", "MB"),
    Row("body-100k", "100 KB body with 60 tools, CPU", "ms", cpu=True),
    Row("body-1m", "1 MB body with 60 tools, CPU", "ms", Target(peers=2), cpu=True),
    Row("body-5m", "5 MB body with 60 tools, CPU", "ms", Target(peers=2), cpu=True),
    Row("idle-rss", "idle RSS", "MB", Target(most=90)),
    Row("stream-rss", "RSS for each of 200 open streams", "KB", Target(most=64)),
    Row("start", "start to the first answer at its health path", "s", Target(most=0.7)),
)
