"""A filter means the same for a run in memory and for its row, in either database; and it is read as it was built."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from luna.filters.conditions import Born, Both, Compares, Condition, Contains, Either, Has, Matches, Not, OneOf
from luna.filters.operators import OPERATORS, OUTCOMES
from luna.filters.parse import parse
from luna.filters.predicate import holds
from luna.filters.scan import FilterError
from luna.filters.text import folded
from luna.state.run import RunRecord, lines, plain
from luna.state.run_query import where
from luna.state.store import Store
from luna.state.store.tables import runs

NOW = 1_790_000_000.0

# Letters that fold in ways of their own, signs that mean something to LIKE, to regular expressions, to both.
letters = st.sampled_from([*"abAB%_\\.*?[]^$+(){}|/-# \n'\"", "é", "É", "ß", "İ", "ı", "ǅ", "Σ", "ς", "漢", "😀", "K"])
words = st.text(letters, max_size=5)
patterns = st.text(letters, min_size=1, max_size=4).map(lambda text: plain(text, 9))
numbers = st.sampled_from([0.0, 1.0, 2.0, 2.5, 1000.0, 1e12])


def of(*values: str) -> list[Any]:
    return [operator for operator in OPERATORS.values() if operator.value in values]


signs = st.sampled_from(["<", "<=", ">", ">=", "="])
leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Matches, st.sampled_from(of("pattern", "optional")), patterns),
    st.builds(Contains, st.just(OPERATORS["q"]), patterns.map(folded)),
    st.builds(Has, st.sampled_from(of("optional", "nothing"))),
    st.builds(OneOf, st.just(OPERATORS["o"]), st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=3).map(tuple)),
    st.builds(
        Compares, st.sampled_from(of("duration", "count")), st.sampled_from(["<", "<=", ">", ">=", "="]), numbers
    ),
    st.builds(Born, st.just(OPERATORS["b"]), st.none() | numbers, st.none() | numbers),
)


def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several: st.SearchStrategy[tuple[Condition, ...]] = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(Both, several), st.builds(Either, several))


conditions = st.recursive(leaves, joined, max_leaves=6)

records = st.builds(
    lambda preview, tools, **more: RunRecord(
        id="", preview=preview, preview_folded=folded(preview), tools=lines(tools), **more
    ),
    preview=words,
    tools=st.lists(st.text(letters, min_size=1, max_size=4), max_size=2),
    created_at=numbers,
    status=st.sampled_from(OUTCOMES),
    model=words,
    target=words,
    account_id=words,
    session_id=words,
    client=words,
    agent=words,
    route=words,
    protocol=words,
    error_kind=words,
    recording=words,
    duration_ms=st.none() | numbers,
    first_event_ms=st.none() | numbers,
    input_tokens=st.none() | st.sampled_from([0, 1, 2, 999, 2_000_000_000]),
    output_tokens=st.none() | st.sampled_from([0, 1, 2_000_000_000]),
)


async def test_memory_and_database_agree(store: Store) -> None:
    insertion = store.upsert(runs)

    async def compare(rows: Sequence[RunRecord], condition: Condition) -> None:
        for number, row in enumerate(rows):
            row.id = f"r{number}"
        store.write(delete(runs), {})
        store.write(insertion, [msgspec.structs.asdict(row) for row in rows])
        await store.commit()
        found = {row.id for row in await store.read(select(runs.c.id).where(where(condition)))}
        assert found == {row.id for row in rows if holds(condition, row)}

    await _given(compare, st.lists(records, min_size=1, max_size=6), conditions)


async def _given(check: Callable[..., Any], *strategies: st.SearchStrategy[Any]) -> None:
    """Hypothesis calls functions, not coroutines: draw the examples first, then check each."""
    examples: list[tuple[Any, ...]] = []

    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.tuples(*strategies))
    def draw(example: tuple[Any, ...]) -> None:
        examples.append(example)

    draw()
    for example in examples:
        await check(*example)


async def test_rows_without_values_are_as_good_as_empty_ones(store: Store) -> None:
    store.write(runs.insert(), {"id": "r", "status": "queued", "created_at": 1.0})
    await store.commit()
    record = RunRecord(id="r", created_at=1.0)
    for operator in OPERATORS.values():
        for text in (operator.example, f"!{operator.example}"):
            condition = parse(text, NOW)
            found = await store.read(select(runs.c.id).where(where(condition)))
            assert bool(found) == holds(condition, record), text


@given(st.text(st.sampled_from([*"~maedqx &|!()'\"<>=k5 \t."]), max_size=25))
def test_whatever_is_written_is_read_or_refused_at_a_column_of_it(text: str) -> None:
    try:
        parse(text, NOW)
    except FilterError as error:
        assert 1 <= error.column <= len(text) + 1
        assert error.expected


@pytest.mark.parametrize("sign", ["&", ""])
@given(st.lists(st.sampled_from(["~m a", "~x", "!~x", "word", "~d >2s"]), min_size=1, max_size=4))
def test_conditions_side_by_side_are_all_wanted(sign: str, parts: list[str]) -> None:
    whole = parse(f" {sign} ".join(parts), NOW)
    each = [parse(part, NOW) for part in parts]
    assert whole == (each[0] if len(each) == 1 else Both(tuple(part for part in each if part is not None)))
