"""`GET /api/audit`, and the eye that sees every change on its way.

Owns which requests are changes (all that are not reads, whether they succeed or not) and whose they are. What is kept
of them belongs to `luna.state.audit`.
"""

from collections.abc import Collection
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.model.errors import Kind, LunaError
from luna.state.audit import Audit, Entry

READS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST = 500


class AuditQuery(msgspec.Struct):
    """Which part of the list."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST, description="How many.")] = 100
    before: Annotated[int | None, msgspec.Meta(description="Only those before this entry.")] = None


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
        finally:
            client = scope.get("client")
            self._audit.note(
                actor=scope.get("state", {}).get("actor", "key"),
                remote=client[0] if client else "",
                method=scope["method"],
                path=scope["path"],
                status=status,
                body=b"".join(said),
            )


def routes(audit: Audit) -> list[Operation]:
    """The routes of this subject."""

    async def entries(request: Request) -> Response:
        try:
            asked = msgspec.convert(dict(request.query_params), AuditQuery, strict=False)
        except msgspec.ValidationError as error:
            raise LunaError(Kind.BAD_REQUEST, f"The query is not what this route takes: {error}.") from None
        return json(await audit.entries(limit=asked.limit, before=asked.before))

    return [Operation("GET", "/audit", entries, "Who changed what.", asks=AuditQuery, gives=list[Entry])]
