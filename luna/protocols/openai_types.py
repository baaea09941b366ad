"""The body of `POST /v1/chat/completions`, as clients send it.

Owns the shape alone: what the fields mean is `openai_decode` and its neighbours, which fields luna names as
ignored is `openai_fields`. Lenient where real clients differ (content as text, parts or nothing; arguments as
text or object; tools nested or flat), strict about types. Unknown fields below the top level are skipped.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from luna.model.chat import Tool


class UrlIn(msgspec.Struct, gc=False):
    """`image_url` and its kin."""

    url: str


class SoundIn(msgspec.Struct, gc=False):
    """`input_audio`: base64 and its format."""

    data: str
    format: str = "wav"


class FileIn(msgspec.Struct, gc=False):
    """`file`: an id that the upstream knows, or the bytes as a data URL or bare base64."""

    file_id: str | None = None
    filename: str | None = None
    file_data: str | None = None


class PartIn(msgspec.Struct, gc=False):
    """One part of a message's content; `type` says which field counts."""

    type: str = "text"
    text: str | None = None
    refusal: str | None = None
    image_url: UrlIn | str | None = None
    video_url: UrlIn | str | None = None
    audio_url: UrlIn | str | None = None
    input_audio: SoundIn | None = None
    file: FileIn | None = None


class CalledIn(msgspec.Struct, gc=False):
    """The function of a call in the history. OpenAI sends arguments as text; some clients as an object."""

    name: str
    arguments: str | dict[str, Any] | None = None


class CustomCalledIn(msgspec.Struct, gc=False):
    """The custom tool of a call in the history; its input is free text."""

    name: str
    input: str = ""


class CallIn(msgspec.Struct, gc=False):
    """A call that the assistant made."""

    id: str
    function: CalledIn | None = None
    custom: CustomCalledIn | None = None


class MessageIn(msgspec.Struct, gc=False):
    """One message."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[PartIn] | None = None
    name: str | None = None
    tool_calls: list[CallIn] | None = None
    tool_call_id: str | None = None
    function_call: CalledIn | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    """Clients that speak to several providers send the same text under this name too, or an object."""
    refusal: str | None = None


class FunctionIn(msgspec.Struct, gc=False):
    """A function the model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class CustomIn(msgspec.Struct, gc=False):
    """A tool that takes free text."""

    name: str
    description: str | None = None


class ToolIn(msgspec.Struct, gc=False):
    """A tool: nested (`function`, `custom`) or flat."""

    type: str = "function"
    function: FunctionIn | None = None
    custom: CustomIn | None = None
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None

    @property
    def called(self) -> str:
        """The tool's name, wherever it stands; "" for tools of the server's own, such as `web_search`."""
        named = self.function or self.custom
        return named.name if named is not None else self.name or ""


class Offered(list[ToolIn]):
    """Entries of `tools` that come again with other bodies, with what was made of them. Not to be changed."""

    made: "tuple[Sequence[Tool], Sequence[str]] | None" = None
    """See `luna.protocols.openai_tools`."""
    names: tuple[str, ...] | None = None


class NamedIn(msgspec.Struct, gc=False):
    """The tool that a choice names."""

    name: str


class AllowedIn(msgspec.Struct, gc=False):
    """The tools that a choice restricts the model to."""

    tools: list[ToolIn]
    mode: str = "auto"


class ChoiceIn(msgspec.Struct, gc=False):
    """`tool_choice` (or the older `function_call`) as an object."""

    type: str = ""
    function: NamedIn | None = None
    custom: NamedIn | None = None
    name: str | None = None
    mode: str | None = None
    allowed_tools: AllowedIn | None = None


class ReasoningIn(msgspec.Struct, gc=False):
    """`reasoning`."""

    effort: str | None = None


class StreamOptionsIn(msgspec.Struct, gc=False):
    """`stream_options`."""

    include_usage: bool | None = None


class Body(msgspec.Struct, kw_only=True):
    """The top level: every field that luna reads."""

    model: str | None = None
    messages: list[MessageIn] | None = None
    stream: bool | None = None
    stream_options: StreamOptionsIn | None = None
    response_format: dict[str, Any] | None = None

    tools: list[ToolIn] | None = None
    tool_choice: str | ChoiceIn | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionIn] | None = None
    function_call: str | ChoiceIn | None = None

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None

    thinking_mode: str | None = None
    thinking_mode_camel: str | None = msgspec.field(default=None, name="thinkingMode")
    qwen_thinking_mode: str | None = None
    qwen_thinking_mode_camel: str | None = msgspec.field(default=None, name="qwenThinkingMode")
    reasoning_effort: str | None = None
    reasoning: ReasoningIn | None = None
    enable_thinking: bool | None = None
    enable_thinking_camel: bool | None = msgspec.field(default=None, name="enableThinking")
    thinking_budget: int | None = None

    enable_web_search: bool | None = msgspec.field(default=None, name="enableWebSearch")
    web_search_options: dict[str, Any] | None = None
    file_ids: list[str] | None = None

    account: str | None = None
    session_id: str | None = None
    provider_session_id_camel: str | None = msgspec.field(default=None, name="providerSessionId")
    provider_session_id: str | None = None
    metadata: dict[str, Any] | None = None
