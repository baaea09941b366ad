"""`/api/logs`: what luna has said, without secrets; searching it, and clearing it, which clears nothing else.

`level`, `message` and `timestamp` are LunaProxy's names. Times are milliseconds since the epoch.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.admin.paging import milliseconds, page, query_of, seconds, words_of
from luna.state.log_archive import LogEntry, LogFilter
from luna.state.logs import Logs
from luna.state.runs import Runs

LEVELS = frozenset({"debug", "info", "warning", "error"})


class LogQuery(msgspec.Struct, forbid_unknown_fields=True):
    """`GET /api/logs`. What is given must hold, all of it."""

    level: Annotated[str, Meta(description="One or several levels, separated by commas.")] = ""
    q: Annotated[str, Meta(description="Words of the message or its traceback.")] = ""
    flow: Annotated[str, Meta(description="The flow that the lines are about.")] = ""
    since: Annotated[float | None, Meta(description="Milliseconds since the epoch; said then or later.")] = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    before: Annotated[int | None, Meta(description="The `x-next-cursor` of the page before.")] = None


class LogView(msgspec.Struct, omit_defaults=True):
    """One line. `id` grows with time."""

    id: int
    timestamp: int
    level: str
    message: str
    logger: str
    flow: str = ""
    fields: dict[str, Any] = {}


class LogFigures(msgspec.Struct, rename="camel"):
    """How many lines there are, how many of them errors, and how many runs."""

    total: int
    errors: int
    chat_requests: int


class Cleared(msgspec.Struct):
    """How many lines were deleted."""

    ok: bool
    deleted: int


def routes(logs: Logs, runs: Runs) -> list[Operation]:
    """The routes of this subject."""

    async def listing(request: Request) -> Response:
        query = query_of(request, LogQuery)
        wanted = LogFilter(words_of(query.level, LEVELS, "level"), query.flow, query.q, seconds(query.since))
        found = await logs.find(wanted, limit=query.limit, before=query.before)
        return page(request, [view(entry) for entry in found.entries], str(found.before or ""))

    async def stats(_: Request) -> Response:
        figures = await logs.stats()
        return json(LogFigures(figures.total, figures.errors, await runs.archive.count()))

    async def clear(_: Request) -> Response:
        return json(Cleared(True, await logs.clear()))

    return [
        Operation("GET", "/logs", listing, "Log lines, the newest first.", asks=LogQuery, gives=list[LogView]),
        Operation("GET", "/logs/stats", stats, "How much is logged.", gives=LogFigures),
        Operation("DELETE", "/logs", clear, "Forget all log lines, and nothing else.", gives=Cleared),
    ]


def view(entry: LogEntry) -> LogView:
    """A line as the API shows it."""
    at = milliseconds(entry.at) or 0
    return LogView(entry.id, at, entry.level, entry.message, entry.logger, entry.flow, entry.fields)
