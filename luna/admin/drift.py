"""`/api/drift`: what is new in what Qwen sends, and that somebody has taken note of it.

Owns the form. Names and types of what was found, never values; times are milliseconds since the epoch.
"""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read, unwritable
from luna.admin.operation import Operation
from luna.state.drift import Drift, Finding


class DriftList(msgspec.Struct, rename="camel"):
    """`open`: how many nobody has taken note of. `passedOver`: how often there was no time to look."""

    open: int
    passed_over: int
    findings: list[Finding]


class MarkBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /api/drift/known`."""

    ids: Annotated[list[str], Meta(max_length=2000)] | None = None
    """Which ones; all, where it is left out."""


class Marked(msgspec.Struct):
    """How many were marked, and how many are left."""

    marked: int
    open: int


def routes(drift: Drift) -> list[Operation]:
    """The routes of this subject."""

    async def show(_: Request) -> Response:
        return json(DriftList(drift.open, drift.passed_over, drift.findings()))

    async def mark(request: Request) -> Response:
        body = await read(request, MarkBody)
        try:
            marked = await drift.mark(body.ids)
        except OSError as error:
            raise unwritable("The list", error) from error
        return json(Marked(marked, drift.open))

    return [
        Operation("GET", "/drift", show, "What is new in what Qwen sends, the latest first.", gives=DriftList),
        Operation("POST", "/drift/known", mark, "Somebody has taken note of it.", takes=MarkBody, gives=Marked),
    ]
