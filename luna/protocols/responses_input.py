"""The items of the Responses protocol → the neutral conversation.

Owns the order. What one turn of the assistant amounted to stands here as several items (reasoning, messages, calls);
neighbours become one turn again. Knows nothing of the rest of the request.
"""

from collections.abc import Sequence

import msgspec

from luna.model.chat import Attachment, Message, Part, Role, Text, Thought, ToolCall, ToolResult
from luna.protocols import attachments
from luna.protocols.body import bad_field
from luna.protocols.responses_tools import TOOL_SEARCH, loaded, qualified
from luna.protocols.responses_types import ContentIn, ItemIn

REFERENCE = "item_reference"

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_SPOKEN = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
_SOUNDS = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_SILENT = ("additional_tools", "tool_search_call", "tool_search_output", "compaction_trigger", REFERENCE)
"""Items that say nothing by themselves: tools are read elsewhere, references by whoever remembers. A search for tools
speaks when the client made it; one that OpenAI's servers made names no call."""


class Conversation:
    """Reads one request's items. `turns` is what they amount to, `ignored` the kinds that luna knows nothing to do
    with: kind → where the first one stands."""

    def __init__(self) -> None:
        self.turns: list[Message] = []
        self.ignored: dict[str, str] = {}
        self._called: dict[str, str] = {}
        """Call id → name."""

    def __repr__(self) -> str:
        return f"<Conversation turns={len(self.turns)}>"

    def instructions(self, told: str | list[ItemIn] | None) -> None:
        """What stands before all items. Raises LunaError(BAD_REQUEST)."""
        if isinstance(told, list):
            self.items(told, "instructions")
        elif told:
            self.turns.append(Message("system", [Text(told)]))

    def items(self, items: Sequence[ItemIn], at: str = "input") -> None:
        """The items in their order. Raises LunaError(BAD_REQUEST)."""
        for index, item in enumerate(items):
            self._item(item, f"{at}[{index}]")

    def _item(self, item: ItemIn, at: str) -> None:
        match item.type:
            case "message":
                self._message(item, at)
            case "reasoning":
                said = item.content if isinstance(item.content, list) and item.content else item.summary or []
                words = "\n\n".join(part.text for part in said if part.text)
                self._assistant([Thought(words)] if words else [])
            case "function_call":
                self._call(item, _arguments(item), at)
            case "custom_tool_call":
                self._call(item, _json({"input": item.input or ""}), at)
            case "tool_search_call" if item.call_id and item.execution != "server":
                self._call(msgspec.structs.replace(item, name=TOOL_SEARCH), _arguments(item), at)
            case "function_call_output" | "custom_tool_call_output":
                self._result(item, at)
            case "tool_search_output" if item.call_id and item.execution != "server":
                found: list[Text | Attachment] = [Text(f"Loaded tool: {name}") for name in loaded(item)]
                self.turns.append(Message("tool", [ToolResult(item.call_id, found, TOOL_SEARCH)]))
            case kind if kind not in _SILENT:
                self.ignored.setdefault(kind, f"{at}.{kind[:40]}")

    def _message(self, item: ItemIn, at: str) -> None:
        role = _ROLES.get(item.role or "")
        if role is None:
            raise bad_field(f"{at}.role", "must be user, assistant, system or developer.")
        if item.content is None and role != "assistant":
            raise bad_field(f"{at}.content", "is missing.")
        parts: list[Part] = [*self._content(item.content, f"{at}.content")]
        if role == "assistant":
            self._assistant(parts)
        else:
            self.turns.append(Message(role, parts))

    def _assistant(self, parts: list[Part]) -> None:
        if self.turns and self.turns[-1].role == "assistant":
            self.turns[-1].parts += parts
        elif parts:
            self.turns.append(Message("assistant", parts))

    def _call(self, item: ItemIn, arguments: str, at: str) -> None:
        call_id = item.call_id or item.id
        for field, value in (("call_id", call_id), ("name", item.name)):
            if not value:
                raise bad_field(f"{at}.{field}", "is missing.")
        call = ToolCall(call_id or "", qualified(item.name or "", item.namespace or ""), arguments)
        self._called[call.id] = call.name
        self._assistant([call])

    def _result(self, item: ItemIn, at: str) -> None:
        if not item.call_id:
            raise bad_field(f"{at}.call_id", "is missing.", hint="Name the call that this is the result of.")
        given = [item.output] if isinstance(item.output, ContentIn) else item.output
        parts = self._content(given, f"{at}.output")
        name = self._called.get(item.call_id) or qualified(item.name or "", item.namespace or "")
        self.turns.append(Message("tool", [ToolResult(item.call_id, parts, name)]))

    def _content(self, content: str | list[ContentIn] | None, at: str) -> list[Text | Attachment]:
        if isinstance(content, str):
            return [Text(content)]
        return [found for n, part in enumerate(content or ()) for found in self._part(part, f"{at}[{n}]")]

    def _part(self, part: ContentIn, at: str) -> list[Text | Attachment]:
        match part.type:
            case kind if kind in _SPOKEN:
                if part.text is None:
                    raise bad_field(f"{at}.text", "is missing.")
                return [Text(part.text)]
            case "refusal" if part.refusal is not None:
                return [Text(part.refusal)]
            case "input_image" | "image_url" | "computer_screenshot":
                return [_picture(part, at)]
            case "input_file":
                return [_file(part, at)]
            case "input_audio" if part.input_audio is not None:
                sound = part.input_audio
                media_type = _SOUNDS.get(sound.format, f"audio/{sound.format}")
                return [attachments.by_data(sound.data, f"{at}.input_audio.data", media_type=media_type)]
            case "refusal" | "input_audio" as known:
                raise bad_field(f"{at}.{known}", "is missing.")
            case kind:
                self.ignored.setdefault(kind, f"{at}.{kind[:40]}")
                return []


def _picture(part: ContentIn, at: str) -> Attachment:
    if part.image_url is not None:
        url = part.image_url if isinstance(part.image_url, str) else part.image_url.url
        return attachments.by_url("image", url, f"{at}.image_url")
    if part.file_id:
        return Attachment("image", id=part.file_id)
    raise bad_field(f"{at}.image_url", "is missing.")


def _file(part: ContentIn, at: str) -> Attachment:
    name = part.filename or ""
    if part.file_data:
        return attachments.by_data(part.file_data, f"{at}.file_data", name=name)
    if part.file_url:
        return attachments.by_url("document", part.file_url, f"{at}.file_url", name)
    if part.file_id:
        return Attachment("document", id=part.file_id, name=name)
    raise bad_field(at, "must hold file_data, file_url or file_id.")


def _arguments(item: ItemIn) -> str:
    if item.arguments is None:
        return "{}"
    return item.arguments if isinstance(item.arguments, str) else _json(item.arguments)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
