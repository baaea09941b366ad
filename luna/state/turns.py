"""Remembers where each upstream chat stands.

Owns, for every chat that luna has spoken in: which account it belongs to, which answer its next turn must follow,
and whether luna itself is generating in it right now. In memory, so many and of so many bytes: it serves clients that
name a chat by itself, and a chat that was forgotten can be asked for upstream. Where conversations stand is
`luna.state.sessions`.
"""

from collections import OrderedDict
from sys import getsizeof

from luna.state.place import Place

__all__ = ["Place", "Turns"]

MOST = 10_000
MOST_BYTES = 8 * 1024 * 1024
"""What they may take together. As they mostly are, 10,000 of them take some 5 MB."""
BARE = 500
"""Bytes that one takes, without what may be long."""


class Turns:
    """Chats by id, the longest unused forgotten first."""

    def __init__(self, limit: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._limit = limit
        self._most_bytes = most_bytes
        self.bytes = 0
        """What they take, at most."""
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._running: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Turns {len(self._places)} chats, {sum(self._running.values())} generating>"

    def note(self, place: Place) -> None:
        """The place's chat has a new last answer."""
        self.forget(place.chat)
        self._places[place.chat] = place
        self.bytes += _weight(place)
        while len(self._places) > self._limit or self.bytes > self._most_bytes:
            _, dropped = self._places.popitem(last=False)
            self.bytes -= _weight(dropped)

    def find(self, chat: str) -> Place | None:
        """Where the chat stands, if luna knows."""
        place = self._places.get(chat)
        if place is not None:
            self._places.move_to_end(chat)
        return place

    def forget(self, chat: str) -> None:
        """What was known of the chat proved wrong."""
        dropped = self._places.pop(chat, None)
        if dropped is not None:
            self.bytes -= _weight(dropped)

    def begin(self, chat: str) -> None:
        """A flow of this luna generates in the chat from now on."""
        self._running[chat] = self._running.get(chat, 0) + 1

    def end(self, chat: str) -> None:
        """It does no longer."""
        left = self._running.pop(chat, 0) - 1
        if left > 0:
            self._running[chat] = left

    def generators(self, chat: str) -> int:
        """How many flows of this luna generate in the chat."""
        return self._running.get(chat, 0)


def _weight(place: Place) -> int:
    return BARE + getsizeof(place.system)
