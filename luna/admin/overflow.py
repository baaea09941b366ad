"""`/api/overflow`: the local copies of prompts that went up as files.

They are for people: removing one takes nothing from a conversation, and no other route removes any. Times are
milliseconds since the epoch.
"""

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.model.errors import Kind, LunaError
from luna.state.overflow_files import OverflowEntry, OverflowFiles


class OverflowQuery(msgspec.Struct):
    """`GET /api/overflow?limit=50&before=NAME`."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=500, description="Files at most, the newest first.")] = 50
    before: Annotated[str, msgspec.Meta(description="Only those older than this file.")] = ""


class OverflowView(msgspec.Struct, rename="camel", omit_defaults=True):
    """One file. `tokens` is an estimate; `sessionId` and `runId` say what it belongs to, where that is known."""

    name: str
    bytes: int
    created_at: int
    tokens: int | None = None
    session_id: str | None = None
    run_id: str | None = None


class OverflowList(msgspec.Struct, rename="camel"):
    """`total` and `totalBytes` are those of all files. `next` is the `before` of the page that follows, null on the
    last one."""

    files: list[OverflowView]
    total: int
    total_bytes: int
    next: str | None


class OverflowRemoved(msgspec.Struct):
    """How many files there were."""

    ok: bool
    removed: int


def routes(files: OverflowFiles) -> list[Route]:
    """The routes of this subject."""

    async def show(request: Request) -> Response:
        query = _query(request)
        entries, following = files.listing(query.limit, query.before)
        return json(OverflowList([_view(entry) for entry in entries], len(files), files.total_bytes, following or None))

    async def content(request: Request) -> Response:
        entry, text = await files.content(request.path_params["name"])
        headers = {
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "content-disposition": f'inline; filename="{entry.name}"',
        }
        return Response(text, media_type="text/plain", headers=headers)

    async def remove(request: Request) -> Response:
        return json(OverflowRemoved(True, await files.remove([request.path_params["name"]])))

    async def clear(_: Request) -> Response:
        return json(OverflowRemoved(True, await files.clear()))

    return [
        Operation(
            "GET", "/overflow", show, "The overflow files that are kept.", asks=OverflowQuery, gives=OverflowList
        ),
        Operation("GET", "/overflow/{name}", content, "What stands in one of them.", media="text/plain"),
        Operation("DELETE", "/overflow/{name}", remove, "Remove one.", gives=OverflowRemoved),
        Operation("DELETE", "/overflow", clear, "Remove all.", gives=OverflowRemoved),
    ]


def _query(request: Request) -> OverflowQuery:
    try:
        return msgspec.convert(dict(request.query_params), OverflowQuery, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        raise LunaError(
            Kind.BAD_REQUEST, f"The query is not what this route takes: {message}.", param=path.strip("`$.") or None
        ) from None


def _view(entry: OverflowEntry) -> OverflowView:
    return OverflowView(
        name=entry.name,
        bytes=entry.bytes,
        created_at=round(entry.created_at * 1000),
        tokens=entry.tokens,
        session_id=entry.session or None,
        run_id=entry.run or None,
    )
