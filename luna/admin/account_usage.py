"""`/api/accounts/usage`: what each account did in the last hours.

Owns the shape; times are milliseconds since the epoch. The sums are `luna.state.account_usage`'s.
"""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.admin.paging import query_of
from luna.model.ambient import Clock
from luna.state.account_usage import Usage, usage_since
from luna.state.account_view import milliseconds
from luna.state.store import Store

HOUR = 3600.0


class UsageQuery(msgspec.Struct, forbid_unknown_fields=True):
    """How far back."""

    hours: Annotated[float, Meta(gt=0, le=8760, description="Hours, up to a year.")] = 24.0


class FailureView(msgspec.Struct, frozen=True):
    """The latest run that failed. `id` is the run's."""

    id: str
    at: int
    kind: str
    message: str


class AccountUsage(msgspec.Struct, frozen=True, rename="camel"):
    """One account: its runs, those that were answered and those that failed, and their tokens."""

    account_id: str
    runs: int
    completed: int
    failed: int
    input_tokens: int
    output_tokens: int
    last_success_at: int | None
    last_failure: FailureView | None


class UsageReport(msgspec.Struct, frozen=True):
    """`GET /api/accounts/usage`: accounts without a run are not in it."""

    since: int
    accounts: list[AccountUsage]


def routes(store: Store, clock: Clock) -> list[Operation]:
    """The routes of this subject; they stand before those of `/accounts/{id}`."""

    async def usage(request: Request) -> Response:
        since = clock.wall() - query_of(request, UsageQuery).hours * HOUR
        return json(UsageReport(round(since * 1000), [_shown(one) for one in await usage_since(store, since)]))

    about = "What each account did lately."
    return [Operation("GET", "/accounts/usage", usage, about, asks=UsageQuery, gives=UsageReport)]


def _shown(usage: Usage) -> AccountUsage:
    failure = usage.last_failure
    return AccountUsage(
        account_id=usage.account,
        runs=usage.runs,
        completed=usage.completed,
        failed=usage.failed,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        last_success_at=milliseconds(usage.last_success_at),
        last_failure=FailureView(failure.run, round(failure.at * 1000), failure.kind, failure.message)
        if failure is not None
        else None,
    )
