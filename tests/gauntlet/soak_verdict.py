"""Whether something grew during a soak, and how much.

Owns the verdict: of files, threads and tasks there are no more in the last half of the time than in the second quarter.
Memory is judged by its trend in the last half alone: what warms up grows less and less, what leaks does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median, quantiles

JUDGED = ("memory", "files", "threads", "tasks")
GROWTH = 0.05
"""By which share more may be there later."""
STEADY = 10.0
"""MB an hour, in the last half, that are no growth: what is left of warming up, and how the system counts."""
NOTHING = 1.5
"""MB that are none either, however short it was."""


@dataclass
class Sample:
    """What luna has at one moment."""

    seconds: float
    """Since the first client came."""
    memory: float
    """MB that belong to luna alone."""
    mapped: float
    """MB of files that are mapped: the libraries, and the database."""
    files: int
    threads: int
    tasks: int
    flows: int
    database: float
    """MB on the disk."""
    recordings: float
    """MB on the disk."""
    asked: int
    left: int
    """Clients that went away."""


def judge(samples: Sequence[Sample]) -> dict[str, tuple[float, float, bool]]:
    """For each thing: the median of the second quarter, that of the last half, and whether it grew."""
    size = len(samples)
    early, late = samples[size // 4 : size // 2], samples[size // 2 :]
    found: dict[str, tuple[float, float, bool]] = {}
    for name in JUDGED:
        first, last = (median(getattr(one, name) for one in part) for part in (early, late))
        grew = trend(samples) > allowed(samples) if name == "memory" else last > first * (1 + GROWTH) + 2
        found[name] = (first, last, grew)
    return found


def allowed(samples: Sequence[Sample]) -> float:
    """MB an hour from which on it is growth."""
    return max(STEADY, 3600 * NOTHING / max(1.0, samples[-1].seconds - samples[len(samples) // 2].seconds))


def trend(samples: Sequence[Sample]) -> float:
    """MB of memory that come to it in an hour of the last half, at the least: three of four pairs of samples that are
    far enough from one another say more. One of a high moment changes nothing, nor does what goes up and down."""
    late = samples[len(samples) // 2 :]
    apart = (late[-1].seconds - late[0].seconds) / 3
    slopes = [
        3600 * (later.memory - earlier.memory) / (later.seconds - earlier.seconds)
        for earlier, later in combinations(late, 2)
        if later.seconds - earlier.seconds >= max(apart, 1.0)
    ]
    return quantiles(slopes, n=4)[0] if len(slopes) > 1 else sum(slopes)


def each(samples: Sequence[Sample]) -> float:
    """KB of memory that the last half of the time added for each request."""
    late = samples[len(samples) // 2 :]
    asked = late[-1].asked - late[0].asked
    return slope(samples) * (late[-1].seconds - late[0].seconds) / 3600 * 1024 / asked if asked else 0.0


def slope(samples: Sequence[Sample]) -> float:
    """MB of memory that come to it in an hour, by least squares over the last half."""
    late = samples[len(samples) // 2 :]
    middle, mean = (sum(getattr(one, name) for one in late) / len(late) for name in ("seconds", "memory"))
    spread = sum((one.seconds - middle) ** 2 for one in late)
    return 3600 * sum((one.seconds - middle) * (one.memory - mean) for one in late) / spread if spread else 0.0
