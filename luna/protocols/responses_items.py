"""An answer's output in the Responses protocol: items, and which event belongs to which.

Owns the cut, which is the same for a stream and for a document:

    reasoning          rs_…    what the model thought, as a summary
    message            msg_…   text; pictures, films and sounds are paragraphs of Markdown in it
    function_call      fc_…    a call of the client's; calls that the upstream made for itself are not told
    custom_tool_call   ctc_…   a call of a tool that takes free text
    tool_search_call   tsc_…   a call of the client's search for tools; its arguments are JSON and come whole

An item begins with its first words and ends when something else begins. Ids follow from the answer's id and the item's
place, so that an item's id says which response it stands in. Knows nothing of frames.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from luna.model.events import (
    Finish,
    Media,
    Notice,
    Opened,
    StreamEvent,
    TextDelta,
    ThinkDelta,
    ToolClose,
    ToolDelta,
    ToolOpen,
    Usage,
)
from luna.protocols.prose import Prose
from luna.protocols.responses_free_text import FreeText
from luna.protocols.responses_tools import Called, Kind

RESPONSE_PREFIX = "resp_"

Status = Literal["in_progress", "completed", "incomplete"]


class Item:
    """One item of the output while it grows. `prefix` is that of its id."""

    prefix = ""

    def __init__(self, response: str, index: int) -> None:
        self.index = index
        self.id = f"{self.prefix}_{response.removeprefix(RESPONSE_PREFIX)}_{index}"
        self.status: Status = "in_progress"
        self._pieces: list[str] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.status}>"

    @property
    def words(self) -> str:
        """All of its text so far."""
        return "".join(self._pieces)

    def say(self, words: str) -> str:
        """Add to it; returns what was added."""
        self._pieces.append(words)
        return words

    def rest(self) -> str:
        """What its end adds to it."""
        return ""

    def document(self) -> dict[str, Any]:
        """The item as clients see it."""
        raise NotImplementedError


class Reasoning(Item):
    prefix = "rs"

    def document(self) -> dict[str, Any]:
        words = self.words
        summary = [{"type": "summary_text", "text": words}] if words else []
        return {"id": self.id, "type": "reasoning", "summary": summary}


class Saying(Item):
    prefix = "msg"

    def __init__(self, response: str, index: int, *, aside: bool = False) -> None:
        """`aside`: these words are not the answer itself. SDKs read the answer as JSON where JSON was asked for, and
        the words before a call as words, if they are told which is which when the item begins."""
        super().__init__(response, index)
        self.prose = Prose()
        self._phase = {"phase": "commentary"} if aside else {}

    def document(self) -> dict[str, Any]:
        words = self.words
        content = [{"type": "output_text", "text": words, "annotations": [], "logprobs": []}] if words else []
        told = {"id": self.id, "type": "message", "status": self.status, "role": "assistant", "content": content}
        return told | self._phase


class FunctionCall(Item):
    prefix = "fc"

    def __init__(self, response: str, index: int, call_id: str, called: Called) -> None:
        super().__init__(response, index)
        self.call_id = call_id
        self.called = called

    def rest(self) -> str:
        """A call without arguments says so: clients read them as JSON."""
        return "" if self._pieces else self.say("{}")

    def document(self) -> dict[str, Any]:
        return self._document("function_call", "arguments")

    def _document(self, kind: str, field: str) -> dict[str, Any]:
        document = {"id": self.id, "type": kind, "status": self.status, field: self.words, "call_id": self.call_id}
        document["name"] = self.called.name
        return document | ({"namespace": self.called.namespace} if self.called.namespace else {})


class CustomCall(FunctionCall):
    prefix = "ctc"

    def __init__(self, response: str, index: int, call_id: str, called: Called) -> None:
        super().__init__(response, index, call_id, called)
        self._text = FreeText()

    def say(self, words: str) -> str:
        return super().say(self._text.feed(words))

    def rest(self) -> str:
        return Item.say(self, self._text.close())

    def document(self) -> dict[str, Any]:
        return self._document("custom_tool_call", "input")


class SearchCall(FunctionCall):
    prefix = "tsc"

    def say(self, words: str) -> str:
        """Nothing of it is told before its end."""
        super().say(words)
        return ""

    def rest(self) -> str:
        return ""

    def document(self) -> dict[str, Any]:
        said = {"arguments": self._arguments(), "call_id": self.call_id, "execution": "client"}
        return {"id": self.id, "type": "tool_search_call", "status": self.status, **said}

    def _arguments(self) -> msgspec.Raw:
        """As they were written, on one line; none while they are no whole object."""
        words = self.words
        try:
            msgspec.json.decode(words, type=dict[str, msgspec.Raw])
            return msgspec.Raw(msgspec.json.format(words, indent=-1))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return msgspec.Raw("{}")


_CALLS: dict[Kind, type[FunctionCall]] = {
    "function": FunctionCall,
    "custom": CustomCall,
    "tool_search": SearchCall,
}


class Step(NamedTuple):
    """What one event does to the output, in this order."""

    closed: Item | None = None
    rest: str = ""
    """What its end added to the closed item."""
    opened: Item | None = None
    item: Item | None = None
    """The item that `words` were added to."""
    words: str = ""


NOTHING = Step()


class Output:
    """The items of one answer; the last one may be open. `names`: the model's name of a tool → the client's.
    `structured`: the client asked for JSON."""

    def __init__(self, response: str, names: Mapping[str, Called], *, structured: bool = False) -> None:
        self.items: list[Item] = []
        self._response = response
        self._names = names
        self._structured = structured
        self._open: Item | None = None
        self._native = False

    def __repr__(self) -> str:
        return f"<Output {len(self.items)} items, {self._open or 'none'} open>"

    def documents(self) -> list[dict[str, Any]]:
        """The items as clients see them."""
        return [item.document() for item in self.items]

    def take(self, event: StreamEvent) -> Step:
        """One step."""
        match event:
            case TextDelta() | Media():
                return self._say(event)
            case ThinkDelta():
                return self._think(event.text)
            case ToolDelta():
                if self._native or self._open is None:
                    return NOTHING
                return Step(item=self._open, words=self._open.say(event.json))
            case ToolOpen():
                return self._call(event)
            case ToolClose():
                return NOTHING if self._native else self.close("completed")
            case Finish():
                return self.close("completed" if event.reason in ("stop", "tool_calls") else "incomplete")
            case Opened() | Usage() | Notice():
                return NOTHING

    def close(self, status: Status) -> Step:
        """Nothing more comes to the open item."""
        item, self._open = self._open, None
        if item is None:
            return NOTHING
        rest = item.rest()
        item.status = status
        return Step(closed=item, rest=rest)

    def _say(self, event: TextDelta | Media) -> Step:
        if isinstance(event, TextDelta) and not event.text:
            return NOTHING
        if isinstance(self._open, Saying):
            step, item = NOTHING, self._open
        else:
            aside = self._structured and not _may_be_json(event)
            item = Saying(self._response, len(self.items), aside=aside)
            step = self._begin(item)
        words = item.prose.text(event.text) if isinstance(event, TextDelta) else item.prose.media(event)
        return Step(step.closed, step.rest, step.opened, item, item.say(words))

    def _think(self, text: str) -> Step:
        if not text:
            return NOTHING
        if isinstance(self._open, Reasoning):
            return Step(item=self._open, words=self._open.say(text))
        item = Reasoning(self._response, len(self.items))
        return self._begin(item)._replace(item=item, words=item.say(text))

    def _call(self, event: ToolOpen) -> Step:
        self._native = event.native
        if event.native:
            return NOTHING
        called = self._names.get(event.name) or Called(event.name)
        return self._begin(_CALLS[called.kind](self._response, len(self.items), event.id, called))

    def _begin(self, item: Item) -> Step:
        before = self.close("completed")
        self._open = item
        self.items.append(item)
        return before._replace(opened=item)


def _may_be_json(first: TextDelta | Media) -> bool:
    """Whether a JSON answer may begin so."""
    return isinstance(first, TextDelta) and first.text.lstrip()[:1] in ("", "{", "[")
