"""A filter as conditions of the database: they hold for a row exactly when `luna.filters.predicate` holds for its run.

Every condition is true or false, never unknown, so that a negation means the same here and there: a column without a
value counts as an empty text, and a comparison with one that is not known is false.
"""

from functools import reduce
from typing import Any, assert_never

from sqlalchemy import BigInteger, ColumnElement, Text, and_, cast, func, literal, not_, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from luna.filters.conditions import Born, Both, Compares, Condition, Contains, Either, Has, Matches, Not, OneOf
from luna.filters.text import expression, is_pattern, like, lowered
from luna.state.store.schema import runs

_ESCAPE = "\\"


class _Lowered(FunctionElement[str]):
    """A text with the letters of ASCII in lower case, and no others."""

    type = Text()
    inherit_cache = True
    name = "lowered"


@compiles(_Lowered)
def _lower(element: _Lowered, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(_Lowered, "postgresql")
def _lower_postgresql(element: _Lowered, compiler: SQLCompiler, **options: Any) -> str:
    return f'lower({compiler.process(element.clauses, **options)} COLLATE "C")'  # otherwise as the locale has it


def where(condition: Condition | None) -> ColumnElement[bool]:
    """The rows of `runs` that the filter wants."""
    match condition:
        case None:
            return true()
        case Both():
            return and_(*map(where, condition.parts))
        case Either():
            return or_(*map(where, condition.parts))
        case Not():
            return not_(where(condition.inner))
        case Matches():
            match = _called if condition.operator.field == "tool" else _matches
            return or_(*(match(column, condition.pattern) for column in condition.operator.columns))
        case Contains():
            return or_(*(_text(name).contains(condition.text, autoescape=True) for name in condition.operator.columns))
        case Has():
            return or_(*(_text(name) != "" for name in condition.operator.columns))
        case OneOf():
            return or_(*(_text(name).in_(condition.words) for name in condition.operator.columns))
        case Compares():
            return _compares(condition)
        case Born():
            at = runs.c.created_at
            since = [] if condition.since is None else [at >= condition.since]
            return and_(true(), *since, *([] if condition.until is None else [at < condition.until]))
    assert_never(condition)


def _text(name: str) -> ColumnElement[str]:
    return func.coalesce(runs.c[name], "")


def _matches(name: str, pattern: str) -> ColumnElement[bool]:
    text = _Lowered(_text(name))
    if is_pattern(pattern):
        return text.like(like(pattern, _ESCAPE), escape=_ESCAPE)
    return text == lowered(pattern)


def _called(name: str, pattern: str) -> ColumnElement[bool]:
    """One line of the column is as the pattern says."""
    text = _text(name)
    if is_pattern(pattern):
        return and_(text != "", _Lowered(text).regexp_match("\n" + expression(pattern, "[^\n]") + "\n"))
    return _Lowered(text).contains(f"\n{lowered(pattern)}\n", autoescape=True)


def _compares(condition: Compares) -> ColumnElement[bool]:
    columns = [runs.c[name] for name in condition.operator.columns]
    total: ColumnElement[Any] = columns[0]
    if len(columns) > 1:
        total = reduce(lambda sum, column: sum + column, (func.coalesce(cast(each, BigInteger), 0) for each in columns))
    known = or_(*(column.is_not(None) for column in columns))
    number = literal(condition.number)
    compared = {
        "<": total < number,
        "<=": total <= number,
        ">": total > number,
        ">=": total >= number,
        "=": total == number,
    }
    return and_(known, compared[condition.sign])
