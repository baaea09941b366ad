"""What the author of a stage imports. Everything here is stable; anything else in luna may move."""

from luna.core.flow import Flow, Outcome
from luna.core.notes import Key
from luna.core.prompts import Prompt
from luna.core.stage import (
    AnswerStage,
    AroundStage,
    BuildContext,
    EncodeStage,
    Proceed,
    RequestStage,
    ResponseStage,
    StageOptions,
    Transducer,
    TransportStage,
)
from luna.model.chat import Attachment, ChatRequest, Message, Text, Thought, Tool, ToolCall, ToolChoice, ToolResult
from luna.model.dialect import Reply
from luna.model.errors import Kind, LunaError, OptionError
from luna.model.events import (
    Batch,
    Finish,
    Media,
    Notice,
    Opened,
    Stream,
    StreamEvent,
    TextDelta,
    ThinkDelta,
    ToolClose,
    ToolDelta,
    ToolOpen,
    Usage,
)
from luna.model.values import Duration, Globs, Size

__all__ = [
    "AnswerStage",
    "AroundStage",
    "Attachment",
    "Batch",
    "BuildContext",
    "ChatRequest",
    "Duration",
    "EncodeStage",
    "Finish",
    "Flow",
    "Globs",
    "Key",
    "Kind",
    "LunaError",
    "Media",
    "Message",
    "Notice",
    "Opened",
    "OptionError",
    "Outcome",
    "Proceed",
    "Prompt",
    "Reply",
    "RequestStage",
    "ResponseStage",
    "Size",
    "StageOptions",
    "Stream",
    "StreamEvent",
    "Text",
    "TextDelta",
    "ThinkDelta",
    "Thought",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolClose",
    "ToolDelta",
    "ToolOpen",
    "ToolResult",
    "Transducer",
    "TransportStage",
    "Usage",
]
