"""Anthropic's system prompt and messages → the neutral conversation.

Owns the order. A result stands in a user's message here and is a turn of its own in luna's words, so one message may
become several turns; system messages stay where they are. What the server's own tools did in earlier turns becomes
calls and results like any others. Knows nothing of the rest of the request.
"""

from collections.abc import Sequence

from luna.model.chat import Message, Part, Role, Text, Thought, ToolCall, ToolResult
from luna.protocols import anthropic_content as content
from luna.protocols.anthropic_types import BlockIn, MessageIn
from luna.protocols.body import bad_field

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_UNREADABLE = ("redacted_thinking",)
"""Blocks that only the service that wrote them could read: nothing is lost that luna could have used."""


class Conversation:
    """Reads one request's conversation. `turns` is what it amounts to, `referenced` the tools that were loaded in
    it by name, `ignored` the kinds of blocks that luna knows nothing to do with."""

    def __init__(self) -> None:
        self.turns: list[Message] = []
        self.referenced: set[str] = set()
        self.ignored: dict[str, str] = {}
        """Kind of block → where the first one stands."""
        self._called: dict[str, str] = {}
        """Call id → name."""

    def __repr__(self) -> str:
        return f"<Conversation turns={len(self.turns)} referenced={len(self.referenced)}>"

    def system(self, prompt: str | list[BlockIn] | None) -> None:
        """The prompt before all messages. Raises LunaError(BAD_REQUEST)."""
        blocks = [BlockIn(text=prompt)] if isinstance(prompt, str) else prompt or []
        if any(block.text for block in blocks):
            self._add("system", blocks, "system")

    def messages(self, entries: Sequence[MessageIn] | None) -> None:
        """The messages in their order. Raises LunaError(BAD_REQUEST)."""
        if not entries:
            raise bad_field("messages", "must hold at least one message.")
        last_user = max((index for index, entry in enumerate(entries) if entry.role == "user"), default=-1)
        for index, entry in enumerate(entries):
            at, role = f"messages.{index}", _ROLES.get(entry.role)
            if role is None:
                raise bad_field(f"{at}.role", "must be user, assistant or system.")
            if entry.content is None and role != "assistant":
                raise bad_field(f"{at}.content", "is missing.")
            if entry.clear_at == "next_user_message" and index < last_user:
                continue
            blocks = [BlockIn(text=entry.content)] if isinstance(entry.content, str) else entry.content or []
            self._add(role, blocks, f"{at}.content")

    def _add(self, role: Role, blocks: Sequence[BlockIn], at: str) -> None:
        parts: list[Part] = []
        before = len(self.turns)
        for index, block in enumerate(blocks):
            where = f"{at}.{index}"
            if role == "system" and block.type != "text":
                self.ignored.setdefault(block.type, f"{where}.{block.type}")
            elif block.type.endswith("tool_result"):
                if parts:
                    self.turns.append(Message(role, parts))
                    parts = []
                self.turns.append(Message("tool", [self._result(block, where)]))
            else:
                parts += self._parts(block, where)
        if parts or len(self.turns) == before:
            self.turns.append(Message(role, parts))

    def _parts(self, block: BlockIn, at: str) -> list[Part]:
        match block.type:
            case "text":
                return [content.text(block, at)]
            case "thinking":
                return [Thought(block.thinking)] if block.thinking else []
            case "image" | "image_url":
                return [*content.picture(block, at)]
            case "document":
                return [*content.document(block, at)]
            case "search_result":
                return [content.search_result(block, at)]
            case "compaction":
                return [Text(block.content)] if isinstance(block.content, str) and block.content else []
            case kind if kind.endswith("tool_use"):
                return [self._call(block, at)]
            case kind if kind not in _UNREADABLE:
                self.ignored.setdefault(kind, f"{at}.{kind}")
        return []

    def _call(self, block: BlockIn, at: str) -> ToolCall:
        for field, value in (("id", block.id), ("name", block.name)):
            if not value:
                raise bad_field(f"{at}.{field}", "is missing.")
        try:
            call = ToolCall(block.id or "", block.name or "", bytes(block.input).decode() or "{}")
        except UnicodeDecodeError:
            raise bad_field(f"{at}.input", "is not valid UTF-8.") from None
        if not call.arguments.startswith("{"):
            raise bad_field(f"{at}.input", "must be an object.")
        self._called[call.id] = call.name
        return call

    def _result(self, block: BlockIn, at: str) -> ToolResult:
        if not block.tool_use_id:
            raise bad_field(f"{at}.tool_use_id", "is missing.", hint="Name the call that this is the result of.")
        self._note_references(block)
        failed = bool(block.is_error) or (isinstance(block.content, BlockIn) and block.content.type.endswith("_error"))
        parts = content.contained(block.content, f"{at}.content")
        return ToolResult(block.tool_use_id, parts, self._called.get(block.tool_use_id, ""), failed)

    def _note_references(self, block: BlockIn) -> None:
        held = block.content if isinstance(block.content, list) else [block.content]
        for inner in held:
            if isinstance(inner, BlockIn):
                named = [inner, *(inner.tool_references or ())]
                self.referenced.update(one.tool_name for one in named if one.tool_name)
