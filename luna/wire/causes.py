"""Why a batch of events came, and what came of it: the bytes that were read for it, and the bytes that went out.

Owns the tie between reads, batches and sends. The order of the recording's lines says it, not their times: on a fast
line, and in a replay, many things happen in one microsecond. Pure.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from luna.model.errors import Kind, LunaError
from luna.model.events import StreamEvent
from luna.wire.reader import Chunk, Exchange, Recording


@dataclass(frozen=True)
class Piece:
    """One read or send, by its number (from 1); `offset` is where it begins in the whole body."""

    number: int
    t: int
    offset: int
    size: int


@dataclass(frozen=True)
class Story:
    """One batch, from the bytes that caused it to the bytes that it became."""

    batch: int
    t: int
    exchange: int
    """The number of the exchange whose bytes they were; 0 where no read came before it."""
    reads: list[Piece]
    """What was read since the batch before; where one read made several batches, that one."""
    offset: int
    """Where the bytes that made it begin in that exchange's body: an event that began in an earlier read counts whole,
    one that ends in a later read does not count."""
    cause: bytes
    events: dict[str, list[StreamEvent]]
    """The batch at each boundary that it came to."""
    sends: list[Piece]
    effect: bytes
    """What went out to the client before the next batch came."""
    later: int = 0
    """Where nothing went out: the number of the send that came next; 0 where none did."""


def story(recording: Recording, n: int, *, heartbeat: bytes = b"") -> Story:
    """Of batch number `n`, from 1. `heartbeat` is what keeps a silent stream of the client's protocol alive: it comes
    of the clock alone. Raises LunaError(NOT_FOUND)."""
    moments = recording.batches
    if not 0 < n <= len(moments):
        there = f"It has {len(moments)}."
        raise LunaError(Kind.NOT_FOUND, f"The recording has no batch {n}.", hint=there, param="batch")
    here = moments[n - 1]
    before = moments[n - 2].line if n > 1 else 0
    after = moments[n].line if n < len(moments) else _END
    exchange, reads = _reads(recording, before, here.line)
    if not reads:
        exchange, reads = _reads(recording, 0, here.line)
        reads = reads[-1:]
    offset, cause = _bytes_of(recording.exchanges[exchange - 1], reads) if reads else (0, b"")
    sent = recording.sent
    first, last = _between(sent, here.line, after)
    numbers = [at for at in range(first, last) if not heartbeat or sent[at].data != heartbeat]
    sends = [_piece(sent, at, sum(len(chunk.data) for chunk in sent[:at])) for at in numbers]
    return Story(
        n,
        here.t,
        exchange,
        reads,
        offset,
        cause,
        {name: batches[n - 1] for name, batches in recording.events.items() if n <= len(batches)},
        sends,
        b"".join(sent[at].data for at in numbers),
        0 if sends or last >= len(sent) else last + 1,
    )


def batch_of_read(recording: Recording, exchange: int, number: int) -> int:
    """The batch that a read (both numbers from 1) made or helped to make; 0 where none came after it."""
    chunks = recording.exchanges[exchange - 1].chunks
    return _next_batch(recording, chunks[number - 1].line)


def batch_of_send(recording: Recording, number: int) -> int:
    """The batch before a send (from 1); 0 where there was none."""
    line = recording.sent[number - 1].line
    return bisect_left(recording.batches, line, key=lambda moment: moment.line)


_END = 1 << 62


def _next_batch(recording: Recording, line: int) -> int:
    at = bisect_right(recording.batches, line, key=lambda moment: moment.line)
    return at + 1 if at < len(recording.batches) else 0


def _between(chunks: list[Chunk], after: int, before: int) -> tuple[int, int]:
    """Which of them stand between two lines: from, and up to."""
    first = bisect_right(chunks, after, key=lambda chunk: chunk.line)
    return first, max(first, bisect_left(chunks, before, key=lambda chunk: chunk.line))


def _reads(recording: Recording, after: int, before: int) -> tuple[int, list[Piece]]:
    """Those of the last exchange that was read from in between: a batch comes of the answer that is being read."""
    best, number, reads = -1, 0, list[Piece]()
    for x, exchange in enumerate(recording.exchanges, 1):
        chunks = exchange.chunks
        first, last = _between(chunks, after, before)
        if last > first and chunks[last - 1].line > best:
            offset = sum(len(chunk.data) for chunk in chunks[:first])
            best, number, reads = chunks[last - 1].line, x, []
            for at in range(first, last):
                reads.append(_piece(chunks, at, offset))
                offset += len(chunks[at].data)
    return number, reads


def _bytes_of(exchange: Exchange, reads: list[Piece]) -> tuple[int, bytes]:
    """Whole frames of an event stream; of other answers what was read."""
    body = exchange.body
    start, end = reads[0].offset, reads[-1].offset + reads[-1].size
    if not any(name.lower() == "content-type" and "event-stream" in value for name, value in exchange.headers):
        return start, body[start:end]
    mark = b"\r\n\r\n" if b"\r\n\r\n" in body[:4096] else b"\n\n"
    begun = body.rfind(mark, 0, start)
    start = begun + len(mark) if begun >= 0 else 0
    whole = body.rfind(mark, start, end)
    return start, body[start : whole + len(mark) if whole >= 0 else end]


def _piece(chunks: list[Chunk], at: int, offset: int) -> Piece:
    return Piece(at + 1, chunks[at].t, offset, len(chunks[at].data))
