"""The body of a completions request, as far as the site reads it, and the checks it stands up to.

The wire document, section 3. Fields that the site ignores are ignored here.
"""

from typing import Any

import msgspec

from luna.demo.frames import Shape
from luna.demo.refusal import Refusal
from luna.demo.steps import tokens

HIDDEN_TOKENS = 600
"""What the site's own prompt costs."""

PICTURE_SIZES = {
    "1:1": (1024, 1024),
    "3:4": (896, 1184),
    "4:3": (1184, 896),
    "16:9": (1344, 768),
    "9:16": (768, 1344),
}


class FeatureConfig(msgspec.Struct):
    """Three fields together make the thinking mode."""

    output_schema: str = ""
    thinking_enabled: bool = False
    auto_thinking: bool = False
    thinking_mode: str = ""
    thinking_format: str = ""


class ContentPart(msgspec.Struct):
    """A part of a message's content, where that is a list."""

    type: str = "text"
    text: str = ""


class Message(msgspec.Struct):
    """The one message."""

    role: str
    content: str | list[ContentPart] = ""
    fid: str | None = None
    parent_id: str | None = None
    parentId: str | None = None  # noqa: N815 - as the web client spells it
    files: list[dict[str, Any]] = []
    chat_type: str = "t2t"
    sub_chat_type: str = ""
    feature_config: FeatureConfig = msgspec.field(default_factory=FeatureConfig)

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if part.type == "text")


class Asked(msgspec.Struct):
    """The whole body. Ids come in two spellings; either will do, both must agree."""

    model: str
    messages: list[Message]
    stream: bool = False
    incremental_output: bool = False
    chat_id: str | None = None
    chatId: str | None = None  # noqa: N815
    parent_id: str | None = None
    parentId: str | None = None  # noqa: N815
    size: str = ""

    def chat(self, query: str) -> str:
        """The chat's id, which the query must repeat. Raises Refusal."""
        said = {spelled for spelled in (self.chat_id, self.chatId) if spelled}
        if said != {query}:
            raise Refusal("Bad_Request", "The chat_id of the query and of the body are not the same.", 400)
        return query

    def message(self) -> Message:
        """The one message. Raises Refusal."""
        if len(self.messages) != 1:
            much = "many" if self.messages else "few"
            raise Refusal("Bad_Request", f"Invalid input too {much} messages.", 400)
        message = self.messages[0]
        if message.role not in ("user", "system"):
            raise Refusal("Bad_Request", "Something wrong with request!", 400)
        return message

    def parent(self) -> str | None:
        """The response that this turn follows; None for a first turn. Raises Refusal."""
        message = self.messages[0]
        spelled = (self.parent_id, self.parentId, message.parent_id, message.parentId)
        said = {parent for parent in spelled if parent}
        if len(said) > 1:
            raise Refusal("Bad_Request", "The parent ids of the body are not the same.", 400)
        return said.pop() if said else None

    def shape(self) -> Shape:
        """How the stream is to look."""
        message = self.messages[0]
        config = message.feature_config
        thinks = config.thinking_enabled or config.auto_thinking
        summary = config.thinking_format == "summary"
        return Shape(
            thinking=("summary" if summary else "plain") if thinks else "none",
            phased=config.output_schema == "phase",
            incremental=self.incremental_output,
            input_tokens=HIDDEN_TOKENS + tokens(message.text),
            picture=PICTURE_SIZES.get(self.size, PICTURE_SIZES["1:1"]),
        )
