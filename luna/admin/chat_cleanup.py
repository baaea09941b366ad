"""`/api/chats` and `/api/chat-cleanup`: the chats that luna made in the users' accounts, and their deletion.

`running`, `lastResult`, `deleted`, `failed` and `ranAt` are LunaProxy's names. Only chats of the ledger are ever
deleted, each by its id. Times are milliseconds since the epoch.
"""

import math
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luna.admin.envelope import json, read
from luna.admin.operation import Operation
from luna.model.errors import Kind, LunaError
from luna.model.preferences import ChatCleanup
from luna.state.chat_deletion import Erased, Outcome
from luna.state.chat_desk import ChatDesk
from luna.state.chat_rows import Chat, State


class Counted(msgspec.Struct, rename="camel"):
    """How many chats luna made (`created`), and what has become of all that it planned."""

    created: int
    planned: int
    open: int
    deleting: int
    deleted: int
    lost: int
    failed: int
    orphaned: int


class LastResult(msgspec.Struct, rename="camel"):
    """What came of the latest round, of the schedule or on demand. It may still be going on."""

    deleted: int
    failed: int
    ran_at: int


class DoomedView(msgspec.Struct, rename="camel"):
    """Chats of one account that are to be deleted and are not gone yet. `nextTryAt` is null for not by itself."""

    account_id: str
    chats: int
    next_try_at: int | None
    reason: str


class CleanupStatus(msgspec.Struct, rename="camel"):
    """`running`: chats are deleted on a schedule; `sweeping`: somebody's request is being worked on now."""

    running: bool
    sweeping: bool
    last_result: LastResult | None
    policy: ChatCleanup
    counts: Counted
    waiting: list[DoomedView]


class SweepBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`POST /api/chat-cleanup/run`. Without `maxAgeHours` it is the schedule's."""

    dry_run: bool = False
    max_age_hours: Annotated[float, Meta(ge=0)] | None = None
    account_id: str = ""
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class ErasedView(msgspec.Struct, rename="camel"):
    """One chat. `ok`: it is gone, or would be; `outcome` and `error` say why not; `reason` says why it is deleted."""

    id: str
    account: str
    ok: bool
    error: str | None
    outcome: str
    reason: str


class SweepResult(msgspec.Struct, rename="camel"):
    """`more`: there is more to delete than was asked for at once."""

    ok: bool
    dry_run: bool
    deleted: int
    failed: int
    more: bool
    results: list[ErasedView]


class ChatQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`GET /api/chats`. `state` is one or several with commas; `before` is the `nextCursor` of the page before."""

    state: str = ""
    account_id: str = ""
    purpose: str = ""
    before: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ChatView(msgspec.Struct, rename="camel"):
    """One chat of the ledger. `chatId` is Qwen's ("" as long as luna does not know it), `id` the ledger's own."""

    id: str
    chat_id: str
    account_id: str
    state: str
    purpose: str
    title: str
    run_id: str
    session_id: str
    created_at: int
    used_at: int | None
    ended_at: int | None
    attempts: int
    next_try_at: int | None
    reason: str
    error: str


class ChatPage(msgspec.Struct, rename="camel"):
    """`nextCursor` is "" on the last page."""

    chats: list[ChatView]
    next_cursor: str
    counts: Counted


def routes(desk: ChatDesk) -> list[Route]:
    """The routes of this subject."""

    async def status(_: Request) -> Response:
        policy, last = desk.cleanup.policy, desk.cleanup.last
        waiting = [
            DoomedView(one.account, one.chats, _milliseconds(one.next_try), one.why) for one in await desk.waiting()
        ]
        return json(
            CleanupStatus(
                running=policy.enabled and policy.scheduled.enabled,
                sweeping=desk.sweeping,
                last_result=LastResult(last.deleted, last.failed, _milliseconds(last.ran_at) or 0) if last else None,
                policy=policy,
                counts=_counted(desk),
                waiting=waiting,
            )
        )

    async def sweep(request: Request) -> Response:
        body = await read(request, SweepBody) if await request.body() else SweepBody()
        swept = await desk.sweep(
            dry_run=body.dry_run, max_age_hours=body.max_age_hours, account=body.account_id, limit=body.limit
        )
        results = [_erased(one) for one in swept.results]
        gone = 0 if body.dry_run else sum(one.gone for one in swept.results)
        failed = 0 if body.dry_run else sum(one.failed for one in swept.results)
        return json(SweepResult(True, body.dry_run, gone, failed, swept.more, results))

    async def listing(request: Request) -> Response:
        query = _query(request)
        found = await desk.page(
            states=_states(query.state),
            account=query.account_id,
            purpose=query.purpose,
            before=_read_cursor(query.before) if query.before else None,
            limit=query.limit + 1,
        )
        page = found[: query.limit]
        cursor = f"{page[-1].created_at!r}_{page[-1].id}" if len(found) > len(page) else ""
        return json(ChatPage([_view(chat) for chat in page], cursor, _counted(desk)))

    async def delete(request: Request) -> Response:
        erased = await desk.delete(request.path_params["id"])
        if not erased.gone and erased.error is not None:
            later = "" if erased.outcome is Outcome.GIVEN_UP else " luna goes on trying."
            raise LunaError(
                erased.error.kind,
                erased.error.message,
                hint=f"{erased.error.hint}{later}".strip(),
                retry_after=erased.error.retry_after,
            )
        if erased.outcome is Outcome.BUSY:
            raise LunaError(Kind.CONFLICT, "An answer is being generated in the chat.", hint="luna deletes it later.")
        return json(_erased(erased))

    return [
        Operation("GET", "/chat-cleanup/status", status, "How the deletion of chats stands.", gives=CleanupStatus),
        Operation("POST", "/chat-cleanup/run", sweep, "Delete old chats now.", takes=SweepBody, gives=SweepResult),
        Operation("GET", "/chats", listing, "The chats that luna made.", asks=ChatQuery, gives=ChatPage),
        Operation("DELETE", "/chats/{id}", delete, "Delete one of them.", gives=ErasedView),
    ]


def _counted(desk: ChatDesk) -> Counted:
    counts = {state.value: number for state, number in desk.ledger.counts().items()}
    return Counted(created=desk.ledger.made, **counts)


def _erased(erased: Erased) -> ErasedView:
    chat, error = erased.chat, erased.error
    said = error.message if error is not None else _WORDS.get(erased.outcome)
    return ErasedView(chat.chat, chat.account, erased.gone, said, erased.outcome.value, erased.reason.value)


_WORDS = {
    Outcome.BUSY: "An answer is being generated in the chat.",
    Outcome.SPARED: "It was taken for empty, and is not.",
}


def _view(chat: Chat) -> ChatView:
    return ChatView(
        id=chat.id,
        chat_id=chat.chat,
        account_id=chat.account,
        state=chat.state.value,
        purpose=chat.purpose,
        title=chat.title,
        run_id=chat.run,
        session_id=chat.session,
        created_at=_milliseconds(chat.created_at) or 0,
        used_at=_milliseconds(chat.used_at),
        ended_at=_milliseconds(chat.ended_at),
        attempts=chat.attempts,
        next_try_at=_milliseconds(chat.next_try),
        reason=chat.reason,
        error=chat.error,
    )


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _query(request: Request) -> ChatQuery:
    try:
        return msgspec.convert(dict(request.query_params), ChatQuery, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        field = path.strip("`$.") or None
        raise LunaError(Kind.BAD_REQUEST, f"The query is not what this route takes: {message}.", param=field) from None


def _states(text: str) -> list[State]:
    try:
        return [State(word.strip()) for word in text.split(",") if word.strip()]
    except ValueError:
        known = ", ".join(state.value for state in State)
        raise LunaError(
            Kind.BAD_REQUEST, f"There is no state {text[:40]!r}.", hint=f"Known are: {known}.", param="state"
        ) from None


def _read_cursor(text: str) -> tuple[float, str]:
    when, _, row = text.partition("_")
    try:
        at = float(when)
    except ValueError:
        at = math.nan
    if not math.isfinite(at):
        raise LunaError(
            Kind.BAD_REQUEST,
            "That is no place in the list of chats.",
            hint="Send the `nextCursor` of the page before.",
            param="before",
        )
    return at, row
