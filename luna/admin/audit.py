"""`GET /api/audit`, and the eye that sees every change on its way.

Owns which requests are changes (all that are not reads, whether they succeed or not) and whose they are. What is kept
of them belongs to `luna.state.audit`.
"""

from collections.abc import Collection
from typing import Annotated

import anyio
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luna.admin.door import remote_of
from luna.admin.envelope import refusal
from luna.admin.operation import Operation
from luna.admin.paging import page, query_of
from luna.model.errors import LunaError
from luna.state.audit import Audit, Entry

READS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST = 500
LEFT = 499
"""The status of a change whose client left before it was answered."""


class AuditQuery(msgspec.Struct):
    """Which part of the list."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST, description="How many.")] = 100
    before: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1, description="Only those before this entry.")] | None = None


class Audited:
    """An ASGI application whose changes are written down."""

    def __init__(self, inner: ASGIApp, audit: Audit, reads: Collection[tuple[str, str]] = ()) -> None:
        """`reads`: methods and whole paths of requests that change nothing although they have a body."""
        self._inner = inner
        self._audit = audit
        self._reads = frozenset(reads)

    def _asks(self, scope: Scope) -> bool:
        return (scope["method"], scope["path"]) in self._reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in READS or self._asks(scope):
            await self._inner(scope, receive, send)
            return
        said: list[bytes] = []
        status = 500

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                said.append(message.get("body", b""))
            return message

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._inner(scope, heard, told)
        except HTTPException as error:  # answered further out
            status = error.status_code
            raise
        except LunaError as error:
            status = refusal(error).status_code
            raise
        except anyio.get_cancelled_exc_class():
            status = LEFT
            raise
        finally:
            self._audit.note(
                actor=scope.get("state", {}).get("actor", ""),
                remote=remote_of(scope),
                method=scope["method"],
                path=scope["path"],
                status=status,
                body=b"".join(said),
            )


def routes(audit: Audit) -> list[Operation]:
    """The routes of this subject."""

    async def entries(request: Request) -> Response:
        asked = query_of(request, AuditQuery)
        found = await audit.entries(limit=asked.limit, before=asked.before)
        return page(request, found, str(found[-1].id) if len(found) == asked.limit else "")

    return [
        Operation("GET", "/audit", entries, "Who changed what, the latest first.", asks=AuditQuery, gives=list[Entry])
    ]
