"""What each part of a conversation is to the model that goes on with it: a task, a result, an answer, or noise.

Owns the judgement, part by part: an agent's turn holds the user's words beside results and the client's own
reminders. Which signs there are is `luna.conversation.patterns`' business, what is kept in the end
`luna.conversation.sanitize`'s.
"""

import enum
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from luna.conversation import patterns
from luna.conversation.passages import (
    blocks,
    cut,
    possible,
    without_blocks,
    without_lines,
    without_paragraphs,
    without_sections,
)
from luna.model.chat import Attachment, Message, Part, Role, Text, Thought, ToolCall, ToolResult
from luna.model.preferences import Sanitizer

LEAST_WORDS = 3
"""Characters: what is left of a turn without its noise means something from here on."""


class Nature(enum.StrEnum):
    """What a part is. The values are the words of the file."""

    TASK = "user_task"
    ATTACHED = "attachment"
    CONTEXT = "relevant_context"
    ENVIRONMENT = "environment_summary"
    RESULT = "tool_result_or_observation"
    CALL = "tool_call"
    ANSWER = "assistant_context"
    NOISE = "noise"


class Piece(msgspec.Struct, frozen=True):
    """A part of a turn, as much of it as is worth keeping."""

    number: int
    """Of its turn, from 1."""
    role: Role
    nature: Nature
    part: Part
    why: str = ""
    """Of a task: its evidence. Of noise: which noise."""
    name: str = ""

    @property
    def text(self) -> str:
        """Its words; "" where it has none."""
        return self.part.text if isinstance(self.part, Text) else ""

    @property
    def weight(self) -> int:
        """How weighty a task is: the wrapped ones come before plain words."""
        order = [*(evidence for _, evidence in patterns.TASKS), PLAIN]
        return order.index(self.why) if self.why in order else len(order)


PLAIN = "plain_user_text"


def pieces(messages: Sequence[Message], wanted: Sanitizer) -> list[Piece]:
    """All parts of all turns, in order."""
    return [piece for number, message in enumerate(messages, 1) for piece in _turn(message, number, wanted)]


def _turn(message: Message, number: int, wanted: Sanitizer) -> Iterator[Piece]:
    found = False
    for part in message.parts:
        for nature, kept, why in _judged(message.role, part, wanted):
            found = True
            yield Piece(number, message.role, nature, kept, why, message.name)
    if not found:
        yield Piece(number, message.role, Nature.NOISE, Text(""), "empty", message.name)


Judgement = tuple[Nature, Part, str]


def _judged(role: Role, part: Part, wanted: Sanitizer) -> Iterable[Judgement]:
    match part:
        case Thought():
            return ()
        case Attachment():
            return [(Nature.ATTACHED, part, "")]
        case ToolCall():
            return [(Nature.CALL, part, "")]
        case ToolResult():
            return [(Nature.RESULT, part, "")]
        case Text():
            return _words(role, part.text, wanted)


def _words(role: Role, text: str, wanted: Sanitizer) -> Iterable[Judgement]:
    text = unicodedata.normalize("NFC", text)
    match role:
        case "system":
            return [_system(text, wanted)]
        case "user":
            return _user(text, wanted)
        case "assistant":
            return [_assistant(text, wanted)]
        case "tool":
            return [(Nature.RESULT, Text(text), "")]


def _noise(why: str, text: str = "") -> Judgement:
    return Nature.NOISE, Text(text), why


def _system(text: str, wanted: Sanitizer) -> Judgement:
    if not text.strip():
        return _noise("empty")
    names = set(patterns.PROTOCOL_NAMES.findall(text))
    if wanted.strip_client_tool_protocol and len(names) >= patterns.ENOUGH_NAMES:
        return _noise("client_protocol_noise", text)
    return Nature.CONTEXT, Text(text), ""


def is_plain(text: str) -> bool:
    """What the user has said is plain to see: it shows no sign of anything but the user's own words."""
    return not patterns.ANY_MARK.search(text.lower()) and not patterns.RESULT.match(text)


