"""Counts what a whole request costs in tokens.

Owns what is counted and what stands around it. How a text is measured is handed in: exactly (`vocabulary`) or by
guess (`pieces`). The frame around a turn is that of Qwen's chat template (ChatML): `<|im_start|>`, the role, a line
break, the turn, `<|im_end|>`, a line break.
"""

import base64
from collections.abc import Callable
from urllib.parse import unquote

import msgspec

from luna.model.chat import Attachment, ChatRequest, Message, Part, Text, Thought, Tool, ToolCall, ToolResult
from luna.protocols.pictures import picture_tokens

Measure = Callable[[str], float]
"""How many tokens a text is."""

_TURN = 5
_ANSWER = 3
"""The frame in which the answer begins."""
_RESULT = 4
_FLAT = {"document": 3000, "audio": 1500, "video": 6000}
"""What cannot be read here: a document of some pages, a minute of sound, of film."""


def count(chat: ChatRequest, measure: Measure) -> int:
    """About how many tokens the request is: turns, calls, results, pictures, tools with their schemas."""
    total = sum(_turn(message, measure) for message in chat.messages) + _ANSWER
    total += sum(measure(_json(_tool(tool))) for tool in chat.tools)
    if chat.response_format is not None:
        total += measure(_json(chat.response_format))
    total += _FLAT["document"] * len(chat.file_ids)
    return round(total)


def _turn(message: Message, measure: Measure) -> float:
    return _TURN + measure(message.name) + sum(_part(part, measure) for part in message.parts)


def _part(part: Part, measure: Measure) -> float:
    match part:
        case Text() | Thought():
            return measure(part.text)
        case ToolCall():
            return measure(_json({"name": part.name, "arguments": msgspec.Raw(part.arguments.encode())}))
        case ToolResult():
            return _RESULT + sum(_part(inner, measure) for inner in part.parts)
        case Attachment():
            return _attachment(part, measure)


def _attachment(attachment: Attachment, measure: Measure) -> float:
    if attachment.kind == "image":
        return picture_tokens(attachment.url)
    words = _words(attachment)
    return _FLAT[attachment.kind] if words is None else measure(words)


def _words(attachment: Attachment) -> str | None:
    """What stands in a document of plain text in a data URL; None for everything else."""
    about, comma, data = attachment.url.partition(",")
    if not comma or not attachment.media_type.startswith("text/"):
        return None
    if not about.lower().endswith(";base64"):
        return unquote(data)
    try:
        return base64.b64decode(data + "==").decode("utf-8", "replace")
    except ValueError:  # binascii.Error, and letters beyond ASCII
        return None


def _tool(tool: Tool) -> dict[str, object]:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
