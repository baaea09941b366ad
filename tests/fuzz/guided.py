"""Searches a reader for inputs that break it, led by the branches they take.

Owns the loop: an input that goes a new way is kept and changed further, one that breaks its reader is cut down to
little and reported once for each place. Deterministic by its seed but for the clock. What an input must not do is each
reader's own (`tests.fuzz.readers`); here only that it takes no longer than its length allows.
"""

import hashlib
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from types import FrameType

from tests.fuzz.instrument import COUNTS, features
from tests.fuzz.mutate import Mutator

Features = frozenset[int]

PATIENCE = 20.0
"""CPU seconds after which an input is given up."""
FLOOR = 0.3
"""CPU seconds that any input may take."""
TIMES = 25
"""How much longer than usual for its length an input may take."""
GROWTH = 3
"""How many times as long as its first half it may take, then: as long as its length makes it, about twice."""
_CUTS, _FEW_CUTS = 400, 24
"""Attempts to make an input shorter: one that was found, one of many that are kept."""
_CHEAP = 0.005
"""CPU seconds of an input that is worth the attempts."""


@dataclass(frozen=True)
class Target:
    """One reader. `run` raises nothing for an input that is read or refused as it should be. `words` are parts of its
    language that are not among the constants of its modules. `slow`: CPU seconds that are nothing unusual."""

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()
    largest: int = 16 * 1024
    slow: float = FLOOR
    short: int = 400
    """How many new inputs the gate tries: about a second of CPU."""


@dataclass
class Finding:
    """One way in which a reader breaks. `key` names the place, whatever the input."""

    key: str
    data: bytes
    told: str
    times: int = 1


@dataclass
class Entry:
    """An input that is worth changing. `cost` in CPU seconds."""

    data: bytes
    cost: float


@dataclass
class Tally:
    """How far a search has come."""

    executions: int = 0
    seen: set[int] = field(default_factory=set)
    findings: dict[str, Finding] = field(default_factory=dict)

    @property
    def branches(self) -> int:
        """How many branches were taken at all."""
        return len({each >> 5 for each in self.seen})


class TooSlow(AssertionError):
    """An input takes longer than it may."""


