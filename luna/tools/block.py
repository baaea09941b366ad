"""Reads one block of calls from its first tag to its last while it is still coming.

Owns what stands around calls: wrappers, several calls one after the other, tags that were forgotten or are left over,
JSON documents in a row, and results that the model invented. What stands inside a call is `luna.tools.call_reader`'s.

The events have no index and no id yet.
"""

from luna.model.events import Notice, StreamEvent
from luna.tools.call import NO_NAME, invalid
from luna.tools.call_reader import CallReader
from luna.tools.cursor import Cursor, Skipper
from luna.tools.opening import PATIENCE
from luna.tools.schema import Toolbox
from luna.tools.tags import Role, Tag


class Block:
    """One block. Feed it from its first tag on until it is `done`."""

    def __init__(self, toolbox: Toolbox) -> None:
        self.done = False
        self.open = False
        """A wrapper is not closed: its closing tag may still come."""
        self._toolbox = toolbox
        self._cursor = Cursor()
        self._events: list[StreamEvent] = []
        self._call: CallReader | None = None
        self._skipper: Skipper | None = None
        self._behind = False
        """A call is over, its closing tag has not come."""
        self._documents = False

    def __repr__(self) -> str:
        state = "done" if self.done else repr(self._call or self._skipper or "between calls")
        return f"<Block {state}{' wrapped' if self.open else ''}>"

    @property
    def rest(self) -> str:
        """What stands behind the block; read once."""
        return self._cursor.rest()

    def feed(self, text: str) -> list[StreamEvent]:
        """Take more."""
        self._cursor.feed(text)
        return self._read()

    def finish(self) -> list[StreamEvent]:
        """The stream is over: what is complete is delivered, what is not is given up."""
        self._cursor.final = True
        events = self._read()
        self.done = True
        return events

    def broken(self) -> list[StreamEvent]:
        """The stream breaks off, and the client will be told so: a notice, if that is in the middle of a call."""
        return [] if self._call is None else [self._call.broken()]

    def _read(self) -> list[StreamEvent]:
        while not self.done:
            if self._call is not None:
                self._call.read()
                if not self._call.over:
                    break
                self._documents, self._behind, self._call = self._call.documents, True, None
            elif self._skipper is not None:
                rest = self._skipper.feed(self._cursor.rest())
                if rest is None:
                    break
                self._skipper, self._behind = None, True
                self._cursor.back(rest)
            elif not (self._after() if self._behind else self._between()):
                break
        events = self._events.copy()
        self._events.clear()
        return events

    def _begin(self, name: str = "") -> bool:
        self._call = CallReader(self._cursor, self._toolbox, self._events, name)
        return True

    def _leave(self) -> bool:
        self.done = True
        return False

    def _between(self) -> bool:
        match self._cursor.next(any_tag=False):
            case None:
                return self._cursor.waiting > PATIENCE and self._leave()
            case Tag(role=Role.OTHER):
                return self._leave()
            case Tag(closing=True) as tag:
                self._cursor.take(tag)
                self.open = self.open and tag.role is not Role.CALLS
                return self.open or self._leave()
            case Tag(role=Role.CALLS) as tag:
                self._cursor.take(tag)
                self.open = True
                return True
            case Tag(role=Role.CALL) as tag:
                self._cursor.take(tag)
                return self._begin(tag.says)
            case Tag(role=Role.NAME):
                return self._begin()
            case Tag(role=Role.PARAMETERS | Role.PARAMETER) as tag:
                self._cursor.take(tag)
                self._events.append(invalid("", NO_NAME, "The call has no name."))
                self._skipper = Skipper(Role.PARAMETERS)
                return True
            case Tag(role=Role.RESULT) as tag:
                self._cursor.take(tag)
                self._events.append(Notice("tool-result-invented", tag.name))
                self._skipper = None if tag.empty else Skipper(Role.RESULT)
                return True
            case "{" | "[" if self.open:
                return self._begin()
            case _:
                return self._leave()

    def _after(self) -> bool:
        """A call is over; its closing tags may follow, and another document."""
        match self._cursor.next(any_tag=False):
            case None:
                return self._cursor.waiting > PATIENCE and self._leave()
            case Tag(closing=True) as tag if tag.role is not Role.OTHER:
                self._cursor.take(tag)
                if tag.role is Role.CALLS:
                    self.open = False
                    return self._leave()
                self._behind = tag.role is not Role.CALL
                return self._behind or self.open or self._leave()
            case "}" | "]" if self._documents:
                self._cursor.take_character()
                return True
            case "{" | "[" if self._documents:
                return self._begin()
            case _:
                self._behind = False
                return self.open or self._leave()
