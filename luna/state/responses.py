"""Remembers the responses of the Responses protocol, for requests that go on from one of them by its id.

Owns how many are kept and for how long. In memory: they last as long as the process. What a response and its
conversation look like belongs to the protocol; here they are bytes.
"""

from collections import OrderedDict

import msgspec

MAX_COUNT = 1000
MAX_BYTES = 64 * 1024 * 1024


class Remembered(msgspec.Struct, frozen=True):
    """One response: the `document` that its client got, and the whole conversation up to and with it, as `items`."""

    document: bytes
    items: bytes

    def __repr__(self) -> str:
        return f"<Remembered {self.size} bytes>"

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.document) + len(self.items)


class Responses:
    """Responses by id, the longest unused forgotten first."""

    def __init__(self, max_count: int = MAX_COUNT, max_bytes: int = MAX_BYTES) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Remembered] = OrderedDict()
        self._size = 0

    def __repr__(self) -> str:
        return f"<Responses {len(self._kept)} kept, {self._size} bytes>"

    def remember(self, response: str, remembered: Remembered) -> None:
        """Keep it, at the cost of those that were not asked for the longest; one that is too large by itself is not
        kept."""
        self.forget(response)
        if remembered.size > self._max_bytes:
            return
        self._kept[response] = remembered
        self._size += remembered.size
        while len(self._kept) > self._max_count or self._size > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._size -= dropped.size

    def find(self, response: str) -> Remembered | None:
        """The response, if luna remembers it."""
        found = self._kept.get(response)
        if found is not None:
            self._kept.move_to_end(response)
        return found

    def forget(self, response: str) -> bool:
        """Drop it; False when there was none."""
        dropped = self._kept.pop(response, None)
        if dropped is None:
            return False
        self._size -= dropped.size
        return True
