"""How a message is written down for people to read, and read back.

Pure. Owns the form: JSON, a string where there is nothing but words, else the parts as `luna.model.chat` spells them
(`[{"type": "text", "text": "…"}, {"type": "tool_call", …}]`). Bytes of attachments are not kept, only their digest;
reasoning is.
"""

import msgspec

from luna.conversation.stable import content_digest
from luna.model.chat import Attachment, Message, Part, Role, Text, ToolResult

_CONTENT = msgspec.json.Decoder(str | list[Part])


def packed(message: Message) -> str:
    """A message's content as JSON text."""
    parts = message.parts
    if len(parts) == 1 and type(parts[0]) is Text:
        return msgspec.json.encode(parts[0].text).decode()
    return msgspec.json.encode([_light(part) for part in parts]).decode()


def unpacked(role: Role, content: str) -> Message:
    """The message again. Raises msgspec.DecodeError for content that is not of the form."""
    found = _CONTENT.decode(content)
    return Message(role, [Text(found)] if isinstance(found, str) else found)


def read_back(role: str, content: str) -> Message:
    """The same for content and roles of any origin: what is not of the form says nothing."""
    known: Role = role if role in ("system", "user", "assistant", "tool") else "user"  # type: ignore[assignment]
    try:
        return unpacked(known, content)
    except msgspec.DecodeError:
        return Message(known, [])


def _light(part: Part) -> Part:
    match part:
        case Attachment():
            return _named(part)
        case ToolResult():
            light = [_named(inner) if isinstance(inner, Attachment) else inner for inner in part.parts]
            return msgspec.structs.replace(part, parts=light)
        case _:
            return part


def _named(attachment: Attachment) -> Attachment:
    if attachment.url[:5].lower() != "data:":
        return attachment
    return msgspec.structs.replace(attachment, url=content_digest(attachment))
