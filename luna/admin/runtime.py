"""`/api/runtime`, `/api/provider-runtime`: what is going on at this moment, and the limits in force.

Shapes are LunaProxy's, with what it had no value for beside them. Times are milliseconds since the epoch.
"""

from collections.abc import Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.model.preferences import MultiThread
from luna.state.account import PROVIDER
from luna.state.account_view import milliseconds
from luna.state.runs import Runs
from luna.state.schedule_view import LockView, QueuedView, RunningView, ScheduleView
from luna.state.scheduler import Scheduler

LOCKS = ("provider-chat:", "session-write:")


class ActiveRun(msgspec.Struct, frozen=True, rename="camel"):
    """A run that waits, runs or streams."""

    id: str
    status: str
    provider_id: str
    account_id: str
    provider_chat_id: str
    session_id: str
    worker_id: str
    model: str
    started_at: int | None


class HeldLease(msgspec.Struct, frozen=True, rename="camel"):
    """What one run holds."""

    run_id: str
    capacity_keys: list[str]
    lock_keys: list[str]
    released: bool = False


class WorkerState(msgspec.Struct, frozen=True, rename="camel"):
    """A worker, shortly."""

    id: str
    provider_id: str
    status: str
    last_verified_ip: str | None = None


class ProviderRuntime(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`GET /api/provider-runtime`. `config` holds the limits in force, `queue` those who wait and for what."""

    config: MultiThread
    locks: dict[str, LockView]
    active_runs: list[ActiveRun]
    queue: list[QueuedView]


class Runtime(ProviderRuntime, frozen=True, kw_only=True, rename="camel"):
    """`GET /api/runtime`."""

    leases: list[HeldLease]
    workers: list[WorkerState]


def _no_workers() -> Sequence[WorkerState]:
    return ()


def routes(
    scheduler: Scheduler, runs: Runs | None = None, workers: Callable[[], Sequence[WorkerState]] = _no_workers
) -> list[Operation]:
    """The routes of this subject."""

    def active(seen: ScheduleView) -> list[ActiveRun]:
        if runs is None:
            return [*map(_running, seen.running), *map(_waiting, seen.waiting)]
        return [
            ActiveRun(
                id=run.id,
                status=run.status,
                provider_id=run.record.provider_id,
                account_id=run.record.account_id,
                provider_chat_id=run.record.chat_id,
                session_id=run.record.session_id,
                worker_id=run.record.worker_id,
                model=run.record.model,
                started_at=milliseconds(run.record.started_at),
            )
            for run in runs.active()
        ]

    async def provider_runtime(_: Request) -> Response:
        seen = scheduler.describe()
        config = scheduler.limits.multi_thread
        return json(ProviderRuntime(config=config, locks=seen.locks, active_runs=active(seen), queue=seen.waiting))

    async def runtime(_: Request) -> Response:
        seen = scheduler.describe()
        return json(
            Runtime(
                config=scheduler.limits.multi_thread,
                locks=seen.locks,
                active_runs=active(seen),
                queue=seen.waiting,
                leases=[_lease(one) for one in seen.running],
                workers=list(workers()),
            )
        )

    return [
        Operation("GET", "/runtime", runtime, "Who runs, who waits for what, what is taken.", gives=Runtime),
        Operation("GET", "/provider-runtime", provider_runtime, "The same, shorter.", gives=ProviderRuntime),
    ]


def _lease(one: RunningView) -> HeldLease:
    locks = [key for key in one.keys if key.startswith(LOCKS)]
    return HeldLease(one.run_id, [key for key in one.keys if key not in locks], locks)


def _running(one: RunningView) -> ActiveRun:
    return ActiveRun(
        id=one.run_id,
        status="streaming" if one.streaming else "running",
        provider_id=PROVIDER,
        account_id=one.account_id,
        provider_chat_id=one.chat_id,
        session_id=one.session_id,
        worker_id=one.worker_id,
        model=one.model,
        started_at=one.since,
    )


def _waiting(one: QueuedView) -> ActiveRun:
    return ActiveRun(
        id=one.run_id,
        status="queued",
        provider_id=PROVIDER,
        account_id=one.account_id,
        provider_chat_id=one.chat_id,
        session_id=one.session_id,
        worker_id="",
        model=one.model,
        started_at=None,
    )