class Search:
    """One search of one reader, on a corpus in memory."""

    def __init__(self, target: Target, seed: int, words: Iterable[bytes] = (), *, timed: bool = True) -> None:
        """`timed`: an input that takes too long for its length is a finding; otherwise only one that is given up."""
        self.target = target
        self._timed = timed
        self.tally = Tally()
        self.entries: list[Entry] = []
        self._draw = Random(f"{target.name} {seed}")
        self._mutator = Mutator(self._draw, sorted({*words, *target.words}), target.largest)
        self._pool: list[bytes] = []
        self._pace: deque[float] = deque(maxlen=500)
        self._usual = 0.0

    def __repr__(self) -> str:
        return f"<Search {self.target.name} executions={self.tally.executions} entries={len(self.entries)}>"

    def begin(self, inputs: Iterable[bytes]) -> None:
        """Take what is known already; all of it is tried."""
        for data in inputs:
            self._try(data[: self.target.largest], keep=True)

    def step(self) -> None:
        """Try one new input."""
        self._try(self._mutator.mutated(self._choose(), self._pool))

    def _choose(self) -> bytes:
        """Of two the quicker one, mostly; what came last is worth more than what has been changed for long."""
        recent = self.entries[-max(8, len(self.entries) // 5) :]
        source = recent if self._draw.random() < 0.5 else self.entries
        if not source:
            return b""
        one, other = self._draw.choice(source), self._draw.choice(source)
        quicker, slower = (one, other) if one.cost <= other.cost else (other, one)
        return (quicker if self._draw.random() < 0.7 else slower).data

    def _try(self, data: bytes, *, keep: bool = False) -> None:
        found, cost, error = taken(self.target, data)
        self.tally.executions += 1
        if self._timed and error is None and cost > self._allowed(data):
            cost = min(cost, *(taken(self.target, data)[1] for _ in range(2)))
            half = taken(self.target, data[: len(data) // 2])[1]
            if cost > self._allowed(data) and cost > GROWTH * half:
                error = TooSlow(f"{cost:.2f} s of CPU for {len(data)} bytes, {half:.2f} s for the first half of them")
        if len(data) > 64:
            self._pace.append(cost / len(data))
            if self.tally.executions % 100 == 0:
                self._usual = median(self._pace)
        if error is not None:
            self._report(data, error)
        elif not found <= self.tally.seen or (keep and not found):
            self.tally.seen |= found
            self.entries.append(Entry(data, cost))
            self._pool.append(data)

    def _allowed(self, data: bytes) -> float:
        return max(self.target.slow, TIMES * self._usual * len(data))

    def _report(self, data: bytes, error: BaseException) -> None:
        key = place_of(error)
        known = self.tally.findings.get(key)
        if known is not None:
            known.times += 1
            return
        if not isinstance(error, TooSlow):
            data = smaller(
                data, lambda less: (again := taken(self.target, less)[2]) is not None and place_of(again) == key
            )
        told = "".join(traceback.format_exception(taken(self.target, data)[2] or error))
        self.tally.findings[key] = Finding(key, data, told)


def taken(target: Target, data: bytes) -> tuple[Features, float, BaseException | None]:
    """What an input does: its way, its CPU seconds, and what it raises."""
    COUNTS.clear()
    error: BaseException | None = None
    begin = time.process_time()
    try:
        with _hurried():
            target.run(data)
    except KeyboardInterrupt:
        raise
    except BaseException as raised:
        traceback.clear_frames(raised.__traceback__)  # what they hold may be all the memory there is
        error = raised
    return features(COUNTS), time.process_time() - begin, error


def place_of(error: BaseException) -> str:
    """The kind of an error and where it came from: the same for all inputs that meet with it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TooSlow):
        return "TooSlow"
    frames = [each for each in traceback.extract_tb(error.__traceback__) if "/fuzz/guided.py" not in each.filename]
    ours = [each for each in frames if "/luna/" in each.filename] or frames
    at = ours[-1] if ours else None
    words = str(error).splitlines()[0][:60] if isinstance(error, AssertionError) and str(error) else ""
    place = f"{Path(at.filename).parent.name}/{Path(at.filename).name}:{at.lineno}" if at is not None else "nowhere"
    return f"{type(error).__name__} at {place} {words.partition(':')[0]}".strip()


def smaller(data: bytes, still: Callable[[bytes], bool], *, attempts: int = _CUTS) -> bytes:
    """A shorter input for which it holds still."""
    left, size = attempts, max(1, len(data) // 2)
    while size and left > 0:
        at, cut = 0, False
        while at < len(data) and left > 0:
            less = data[:at] + data[at + size :]
            left -= 1
            if still(less):
                data, cut = less, True
            else:
                at += size
        if not cut:
            size //= 2
    return data


@contextmanager
def _hurried() -> Iterator[None]:
    """Gives up after `PATIENCE`, be it in the middle of a regular expression."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"more than {PATIENCE:g} s of CPU")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def distilled(target: Target, inputs: Iterable[bytes], *, files: int, size: int) -> list[bytes]:
    """The few of them that go all ways, each cut down: first one for every branch, then one for every number of times
    as long as there is room (`files`, and `size` in bytes for all)."""
    known = sorted({data for data in inputs if len(data) <= size // 8}, key=lambda data: (len(data), data))
    ways: dict[bytes, Features] = {}
    costs: dict[bytes, float] = {}
    for data in known:
        way, cost, error = taken(target, data)
        if error is None:
            ways[data], costs[data] = way, cost
    chosen: list[bytes] = []
    seen: set[int] = set()
    branches: set[int] = set()
    room = size
    for by_branch in (True, False):
        for data, way in ways.items():
            new = {each for each in way if each >> 5 not in branches} if by_branch else way - seen
            if not new or len(chosen) >= files:
                continue
            less = data
            if len(data) > 40 and costs[data] < _CHEAP:
                less = smaller(data, partial(_goes, target, new), attempts=_FEW_CUTS)
            if len(less) <= room:
                room -= len(less)
                chosen.append(less)
                seen |= way
                branches |= {each >> 5 for each in way}
    return chosen


def _goes(target: Target, way: "set[int] | Features", data: bytes) -> bool:
    found, _, error = taken(target, data)
    return error is None and way <= found


def name_of(data: bytes) -> str:
    """What an input's file is called."""
    return hashlib.sha256(data).hexdigest()[:16]
