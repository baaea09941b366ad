"""SQLite's words for the statements of every day are SQLAlchemy's, and what is said in SQL is spelled for good."""

from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from luna.state.store import sql, texts
from luna.state.store.sql import and_, bindparam, func, select, spelled
from luna.state.store.tables import chats, runs
from tests.support.statements import book, listening, live, statement_of, tables

STATEMENTS = texts._book()[1]


@pytest.mark.parametrize("key", STATEMENTS, ids=[key[0][:60] for key in STATEMENTS])
def test_the_words_are_those_of_sqlalchemy(key: tuple[str, tuple[str, ...] | None]) -> None:
    """`make statements` writes them anew."""
    (words,) = book([key]).statements
    assert words == STATEMENTS[key]


def test_the_tables_are_those_of_sqlalchemy() -> None:
    assert texts.tables() == tables()


def test_values_have_no_part_in_the_spelling() -> None:
    def about(state: str, before: float) -> object:
        return select(chats.c.id).where(chats.c.state.in_([state, "x"]), chats.c.used_at < before).limit(3)

    words, values = spelled(about("open", 1.0))
    again, others = spelled(about("lost", 2.5))
    assert words == again
    assert sorted(map(str, values)) == ["1.0", "3", "open", "x"]
    assert sorted(map(str, others)) == ["2.5", "3", "lost", "x"]


def test_what_the_text_depends_on_has_a_part_in_it() -> None:
    said = {
        spelled(runs.c.model == None)[0],  # noqa: E711 - SQL's way
        spelled(runs.c.model == "x")[0],
        spelled(runs.c.stream == True)[0],  # noqa: E712 - SQL's way
        spelled(runs.c.model == runs.c.target)[0],
        spelled(runs.c.model.in_(["a"]))[0],
        spelled(runs.c.model.in_(["a", "b"]))[0],
    }
    assert len(said) == 6


def test_what_cannot_be_spelled_is_left_to_sqlalchemy() -> None:
    assert spelled(runs.c.model.in_([]))[0] is None
    assert spelled(runs.c.model == object())[0] is None
    assert texts.find(select(runs.c.model).where(runs.c.model == "nobody asks this")) is None


def test_a_statement_is_the_same_spelled_and_made() -> None:
    said = select(runs.c.id, func.count().label("n")).where(
        and_(runs.c.created_at >= bindparam("since"), ~(runs.c.model == "x") | runs.c.model.is_(None))
    )
    text, _ = spelled(said)
    assert text is not None
    dialect = sqlite.dialect()
    assert str(statement_of(text).compile(dialect=dialect)) == str(sql.made(said).compile(dialect=dialect))


def test_what_is_said_has_no_truth_value() -> None:
    with pytest.raises(TypeError):
        bool(runs.c.model == "x")


async def test_an_ordinary_day_needs_no_toolkit(tmp_path: Path) -> None:
    """Where this fails somebody has changed a statement: `make statements` writes the words for it."""
    with listening() as wanted:
        await live(tmp_path, pause=0.5)
    assert wanted - STATEMENTS.keys() == set()
