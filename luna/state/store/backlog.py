"""Writes that wait for the database, as many as there may be.

Owns how many that is, in number and in memory: a database may refuse for hours, and requests go on meanwhile. When they
are taken, and by whom, is `luna.state.store.writer`'s.
"""

from collections import deque
from collections.abc import Mapping

from luna.state.store.transaction import Write

WRITES = 100_000
"""What may wait; beyond that the oldest are given up."""
SIZE = 128 * 1024 * 1024
"""The same in bytes of texts. Lists and numbers around them are not counted, but for `EACH`."""
FEW = 500
"""Writes that are not weighed as long as the database takes them: it will have them before long."""
EACH = 256
"""Bytes that a write counts for beside what it holds."""


class Backlog(deque[Write]):
    """In the order in which they were queued: at most so many, and of so many bytes."""

    def __init__(self, most: int = WRITES, size: int = SIZE) -> None:
        super().__init__()
        self._most = most
        self._room = size
        self._size = 0
        self._weighed = 0
        """How many the size is of."""

    def __repr__(self) -> str:
        return f"<Backlog {len(self)} writes>"

    def take(self, most: int) -> list[Write]:
        """The oldest, to be brought in."""
        self._size = self._weighed = 0
        return [self.popleft() for _ in range(min(len(self), most))]

    def clear(self) -> None:
        """They have been brought in."""
        self._size = self._weighed = 0
        super().clear()

    def shorten(self) -> int:
        """Give the oldest up where there are too many; how many that was. Cheap where it is asked after each write."""
        if self._weighed + 1 == len(self):
            self._size += _weight(self[-1])
        else:
            self._size = sum(map(_weight, self))
        given_up = 0
        while len(self) > 1 and (len(self) > self._most or self._size > self._room):
            self._size -= _weight(self.popleft())
            given_up += 1
        self._weighed = len(self)
        return given_up


def _weight(write: Write) -> int:
    size = EACH
    for row in write[1]:
        values = row.values() if isinstance(row, Mapping) else row
        size += sum([len(value) for value in values if isinstance(value, (str, bytes))])
    return size
