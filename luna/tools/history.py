"""Past calls and results → text in the markup, so that any transport can carry them.

Owns how a conversation with calls looks to a model that knows only text. A model sees what its own chat template
would show it: its calls where it made them, and the results of one round together in one turn of the user's, in the
order of the calls, each with the id of its call. What a client's tool gave beside text stays beside it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from luna.model.chat import Attachment, Message, Part, Text, ToolCall, ToolResult
from luna.tools import markup


def has_calls(messages: Iterable[Message]) -> bool:
    """True when the conversation holds a call or a result."""
    for message in messages:
        for part in message.parts:
            if type(part) is ToolCall or type(part) is ToolResult:
                return True
    return False


def as_text(messages: Sequence[Message]) -> list[Message]:
    """The conversation without `ToolCall` and `ToolResult` parts. Messages that hold none are the same objects."""
    if _are_plain(messages):
        return list(messages)
    calls: dict[str, _Call] = {}
    turns: list[Message] = []
    for turn in _rounds(messages):
        for part in turn.parts:
            if isinstance(part, ToolCall):
                calls[part.id] = _Call(len(calls), part.name)
        turns.append(_written(turn, calls) if has_calls([turn]) else turn)
    return turns


def _are_plain(messages: Iterable[Message]) -> bool:
    for message in messages:
        if message.role == "tool":
            return False
        for part in message.parts:
            if type(part) is ToolCall or type(part) is ToolResult:
                return False
    return True


class _Call:
    """What a result must know of the call that it answers."""

    def __init__(self, place: int, name: str) -> None:
        self.place = place
        self.name = name


def _rounds(messages: Iterable[Message]) -> Iterator[Message]:
    """The messages, results that follow one another and the user's words after them made one message; what the upstream
    knows already stays apart from what is new."""
    results: Message | None = None
    for message in messages:
        more = message.role == "tool" or (message.role == "user" and not message.name)
        if results is not None and more and message.known == results.known:
            results.parts += message.parts
            continue
        if results is not None:
            yield results
        results = None
        if message.role == "tool" or (message.role == "user" and has_calls([message])):
            name = message.name if message.role == "user" else ""
            results = msgspec.structs.replace(message, role="user", parts=list(message.parts), name=name)
        else:
            yield message
    if results is not None:
        yield results


def _written(turn: Message, calls: dict[str, _Call]) -> Message:
    parts: list[Part] = []
    for kind, run in groupby(turn.parts, type):
        if kind is ToolCall:
            written = [markup.call(part.name, part.arguments, id=part.id) for part in run if isinstance(part, ToolCall)]
            parts.append(Text(markup.calls(written)))
        elif kind is ToolResult:
            results = [part for part in run if isinstance(part, ToolResult)]
            results.sort(key=lambda part: calls[part.call_id].place if part.call_id in calls else len(calls))
            for result in results:
                parts += _result(result, calls.get(result.call_id))
        else:
            parts += run
    return msgspec.structs.replace(turn, parts=parts)


def _result(result: ToolResult, call: _Call | None) -> list[Text | Attachment]:
    """The result's text, and what came beside it."""
    beside = [part for part in result.parts if isinstance(part, Attachment)]
    written = markup.result(
        "\n".join(part.text for part in result.parts if isinstance(part, Text)),
        id=result.call_id,
        name=call.name if call is not None else result.name,
        error=result.error,
        attached=", ".join(f"{part.kind} {part.name}".strip() for part in beside),
    )
    return [Text(written), *beside]
