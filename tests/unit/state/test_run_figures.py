"""What runs come to: exact, by moments, and quick among many."""

import time
from typing import Any

import msgspec
from sqlalchemy import String, cast, insert, literal, select, true

from luna.state.run import RunRecord
from luna.state.run_figures import read
from luna.state.run_spans import Figures, Span
from luna.state.store import Store
from luna.state.store.tables import runs

AT = 1_790_000_040.0
"""A whole minute."""


async def figures_of(store: Store, *records: RunRecord, minutes: int = 3, width: float = 60.0) -> Figures:
    store.write(store.upsert(runs), [msgspec.structs.asdict(record) for record in records])
    await store.commit()
    return await store.run(lambda connection: read(connection, AT, AT + minutes * 60, width))


def run(number: int, at: float, status: str = "completed", **more: Any) -> RunRecord:
    return RunRecord(id=f"r{number}", created_at=AT + at, status=status, **more)


async def test_nothing(store: Store) -> None:
    made = await store.run(lambda connection: read(connection, AT, AT + 120, 60.0))
    assert made.moments == [AT, AT + 60]
    assert made.spans == [Span(), Span()]
    assert (made.total, made.errors, made.models, made.accounts) == (Span(), [], [], [])


async def test_each_run_counts_in_its_minute(store: Store) -> None:
    made = await figures_of(
        store,
        run(1, -0.001),
        run(2, 0.0, model="m", target="q", account_id="a", input_tokens=10, output_tokens=1),
        run(3, 59.999, "failed", model="m", target="q", account_id="b", error_kind="timeout"),
        run(4, 60.0, "running", model="m"),
        run(5, 100.0, "cancelled", model="n", account_id="a", error_kind="cancelled", input_tokens=5),
        run(6, 119.0, "interrupted", error_kind="timeout"),
        run(7, 180.0),
    )
    assert [(span.requests, span.completed, span.failed) for span in made.spans] == [(2, 1, 1), (3, 0, 1), (0, 0, 0)]
    assert (made.total.requests, made.total.input_tokens, made.total.output_tokens) == (5, 15, 1)
    assert made.errors == [("timeout", 2), ("cancelled", 1)]
    assert [(name, span.requests) for name, span in made.models] == [("q", 2), ("m", 1), ("n", 1)]
    assert [(name, span.failed) for name, span in made.accounts] == [("a", 0), ("b", 1)]
    assert made.error_counts == [("timeout", [1, 1, 0]), ("cancelled", [0, 1, 0])]
    assert made.account_counts == [("a", [1, 1, 0]), ("b", [1, 0, 0])]


async def test_only_the_most_frequent_are_counted_by_moments(store: Store) -> None:
    kinds = [f"kind-{number}" for number in range(7) for _ in range(7 - number)]
    failed = [run(at, at * 1.0, "failed", error_kind=kind, account_id=kind) for at, kind in enumerate(kinds)]
    made = await figures_of(store, *failed)
    assert [name for name, _ in made.error_counts] == [f"kind-{number}" for number in range(5)]
    assert [name for name, _ in made.account_counts] == [f"kind-{number}" for number in range(5)]
    assert len(made.errors) == 7


async def test_who_did_not_wait_is_not_among_those_that_waited(store: Store) -> None:
    waits = [run(number, 1.0, queue_ms=float(number)) for number in range(21)]
    made = await figures_of(store, *waits, run(100, 61.0, queue_ms=0.0), run(101, 121.0))
    assert [span.queue_p95 for span in made.spans] == [19.0, None, None]
    assert made.total.queue_p95 == 19.0


async def test_percentiles_are_values_that_were_there(store: Store) -> None:
    slow = [run(number, 1.0, first_event_ms=float(number)) for number in range(1, 101)]
    made = await figures_of(store, *slow, run(200, 61.0, first_event_ms=7.0), run(201, 61.0))
    assert [(span.first_p50, span.first_p95) for span in made.spans] == [(50.0, 95.0), (7.0, 7.0), (None, None)]
    assert (made.total.first_p50, made.total.first_p95) == (50.0, 95.0)


async def test_a_hundred_thousand_runs_are_no_burden(store: Store) -> None:
    """An hour of them among many more: what counts is that only that hour is looked at."""
    number = select(literal(1).label("number")).cte(recursive=True)
    number = number.union_all(select(number.c.number + 1).where(number.c.number < 100_000))
    columns = {
        "id": cast(number.c.number, String),
        "status": literal("completed"),
        "created_at": AT - number.c.number * 2.0,
        "account_id": literal("a"),
        "first_event_ms": number.c.number % 900,
        "stream": true(),
        "attempts": literal(1),
        "reasks": literal(0),
    }
    store.write(insert(runs).from_select([*columns], select(*columns.values())), {})
    await store.commit()
    begun = time.process_time()  # the machine may have others to serve
    made = await store.run(lambda connection: read(connection, AT - 3600, AT, 60.0))
    assert time.process_time() - begun < 0.5
    assert made.total.requests == 1800
