"""What is attached to a conversation, in order, and by which name the text speaks of it.

Pure. Owns numbers and names: an attachment is `image 2` by its place in the whole conversation, and has a name that no
other attachment has. The same address again is the same attachment. What becomes of one belongs to the transport;
where its mark stands in the text, to `luna.qwen.conversation`.
"""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import msgspec

from luna.model.chat import Attachment, Message, Text, ToolResult
from luna.qwen.file_types import extension

LONGEST_NAME = 100


class Attached(msgspec.Struct, frozen=True):
    """One attachment in its place."""

    attachment: Attachment
    number: int
    """Counted from 1 among those of its kind."""
    name: str
    known: bool
    """The chat has it already."""
    insisted: bool
    """The user attached it to the last of their messages: it must not be left out silently."""

    @property
    def key(self) -> tuple[str, str]:
        """Its id and URL."""
        return self.attachment.id, self.attachment.url

    @property
    def mark(self) -> str:
        """What stands in the text where it belongs: `[image 2: cat.png]`."""
        return f"[{self.attachment.kind} {self.number}: {self.name}]"


def attached(messages: Sequence[Message]) -> list[Attached]:
    """All of them, each once, those inside tool results included. Give the whole conversation, so that a number stays
    what it was in earlier turns."""
    if not _may_hold(messages):
        return []
    found: dict[tuple[str, str], Attached] = {}
    counts: dict[str, int] = {}
    names: set[str] = set()
    last = next((place for place in range(len(messages) - 1, -1, -1) if messages[place].role == "user"), -1)
    for place, message in enumerate(messages):
        if len(message.parts) == 1 and type(message.parts[0]) is Text:  # as nearly always
            continue
        for attachment, direct in _attachments(message):
            key = (attachment.id, attachment.url)
            earlier = found.get(key)
            insisted = direct and place == last
            if earlier is None:
                number = counts[attachment.kind] = counts.get(attachment.kind, 0) + 1
                name = _unique(_name(attachment, number), names)
                found[key] = Attached(attachment, number, name, message.known, insisted)
            elif not message.known or insisted:
                found[key] = msgspec.structs.replace(
                    earlier, known=message.known, insisted=insisted or earlier.insisted
                )
    return list(found.values())


def _may_hold(messages: Iterable[Message]) -> bool:
    for message in messages:
        for part in message.parts:
            if type(part) is Attachment or type(part) is ToolResult:
                return True
    return False


def marks(messages: Sequence[Message]) -> dict[tuple[str, str], str]:
    """The mark of each attachment by its id and URL."""
    return {one.key: one.mark for one in attached(messages)}


def _attachments(message: Message) -> list[tuple[Attachment, bool]]:
    """With whether the message itself holds it, and not a tool's result."""
    found: list[tuple[Attachment, bool]] = []
    for part in message.parts:
        if isinstance(part, Attachment):
            found.append((part, True))
        elif isinstance(part, ToolResult):
            found += [(inner, False) for inner in part.parts if isinstance(inner, Attachment)]
    return found


def _name(attachment: Attachment, number: int) -> str:
    """What the client calls it, else the end of its address, else its kind and number."""
    given = _clean(attachment.name) or _clean(_end_of(attachment.url))
    return given or f"{attachment.kind}-{number}{extension(attachment.media_type)}"


def _end_of(url: str) -> str:
    """The file's name in an address, where it looks like one."""
    if url[:5].lower() == "data:":
        return ""
    try:
        end = PurePosixPath(unquote(urlsplit(url).path)).name
    except ValueError:
        return ""
    return end if "." in end.strip(".") else ""


def _clean(name: str) -> str:
    """Without folders, line breaks and brackets, of sane length; its ending stays."""
    end = name.replace("\\", "/").rpartition("/")[2]
    end = " ".join("".join(letter for letter in end if letter.isprintable() and letter not in "[]<>\"'`").split())
    stem, dot, suffix = end.rpartition(".")
    if len(end) > LONGEST_NAME and dot and len(suffix) < 12:
        return f"{stem[: LONGEST_NAME - len(suffix) - 1]}.{suffix}"
    return end[:LONGEST_NAME]


def _unique(name: str, names: set[str]) -> str:
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = name, ""
    candidate, count = name, 1
    while candidate.lower() in names:
        count += 1
        candidate = f"{stem}-{count}{dot}{suffix}"
    names.add(candidate.lower())
    return candidate
