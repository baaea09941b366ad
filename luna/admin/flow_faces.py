"""The faces of a recorded flow: what the client sent, what went to Qwen, what came back, what the client got.

Owns which faces there are, how a body is cut into pages and made readable, and the one recording that was looked at
last: whoever pages through a body asks for it many times. What a recording is belongs to `luna.wire`.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import anyio.to_thread
import msgspec

from luna.model.dialect import Headers
from luna.model.errors import Kind, LunaError
from luna.replay.kept import KeptReplays
from luna.wire.changes import BatchChange, Change, batch_changes, document_changes
from luna.wire.reader import Chunk, Exchange, Recording, read
from luna.wire.store import Recordings

PAGE = 256 * 1024
"""Bytes of a body in one answer, unless asked otherwise."""
MOST = 8 * 1024 * 1024
PIECE = 16 * 1024
"""Characters shown of one piece of a stream."""


class HeaderView(msgspec.Struct):
    """One header, without its secrets."""

    name: str
    value: str


class FaceView(msgspec.Struct, rename="camel"):
    """One side of one exchange, without its body (`GET /api/flows/{id}/face/{name}`)."""

    name: str
    line: str
    """`POST https://…` of a request, the status of an answer."""
    headers: list[HeaderView]
    size: int
    """Bytes of the body."""
    pieces: int = 0
    """In how many it came or went; 0 for a request."""
    at_ms: float | None = None
    """When it began, since the flow was born."""
    end_ms: float | None = None
    ending: str = ""
    """How the upstream's answer ended: `complete`, `closed` by luna, `broken`; empty while that is not known."""
    problem: str = ""


class ExchangeView(msgspec.Struct, rename="camel"):
    """One request to the upstream and its answer."""

    number: int
    request: FaceView
    response: FaceView


class StageView(msgspec.Struct, rename="camel"):
    """One stage that the flow has passed. `changed` says that it left something else than it was given."""

    name: str
    side: Literal["request", "transport", "response"]
    at_ms: float
    """When the request, or the first events, left it."""
    changed: bool = False
    """True for the first one: it made the request."""


class RecordingView(msgspec.Struct, rename="camel"):
    """What a recording holds, without bodies."""

    luna: str
    client: FaceView | None
    answer: FaceView | None
    exchanges: list[ExchangeView]
    stages: list[StageView]
    end_ms: float | None = None
    truncated: bool = False
    """Bodies are missing: the recording's budget was used up."""
    left_out: int = 0
    """Bytes that are missing."""
    fault: str = ""


class FacePart(msgspec.Struct, rename="camel"):
    """Some of a body, as text; what is no UTF-8 stands as `\\xNN`. `next` is where it goes on, None at the end."""

    name: str
    offset: int
    size: int
    """Bytes of the whole, as it is shown."""
    text: str
    next: int | None = None
    pretty: bool = False
    """It is JSON and was laid out in lines."""


class FacePiece(msgspec.Struct, rename="camel"):
    """One read, or one send. `number` counts from 1."""

    number: int
    at_ms: float
    size: int
    text: str
    cut: bool = False


class StageChanges(msgspec.Struct):
    """What a stage has changed: of the request, field by field; of the answer, batch by batch."""

    name: str
    changes: list[Change] = []
    batches: list[BatchChange] = []
    more: bool = False


class FlowFaces:
    """Looks into recordings."""

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        self.kept = KeptReplays()
        """Replays, which open like the recordings of flows."""
        self._last: tuple[str, float, Recording] | None = None

    def __repr__(self) -> str:
        return f"<FlowFaces of {self._recordings!r}>"

    async def open(self, flow: str) -> Recording:
        """The recording of a flow. Raises LunaError(NOT_FOUND), and (BAD_REQUEST) for one that cannot be read."""
        kept = self.kept.find(flow)
        return kept if kept is not None else await anyio.to_thread.run_sync(self._open, flow)

    async def discard(self, flows: Sequence[str]) -> int:
        """Delete the recordings of these flows: how many there were."""
        self._last = None
        return await anyio.to_thread.run_sync(self._recordings.discard, frozenset(flows))

    def _open(self, flow: str) -> Recording:
        self._recordings.flush()
        path = self._recordings.path(flow)
        written = path.stat().st_mtime
        last = self._last
        if last is not None and last[:2] == (flow, written):
            return last[2]
        with path.open("rb") as file:
            recording = read(file)
        self._last = (flow, written, recording)
        return recording

    async def part(self, flow: str, name: str, offset: int, limit: int, pretty: bool) -> FacePart:
        """Some of a face's body. Raises LunaError(NOT_FOUND)."""
        recording = await self.open(flow)
        return await anyio.to_thread.run_sync(_part, _body(recording, name), name, offset, limit, pretty)

    async def pieces(self, flow: str, name: str, after: int, limit: int) -> list[FacePiece]:
        """The pieces of a face that came or went one by one. Raises LunaError(NOT_FOUND)."""
        chunks = _chunks(await self.open(flow), name)
        return [_piece(number, chunks[number - 1]) for number in range(after + 1, min(after + limit, len(chunks)) + 1)]

    async def stage(self, flow: str, name: str) -> StageChanges:
        """What a stage has changed. Raises LunaError(NOT_FOUND)."""
        return await anyio.to_thread.run_sync(_stage, await self.open(flow), name)


