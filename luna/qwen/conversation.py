r"""Puts a whole conversation into the one text that Qwen takes.

Pure. A completion carries exactly one user message (wire document section 3), so everything that was said before
stands inside its text, each turn in a block of its own:

    <turn role="user">
    What is in this directory?
    </turn>
    <turn role="assistant" call="call_1" tool="Bash">
    {"command": "ls"}
    </turn>
    <turn role="tool" call="call_1" tool="Bash">
    README.md
    </turn>

No content can end its block or begin another: inside, `<turn` and `</turn` get a backslash after the `<`, and what
has backslashes there already gets one more, so that the way back is exact (`luna.conversation.blocks`). The words
around the blocks are a prompt file's. A lone message needs no blocks and goes out as it is.

Earlier reasoning is left out, as Qwen's own chat template does. Where something is attached stands a mark that names
it (`luna.qwen.attached`); bringing it there is the transport's business.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from luna.conversation.blocks import block, escape
from luna.model.chat import Attachment, Message, Part, Text, ToolCall, ToolResult

VARIABLES = ("system", "turns", "current")
"""What the prompt around a conversation may use: the system text, the blocks of the earlier turns, and what is to
be replied to."""

Marks = Mapping[tuple[str, str], str]
"""What stands for an attachment, by its id and URL."""
NO_MARKS: Marks = {}


def flatten(messages: Sequence[Message], render: Callable[..., str], marks: Marks = NO_MARKS) -> str:
    """The whole conversation as one text. `render` takes the `VARIABLES` by name and is the prompt around it."""
    system, turns = _system(messages)
    bare = _bare(turns, marks) if turns else ""
    if bare is not None:
        return _paragraphs(system, bare)
    past, current = _split(turns)
    whole = render(system=escape(system), turns=_blocks(past, marks), current=_reply_to(current, marks))
    if not system:
        whole = whole.lstrip("\n")
    return whole if current else whole.rstrip("\n")


def continuation(messages: Sequence[Message], marks: Marks = NO_MARKS) -> str:
    """What is new, as one text, for a chat that knows the rest; "" when nothing is."""
    system, turns = _system(messages)
    bare = _bare(turns, marks)
    return _paragraphs(system, bare if bare is not None else _blocks(turns, marks))


def since_the_answer(messages: Sequence[Message]) -> Sequence[Message]:
    """What came after the last assistant turn."""
    return messages[next((n for n in range(len(messages), 0, -1) if messages[n - 1].role == "assistant"), 0) :]


def _system(messages: Iterable[Message]) -> tuple[str, list[Message]]:
    """What the system says, and the messages of the others."""
    system, turns = "", list[Message]()
    for message in messages:
        if message.role == "system":
            system = _paragraphs(system, message.text)
        else:
            turns.append(message)
    return system, turns


def _paragraphs(one: str, other: str) -> str:
    return f"{one}\n\n{other}" if one and other else one or other


def _split(turns: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
    """The earlier turns, and what the model is to reply to: the last user message, or the last tool results."""
    begin = len(turns)
    if turns[-1].role == "user":
        begin -= 1
    else:
        while begin and turns[begin - 1].role == "tool":
            begin -= 1
    return turns[:begin], turns[begin:]


def _reply_to(current: Sequence[Message], marks: Marks) -> str:
    bare = _bare(current, marks)
    return escape(bare) if bare is not None else _blocks(current, marks)


def _words(parts: Sequence[Part], marks: Marks) -> str:
    """Text, and marks where something is attached."""
    said = (_word(part, marks) for part in parts)
    return "\n".join(word for word in said if word is not None)


def _word(part: Part, marks: Marks) -> str | None:
    match part:
        case Text(text=text):
            return text
        case Attachment(id=id, url=url):
            return marks.get((id, url))
        case _:
            return None


def _bare(turns: Sequence[Message], marks: Marks) -> str | None:
    """One message of the user's with nothing but words: it needs no block."""
    if len(turns) != 1 or turns[0].role != "user":
        return None
    parts = turns[0].parts
    if len(parts) == 1 and type(part := parts[0]) is Text:  # as nearly always
        return part.text
    return None if any(isinstance(part, ToolResult | ToolCall) for part in parts) else _words(parts, marks)


def _blocks(messages: Iterable[Message], marks: Marks) -> str:
    return "\n".join(block for message in messages for block in _turn(message, marks))


def _turn(message: Message, marks: Marks) -> Iterable[str]:
    """A message's blocks: its words in one, then each call and each result."""
    words = _words(message.parts, marks)
    if words:
        yield _block(words, role=message.role, name=message.name)
    for part in message.parts:
        match part:
            case ToolCall():
                yield _block(part.arguments, role="assistant", call=part.id, tool=part.name)
            case ToolResult():
                failed = "true" if part.error else ""
                texts = _words(part.parts, marks)
                yield _block(texts, role="tool", call=part.call_id, tool=part.name, error=failed)
            case _:
                pass


def _block(content: str, **attributes: str) -> str:
    return block(content, **{name: value or None for name, value in attributes.items()})
