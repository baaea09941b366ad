"""`/api/sessions`: the conversations that luna knows, and what people may do to them.

Deleting, clearing and resetting change what luna knows. A chat at Qwen goes only by the ledger's policy, or where it is
asked for (`chats=true`), and then only chats that luna made.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.operation import Operation
from luna.admin.paging import milliseconds, page, query_of
from luna.admin.runs import RunView
from luna.admin.runs import view as run_view
from luna.admin.session_views import OverflowAnchor, SessionDetail, SessionView, detailed, listed
from luna.model.preferences import LivePreferences
from luna.state.chat_desk import ChatDesk
from luna.state.runs import Runs
from luna.state.session_archive import SessionArchive
from luna.state.session_records import Order, SessionFilter
from luna.state.session_upkeep import Upkeep
from luna.wire.redact import Redactor

Purpose = Literal["main", "subagent", "overflow", "compact", "stateless"]


class SessionQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`GET /api/sessions`. What is given must hold, all of it."""

    source: str = ""
    model: str = ""
    account_id: str = ""
    q: Annotated[str, Meta(description="Words of the title, or an id.")] = ""
    sort: Annotated[Order, Meta(description="By what they are ordered.")] = "updatedAt"
    order: Annotated[Literal["desc", "asc"], Meta(description="desc: the latest, or the most, first.")] = "desc"
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    before: Annotated[str, Meta(description="The `x-next-cursor` of the page before.")] = ""


