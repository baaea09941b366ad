"""What the runs of the last while come to: how many, how fast, how much, and what went wrong, by moments.

Owns the questions to the database; each looks at the runs of that while alone, by the index over their birth.
Durations are milliseconds, times seconds since the epoch.
"""

from typing import Any

from sqlalchemy import Connection, Integer, Select, case, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from luna.state.run_spans import Figures, Span
from luna.state.store.schema import runs

ENDED_WELL = "completed"
ENDED_BADLY = ("failed", "interrupted")
TOP = 50
"""Models, accounts and kinds of error that are counted by name; the most frequent ones."""
FEW = 5
"""Of those, how many are counted by moments too."""

Row = tuple[Any, ...]


class _Whole(FunctionElement[int]):
    """A number that is not negative, without what is behind its point."""

    type = Integer()
    inherit_cache = True
    name = "whole"


@compiles(_Whole)
def _truncate(element: _Whole, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS INTEGER)"


@compiles(_Whole, "postgresql")
def _floor(element: _Whole, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(floor({compiler.process(element.clauses, **options)}) AS INTEGER)"  # its CAST rounds


_RUN = (
    func.count(),
    func.sum(case((runs.c.status == ENDED_WELL, 1), else_=0)),
    func.sum(case((runs.c.status.in_(ENDED_BADLY), 1), else_=0)),
    func.coalesce(func.sum(runs.c.input_tokens), 0),
    func.coalesce(func.sum(runs.c.output_tokens), 0),
)
_MODEL = case((func.coalesce(runs.c.target, "") != "", runs.c.target), else_=func.coalesce(runs.c.model, ""))


def read(connection: Connection, since: float, until: float, width: float) -> Figures:
    """The figures of all runs born from `since` on and before `until`, in stretches of `width` seconds."""
    made = Figures(since, width)
    count = max(1, round((until - since) / width))
    made.moments = [since + width * number for number in range(count)]
    made.spans = [Span() for _ in made.moments]
    within = (runs.c.created_at >= since, runs.c.created_at < until)
    number = _Whole((runs.c.created_at - since) / width).label("number")

    def ask(statement: Select[Any]) -> list[Row]:
        return [tuple(row) for row in connection.execute(statement)]

    for row in ask(select(number, *_RUN).where(*within).group_by(number)):
        _fill(made.spans[min(row[0], count - 1)], row[1:])
    made.total = _sum(made.spans)
    firsts = select(number, runs.c.first_event_ms.label("ms")).where(*within, runs.c.first_event_ms.is_not(None))
    waits = select(number, runs.c.queue_ms.label("ms")).where(*within, runs.c.queue_ms > 0)
    for row in ask(_percentiles(firsts, by_number=True)):
        span = made.spans[min(row[0], count - 1)]
        span.first_p50, span.first_p95 = row[1:]
    for row in ask(_percentiles(firsts, by_number=False)):
        made.total.first_p50, made.total.first_p95 = row[1:]
    for row in ask(_percentiles(waits, by_number=True)):
        made.spans[min(row[0], count - 1)].queue_p95 = row[2]
    for row in ask(_percentiles(waits, by_number=False)):
        made.total.queue_p95 = row[2]
    kind = runs.c.error_kind
    errors = select(kind, func.count()).where(*within, func.coalesce(kind, "") != "").group_by(kind)
    made.errors = [(row[0], row[1]) for row in ask(errors.order_by(func.count().desc(), kind).limit(TOP))]
    made.models = _named(ask(_by(_MODEL, within)))
    made.accounts = _named(ask(_by(func.coalesce(runs.c.account_id, ""), within)))

    def counts(column: Any, names: list[str]) -> list[tuple[str, list[int]]]:
        by_name = {name: [0] * count for name in names[:FEW]}
        for name, at, many in ask(
            select(column, number, func.count()).where(*within, column.in_(by_name)).group_by(column, number)
        ):
            by_name[name][min(at, count - 1)] += many
        return [*by_name.items()]

    made.error_counts = counts(kind, [name for name, _ in made.errors])
    made.account_counts = counts(runs.c.account_id, [name for name, _ in made.accounts])
    return made


def _percentiles(firsts: Select[Any], *, by_number: bool) -> Select[Any]:
    """The nearest ranks of 50 and 95 per cent: the smallest value that so many are not above."""
    inner = firsts.subquery()
    part = inner.c.number if by_number else None
    ranked = select(
        inner.c.number,
        inner.c.ms,
        func.row_number().over(partition_by=part, order_by=inner.c.ms).label("rank"),
        func.count().over(partition_by=part).label("size"),
    ).subquery()
    picked = [func.min(case((ranked.c.rank * 100 >= ranked.c.size * per, ranked.c.ms))) for per in (50, 95)]
    if by_number:
        return select(ranked.c.number, *picked).group_by(ranked.c.number)
    return select(func.min(ranked.c.number), *picked)


def _by(name: Any, within: tuple[Any, ...]) -> Select[Any]:
    return select(name, *_RUN).where(*within).group_by(name).order_by(func.count().desc(), name).limit(TOP)


def _named(rows: list[Row]) -> list[tuple[str, Span]]:
    return [(row[0], _fill(Span(), row[1:])) for row in rows if row[0]]


def _fill(span: Span, row: Row) -> Span:
    span.requests, span.completed, span.failed, span.input_tokens, span.output_tokens = map(int, row)
    return span


def _sum(spans: list[Span]) -> Span:
    return Span(
        requests=sum(span.requests for span in spans),
        completed=sum(span.completed for span in spans),
        failed=sum(span.failed for span in spans),
        input_tokens=sum(span.input_tokens for span in spans),
        output_tokens=sum(span.output_tokens for span in spans),
    )
