"""What a filter means for one run in memory. A database comes to the same end (`luna.state.run_query`)."""

from typing import assert_never

from luna.filters.conditions import Born, Both, Compares, Condition, Contains, Either, Has, Matches, Not, OneOf, Sign
from luna.filters.operators import Facts
from luna.filters.text import matches


def holds(condition: Condition | None, run: Facts) -> bool:
    """Whether the filter wants that run."""
    match condition:
        case None:
            return True
        case Both():
            return all(holds(part, run) for part in condition.parts)
        case Either():
            return any(holds(part, run) for part in condition.parts)
        case Not():
            return not holds(condition.inner, run)
        case Matches():
            return any(matches(condition.pattern, text) for text in _texts(run, condition))
        case Contains():
            return any(condition.text in text for text in _texts(run, condition))
        case Has():
            return any(_texts(run, condition))
        case OneOf():
            return any(text in condition.words for text in _texts(run, condition))
        case Compares():
            return _compares(condition, run)
        case Born():
            return _born(condition, run.created_at)
    assert_never(condition)


def _texts(run: Facts, condition: Matches | Contains | Has | OneOf) -> list[str]:
    values = [str(getattr(run, column)) for column in condition.operator.columns]
    if condition.operator.field == "tool":
        return [name for name in values[0].split("\n") if name]
    return values


def _compares(condition: Compares, run: Facts) -> bool:
    values: list[float | None] = [getattr(run, column) for column in condition.operator.columns]
    known = [value for value in values if value is not None]
    return bool(known) and _in_order(sum(known), condition.sign, condition.number)


def _in_order(value: float, sign: Sign, number: float) -> bool:
    match sign:
        case "<":
            return value < number
        case "<=":
            return value <= number
        case ">":
            return value > number
        case ">=":
            return value >= number
        case "=":
            return value == number


def _born(condition: Born, at: float) -> bool:
    after = condition.since is None or at >= condition.since
    return after and (condition.until is None or at < condition.until)
