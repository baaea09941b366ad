"""What each account did lately, as its runs tell.

Owns the sums over the table of runs. Runs that are kept no longer are not in them.
"""

from dataclasses import dataclass

from luna.state.store import Store
from luna.state.store.sql import and_, case, func, select
from luna.state.store.tables import runs

_ENDED_BADLY = runs.c.status.in_(["failed", "interrupted"])


@dataclass(frozen=True)
class Failure:
    """A run that failed. `at` in seconds since the epoch."""

    run: str
    at: float
    kind: str
    message: str


@dataclass(frozen=True)
class Usage:
    """The sums of one account. Tokens are luna's own count, as in its answers."""

    account: str
    runs: int
    completed: int
    failed: int
    input_tokens: int
    output_tokens: int
    last_success_at: float | None = None
    """Seconds since the epoch."""
    last_failure: Failure | None = None


async def usage_since(store: Store, since: float) -> list[Usage]:
    """Of every account that had a run since then (seconds since the epoch), by its id. Raises LunaError(INTERNAL)."""
    lately = and_(runs.c.created_at >= since, runs.c.account_id.is_not(None), runs.c.account_id != "")
    completed = case((runs.c.status == "completed", 1), else_=0)
    failed = case((_ENDED_BADLY, 1), else_=0)
    sums = await store.read(
        select(
            runs.c.account_id,
            func.count().label("runs"),
            func.sum(completed).label("completed"),
            func.sum(failed).label("failed"),
            func.coalesce(func.sum(runs.c.input_tokens), 0).label("input_tokens"),
            func.coalesce(func.sum(runs.c.output_tokens), 0).label("output_tokens"),
            func.max(case((runs.c.status == "completed", runs.c.completed_at))).label("last_success_at"),
        )
        .where(lately)
        .group_by(runs.c.account_id)
        .order_by(runs.c.account_id)
    )
    failures = await _last_failures(store, since)
    return [
        Usage(
            account=row.account_id,
            runs=int(row.runs),
            completed=int(row.completed),
            failed=int(row.failed),
            input_tokens=int(row.input_tokens),
            output_tokens=int(row.output_tokens),
            last_success_at=row.last_success_at,
            last_failure=failures.get(row.account_id),
        )
        for row in sums
    ]


async def _last_failures(store: Store, since: float) -> dict[str, Failure]:
    latest = (
        select(runs.c.account_id, func.max(runs.c.created_at).label("at"))
        .where(runs.c.created_at >= since, _ENDED_BADLY)
        .group_by(runs.c.account_id)
        .subquery()
    )
    rows = await store.read(
        select(runs.c.id, runs.c.account_id, runs.c.created_at, runs.c.error_kind, runs.c.error_message)
        .join(latest, and_(runs.c.account_id == latest.c.account_id, runs.c.created_at == latest.c.at))
        .where(_ENDED_BADLY)
    )
    return {
        row.account_id: Failure(row.id, row.created_at, row.error_kind or "", row.error_message or "") for row in rows
    }
