"""Numbers the calls of one answer.

Owns the index and the id under which a client knows a call, and the knowledge whether one is open: calls never overlap.
"""

from collections.abc import Callable

from luna.model.events import StreamEvent, ToolClose, ToolDelta, ToolOpen


class Numbering:
    """`new_id` makes an id for a client's call."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self.calling = False
        """A call has been opened and not closed: only its own events and notices may come."""
        self._new_id = new_id
        self._index = -1

    def __repr__(self) -> str:
        return f"<Numbering {self._index + 1}{' calling' if self.calling else ''}>"

    def number(self, event: StreamEvent) -> StreamEvent:
        """The event as it goes out. A native call keeps the id that the upstream gave it."""
        match event:
            case ToolOpen():
                self.calling = True
                self._index += 1
                return ToolOpen(self._index, event.id if event.native else self._new_id(), event.name, event.native)
            case ToolDelta():
                return ToolDelta(self._index, event.json)
            case ToolClose():
                self.calling = False
                return ToolClose(self._index)
            case _:
                return event
