"""Folds a stream of events into the one message a non-streamed answer is.

Owns the accumulation; knows no protocol. A non-streamed answer is never anything but this fold.
"""

import msgspec

from luna.model.events import (
    Finish,
    Media,
    Notice,
    Opened,
    StopReason,
    StreamEvent,
    TextDelta,
    ThinkDelta,
    ToolClose,
    ToolDelta,
    ToolOpen,
    Usage,
)


class FoldedCall(msgspec.Struct):
    """A complete tool call; `arguments` is JSON text."""

    id: str
    name: str
    native: bool
    fragments: list[str] = msgspec.field(default_factory=list)

    @property
    def arguments(self) -> str:
        return "".join(self.fragments)


class Fold:
    """Accumulates events; read its fields after `Finish`."""

    def __init__(self) -> None:
        self.response = ""
        self.model = ""
        self.chat = ""
        self.calls: list[FoldedCall] = []
        self.media: list[Media] = []
        self.notices: list[Notice] = []
        self.usage: Usage | None = None
        self.reason: StopReason | None = None
        self._text: list[str] = []
        self._thinking: list[str] = []

    def __repr__(self) -> str:
        return f"<Fold {self.reason or 'open'} text={len(self.text)} calls={len(self.calls)}>"

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def thinking(self) -> str:
        return "".join(self._thinking) if self._thinking else ""

    @property
    def client_calls(self) -> list[FoldedCall]:
        """The calls a client should run: all but the upstream's own."""
        return [call for call in self.calls if not call.native] if self.calls else []

    def say(self, text: str) -> None:
        """Add words that go on in the text."""
        self._text.append(text)

    def feed(self, event: StreamEvent) -> None:
        """Add one event."""
        match event:
            case TextDelta():
                self._text.append(event.text)
            case ThinkDelta():
                self._thinking.append(event.text)
            case Opened():
                self.response, self.model, self.chat = event.response, event.model, event.chat
            case ToolOpen():
                self.calls.append(FoldedCall(event.id, event.name, event.native))
            case ToolDelta():
                self.calls[-1].fragments.append(event.json)
            case ToolClose():
                pass
            case Media():
                self.media.append(event)
            case Usage():
                self.usage = event
            case Notice():
                self.notices.append(event)
            case Finish():
                self.reason = event.reason
