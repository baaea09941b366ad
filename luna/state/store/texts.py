"""SQLite's words for the statements of every day, and for the tables, as SQLAlchemy made them beforehand.

They lie in `sqlite.json` beside this file, by how a statement is spelled (`luna.state.store.sql`); `make statements`
writes it, and a test sees that it says what the toolkit says. What does not stand there is no worse off than without:
the toolkit is imported and asked.
"""

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from luna.state.store.sql import VALUE, spelled

WORDS = Path(__file__).with_name("sqlite.json")


class Words(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement. `spelled`: in `luna.state.store.sql`'s way; `columns`: those that rows give it, sorted, where it
    writes; `order`: the parameters' names in their order; `fixed`: what those of them have that nobody gives; `quick`:
    it writes no other rows than it names."""

    spelled: str
    sql: str
    columns: tuple[str, ...] | None = None
    order: tuple[str, ...] = ()
    fixed: dict[str, str | int | float | None] = {}
    quick: bool = False


class Book(msgspec.Struct, frozen=True):
    """All of it. `tables`: what makes them, in a database that is empty."""

    tables: tuple[str, ...]
    statements: tuple[Words, ...]


def find(statement: Any, columns: Collection[str] | None = None) -> tuple[Words, dict[str, Any]] | None:
    """A statement, and what values stand in it by their parameters' names. None when there are no words for it."""
    said, values = spelled(statement)
    words = None if said is None else _book()[1].get((said, None if columns is None else tuple(sorted(columns))))
    if words is None:
        return None
    return words, {f"{VALUE}{number}": value for number, value in enumerate(values)}


def is_quick(statement: Any) -> bool | None:
    """Whether a statement writes no other rows than it names; None when that is not known."""
    said, _ = spelled(statement)
    return None if said is None else _book()[2].get(said)


def tables() -> tuple[str, ...]:
    """What makes all tables and indexes."""
    return _book()[0]


@cache
def _book() -> tuple[tuple[str, ...], dict[tuple[str, tuple[str, ...] | None], Words], dict[str, bool]]:
    try:
        book = msgspec.json.decode(WORDS.read_bytes(), type=Book)
    except FileNotFoundError:
        book = Book((), ())
    by_spelling = {(words.spelled, words.columns): words for words in book.statements}
    return book.tables, by_spelling, {words.spelled: words.quick for words in book.statements}
