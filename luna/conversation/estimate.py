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
TURN = 400
"""The frame around a turn."""
ATTACHMENT = 100_000
"""A picture of some 1000 x 1000 pixels, a document of a few pages: nobody knows before it was read."""


def weight(messages: Iterable[Message], weigh: Weigh, *, turn: int = TURN, attachment: int = ATTACHMENT) -> int:
    """What they weigh together: in hundredths of a token, or in whatever `weigh` measures."""
    total = 0
    for message in messages:
        total += turn
        if message.name:
            total += weigh(message.name)
        for part in message.parts:
            total += weigh(part.text) if type(part) is Text else _part(part, weigh, attachment)
    return total


def at_most(messages: Iterable[Message]) -> int:
    """A weight in hundredths of a token that they certainly do not exceed; costs next to nothing."""
    return weight(messages, len, turn=TURN // MOST_PER_CHARACTER, attachment=ATTACHMENT // MOST_PER_CHARACTER) * (
        MOST_PER_CHARACTER
    )


def texts(messages: Iterable[Message]) -> tuple[list[str], int]:
    """The texts that count, and what is to be added to their weight for the frames and for what is attached."""
    found: list[str] = []

    def take(text: str) -> int:
        found.append(text)
        return 0

    frames = 0
    for message in messages:
        if len(message.parts) == 1 and type(part := message.parts[0]) is Text and not message.name:  # as nearly always
            found.append(part.text)
            frames += TURN
        else:
            frames += weight((message,), take)
    return found, frames


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
