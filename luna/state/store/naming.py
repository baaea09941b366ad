"""Which statements write no other rows than they name.

Owns that look at a statement; what is known beforehand is in `luna.state.store.texts`.
"""

from typing import Any

from sqlalchemy import BindParameter, Column, Delete, Executable, Insert, Update
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList

from luna.state.store.sql import made
from luna.state.store.tables import NAMES


def names_its_rows(statement: Executable) -> bool:
    """Whether it concerns one row, or a few, for each that it is given: it brings them, or finds them by what names a
    row."""
    match made(statement):
        case Insert() as insert:
            return insert.select is None
        case (Update() | Delete()) as change:
            return _names(change.whereclause)
    return False


def _names(condition: Any) -> bool:
    match condition:
        case BooleanClauseList(operator=operators.and_):
            return any(map(_names, condition.clauses))
        case BinaryExpression(operator=operators.eq, left=Column() as column, right=BindParameter()):
            return column.primary_key or bool(column.info.get(NAMES))
    return False
