"""Writes a `Recording` down again: the way back from `luna.wire.reader`.

Owns the order of the frames: that of their times, and where those are equal, that of the data's way. Pure, and it
redacts nothing: what it is given is what stands in the lines. Every batch is written out at every boundary that it came
to, so that nothing has to be inferred.
"""

from collections.abc import Iterator

import msgspec

from luna.model import values
from luna.wire.frames import (
    AnyFrame,
    ClientBytes,
    ClientRequested,
    ClientStart,
    Document,
    End,
    Events,
    Truncated,
    UpData,
    UpHead,
    pack,
)
from luna.wire.reader import Exchange, Recording

_encode = msgspec.json.Encoder(enc_hook=values.encode).encode


def lines_of(recording: Recording) -> list[bytes]:
    """The recording as JSON lines, each with its line end. Reading them gives an equal recording."""
    return [_encode(frame) + b"\n" for frame in _frames(recording)]


def _frames(recording: Recording) -> Iterator[AnyFrame]:
    yield recording.head
    client = recording.client
    if client is not None:
        asked = {"method": client.method, "path": client.path, "query": client.query, "headers": client.headers}
        yield msgspec.convert({"k": "client.request", "t": 0, **asked, **pack(client.body)}, ClientRequested)
    yield from sorted(_happened(recording), key=lambda frame: frame.t)
    if recording.truncated:
        yield Truncated(recording.end.t if recording.end is not None else 0, 0)
    if recording.end is not None:
        yield msgspec.structs.replace(recording.end, reached=_reached(recording))


def _happened(recording: Recording) -> Iterator[AnyFrame]:
    yield from recording.recalled
    for boundary, document in recording.documents.items():
        yield Document(recording.times.get(boundary, 0), boundary, msgspec.Raw(_encode(document)))
    for number, exchange in enumerate(recording.exchanges, 1):
        yield from _exchanged(number, exchange)
    yield from _batches(recording)
    if recording.status:
        yield ClientStart(recording.started, recording.status, recording.headers)
    for chunk in recording.sent:
        yield ClientBytes(chunk.t, **pack(chunk.data))
    if recording.failure is not None:
        yield recording.failure


def _exchanged(number: int, exchange: Exchange) -> Iterator[AnyFrame]:
    yield msgspec.structs.replace(exchange.opened, x=number)
    if exchange.status:
        yield UpHead(exchange.head_t, number, exchange.status, exchange.headers)
    for chunk in exchange.chunks:
        yield UpData(chunk.t, x=number, **pack(chunk.data))
    if exchange.end is not None:
        yield msgspec.structs.replace(exchange.end, x=number)


def _batches(recording: Recording) -> Iterator[Events]:
    longest = max((len(batches) for batches in recording.events.values()), default=0)
    for n in range(1, longest + 1):
        t = recording.batches[n - 1].t if n <= len(recording.batches) else 0
        for boundary, batches in recording.events.items():
            if n <= len(batches):
                yield Events(t, boundary, n, msgspec.Raw(_encode(batches[n - 1])))


def _reached(recording: Recording) -> str:
    """The boundary that the last batch came to, where it did not come to the last one."""
    end: End | None = recording.end
    names = list(recording.events)
    if end is None or not names:
        return ""
    longest = max(len(batches) for batches in recording.events.values())
    came = [name for name in names if len(recording.events[name]) == longest]
    return came[-1] if came[-1] != names[-1] else ""
