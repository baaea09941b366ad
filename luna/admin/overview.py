"""`GET /api/overview`: how luna is doing, in figures and over time.

What was is read from the runs (`luna.state.run_figures`), what is from those that go on. Times are milliseconds since
the epoch, durations milliseconds.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.admin.paging import query_of
from luna.state.run_row import RunRow, row_of
from luna.state.run_spans import Figures, Span
from luna.state.runs import Runs

WIDTHS = (60, 300, 900, 3600, 14_400)
"""Seconds that one point of a chart may stand for."""
POINTS = 180
ACTIVE = 100
"""Runs shown of those that go on; the oldest ones."""


class OverviewQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Of which while."""

    minutes: Annotated[int, Meta(ge=5, le=43_200)] = 60


class Sum(msgspec.Struct, rename="camel"):
    """What some runs come to. `failed` counts those that failed or were interrupted, not those that somebody ended;
    `success` is the share of completed ones among completed and failed, null where there are none."""

    requests: int
    completed: int
    failed: int
    success: float | None
    input_tokens: int
    output_tokens: int
    first_p50: float | None
    first_p95: float | None
    queue_p95: float | None
    """How long those waited for a place that had to."""


class Named(msgspec.Struct):
    """The same, of one model or account."""

    name: str
    sum: Sum


class ErrorCount(msgspec.Struct):
    """How often something went wrong."""

    kind: str
    count: int


class Counts(msgspec.Struct):
    """How often something happened, moment by moment."""

    name: str
    counts: list[int]


class Series(msgspec.Struct, rename="camel"):
    """By moments, oldest first; each list has one value for each of them. `errors` and `accounts` are the most
    frequent kinds of error, and the accounts with most requests; the few that a chart can tell apart."""

    moments: list[int]
    requests: list[int]
    success: list[float | None]
    failed: list[int]
    input_tokens: list[int]
    output_tokens: list[int]
    first_p50: list[float | None]
    first_p95: list[float | None]
    queue_p95: list[float | None]
    errors: list[Counts]
    accounts: list[Counts]


class Now(msgspec.Struct, rename="camel"):
    """What goes on at this moment."""

    active: int
    queued: int
    streaming: int
    longest_wait_ms: float
    """Of those that wait for a place now."""
    runs: list[RunRow]


class Overview(msgspec.Struct, rename="camel"):
    """How luna is doing. `widthSeconds` is how much one moment of the series stands for."""

    at: int
    since: int
    width_seconds: int
    total: Sum
    series: Series
    errors: list[ErrorCount]
    models: list[Named]
    accounts: list[Named]
    now: Now


def routes(runs: Runs, now: Callable[[], float]) -> list[Operation]:
    """The routes of this subject. `now` in seconds since the epoch."""

    async def show(request: Request) -> Response:
        minutes = query_of(request, OverviewQuery).minutes
        width = next((width for width in WIDTHS if minutes * 60 <= width * POINTS), WIDTHS[-1])
        at = now()
        until = (at // width + 1) * width
        since = until - max(1, -(-minutes * 60 // width)) * width
        figures = await runs.figures(since, until, width)
        return json(
            Overview(
                at=round(at * 1000),
                since=round(since * 1000),
                width_seconds=width,
                total=_sum(figures.total),
                series=_series(figures),
                errors=[ErrorCount(kind, count) for kind, count in figures.errors],
                models=[Named(name, _sum(span)) for name, span in figures.models],
                accounts=[Named(name, _sum(span)) for name, span in figures.accounts],
                now=_now(runs, at),
            )
        )

    about = "How luna is doing, now and over the last while."
    return [Operation("GET", "/overview", show, about, asks=OverviewQuery, gives=Overview)]


def _sum(span: Span) -> Sum:
    return Sum(
        requests=span.requests,
        completed=span.completed,
        failed=span.failed,
        success=_success(span),
        input_tokens=span.input_tokens,
        output_tokens=span.output_tokens,
        first_p50=span.first_p50,
        first_p95=span.first_p95,
        queue_p95=span.queue_p95,
    )


def _success(span: Span) -> float | None:
    decided = span.completed + span.failed
    return span.completed / decided if decided else None


def _series(figures: Figures) -> Series:
    spans = figures.spans
    return Series(
        moments=[round(moment * 1000) for moment in figures.moments],
        requests=[span.requests for span in spans],
        success=[_success(span) for span in spans],
        failed=[span.failed for span in spans],
        input_tokens=[span.input_tokens for span in spans],
        output_tokens=[span.output_tokens for span in spans],
        first_p50=[span.first_p50 for span in spans],
        first_p95=[span.first_p95 for span in spans],
        queue_p95=[span.queue_p95 for span in spans],
        errors=[Counts(name, counts) for name, counts in figures.error_counts],
        accounts=[Counts(name, counts) for name, counts in figures.account_counts],
    )


def _now(runs: Runs, at: float) -> Now:
    active = runs.active()
    waiting = [at - (run.record.queued_at or run.record.created_at) for run in active if run.status == "queued"]
    return Now(
        active=len(active),
        queued=len(waiting),
        streaming=sum(run.status == "streaming" for run in active),
        longest_wait_ms=max(0.0, round(max(waiting, default=0.0) * 1000, 3)),
        runs=[row_of(run.record) for run in active[:ACTIVE]],
    )
