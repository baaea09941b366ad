"""What a summary of a conversation is made of, and where the conversation may be cut when one stands for its beginning.

Pure. Owns three choices: which messages go into the request for a summary (the newest first, as long as there is room,
each cut with a note, without noise), how long a summary may be, and between which messages a conversation may be cut:
never between a call and its result. How a text is weighed is handed in (hundredths of a token). Knows nothing of
sessions, and not what the prompts around it say.
"""

from collections.abc import Iterator, Sequence

import msgspec

from luna.conversation.blocks import block
from luna.conversation.classify import Nature, Piece, pieces, shortened
from luna.conversation.estimate import Weigh
from luna.conversation.overflow import turn
from luna.model.chat import Attachment, Message, Part, Text, Thought, ToolCall, ToolResult
from luna.model.preferences import Sanitizer

UNIT = 100
"""What one token weighs."""
MOST_BEFORE = 4000
"""Characters of the summary so far that go into the next one."""
SUMMARY = "summary"
"""The name of the block that holds a summary."""

_SAID = frozenset({Nature.TASK, Nature.CONTEXT, Nature.ANSWER, Nature.CALL, Nature.ATTACHED})
_NOISE = Sanitizer()


class Room(msgspec.Struct, frozen=True):
    """How much may go into the request for a summary."""

    tokens: int
    """Estimated, all together."""
    characters: int
    """Of one message."""
    everything: bool = False
    """What the system said and what tools gave, too."""


def record(messages: Sequence[Message], before: str, room: Room, weigh: Weigh) -> str:
    """The messages as blocks, the oldest first, behind the summary of what came `before` them. When there is not room
    for all, the newest are there; the newest of them always."""
    kept = [_summary(before, min(room.characters, MOST_BEFORE))] if before else []
    left = room.tokens * UNIT - sum(map(weigh, kept))
    newest: list[str] = []
    for number in range(len(messages), 0, -1):
        written = "\n".join(_written(messages[number - 1], number, room))
        if not written:
            continue
        left -= weigh(written)
        if left < 0 and newest:
            break
        newest.append(written)
    return "\n".join((*kept, *reversed(newest)))


def _summary(text: str, most: int) -> str:
    piece = Piece(0, "system", Nature.CONTEXT, Text(text))
    return block(shortened(piece, _cut_to(most)).text, role="system", name=SUMMARY)


def _written(message: Message, number: int, room: Room) -> Iterator[str]:
    """What counts of a message; together no longer than one message may be."""
    left = room.characters
    for piece in pieces([message], _NOISE):
        wanted = piece.nature in _SAID and piece.role != "system"
        if not (wanted or (room.everything and piece.nature in (*_SAID, Nature.RESULT))):
            continue
        if left <= 0:
            return
        short = shortened(piece, _cut_to(left)).part
        left -= _length(piece)
        yield from turn(in_words(Message(message.role, [short], message.name)), number)


def _cut_to(characters: int) -> Sanitizer:
    return Sanitizer(max_message_chars=characters, max_tool_result_chars=characters)


def _length(piece: Piece) -> int:
    match piece.part:
        case Text(text) | Thought(text):
            return len(text)
        case ToolCall(arguments=arguments):
            return len(arguments)
        case ToolResult(parts=parts):
            return sum(len(inner.text) for inner in parts if isinstance(inner, Text))
        case Attachment():
            return 0


def in_words(message: Message) -> Message:
    """The message with the names of what was attached in its place: it is not there any more."""
    return msgspec.structs.replace(message, parts=[_in_words(part) for part in message.parts])


def _in_words(part: Part) -> Part:
    match part:
        case Attachment():
            return _named(part)
        case ToolResult(parts=parts):
            inner: list[Text | Attachment] = [_named(one) if isinstance(one, Attachment) else one for one in parts]
            return msgspec.structs.replace(part, parts=inner)
        case _:
            return part


def _named(attachment: Attachment) -> Text:
    return Text(f"[{attachment.kind} {attachment.name}".rstrip() + "]")


def within(text: str, tokens: int, weigh: Weigh) -> str:
    """The text, or as much of its beginning as is at most so many tokens, up to the end of a word."""
    room = tokens * UNIT
    if weigh(text) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if weigh(text[:middle]) <= room else (low, middle - 1)
    words = text[:low].rsplit(maxsplit=1)
    whole = low == len(text) or text[low].isspace() or len(words) < 2
    return f"{(text[:low] if whole else words[0]).rstrip()}…"


def last_of(messages: Sequence[Message], many: int) -> int:
    """Where the last so many messages begin; what the system says does not count."""
    for place in range(len(messages), 0, -1):
        if many <= 0:
            return place
        many -= messages[place - 1].role != "system"
    return 0


def cut_at(messages: Sequence[Message], most: int) -> int:
    """The last place where the conversation may be cut, `most` messages from its beginning at the farthest: beside an
    answer, and not between a call and its result."""
    answered = _results(messages)
    good, latest = 0, -1
    for place in range(min(most, len(messages)) + 1):
        if place:
            latest = max(latest, answered.get(place - 1, -1))
        if latest < place and _beside_an_answer(messages, place) and not _holds_results(messages, place):
            good = place
    return good


def _results(messages: Sequence[Message]) -> dict[int, int]:
    """Where the last result of a message's calls is, by the message's place."""
    calls: dict[str, int] = {}
    found: dict[int, int] = {}
    for place, message in enumerate(messages):
        for part in message.parts:
            if isinstance(part, ToolCall):
                calls[part.id] = place
            elif isinstance(part, ToolResult) and part.call_id in calls:
                found[calls[part.call_id]] = place
    return found


def _beside_an_answer(messages: Sequence[Message], place: int) -> bool:
    return any(0 <= at < len(messages) and messages[at].role == "assistant" for at in (place - 1, place))


def _holds_results(messages: Sequence[Message], place: int) -> bool:
    return place < len(messages) and any(isinstance(part, ToolResult) for part in messages[place].parts)


def same_place(messages: Sequence[Message], cut: int, others: Sequence[Message]) -> int | None:
    """Where a cut beside an answer is in what stages have made of the messages: they write turns anew and put some
    together, but never answers. None when they have the answers no more."""
    answers = [place for place, message in enumerate(others) if message.role == "assistant"]
    mine = [place for place, message in enumerate(messages) if message.role == "assistant"]
    if len(answers) != len(mine):
        return None
    before = sum(place < cut for place in mine)
    if before < len(mine) and mine[before] == cut:
        return answers[before]
    return answers[before - 1] + 1 if before else None
