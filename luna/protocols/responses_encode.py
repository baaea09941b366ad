"""Events → the events of a stream in the Responses protocol.

Owns their order and shape. Every event has its name, its type and a number that counts up:

    response.created, response.in_progress
      output_item.added
        message     content_part.added, output_text.delta …, output_text.done, content_part.done
        reasoning   reasoning_summary_part.added, …_text.delta …, …_text.done, …_part.done
        calls       function_call_arguments.delta …, .done;  custom_tool_call_input.delta …, .done;  nothing for a
                    search for tools, which is told whole
      output_item.done
    response.completed, or response.incomplete; or, when it breaks, error and response.failed

The last event holds the whole response: some clients read nothing else. Everything in a frame that does not change
from delta to delta is put together once for each item.
"""

from typing import Any, NamedTuple

import msgspec

from luna.model.dialect import AnswerHead
from luna.model.errors import LunaError
from luna.model.events import Finish, Opened, StreamEvent
from luna.protocols import openai_errors, sse
from luna.protocols.responses_answer import Response, failure_document
from luna.protocols.responses_items import CustomCall, FunctionCall, Item, Reasoning, SearchCall, Step

_json = msgspec.json.Encoder().encode


class _Voice(NamedTuple):
    """How the words of one kind of item are told."""

    words: str
    """The event's name without `.delta` and `.done`."""
    field: str
    """Where the whole text stands in `.done`."""
    part: str = ""
    """The event's name without `.added` and `.done` for the part that the words stand in, if they stand in one."""
    place: str = ""
    """The field that numbers the parts: an item of luna's has one at most."""


_MESSAGE = _Voice("response.output_text", "text", "response.content_part", "content_index")
_REASONING = _Voice("response.reasoning_summary_text", "text", "response.reasoning_summary_part", "summary_index")
_FUNCTION = _Voice("response.function_call_arguments", "arguments")
_CUSTOM = _Voice("response.custom_tool_call_input", "input")


_SILENT = _Voice("", "")


def _voice(item: Item) -> _Voice:
    match item:
        case CustomCall():
            return _CUSTOM
        case SearchCall():
            return _SILENT
        case FunctionCall():
            return _FUNCTION
        case Reasoning():
            return _REASONING
        case _:
            return _MESSAGE


def _part(voice: _Voice, words: str) -> dict[str, Any]:
    if voice is _REASONING:
        return {"type": "summary_text", "text": words}
    return {"type": "output_text", "text": words, "annotations": [], "logprobs": []}


class EventEncoder:
    """A streamed answer, from `response.created` to `response.completed`."""

    content_type = sse.CONTENT_TYPE

    def __init__(self, head: AnswerHead) -> None:
        self._response = Response(head)
        self._number = -1
        self._begun = False
        self._delta = b""
        """What comes before the words in a delta of the open item."""
        self._after = b""

    def __repr__(self) -> str:
        return f"<EventEncoder {self._response!r} events={self._number + 1}>"

    def feed(self, event: StreamEvent) -> bytes:
        """The frames that this event becomes."""
        step = self._response.output.take(event)
        if step.item is not None and step.opened is None:
            return self._more(step.words)
        self._response.note(event)
        if isinstance(event, Opened):
            return self._begin()
        frames = self._stepped(step)
        return frames + self._lifecycle(self._response.status) if isinstance(event, Finish) else frames

    def close(self) -> bytes:
        """Nothing: the last event is the end mark."""
        return b""

    def fail(self, error: LunaError, flow_id: str) -> bytes:
        """The answer broke: what is open stays incomplete. Nothing, if all of it was told before."""
        if self._response.status != "in_progress":
            return b""
        begun = b"" if self._begun else self._begin()
        step = self._response.output.close("incomplete")
        told = openai_errors.told(error, flow_id)
        said = {"code": told["code"], "message": told["message"], "param": told["param"]}
        failed = {"response": self._response.document(failure_document(error, flow_id))}
        return begun + self._stepped(step) + self._frame("error", said) + self._frame("response.failed", failed)

    def _begin(self) -> bytes:
        self._begun = True
        return self._lifecycle("created") + self._lifecycle("in_progress")

    def _lifecycle(self, name: str) -> bytes:
        return self._frame(f"response.{name}", {"response": self._response.document()})

    def _stepped(self, step: Step) -> bytes:
        frames = self._close(step.closed, step.rest) if step.closed is not None else b""
        if step.opened is not None:
            frames += self._open(step.opened, step.words)
        return frames + self._more(step.words)

    def _open(self, item: Item, said: str) -> bytes:
        """`said`: the words that the item begins with, which a delta will tell."""
        voice = _voice(item)
        where = {"item_id": item.id, "output_index": item.index}
        place = {voice.place: 0} if voice.place else {}
        name = f"{voice.words}.delta"
        told = _json({"type": name, **where, **place})
        self._delta = b"event: " + name.encode() + b"\ndata: " + told[:-1] + b',"delta":'
        self._after = (b',"logprobs":[]' if voice is _MESSAGE else b"") + b',"sequence_number":'
        frames = self._frame("response.output_item.added", {"output_index": item.index, "item": _empty(item)})
        if voice.part:
            frames += self._frame(f"{voice.part}.added", {**where, **place, "part": _part(voice, "")})
        return frames

    def _more(self, words: str) -> bytes:
        if not words:
            return b""
        self._number += 1
        return b"%b%b%b%d}\n\n" % (self._delta, _json(words), self._after, self._number)

    def _close(self, item: Item, rest: str) -> bytes:
        voice, words = _voice(item), item.words
        where: dict[str, Any] = {"item_id": item.id, "output_index": item.index}
        if voice.place:
            where[voice.place] = 0
        done = {**where, voice.field: words}
        if voice is _MESSAGE:
            done["logprobs"] = []
        elif voice is _FUNCTION and isinstance(item, FunctionCall):
            done["name"] = item.called.name
        frames = self._more(rest) + (self._frame(f"{voice.words}.done", done) if voice.words else b"")
        if voice.part:
            frames += self._frame(f"{voice.part}.done", {**where, "part": _part(voice, words)})
        return frames + self._frame("response.output_item.done", {"output_index": item.index, "item": item.document()})

    def _frame(self, name: str, more: dict[str, Any]) -> bytes:
        self._number += 1
        return sse.event(name, _json({"type": name, "sequence_number": self._number, **more}))


def _empty(item: Item) -> dict[str, Any]:
    """The item as it is announced: without its words, which come as deltas."""
    if isinstance(item, SearchCall):
        return item.document()
    emptied = {"content": [], "summary": [], "arguments": "", "input": ""}
    return {key: emptied.get(key, value) for key, value in item.document().items()}