class SessionPart(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`GET /api/sessions/{id}`: which of its messages."""

    limit: Annotated[int, Meta(ge=0, le=500, description="Messages at most, the latest.")] = 50
    before: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="Only those before this position (`messagesBefore`).")
    ] = None


class SessionRemoval(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`DELETE /api/sessions/{id}`."""

    chats: Annotated[bool, Meta(description="Delete the chats that luna made for it, too.")] = False


class RenameBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /api/sessions/{id}/rename`."""

    title: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]


class ResetBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /api/sessions/{id}/reset-provider`. Without a purpose: for all. Only `main` and `subagent` are ever bound
    to chats; luna's own asides leave none."""

    purpose: Purpose | None = None


class SessionDone(msgspec.Struct):
    """It is done."""

    ok: bool = True


class SessionsDeleted(msgspec.Struct):
    """How many sessions there were, and how many chats are being deleted with them."""

    ok: bool
    deleted: int
    chats: int = 0


class CompactResult(msgspec.Struct):
    """What came of it: the summary, how many messages are still there word for word (`kept`), how many are not
    (`dropped`), and the name of the copy in data/compact."""

    ok: bool
    summary: str
    kept: int
    dropped: int
    file: str


class Reloaded(msgspec.Struct, rename="camel"):
    """How many sessions the database has, and how many answers were at hand and are read again as they are asked
    for."""

    ok: bool
    total_sessions: int
    dropped: int


class SessionStats(msgspec.Struct, rename="camel"):
    """How many last, how many answers can be found (`indexed`), how many sessions have a summary."""

    persistent: int
    indexed: int
    summarized: int


class DataFile(msgspec.Struct):
    """The database: its name, without a path."""

    path: str
    exists: bool
    parseable: bool


class UpkeepView(msgspec.Struct):
    """Summaries and compactions in the background, since luna was started."""

    due: int
    working: int
    made: int
    failed: int


class SessionDiagnostics(msgspec.Struct, rename="camel"):
    """How sessions are found, and how many there are."""

    session_enabled: bool
    resolution_mode: str
    rolling_history_k: int
    summary_every_n_turns: int
    total_sessions: int
    stats: SessionStats
    data_file: DataFile
    upkeep: UpkeepView


def routes(
    archive: SessionArchive,
    upkeep: Upkeep,
    chats: ChatDesk,
    runs: Runs,
    preferences: LivePreferences,
    secrets: Callable[[], Iterable[str]],
) -> list[Operation]:
    """The routes of this subject. A conversation is kept word for word, but no page shows one of the `secrets`."""

    async def listing(request: Request) -> Response:
        query = query_of(request, SessionQuery)
        wanted = SessionFilter(query.source, query.model, query.account_id, query.q)
        found = await archive.find(
            wanted, limit=query.limit, before=query.before, order=query.sort, ascending=query.order == "asc"
        )
        active = {run.record.session_id for run in runs.active()}
        return page(request, [listed(record, record.id in active) for record in found.records], found.cursor)

    async def show(request: Request) -> Response:
        session, part = _id(request), query_of(request, SessionPart)
        record = await archive.get(session)
        said = await archive.said(session, limit=part.limit + 1, before=part.before)
        document = detailed(
            record,
            bindings=await archive.bindings(session),
            overflow=[
                OverflowAnchor(
                    file_name=row.name,
                    created_at=milliseconds(row.created_at) or 0,
                    bytes=row.bytes,
                    token_estimate=row.tokens,
                    run_id=row.run_id or "",
                )
                for row in await archive.overflow(session)
            ],
            tree=await archive.tree(session),
            said=said[-part.limit :] if part.limit else [],
            runs=_active(runs, session),
            more=len(said) > part.limit,
        )
        redacted = Redactor(secrets()).body(msgspec.json.encode(document), fields=False)
        return json(msgspec.Raw(redacted))

    async def diagnostics(_: Request) -> Response:
        counts, options = await archive.counts(), preferences.current.session
        return json(
            SessionDiagnostics(
                session_enabled=options.enabled,
                resolution_mode="context-hash",
                rolling_history_k=options.rolling_history_k,
                summary_every_n_turns=options.summary_every_n_turns,
                total_sessions=counts.total,
                stats=SessionStats(counts.persistent, counts.indexed, counts.summarized),
                data_file=DataFile(archive.database, True, True),  # or it could not have been counted
                upkeep=UpkeepView(upkeep.due, upkeep.working, upkeep.made, upkeep.failed),
            )
        )

    async def delete(request: Request) -> Response:
        session, query = _id(request), query_of(request, SessionRemoval)
        await archive.delete(session)
        return json(SessionsDeleted(True, 1, await chats.discard_session(session) if query.chats else 0))

    async def delete_all(_: Request) -> Response:
        return json(SessionsDeleted(True, await archive.delete_all()))

    async def clear(request: Request) -> Response:
        await archive.clear(_id(request))
        return json(SessionDone())

    async def rename(request: Request) -> Response:
        body = await read(request, RenameBody)
        await archive.rename(_id(request), " ".join(body.title.split()))
        return json(SessionDone())

    async def compact(request: Request) -> Response:
        done = await upkeep.compact(_id(request))
        return json(CompactResult(True, done.summary, done.kept, done.dropped, done.file))

    async def reset(request: Request) -> Response:
        body = await read(request, ResetBody) if await request.body() else ResetBody()
        main, subagents = body.purpose in (None, "main"), body.purpose in (None, "subagent")
        await archive.reset(_id(request), main=main, subagents=subagents)
        return json(SessionDone())

    async def reload(_: Request) -> Response:
        dropped = await archive.reload()
        return json(Reloaded(True, (await archive.counts()).total, dropped))

    one = "/sessions/{id:path}"
    return [
        Operation("GET", "/sessions", listing, "Sessions.", asks=SessionQuery, gives=list[SessionView]),
        Operation("DELETE", "/sessions", delete_all, "Forget all sessions.", gives=SessionsDeleted),
        Operation("GET", "/sessions/diagnostics", diagnostics, "How it stands with them.", gives=SessionDiagnostics),
        Operation("POST", "/sessions/reload", reload, "Read them from the database again.", gives=Reloaded),
        Operation("POST", f"{one}/clear", clear, "Forget what was said in one, and where.", gives=SessionDone),
        Operation("POST", f"{one}/rename", rename, "Give one a title.", takes=RenameBody, gives=SessionDone),
        Operation(
            "POST", f"{one}/compact", compact, "Summarise one, and keep only its last messages.", gives=CompactResult
        ),
        Operation(
            "POST",
            f"{one}/reset-provider",
            reset,
            "Let one begin another chat when it goes on.",
            takes=ResetBody,
            gives=SessionDone,
        ),
        Operation("GET", one, show, "One session.", asks=SessionPart, gives=SessionDetail),
        Operation("DELETE", one, delete, "Forget one.", asks=SessionRemoval, gives=SessionsDeleted),
    ]


def _active(runs: Runs, session: str) -> list[RunView]:
    return [run_view(run.record) for run in runs.active() if run.record.session_id == session]


def _id(request: Request) -> str:
    return str(request.path_params["id"])
