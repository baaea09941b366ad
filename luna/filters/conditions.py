"""What a filter says, as a tree. What it means for a run is `luna.filters.predicate`'s, and for a database its own."""

from typing import Literal

import msgspec

from luna.filters.operators import Operator

Sign = Literal["<", "<=", ">", ">=", "="]


class Matches(msgspec.Struct, frozen=True):
    """One of the operator's columns is, as a whole, as the pattern says."""

    operator: Operator
    pattern: str


class Contains(msgspec.Struct, frozen=True):
    """The text stands in one of the operator's columns. Folded."""

    operator: Operator
    text: str


class Has(msgspec.Struct, frozen=True):
    """One of the operator's columns is not empty."""

    operator: Operator


class OneOf(msgspec.Struct, frozen=True):
    """The operator's column is one of these words."""

    operator: Operator
    words: tuple[str, ...]


class Compares(msgspec.Struct, frozen=True):
    """The sum of the operator's columns; false where nothing is known. Milliseconds, or tokens."""

    operator: Operator
    sign: Sign
    number: float


class Born(msgspec.Struct, frozen=True):
    """It began at `since` or later, and before `until`: seconds since the epoch."""

    operator: Operator
    since: float | None
    until: float | None


class Not(msgspec.Struct, frozen=True):
    """The inner one does not hold."""

    inner: "Condition"


class Both(msgspec.Struct, frozen=True):
    """All of them hold."""

    parts: tuple["Condition", ...]


class Either(msgspec.Struct, frozen=True):
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
