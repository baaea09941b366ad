"""What stands behind an operator: patterns, outcomes, comparisons, moments.

Each raises FilterError at the value's column for what it does not understand.
"""

import re
from datetime import UTC, datetime, timedelta

from luna.filters.conditions import Born, Compares, Condition, Contains, Has, Matches, OneOf, Sign
from luna.filters.operators import ACTIVE, OUTCOMES, Operator
from luna.filters.scan import FilterError, Piece
from luna.filters.text import MOST_STARS, folded, matches, stars

_COMPARISON = re.compile(r"(<=|>=|<|>|=)?\s*(\d{1,12}(?:\.\d{1,6})?)\s*([a-zA-Z]*)", re.ASCII)
_MILLISECONDS = {
    "ms": 1.0,
    "s": 1000.0,
    "": 1000.0,
    "m": 60_000.0,
    "min": 60_000.0,
    "h": 3_600_000.0,
    "d": 86_400_000.0,
}
_TIMES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d))?)?Z?", re.ASCII)

_EXPECTED = {
    "duration": "a comparison of times, such as >2s or <500ms",
    "count": "a comparison of numbers, such as >1000 or <=10k",
    "moment": "an age such as <1h, a day such as 2026-11-22, a minute such as 2026-11-22T19:40, or FROM..TO",
    "outcome": f"one of {', '.join(OUTCOMES)}, or active",
}


def condition(operator: Operator, value: Piece | None, column: int, now: float) -> Condition:
    """What `~letter value` says. `value` is None where none stands; `column` is where it would stand."""
    match operator.value:
        case "nothing":
            return Has(operator)
        case "optional" if value is None:
            return Has(operator)
        case _ if value is None or not value.text:
            raise FilterError(column, f"~{operator.letter} needs a value", _expected(operator))
        case "pattern" | "optional":
            if stars(value.text) > MOST_STARS:
                raise FilterError(value.column, "Too many * in one pattern", f"at most {MOST_STARS}")
            return Matches(operator, value.text)
        case "words":
            return Contains(operator, folded(value.text))
        case "outcome":
            return OneOf(operator, _outcomes(value))
        case "duration":
            return _comparison(operator, value, _MILLISECONDS)
        case "count":
            return _comparison(operator, value, _TIMES)
        case "moment":
            return _moment(operator, value, now)


def _expected(operator: Operator) -> str:
    return _EXPECTED.get(operator.value, f"a value, such as {operator.example}")


def _outcomes(value: Piece) -> tuple[str, ...]:
    if value.text.lower() == "active":
        return ACTIVE
    words = tuple(word for word in OUTCOMES if matches(value.text, word))
    if not words:
        raise FilterError(value.column, f"There is no outcome {value.text[:40]!r}", _EXPECTED["outcome"])
    return words


def _comparison(operator: Operator, value: Piece, units: dict[str, float]) -> Compares:
    found = _COMPARISON.fullmatch(value.text)
    sign: str = (found and found[1]) or ""
    allowed = ("<", "<=", ">", ">=", "=") if operator.value == "count" else ("<", "<=", ">", ">=")
    if found is None or sign not in allowed or found[3] not in units:
        raise FilterError(value.column, f"{value.text[:40]!r} cannot be compared with", _EXPECTED[operator.value])
    return Compares(operator, _sign(sign), round(float(found[2]) * units[found[3]], 6))


def _sign(text: str) -> Sign:
    signs: dict[str, Sign] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "="}
    return signs[text]


def _moment(operator: Operator, value: Piece, now: float) -> Born:
    age = _COMPARISON.fullmatch(value.text)
    if age is not None and (age[1] or "")[:1] in ("<", ">") and age[1] and age[3] in _MILLISECONDS:
        then = max(0.0, now - float(age[2]) * _MILLISECONDS[age[3]] / 1000)
        return Born(operator, then, None) if age[1][0] == "<" else Born(operator, None, then)
    first, mark, last = value.text.partition("..")
    try:
        since, end = _span(first)
        return Born(operator, since, _span(last)[0] if mark else end)
    except (ValueError, OverflowError):
        problem = f"{value.text[:40]!r} is no moment"
        raise FilterError(value.column, problem, _EXPECTED["moment"]) from None


def _span(text: str) -> tuple[float, float]:
    """A day, an hour or a minute: its beginning, and that of the next. Raises ValueError, OverflowError."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("no moment")
    day, hour, minute = found.groups()
    begin = datetime.fromisoformat(f"{day}T{hour or '00'}:{minute or '00'}").replace(tzinfo=UTC)
    long = timedelta(minutes=1) if minute else timedelta(hours=1) if hour else timedelta(days=1)
    return begin.timestamp(), (begin + long).timestamp()
