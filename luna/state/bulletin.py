"""What happens, told to whoever looks on as it happens.

Owns the numbering, the memory of the last events and the queue of each onlooker, all bounded: who cannot keep up is
told to look again (`reset`) instead of holding anything back. Without onlookers publishing costs a comparison. Knows
neither what the events say nor how they get to a browser. Everything happens in the event loop's thread.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import anyio
import msgspec

NUMBERS_A_SECOND = 100_000
"""More events than any process publishes, few enough for a number in JavaScript for two thousand years."""
REMEMBERED, REMEMBERED_BYTES = 2_000, 8 * 1024 * 1024
"""What is kept for those who come back."""
WAITING, WAITING_BYTES = 1_000, 4 * 1024 * 1024
"""What is kept for one onlooker who is slow."""
LINGER = 30.0
"""Seconds for which events are remembered after the last onlooker has left: the time of a broken connection."""


class Told(msgspec.Struct, frozen=True):
    """One event. `data` is JSON."""

    number: int
    topic: str
    data: bytes


RESET = "reset"
"""The topic of the event that says: what was missed is forgotten; look again."""


class Onlooker:
    """One who listens to some topics."""

    def __init__(self, topics: frozenset[str]) -> None:
        self._topics = topics
        self._queue: deque[Told] = deque()
        self._bytes = 0
        self._wanted = anyio.Event()
        self.closed = False
        """There will be nothing more."""

    def __repr__(self) -> str:
        return f"<Onlooker {','.join(sorted(self._topics))} waiting={len(self._queue)}>"

    def wants(self, topic: str) -> bool:
        """True for what it listens to."""
        return topic in self._topics or topic == RESET

    def give(self, told: Told) -> None:
        """Queue an event; one too many empties the queue."""
        if not self.wants(told.topic):
            return
        if len(self._queue) >= WAITING or self._bytes + len(told.data) > WAITING_BYTES:
            self._queue.clear()
            self._bytes = 0
            told = Told(told.number, RESET, b"null")
        self._queue.append(told)
        self._bytes += len(told.data)
        self._wanted.set()

    @property
    def waiting(self) -> int:
        """Events that have not been taken."""
        return len(self._queue)

    def close(self) -> None:
        """Nothing more will come; what waits may still be taken."""
        self.closed = True
        self._wanted.set()

    async def take(self) -> list[Told]:
        """All that waits; waits for something. Empty: there will be nothing more."""
        while not self._queue and not self.closed:
            self._wanted = anyio.Event()
            await self._wanted.wait()
        taken = list(self._queue)
        self._queue.clear()
        self._bytes = 0
        return taken


class Bulletin:
    """Where everybody publishes and onlookers listen. `now` in seconds since some fixed moment before this process:
    events are numbered from there on, so that a number of another process is never taken for one of this."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._number = int(now() * NUMBERS_A_SECOND)
        self._closed = False
        self._remembered: deque[Told] = deque()
        self._bytes = 0
        self._onlookers: set[Onlooker] = set()
        self._expectant: list[Callable[[], None]] = []
        self._left = -LINGER

    def __repr__(self) -> str:
        return f"<Bulletin {self._number} events, {len(self._onlookers)} onlookers>"

    @property
    def watched(self) -> bool:
        """True when publishing makes sense: somebody looks on, or may be back in a moment."""
        return bool(self._onlookers) or self._now() - self._left < LINGER

    def expect(self, arrived: Callable[[], None]) -> None:
        """Call `arrived` when somebody comes to look on while nobody did: for what is not even found out before."""
        self._expectant.append(arrived)
        if self.watched:
            arrived()

    def onlookers(self, topic: str) -> frozenset[Onlooker]:
        """Who listens to a topic now: for what is only worth finding out while somebody does."""
        return frozenset(onlooker for onlooker in self._onlookers if onlooker.wants(topic))

    def publish(self, topic: str, document: object) -> None:
        """Tell everybody who listens to the topic. Never blocks, never raises for an onlooker's sake."""
        self._number += 1
        if not self.watched:
            self._remembered.clear()
            self._bytes = 0
            return
        told = Told(self._number, topic, msgspec.json.encode(document))
        self._remember(told)
        for onlooker in self._onlookers:
            onlooker.give(told)

    def _remember(self, told: Told) -> None:
        self._remembered.append(told)
        self._bytes += len(told.data)
        while len(self._remembered) > REMEMBERED or self._bytes > REMEMBERED_BYTES:
            self._bytes -= len(self._remembered.popleft().data)

    @contextmanager
    def listening(self, topics: Iterable[str], after: int | None = None) -> Iterator[Onlooker]:
        """An onlooker of these topics from now on; with `after` it first gets what followed that number, or a reset
        where that is no longer remembered."""
        onlooker = Onlooker(frozenset(topics))
        for told in self._missed(after):
            onlooker.give(told)
        if self._closed:
            onlooker.close()
        if not self.watched:
            for arrived in self._expectant:
                arrived()
        self._onlookers.add(onlooker)
        try:
            yield onlooker
        finally:
            self._onlookers.discard(onlooker)
            self._left = self._now()

    def _missed(self, after: int | None) -> list[Told]:
        if after is None or after == self._number:
            return []
        oldest = self._remembered[0].number if self._remembered else self._number + 1
        if after > self._number or after + 1 < oldest:
            return [Told(self._number, RESET, b"null")]
        return [told for told in self._remembered if told.number > after]

    @property
    def number(self) -> int:
        """The last event's."""
        return self._number

    def close(self) -> None:
        """Let all onlookers go, and whoever comes later: the process is to stop."""
        self._closed = True
        for onlooker in self._onlookers:
            onlooker.close()
