"""Makes a recorded stream as short as it can be while it still shows the same.

Owns what "the same" is and the search (delta debugging: leave out halves, quarters, … down to single events; keep what
still shows it). Whether a shorter stream shows it is asked of the replay, never guessed. Bounded in replays and in
time: what has been found when that is used up is what there is.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from luna.core.snapshot import Snapshot
from luna.model.ambient import Clock, SystemClock
from luna.model.errors import LunaError
from luna.model.events import Finish, Notice, StreamEvent, ToolOpen
from luna.replay.rerun import rerun
from luna.wire.diff import first_divergence
from luna.wire.reader import Chunk, Exchange, Recording

REPLAYS = 600
SECONDS = 30.0

Shows = Callable[[Recording], Awaitable[bool]]
"""Whether a recording, replayed, still shows what it is kept for."""


@dataclass(frozen=True)
class Trait:
    """What a replay shows, as far as it is worth keeping."""

    outcome: str
    status: int
    failure: str
    """Kind and stage."""
    kinds: frozenset[str]
    """What sorts of events left the far end; of calls and notices, which. Between two configurations: how it ended."""
    boundary: str = ""
    """Where it comes out differently; empty: nowhere."""


@dataclass(frozen=True)
class Shortened:
    """What came of it. Counted in events of the upstream's streams."""

    recording: Recording
    before: int
    after: int
    replays: int
    whole: bool
    """False: the search was ended before nothing more could be left out."""


def trait_of(recording: Recording) -> Trait:
    """What one run shows."""
    failure = recording.failure
    return Trait(
        recording.end.outcome if recording.end is not None else "",
        recording.status,
        f"{failure.kind} {failure.stage}" if failure is not None else "",
        frozenset(_kind(event) for event in _made(recording)),
    )


async def same_outcome(recording: Recording, snapshot: Snapshot) -> tuple[Trait, Shows]:
    """It shows how it ends: the outcome, the failure, the sorts of events. Raises LunaError when it cannot be run."""
    wanted = trait_of((await rerun(recording, snapshot))[0])

    async def shows(candidate: Recording) -> bool:
        return trait_of((await rerun(candidate, snapshot))[0]) == wanted

    return wanted, shows


async def same_divergence(recording: Recording, before: Snapshot, after: Snapshot) -> tuple[Trait | None, Shows]:
    """It shows that two configurations make different things of it, first at this boundary. None when they do not."""

    async def compared(candidate: Recording) -> Trait | None:
        old, new = (await rerun(candidate, before))[0], (await rerun(candidate, after))[0]
        found = first_divergence(old, new)
        if found is None:
            return None
        ends = frozenset(_kind(event) for event in _left(new) if isinstance(event, Finish))
        return replace(trait_of(new), kinds=ends, boundary=found.boundary)

    wanted = await compared(recording)

    async def shows(candidate: Recording) -> bool:
        return await compared(candidate) == wanted

    return wanted, shows


async def shortest(
    recording: Recording, shows: Shows, *, clock: Clock | None = None, replays: int = REPLAYS, seconds: float = SECONDS
) -> Shortened:
    """The shortest stream found. What `shows` raises as LunaError counts as no."""
    search = _Search(recording, shows, clock or SystemClock(), replays, seconds)
    return await search.run()


class _Search:
    def __init__(self, recording: Recording, shows: Shows, clock: Clock, replays: int, seconds: float) -> None:
        self._recording = recording
        self._shows = shows
        self._clock = clock
        self._left = replays
        self._until = clock.monotonic() + seconds
        self._replays = 0
        self._units: list[tuple[int, bytes]] = []
        """All events of all streams: the exchange that each belongs to, and its bytes."""
        self._cut = False

    async def run(self) -> Shortened:
        self._units = _units(self._recording, _events_in)
        whole = list(range(len(self._units)))
        if not await self._holds(whole):  # how it was read matters: then reads are what can be left out
            self._units = _units(self._recording, _reads_in)
            whole = list(range(len(self._units)))
        kept = await self._search(whole) if whole else whole
        made = self._made(kept) if len(kept) < len(whole) else self._recording
        return Shortened(made, len(whole), len(kept), self._replays, not self._cut)

    async def _search(self, kept: list[int]) -> list[int]:
        """Zeller and Hildebrandt's ddmin, by complements: of n parts one is left out at a time."""
        parts = 2
        while len(kept) >= 1 and not self._cut:
            size = max(1, len(kept) // parts)
            for start in range(0, len(kept), size):
                candidate = kept[:start] + kept[start + size :]
                if await self._holds(candidate):
                    kept, parts = candidate, max(2, parts - 1)
                    break
            else:
                if size == 1:
                    break
                parts = min(len(kept), parts * 2)
        return kept

    async def _holds(self, kept: Sequence[int]) -> bool:
        if self._replays >= self._left or self._clock.monotonic() > self._until:
            self._cut = True
            return False
        self._replays += 1
        try:
            return await self._shows(self._made(kept))
        except LunaError:
            return False

    def _made(self, kept: Sequence[int]) -> Recording:
        chunks: dict[int, list[Chunk]] = {}
        for number in kept:
            exchange, data = self._units[number]
            chunks.setdefault(exchange, []).append(Chunk(0, data))
        exchanges = [
            replace(exchange, chunks=chunks.get(number, [])) if _streams(exchange) else exchange
            for number, exchange in enumerate(self._recording.exchanges)
        ]
        return replace(self._recording, exchanges=exchanges)


def _units(recording: Recording, cut: Callable[[Exchange], list[bytes]]) -> list[tuple[int, bytes]]:
    return [
        (number, data)
        for number, exchange in enumerate(recording.exchanges)
        if _streams(exchange)
        for data in cut(exchange)
    ]


def _streams(exchange: Exchange) -> bool:
    return any(name.lower() == "content-type" and "event-stream" in value for name, value in exchange.headers)


def _events_in(exchange: Exchange) -> list[bytes]:
    """A stream of server-sent events at its empty lines; joined they are the stream again."""
    body = exchange.body
    mark = b"\r\n\r\n" if b"\r\n\r\n" in body else b"\n\n"
    pieces = body.split(mark)
    return [piece + mark for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _reads_in(exchange: Exchange) -> list[bytes]:
    return [chunk.data for chunk in exchange.chunks]


def _made(recording: Recording) -> list[StreamEvent]:
    """What the far end made."""
    batches = next(iter(recording.events.values()), [])
    return [event for batch in batches for event in batch]


def _left(recording: Recording) -> list[StreamEvent]:
    """What left the last stage."""
    batches = next(reversed(recording.events.values()), [])
    return [event for batch in batches for event in batch]


def _kind(event: StreamEvent) -> str:
    tag = str(msgspec.inspect.type_info(type(event)).tag)  # type: ignore[attr-defined]
    match event:
        case ToolOpen():
            return f"{tag} {event.name}"
        case Notice():
            return f"{tag} {event.kind}"
        case Finish():
            return f"{tag} {event.reason}"
        case _:
            return tag
