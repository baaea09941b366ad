"""`GET /api/events`: what happens, as server-sent events (WHATWG HTML, section 9.2).

Owns the form on the wire: `id` is the event's number, `event` its topic, `data` its JSON. A browser that reconnects
says the last number it saw (`Last-Event-ID`) and gets what followed, or `reset`. A stream ends by itself now and then,
so that whoever reads it has to show the way in again.
"""

from typing import Annotated

import anyio
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from luna.admin.operation import Operation
from luna.admin.paging import query_of
from luna.model.errors import Kind, LunaError
from luna.state.bulletin import Bulletin, Onlooker, Told

TOPICS = ("runs", "logs", "accounts", "config", "stages", "capture", "audit", "overview", "drift", "breakpoints")
HEARTBEAT = 15.0
"""Seconds of silence after which a comment says that the connection is alive."""
LIFETIME = 600.0
"""Seconds after which a stream ends; a browser comes back at once and misses nothing."""
SLOW_READER = 60.0
"""Seconds for which nothing is taken before the reader counts as gone."""
END = 5.0
"""Seconds that the end of a stream may take to be sent."""
AGAIN = 2000
"""Milliseconds after which a browser whose connection broke comes back."""


class EventsQuery(msgspec.Struct):
    """What to listen to."""

    topics: Annotated[
        str, msgspec.Meta(description=f"Of {', '.join(TOPICS)}, separated by commas; all by default.")
    ] = ""


def routes(bulletin: Bulletin) -> list[Operation]:
    """The routes of this subject."""

    async def events(request: Request) -> Response:
        named = [topic for topic in query_of(request, EventsQuery).topics.split(",") if topic]
        unknown = [topic for topic in named if topic not in TOPICS]
        if unknown:
            raise LunaError(
                Kind.BAD_REQUEST,
                f"There is no topic {unknown[0][:40]!r}.",
                hint=f"Topics: {', '.join(TOPICS)}.",
                param="topics",
            )
        said = request.headers.get("last-event-id", "")
        after = int(said) if said.isascii() and said.isdigit() and len(said) < 18 else None
        return EventStream(bulletin, named or list(TOPICS), after)

    return [
        Operation("GET", "/events", events, "What happens, as it happens.", asks=EventsQuery, media="text/event-stream")
    ]


class EventStream(Response):
    """Lasts until its reader leaves, is too slow, or its time is over."""

    media_type = "text/event-stream"

    def __init__(self, bulletin: Bulletin, topics: list[str], after: int | None) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._bulletin = bulletin
        self._topics = topics
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            place = self._bulletin.number
            with self._bulletin.listening(self._topics, self._after) as onlooker:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_watch, receive, tasks.cancel_scope)
                    with anyio.move_on_after(LIFETIME):
                        await self._write(onlooker, send, place)
                    tasks.cancel_scope.cancel()
        with anyio.move_on_after(END):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, onlooker: Onlooker, send: Send, place: int) -> None:
        """Until there is nothing more, or nobody takes it."""
        from_now_on = b"id: %d\n" % place if self._after is None else b""
        data = b"retry: %d\n%b: luna\n\n" % (AGAIN, from_now_on)
        while data:
            with anyio.move_on_after(SLOW_READER) as patience:
                await send({"type": "http.response.body", "body": data, "more_body": True})
            if patience.cancelled_caught:
                return
            data = await self._next(onlooker)

    async def _next(self, onlooker: Onlooker) -> bytes:
        """What is to be sent next; after a while of silence that all is well, and from where on one would go on who
        has been told everything so far. Empty: there is nothing more."""
        with anyio.move_on_after(HEARTBEAT) as silence:
            return b"".join(map(_frame, await onlooker.take()))
        assert silence.cancelled_caught
        place = b"" if onlooker.waiting else b"id: %d\n" % self._bulletin.number
        return place + b": alive\n\n"


async def _watch(receive: Receive, scope: anyio.CancelScope) -> None:
    """Whoever reads has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _frame(told: Told) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (told.number, told.topic.encode(), told.data)
