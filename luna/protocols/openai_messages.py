"""OpenAI's messages → the neutral conversation.

Owns roles, content parts, calls and results of the history. Knows nothing of the rest of the request.
"""

import msgspec

from luna.model.chat import Attachment, Message, Part, Text, Thought, ToolCall, ToolResult
from luna.protocols import attachments
from luna.protocols.attachments import AttachmentKind
from luna.protocols.body import bad_field
from luna.protocols.openai_types import CalledIn, CallIn, FileIn, MessageIn, PartIn, UrlIn

_SOUNDS = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_PARTS = ("text", "refusal", "image_url", "video_url", "audio_url", "input_audio", "file")


def messages(entries: list[MessageIn] | None) -> list[Message]:
    """The conversation in order; `developer` speaks as `system`. Raises LunaError(BAD_REQUEST)."""
    if not entries:
        raise bad_field("messages", "must hold at least one message.")
    pending: dict[str, str] = {}
    return [_message(entry, index, pending) for index, entry in enumerate(entries)]


def _message(entry: MessageIn, index: int, pending: dict[str, str]) -> Message:
    """`pending`: function name → id of its unanswered call, for the form from before there were call ids."""
    name = entry.name or ""
    if type(entry.content) is str and entry.role == "user":  # as nearly always
        return Message("user", [Text(entry.content)] if entry.content else [], name)
    at = f"messages[{index}]"
    match entry.role:
        case "assistant":
            parts = _assistant(entry, at)
            if entry.function_call is not None:
                called = entry.function_call
                pending[called.name] = f"legacy_call_{index}"
                parts.append(ToolCall(pending[called.name], called.name, _arguments(called)))
            return Message("assistant", parts, name)
        case "tool":
            if not entry.tool_call_id:
                raise bad_field(f"{at}.tool_call_id", "is missing.", hint="Name the call that this is the result of.")
            return Message("tool", [ToolResult(entry.tool_call_id, _content(entry, at), name)])
        case "function":
            call_id = pending.pop(name, f"legacy_call_{index}")
            return Message("tool", [ToolResult(call_id, _content(entry, at), name)])
        case "system" | "developer" | "user":
            if entry.content is None:
                raise bad_field(f"{at}.content", "is missing.")
            return Message("user" if entry.role == "user" else "system", [*_content(entry, at)], name)


def _assistant(entry: MessageIn, at: str) -> list[Part]:
    parts: list[Part] = []
    thought = entry.reasoning_content or entry.reasoning
    if thought and isinstance(thought, str):
        parts.append(Thought(thought))
    parts += _content(entry, at)
    if entry.refusal:
        parts.append(Text(entry.refusal))
    parts += [_call(call, f"{at}.tool_calls[{index}]") for index, call in enumerate(entry.tool_calls or ())]
    return parts


def _call(call: CallIn, at: str) -> ToolCall:
    if call.function is not None:
        return ToolCall(call.id, call.function.name, _arguments(call.function))
    if call.custom is not None:
        return ToolCall(call.id, call.custom.name, _json({"input": call.custom.input}))
    raise bad_field(f"{at}.function", "is missing.")


def _arguments(called: CalledIn) -> str:
    if called.arguments is None:
        return "{}"
    return called.arguments if isinstance(called.arguments, str) else _json(called.arguments)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _content(entry: MessageIn, at: str) -> list[Text | Attachment]:
    content = entry.content
    if not content:
        return []
    if isinstance(content, str):
        return [Text(content)]
    return [_part(part, at, index) for index, part in enumerate(content)]


def _part(part: PartIn, at: str, index: int) -> Text | Attachment:
    # `input_text` and `output_text` are the Responses protocol's names; clients mix them up.
    if part.type in ("text", "input_text", "output_text") and part.text is not None:
        return Text(part.text)
    where = f"{at}.content[{index}]"
    match part.type:
        case "refusal" if part.refusal is not None:
            return Text(part.refusal)
        case "image_url" if part.image_url is not None:
            return _linked("image", part.image_url, f"{where}.image_url.url")
        case "video_url" if part.video_url is not None:
            return _linked("video", part.video_url, f"{where}.video_url.url")
        case "audio_url" if part.audio_url is not None:
            return _linked("audio", part.audio_url, f"{where}.audio_url.url")
        case "input_audio" if part.input_audio is not None:
            sound = part.input_audio
            media_type = _SOUNDS.get(sound.format, f"audio/{sound.format}")
            return attachments.by_data(sound.data, f"{where}.input_audio.data", media_type=media_type)
        case "file" if part.file is not None:
            return _file(part.file, f"{where}.file")
        case known if known in _PARTS:
            raise bad_field(f"{where}.{known}", "is missing.")
        case unknown:
            known = ", ".join(_PARTS)
            raise bad_field(f"{where}.type", f"'{unknown[:40]}' is no kind of part that luna knows ({known}).")


def _linked(kind: AttachmentKind, link: UrlIn | str, param: str) -> Attachment:
    return attachments.by_url(kind, link if isinstance(link, str) else link.url, param)


def _file(file: FileIn, param: str) -> Attachment:
    name = file.filename or ""
    if file.file_data:
        return attachments.by_data(file.file_data, f"{param}.file_data", name=name)
    if file.file_id:
        return Attachment("document", id=file.file_id, name=name)
    raise bad_field(param, "must hold file_data or file_id.")
