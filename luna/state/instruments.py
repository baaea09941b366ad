"""Counters and histograms, and how Prometheus wants to read them (text format 0.0.4).

Owns the arithmetic and the spelling; what is counted is `luna.state.metrics`' business. An observation costs a
dictionary look-up and an addition; whoever makes many at once makes them on the `series`. No family grows beyond
`SERIES` of those: what comes later is counted as `other`, so that clients cannot fill the memory with names they make
up.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Generic, Literal, Protocol, TypeVar

SERIES = 100
"""Combinations of label values that one family has at most."""
OTHER = "other"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
"""Bounds that suit both a queue and a long answer."""
FIRST = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0)
"""Those that tell apart what a person who waits for the first word tells apart."""
MOMENTS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Those for what should take no time."""

Labels = tuple[str, ...]
Reading = float | Mapping[Labels, float]


class Family(Protocol):
    """Everything of one name."""

    name: str

    def lines(self) -> Iterator[str]:
        """As Prometheus reads it."""
        ...


F = TypeVar("F", bound=Family)
T = TypeVar("T")


class Series(dict[Labels, T], Generic[T]):
    """What a family has counted, by label values. Those that are asked for begin."""

    def __init__(self, begin: Callable[[], T]) -> None:
        super().__init__()
        self._begin = begin

    def __missing__(self, values: Labels) -> T:
        if values and len(self) >= SERIES:
            values = (OTHER,) * len(values)
        if values not in self:
            self[values] = self._begin()
        return self[values]


class Amount:
    """How much there is so far."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Spread:
    """How many there are so far, between the bounds, and what they come to."""

    __slots__ = ("counts", "sum")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.sum = 0.0


class Counter:
    """Something that only grows."""

    def __init__(self, name: str, about: str, labels: Labels = ()) -> None:
        self.name = name
        self._about = about
        self._labels = labels
        self.series = Series(Amount)
        if not labels:
            self.add(by=0.0)

    def __repr__(self) -> str:
        return f"<Counter {self.name} series={len(self.series)}>"

    def add(self, *values: str, by: float = 1.0) -> None:
        """One more, or `by`, for these label values."""
        self.series[values].value += by

    def value(self, *values: str) -> float:
        """How much there is of it so far."""
        return self.series[values].value if values in self.series else 0.0

    def lines(self) -> Iterator[str]:
        yield from _head(self.name, self._about, "counter")
        for values, amount in self.series.items():
            yield f"{self.name}{_labelled(self._labels, values)} {_number(amount.value)}"


class Histogram:
    """How values are distributed: so many up to each bound, and their sum. Without bounds only number and sum, which
    Prometheus calls a summary."""

    def __init__(self, name: str, about: str, labels: Labels = (), bounds: Iterable[float] = SECONDS) -> None:
        self.name = name
        self._about = about
        self._labels = labels
        self._bounds = tuple(bounds)
        self.series = Series(partial(Spread, len(self._bounds) + 1))
        if not labels:
            self.series[()]  # is there from the start

    def __repr__(self) -> str:
        return f"<Histogram {self.name} series={len(self.series)}>"

    def observe(self, value: float, *values: str) -> None:
        """One more of this size."""
        spread = self.series[values]
        spread.counts[bisect_left(self._bounds, value)] += 1
        spread.sum += value

    def count(self, *values: str) -> int:
        """How many were observed so far."""
        return sum(self.series[values].counts) if values in self.series else 0

    def lines(self) -> Iterator[str]:
        yield from _head(self.name, self._about, "histogram" if self._bounds else "summary")
        for values, spread in self.series.items():
            if self._bounds:
                so_far = 0
                for bound, count in zip((*self._bounds, float("inf")), spread.counts, strict=True):
                    so_far += count
                    bucket = _labelled((*self._labels, "le"), (*values, _number(bound)))
                    yield f"{self.name}_bucket{bucket} {so_far}"
            labelled = _labelled(self._labels, values)
            yield f"{self.name}_sum{labelled} {_number(spread.sum)}"
            yield f"{self.name}_count{labelled} {sum(spread.counts)}"


class Observed:
    """Something that somebody else knows, asked for when it is read. None: nobody knows now."""

    def __init__(
        self,
        name: str,
        about: str,
        read: Callable[[], Reading | None],
        labels: Labels = (),
        kind: Literal["gauge", "counter"] = "gauge",
    ) -> None:
        self.name = name
        self._about = about
        self._read = read
        self._labels = labels
        self._kind = kind

    def __repr__(self) -> str:
        return f"<Observed {self.name}>"

    def lines(self) -> Iterator[str]:
        reading = self._read()
        if reading is None:
            return
        yield from _head(self.name, self._about, self._kind)
        series = reading if isinstance(reading, Mapping) else {(): reading}
        for values, value in list(series.items())[:SERIES]:
            yield f"{self.name}{_labelled(self._labels, values)} {_number(value)}"


class Registry:
    """All families of one process, each name once."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    def __repr__(self) -> str:
        return f"<Registry {len(self._families)} families>"

    def add(self, family: F) -> F:
        """Take one in; one of the same name gives way."""
        self._families[family.name] = family
        return family

    def render(self) -> str:
        """What `/metrics` says."""
        lines = [line for name in sorted(self._families) for line in self._families[name].lines()]
        return "\n".join([*lines, ""])


def _head(name: str, about: str, kind: str) -> Iterator[str]:
    escaped = about.replace("\\", "\\\\").replace("\n", "\\n")
    yield f"# HELP {name} {escaped}"
    yield f"# TYPE {name} {kind}"


def _labelled(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    if value != value:
        return "NaN"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
