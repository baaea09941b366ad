"""A statement with the columns of its rows, which then are tuples: rows of every request are made in the order in which
the database takes them, and not by name first and by place later.
"""

from collections.abc import Sequence
from typing import Any

from luna.state.store.local import DIALECT
from luna.state.store.prepared import Prepared, Way
from luna.state.store.sql import Executable

Values = tuple[Any, ...]


class Form:
    """One of them. Made once; equal is only what is the same object."""

    __slots__ = ("columns", "known", "statement")

    def __init__(self, statement: Executable, columns: Sequence[str]) -> None:
        self.statement = statement
        self.columns = tuple(columns)
        self.known: Way | None = None
        """What `way` gives, once it was asked."""

    def __repr__(self) -> str:
        return f"<Form of {len(self.columns)} columns>"

    def named(self, rows: Sequence[Values]) -> list[dict[str, Any]]:
        """The rows as any other statement's."""
        return [dict(zip(self.columns, row, strict=True)) for row in rows]

    def way(self) -> Way:
        """Its words for SQLite, and what makes the values of a row: `tuple` where they are in order already."""
        if self.known is None:
            prepared = Prepared(self.statement, self.columns)
            sql, bind = prepared.way(DIALECT)
            if bind is None:
                self.known = sql, None
            elif prepared.order(DIALECT) == self.columns:
                self.known = sql, tuple
            else:
                self.known = sql, lambda row: bind(dict(zip(self.columns, row, strict=True)))
        return self.known
