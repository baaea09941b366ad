"""`/api/runs`: what runs, what ran, and how it ended; ending what runs.

Field names are LunaProxy's where it had them (`providerChatId`, `activeTaskPreview`, `queueReason`, …). Times are
milliseconds since the epoch.
"""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.operation import Operation
from luna.admin.paging import milliseconds, page, query_of, seconds, words_of
from luna.core.flow import Outcome
from luna.core.live import LiveFlows
from luna.model.errors import Kind, LunaError
from luna.state.run import NEXT, RunRecord, names_of
from luna.state.run_archive import RunFilter
from luna.state.runs import Runs, unknown_run

STATES = frozenset(NEXT)


class RunQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`GET /api/runs`. What is given must hold, all of it."""

    status: Annotated[str, Meta(description="One or several states, separated by commas.")] = ""
    model: Annotated[str, Meta(description="As the client wrote it, or the upstream's.")] = ""
    account_id: str = ""
    session_id: str = ""
    client: Annotated[str, Meta(description="The name of a key, or a kind of client.")] = ""
    route: str = ""
    error_kind: str = ""
    since: Annotated[float | None, Meta(description="Milliseconds since the epoch; created then or later.")] = None
    until: Annotated[float | None, Meta(description="Created before that.")] = None
    q: Annotated[str, Meta(description="Words of the preview.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    before: Annotated[str, Meta(description="The `x-next-cursor` of the page before.")] = ""


class RunView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One run. What is not known is left out. Durations are milliseconds."""

    id: str
    status: str
    created_at: int
    queued_at: int | None
    provider_id: str
    model: str
    stream: bool
    started_at: int | None = None
    first_event_at: int | None = None
    completed_at: int | None = None
    queue_ms: float | None = None
    first_event_ms: float | None = None
    duration_ms: float | None = None
    session_id: str = ""
    session_reason: str = ""
    thread_id: str = ""
    account_id: str = ""
    worker_id: str = ""
    network_profile_id: str = ""
    outbound_ip: str = ""
    provider_chat_id: str = ""
    target_model: str = ""
    route: str = ""
    pipeline: str = ""
    protocol: str = ""
    client: str = ""
    """The name of the key that the client showed."""
    agent: str = ""
    """What kind of client it is."""
    active_task_preview: str = ""
    queue_reason: str = ""
    error: str = ""
    error_kind: str = ""
    error_hint: str = ""
    error_stage: str = ""
    http_status: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    attempts: int = 1
    reasks: int = 0
    tools: list[str] = []
    """Those that were called."""
    recording: str = ""
    """The id under which it was recorded."""
    bytes_in: int | None = None


class Cancelled(msgspec.Struct, rename="camel", omit_defaults=True):
    """The answer to a cancellation. `alreadyTerminal`: it was over before."""

    ok: bool
    status: str
    already_terminal: bool = False


class Deleted(msgspec.Struct):
    """How many were deleted."""

    ok: bool
    deleted: int


class AttachBody(msgspec.Struct, rename="camel"):
    """`POST /api/runs/{id}/attach-session`."""

    session_id: Annotated[str, Meta(min_length=1)]


class Done(msgspec.Struct):
    """It is done."""

    ok: bool = True


def routes(runs: Runs, live: LiveFlows) -> list[Operation]:
    """The routes of this subject."""

    async def listing(request: Request) -> Response:
        query = query_of(request, RunQuery)
        found = await runs.find(_filter(query), limit=query.limit, before=query.before)
        return page(request, [view(record) for record in found.records], found.cursor)

    async def show(request: Request) -> Response:
        record = await runs.get(_id(request))
        if record is None:
            raise unknown_run(_id(request))
        return json(view(record))

    async def cancel(request: Request) -> Response:
        return json(await cancel_run(_id(request), runs, live))

    async def delete(request: Request) -> Response:
        if not await runs.delete(_id(request)):
            raise unknown_run(_id(request))
        return json(Deleted(True, 1))

    async def delete_all(_: Request) -> Response:
        return json(Deleted(True, await runs.delete_all()))

    async def attach(request: Request) -> Response:
        body = await read(request, AttachBody)
        await runs.attach_session(_id(request), body.session_id)
        return json(Done())

    return [
        Operation("GET", "/runs", listing, "Runs, the newest first.", asks=RunQuery, gives=list[RunView]),
        Operation("DELETE", "/runs", delete_all, "Forget all runs that are over.", gives=Deleted),
        Operation("GET", "/runs/{id}", show, "One run.", gives=RunView),
        Operation("DELETE", "/runs/{id}", delete, "Forget a run that is over.", gives=Deleted),
        Operation("POST", "/runs/{id}/cancel", cancel, "End a run.", gives=Cancelled),
        Operation(
            "POST",
            "/runs/{id}/attach-session",
            attach,
            "Say that a run belongs to a session.",
            takes=AttachBody,
            gives=Done,
        ),
    ]


async def cancel_run(id: str, runs: Runs, live: LiveFlows) -> Cancelled:
    """End a run wherever it is: the client is told in its protocol, the upstream stops, and the record says so.
    Raises LunaError(NOT_FOUND)."""
    flow, run = live.find(id), runs.find_active(id)
    if flow is not None and run is not None and flow.outcome is None and not run.terminal:
        hint = "Somebody ended it through luna's admin API."
        flow.cancel(Outcome.CANCELLED, LunaError(Kind.CANCELLED, "The run was cancelled.", hint=hint, stage=flow.stage))
        runs.cancel(run)
        return Cancelled(True, run.status)
    record = await runs.get(id)
    if record is None:
        raise unknown_run(id)
    ended = flow.outcome.value if flow is not None and flow.outcome is not None else record.status
    return Cancelled(True, ended, already_terminal=True)


def view(record: RunRecord) -> RunView:
    """A run as the API shows it."""
    return RunView(
        id=record.id,
        status=record.status,
        created_at=milliseconds(record.created_at) or 0,
        queued_at=milliseconds(record.queued_at),
        provider_id=record.provider_id,
        model=record.model,
        stream=record.stream,
        started_at=milliseconds(record.started_at),
        first_event_at=milliseconds(record.first_event_at),
        completed_at=milliseconds(record.completed_at),
        queue_ms=record.queue_ms,
        first_event_ms=record.first_event_ms,
        duration_ms=record.duration_ms,
        session_id=record.session_id,
        session_reason=record.session_reason,
        thread_id=record.thread_id,
        account_id=record.account_id,
        worker_id=record.worker_id,
        network_profile_id=record.network_profile_id,
        outbound_ip=record.outbound_ip,
        provider_chat_id=record.chat_id,
        target_model=record.target,
        route=record.route,
        pipeline=record.pipeline,
        protocol=record.protocol,
        client=record.client,
        agent=record.agent,
        active_task_preview=record.preview,
        queue_reason=record.queue_reason,
        error=record.error_message,
        error_kind=record.error_kind,
        error_hint=record.error_hint,
        error_stage=record.error_stage,
        http_status=record.http_status,
        input_tokens=record.input_tokens,
        output_tokens=record.output_tokens,
        thinking_tokens=record.thinking_tokens,
        attempts=record.attempts,
        reasks=record.reasks,
        tools=names_of(record.tools),
        recording=record.recording,
        bytes_in=record.bytes_in,
    )


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _filter(query: RunQuery) -> RunFilter:
    return RunFilter(
        statuses=words_of(query.status, STATES, "status"),
        model=query.model,
        account=query.account_id,
        session=query.session_id,
        client=query.client,
        route=query.route,
        error=query.error_kind,
        since=seconds(query.since),
        until=seconds(query.until),
        text=query.q,
    )
