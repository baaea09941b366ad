"""About how heavy the messages are that go to a model.

Owns what counts: the words, names and arguments that are typed, a frame around each turn, and a flat price for what
is attached. The bytes of a picture or a document never count as text, whatever address they stand in, and neither does
earlier reasoning, which is not sent again. How a text is weighed is handed in, so that every estimate of luna's has
the same scale (hundredths of a token).
"""

from collections.abc import Callable, Iterable

from luna.model.chat import Attachment, Message, Part, Text, Thought, ToolCall, ToolResult

Weigh = Callable[[str], int]
"""What a text weighs, in hundredths of a token."""

MOST_PER_CHARACTER = 200
"""No character weighs more, so that what is short need not be weighed at all."""
LIGHTEST, BLANK = 26, 4
"""No character but a space or a tab weighs less than the first, and these the second."""
TURN = 400
"""The frame around a turn."""
ATTACHMENT = 100_000
"""A picture of some 1000 x 1000 pixels, a document of a few pages: nobody knows before it was read."""


def weight(messages: Iterable[Message], weigh: Weigh, *, turn: int = TURN, attachment: int = ATTACHMENT) -> int:
    """What they weigh together: in hundredths of a token, or in whatever `weigh` measures."""
    total = 0
    for message in messages:
        total += turn + (weigh(message.name) if message.name else 0)
        for part in message.parts:
            total += weigh(part.text) if type(part) is Text else _part(part, weigh, attachment)
    return total


def at_most(messages: Iterable[Message]) -> int:
    """A weight in hundredths of a token that they certainly do not exceed; costs next to nothing."""
    return weight(messages, len, turn=TURN // MOST_PER_CHARACTER, attachment=ATTACHMENT // MOST_PER_CHARACTER) * (
        MOST_PER_CHARACTER
    )


def least(text: str) -> int:
    """A weight that a text certainly reaches; to count its blanks costs next to nothing."""
    blanks = text.count(" ") + text.count("\t")
    return len(text) * LIGHTEST - blanks * (LIGHTEST - BLANK)


def at_least(messages: Iterable[Message], *, turn: int = TURN, attachment: int = ATTACHMENT) -> int:
    """A weight that they certainly reach; costs next to nothing."""
    return weight(messages, least, turn=turn, attachment=attachment)


def _part(part: Part, weigh: Weigh, attachment: int) -> int:
    match part:
        case Text():
            return weigh(part.text)
        case Thought():
            return 0
        case ToolCall():
            return weigh(part.id) + weigh(part.name) + weigh(part.arguments)
        case ToolResult():
            inside = sum(_part(inner, weigh, attachment) for inner in part.parts)
            return weigh(part.call_id) + weigh(part.name) + inside
        case Attachment():
            return attachment
