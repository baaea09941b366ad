r"""A conversation as a document, for a prompt that is too long to be typed.

Pure. The document is complete: every turn stands in it in order, each part in a block of its own
(`luna.conversation.blocks`), so that it can be read back into the same messages:

    <turn n="1" role="user" name="ann">                            words
    <turn n="2" role="assistant" call="call_1" tool="Bash">        a call; its arguments as they were
    <turn n="3" role="tool" result="call_1" tool="Bash" error="true">       a result; `more="true"` goes on with it
    <turn n="4" role="user" attachment="image" file="a.png" type="image/png">   its mark; its bytes are sent beside it

`parts="0"` marks a turn, or a result, in which there was nothing. What the system said is typed, not written here,
unless it is itself too long. Earlier reasoning is left out, as Qwen's own chat template does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from luna.conversation.blocks import block, block_bytes, escape
from luna.model.chat import Attachment, Message, Text, Thought, ToolCall, ToolResult

T = TypeVar("T", covariant=True)


class Write(Protocol[T]):
    """Writes one block: `luna.conversation.blocks`."""

    def __call__(self, content: str, /, **attributes: str | None) -> T: ...


Marks = Mapping[tuple[str, str], str]
"""By what name the file is attached that stands for an attachment, by its id and URL."""
NO_MARKS: Marks = {}
MOST_CLOSING = 20_000
"""Characters: more than that is nothing to be typed."""


def document(messages: Sequence[Message], header: str, marks: Marks = NO_MARKS) -> str:
    """All of the messages, below the header."""
    blocks = (block for number, message in enumerate(messages, 1) for block in turn(message, number, marks))
    return "\n\n".join((escape(header.strip("\n")), "\n".join(blocks))) + "\n"


def written(messages: Sequence[Message], header: str, marks: Marks = NO_MARKS) -> bytes:
    """The same in UTF-8, at a third of the price. What Unicode does not have becomes `?`."""
    blocks = [part for number, message in enumerate(messages, 1) for part in _turn(message, number, marks, block_bytes)]
    head = escape(header.strip("\n")).encode("utf-8", "replace")
    return b"\n".join((head, b"", *blocks, b"")) if blocks else b"%b\n\n\n" % head


def turn(message: Message, number: int, marks: Marks = NO_MARKS) -> Iterator[str]:
    """One message's blocks."""
    return _turn(message, number, marks, block)


def _turn(message: Message, number: int, marks: Marks, block: "Write[T]") -> Iterator[T]:
    head = {"n": str(number), "role": message.role, "name": message.name or None}
    empty = True
    for part in message.parts:
        match part:
            case Text():
                yield block(part.text, **head)
            case Thought():
                continue
            case ToolCall():
                yield block(part.arguments, **head, call=part.id, tool=part.name)
            case ToolResult():
                yield from _result(part, head, marks, block)
            case Attachment():
                yield _attached(part, head, marks, block)
        empty = False
    if empty:
        yield block("", **head, parts="0")


def _attached(attachment: Attachment, head: Mapping[str, str | None], marks: Marks, block: "Write[T]") -> T:
    """The block that stands for an attachment. Its bytes are not in it."""
    inline = attachment.url[:5].lower() == "data:"
    return block(
        marks.get((attachment.id, attachment.url), ""),
        **head,
        attachment=attachment.kind,
        file=attachment.name or None,
        type_=attachment.media_type or None,
        id=attachment.id or None,
        url=None if inline else attachment.url or None,
    )


def _result(result: ToolResult, head: Mapping[str, str | None], marks: Marks, block: "Write[T]") -> Iterator[T]:
    error = "true" if result.error else None
    about = {**head, "result": result.call_id, "tool": result.name or None, "error": error}
    if not result.parts:
        yield block("", **about, parts="0")
    for position, part in enumerate(result.parts):
        said = about | ({"more": "true"} if position else {})
        yield block(part.text, **said) if isinstance(part, Text) else _attached(part, said, marks, block)


def system_text(messages: Iterable[Message]) -> str:
    """What the system said, in all its messages."""
    return "\n\n".join(message.text for message in messages if message.role == "system" and message.text)


def take_closing(messages: Sequence[Message]) -> tuple[list[Message], str]:
    """The messages without the words that stages of luna have put at the end of the user's last turn, and those
    words: what holds for this turn is kept to best where it is read last. Such words are a part of their own that
    begins with a line break (`luna.tools.contract.remind`)."""
    kept = list(messages)
    place = next((n for n in range(len(kept) - 1, -1, -1) if kept[n].role == "user"), None)
    if place is None:
        return kept, ""
    parts, closing = list(kept[place].parts), list[str]()
    while len(parts) > 1 and isinstance(last := parts[-1], Text) and _is_closing(last.text):
        closing.insert(0, last.text.strip("\n"))
        del parts[-1]
    kept[place] = msgspec.structs.replace(kept[place], parts=parts)
    return kept, "\n".join(closing)


def _is_closing(text: str) -> bool:
    return text.startswith("\n") and len(text) <= MOST_CLOSING
