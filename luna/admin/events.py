"""`GET /api/events`: what happens, as server-sent events (WHATWG HTML, section 9.2).

Owns the form on the wire: `id` is the event's number, `event` its topic, `data` its JSON. A browser that reconnects
says the last number it saw (`Last-Event-ID`) and gets what followed, or `reset`.
"""

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from luna.admin.operation import Operation
from luna.model.errors import Kind, LunaError
from luna.state.bulletin import Bulletin, Told

TOPICS = ("runs", "logs", "accounts", "config", "stages", "capture", "audit", "overview")
HEARTBEAT = 15.0
"""Seconds of silence after which a comment says that the connection is alive."""


class EventsQuery(msgspec.Struct):
    """What to listen to."""

    topics: Annotated[
        str, msgspec.Meta(description=f"Of {', '.join(TOPICS)}, separated by commas; all by default.")
    ] = ""


def routes(bulletin: Bulletin) -> list[Operation]:
    """The routes of this subject."""

    async def events(request: Request) -> Response:
        named = [topic for topic in request.query_params.get("topics", "").split(",") if topic]
        unknown = [topic for topic in named if topic not in TOPICS]
        if unknown:
            raise LunaError(
                Kind.BAD_REQUEST, f"There is no topic {unknown[0][:40]!r}.", hint=f"Topics: {', '.join(TOPICS)}."
            )
        said = request.headers.get("last-event-id", "")
        after = int(said) if said.isascii() and said.isdigit() and len(said) < 18 else None
        return StreamingResponse(
            _stream(bulletin, named or list(TOPICS), after),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    return [
        Operation("GET", "/events", events, "What happens, as it happens.", asks=EventsQuery, media="text/event-stream")
    ]


async def _stream(bulletin: Bulletin, topics: list[str], after: int | None) -> AsyncIterator[bytes]:
    with bulletin.listening(topics, after) as onlooker:
        yield b"retry: 2000\nid: %d\n: luna\n\n" % bulletin.number
        while True:
            batch: list[Told] = []
            with anyio.move_on_after(HEARTBEAT):
                batch = await onlooker.take()
            yield b"".join(map(_frame, batch)) or b": alive\n\n"


def _frame(told: Told) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (told.number, told.topic.encode(), told.data)