def view(recording: Recording) -> RecordingView:
    """A recording without its bodies."""
    client, end = recording.client, recording.end
    asked = answered = None
    if client is not None:
        query = f"?{client.query}" if client.query else ""
        line = f"{client.method} {client.path}{query}"
        asked = FaceView("client-request", line, _headers(client.headers), len(client.body), at_ms=0.0)
    if recording.status:
        answered = _response("client-response", recording.status, recording.headers, recording.started, recording.sent)
    return RecordingView(
        luna=recording.head.luna,
        client=asked,
        answer=answered,
        exchanges=[_exchange(number, exchange) for number, exchange in enumerate(recording.exchanges, 1)],
        stages=_stages(recording),
        end_ms=end.t / 1000 if end is not None else None,
        truncated=recording.truncated,
        left_out=end.left_out if end is not None else 0,
        fault=end.fault if end is not None else "",
    )


def _exchange(number: int, exchange: Exchange) -> ExchangeView:
    opened, end = exchange.opened, exchange.end
    request = FaceView(
        f"up-{number}-request",
        f"{opened.method} {opened.url}",
        _headers(opened.headers),
        len(opened.data),
        at_ms=opened.t / 1000,
    )
    name = f"up-{number}-response"
    response = _response(name, exchange.status, exchange.headers, exchange.head_t or opened.t, exchange.chunks)
    if end is not None:
        response.end_ms, response.ending = end.t / 1000, end.how
        response.problem = f"{end.kind}: {end.message}" if end.kind else ""
    return ExchangeView(number, request, response)


def _response(name: str, status: int, headers: Headers, at: int, chunks: Sequence[Chunk]) -> FaceView:
    size = sum(len(chunk.data) for chunk in chunks)
    end = chunks[-1].t / 1000 if chunks else None
    return FaceView(name, str(status or ""), _headers(headers), size, len(chunks), at_ms=at / 1000, end_ms=end)


def _headers(headers: Headers) -> list[HeaderView]:
    return [HeaderView(name, value) for name, value in headers]


def _stages(recording: Recording) -> list[StageView]:
    made: list[StageView] = []
    times = recording.times
    document = None
    for name, here in recording.documents.items():
        made.append(StageView(name, "request", times[name] / 1000, here is not document))
        document = here
    before = None
    for name, batches in recording.events.items():
        if before is None:
            made.append(StageView(name, "transport", times[name] / 1000))
        else:
            made.append(StageView(name, "response", times[name] / 1000, before[: len(batches)] != batches))
        before = batches
    return made


def _stage(recording: Recording, name: str) -> StageChanges:
    if name in recording.documents:
        names = list(recording.documents)
        at = names.index(name)
        before: object = recording.documents[names[at - 1]] if at else {}
        changes, more = document_changes(before, recording.documents[name])
        return StageChanges(name, changes=changes, more=more)
    if name in recording.events:
        names = list(recording.events)
        at = names.index(name)
        batches, more = batch_changes(recording.events[names[at - 1]] if at else None, recording.events[name])
        return StageChanges(name, batches=batches, more=more)
    raise _unknown(f"The recording has no stage {name[:64]!r}.")


def _face(recording: Recording, name: str) -> tuple[Exchange | None, str]:
    side, _, rest = name.partition("-")
    number, _, which = rest.partition("-")
    if side == "client" and rest in ("request", "response"):
        return None, rest
    if side == "up" and number.isascii() and number.isdigit() and which in ("request", "response"):
        at = int(number[:6]) - 1
        if 0 <= at < len(recording.exchanges):
            return recording.exchanges[at], which
    raise _unknown(f"The recording has no face {name[:64]!r}.")


def _body(recording: Recording, name: str) -> bytes:
    exchange, which = _face(recording, name)
    if exchange is not None:
        return exchange.opened.data if which == "request" else exchange.body
    if which == "response":
        return recording.answer
    return recording.client.body if recording.client is not None else b""


def _chunks(recording: Recording, name: str) -> list[Chunk]:
    exchange, which = _face(recording, name)
    if which == "request":
        raise _unknown(f"{name[:64]!r} has no pieces.")
    return exchange.chunks if exchange is not None else recording.sent


def _part(body: bytes, name: str, offset: int, limit: int, pretty: bool) -> FacePart:
    laid_out = False
    if pretty and body[:1] in (b"{", b"["):
        with suppress(msgspec.DecodeError):  # it may begin like JSON and be none
            body, laid_out = msgspec.json.format(body, indent=2), True
    end = min(offset + limit, len(body))
    for _ in range(3):  # a character has no more than three bytes that only go on with it
        if offset + 1 < end < len(body) and body[end] & 0xC0 == 0x80:
            end -= 1
    text = body[offset:end].decode("utf-8", "backslashreplace")
    return FacePart(name, offset, len(body), text, end if end < len(body) else None, laid_out)


def _piece(number: int, chunk: Chunk) -> FacePiece:
    text = chunk.data.decode("utf-8", "backslashreplace")
    return FacePiece(number, chunk.t / 1000, len(chunk.data), text[:PIECE], len(text) > PIECE)


def _unknown(message: str) -> LunaError:
    return LunaError(Kind.NOT_FOUND, message, hint="GET /api/flows/{id} names what there is.")
