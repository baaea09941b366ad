"""What a filter says, as a tree. What it means for a run is `luna.filters.predicate`'s, and for a database its own."""

from dataclasses import dataclass
from typing import Literal

from luna.filters.operators import Operator

Sign = Literal["<", "<=", ">", ">=", "="]


@dataclass(frozen=True)
class Matches:
    """One of the operator's columns is, as a whole, as the pattern says."""

    operator: Operator
    pattern: str


@dataclass(frozen=True)
class Contains:
    """The text stands in one of the operator's columns. Folded."""

    operator: Operator
    text: str


@dataclass(frozen=True)
class Has:
    """One of the operator's columns is not empty."""

    operator: Operator


@dataclass(frozen=True)
class OneOf:
    """The operator's column is one of these words."""

    operator: Operator
    words: tuple[str, ...]


@dataclass(frozen=True)
class Compares:
    """The sum of the operator's columns; false where nothing is known. Milliseconds, or tokens."""

    operator: Operator
    sign: Sign
    number: float


@dataclass(frozen=True)
class Born:
    """It began at `since` or later, and before `until`: seconds since the epoch."""

    operator: Operator
    since: float | None
    until: float | None


@dataclass(frozen=True)
class Not:
    """The inner one does not hold."""

    inner: "Condition"


@dataclass(frozen=True)
class Both:
    """All of them hold."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Either:
    """One of them holds."""

    parts: tuple["Condition", ...]


Condition = Matches | Contains | Has | OneOf | Compares | Born | Not | Both | Either


def operators_in(condition: Condition | None) -> frozenset[Operator]:
    """All that the filter asks of."""
    match condition:
        case None:
            return frozenset()
        case Both() | Either():
            return frozenset().union(*map(operators_in, condition.parts))
        case Not():
            return operators_in(condition.inner)
        case _:
            return frozenset({condition.operator})