def _user(text: str, wanted: Sanitizer) -> Iterator[Judgement]:
    """The environment, then what the user wants; where a tag says that, what stands around it is kept only if it
    means something by itself."""
    for environment in blocks(text, patterns.ENVIRONMENT):
        yield Nature.ENVIRONMENT, Text(_shorter_list(environment, wanted.max_environment_file_list)), ""
    rest = without_blocks(text, patterns.ENVIRONMENT)
    tagged = next(((tag, why) for tag, why in patterns.TASKS if any(blocks(rest, tag))), None)
    if tagged is not None:
        yield Nature.TASK, Text("\n\n".join(filter(None, blocks(rest, tagged[0])))), tagged[1]
        rest = without_blocks(rest, tagged[0])
    if patterns.RESULT.match(rest):
        yield Nature.RESULT, Text(rest), ""
        return
    plain, noise = _without_noise(rest, wanted)
    said = plain.strip()
    if noise:
        yield _noise(noise, rest)
    if len(said) >= LEAST_WORDS or (said and not noise):
        yield (Nature.CONTEXT, Text(said), "") if tagged or _is_noise(said) else (Nature.TASK, Text(said), PLAIN)
    elif not noise and not text.strip():
        yield _noise("empty")


def _without_noise(text: str, wanted: Sanitizer) -> tuple[str, str]:
    """The text without the noise that is to be left out, and what kind of noise that was; "" where there was none."""
    plain, found = text, ""
    if wanted.strip_automated_client_errors:
        plain = without_lines(without_sections(text, patterns.AUTOMATED_SECTIONS), patterns.AUTOMATED_LINES)
        found = "automated_error_noise" if plain != text else ""
    if wanted.strip_client_tool_protocol:
        before = plain
        plain = without_sections(before, patterns.PROTOCOL_SECTIONS)
        plain = without_paragraphs(plain, patterns.WRAPPERS)
        found = found or ("client_protocol_noise" if plain != before else "")
    return plain, found


def _is_noise(text: str) -> bool:
    """Nothing would be left of it if noise were left out: it is kept, but it is no task."""
    plain, noise = _without_noise(text, Sanitizer())
    return bool(noise) and len(plain.strip()) < LEAST_WORDS


def _assistant(text: str, wanted: Sanitizer) -> Judgement:
    plain = text
    for tag in patterns.THINKING:
        plain = without_blocks(plain, tag)
    said = plain.strip()
    kept = Text(said if wanted.strip_assistant_thinking else text)
    if not said and (wanted.strip_assistant_thinking or not text.strip()):
        return _noise("empty", text)
    if any(sign.match(said) for sign in patterns.CALLS):
        return Nature.CALL, kept, ""
    if any(sign.fullmatch(said) for sign in patterns.BUTTONS) and wanted.strip_automated_client_errors:
        return _noise("automated_error_noise", text)
    for wished, judged in (
        (wanted.strip_assistant_tool_failure_echo, "assistant_failure_echo"),
        (wanted.strip_assistant_container_confusion, "assistant_container_confusion"),
    ):
        if _is(judged, said):
            return _noise(judged, text) if wished else (Nature.ANSWER, kept, judged)
    return Nature.ANSWER, kept, ""


def _is(judgement: str, said: str) -> bool:
    if judgement == "assistant_failure_echo":
        return len(said) <= patterns.ECHO_LENGTH and any(sign.match(said) for sign in patterns.ECHOES)
    begun = said[: patterns.CONFUSION_REACH]
    return any(sign.pattern.search(begun) for sign in possible(patterns.CONFUSION, begun))


def _shorter_list(environment: str, most: int) -> str:
    """An environment with at most so many files in its listing."""
    lines = environment.splitlines()
    begin = next((number for number, line in enumerate(lines, 1) if patterns.FILE_LIST.match(line)), None)
    if begin is None:
        return environment
    end = next((n for n in range(begin, len(lines)) if not lines[n].strip() or lines[n].startswith("#")), len(lines))
    if end - begin <= most:
        return environment
    more = f"(... and {end - begin - most} more files)"
    return "\n".join((*lines[: begin + most], more, *lines[end:]))


def shortened(piece: Piece, wanted: Sanitizer) -> Piece:
    """The piece within the lengths that are wanted."""
    most = wanted.max_tool_result_chars if piece.nature is Nature.RESULT else wanted.max_message_chars
    part = piece.part
    match part:
        case Text():
            part = Text(cut(part.text, most))
        case ToolCall():
            part = ToolCall(part.id, part.name, cut(part.arguments, most))
        case ToolResult():
            inner = [Text(cut(p.text, most)) if isinstance(p, Text) else p for p in part.parts]
            part = ToolResult(part.call_id, [*inner], part.name, part.error)
        case Thought() | Attachment():
            pass
    return Piece(piece.number, piece.role, piece.nature, part, piece.why, piece.name)
