"""The body of `POST /v1/messages` and `/v1/messages/count_tokens`, as clients send it.

Owns the shape alone: what the fields mean is `anthropic_decode` and its neighbours, which fields luna names as
ignored is `anthropic_fields`. One struct for all kinds of blocks, because clients send kinds that nobody has heard
of; which field counts follows from `type`. Unknown fields below the top level (`cache_control` …) are skipped.
"""

from typing import Any

import msgspec


class SourceIn(msgspec.Struct, gc=False):
    """Where a picture or document is: base64 `data`, a `url`, a `file_id`, or `content` written out."""

    type: str = ""
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: "str | list[BlockIn] | None" = None


class BlockIn(msgspec.Struct, gc=False):
    """One block of content, of a result, or of the system prompt."""

    type: str = "text"
    text: str | None = None

    source: SourceIn | str | None = None
    """An object on pictures and documents, an address on search results."""
    title: str | None = None
    context: str | None = None
    url: str | None = None

    thinking: str | None = None

    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    """JSON text, kept as it came."""

    tool_use_id: str | None = None
    content: "str | list[BlockIn] | BlockIn | None" = None
    is_error: bool | None = None
    tool_name: str | None = None
    """On a `tool_reference`."""
    tool_references: "list[BlockIn] | None" = None
    stdout: str | None = None
    stderr: str | None = None
    error_code: str | None = None


class MessageIn(msgspec.Struct, gc=False):
    """One message. `clear_at: next_user_message` takes a system message away once the user has spoken again."""

    role: str
    content: str | list[BlockIn] | None = None
    clear_at: str | None = None


class FunctionIn(msgspec.Struct, gc=False):
    """A tool in OpenAI's wrapping, which some clients use here too."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolIn(msgspec.Struct, gc=False):
    """A tool: the client's own (`custom`), or one that Anthropic's API knows by its dated type."""

    type: str | None = None
    name: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None
    defer_loading: bool | None = None
    function: FunctionIn | None = None
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None

    @property
    def called(self) -> str:
        """The tool's name, or ""."""
        return self.function.name if self.function is not None else self.name or ""

    @property
    def own(self) -> bool:
        """True for a tool that the client describes itself."""
        return self.type in (None, "custom", "function") or self.input_schema is not None


class ChoiceIn(msgspec.Struct, gc=False):
    """`tool_choice`."""

    type: str = ""
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingIn(msgspec.Struct, gc=False):
    """`thinking`."""

    type: str = ""
    budget_tokens: int | None = None
    display: str | None = None


class OutputConfigIn(msgspec.Struct, gc=False):
    """`output_config`."""

    effort: str | None = None
    format: dict[str, Any] | None = None
    task_budget: dict[str, Any] | None = None


class ThreadIn(msgspec.Struct, gc=False):
    """`thread`: create, or continue after `previous_message_id`."""

    type: str = ""
    previous_message_id: str | None = None


class Body(msgspec.Struct, kw_only=True):
    """The top level: every field that luna reads."""

    model: str | None = None
    messages: list[MessageIn] | None = None
    system: str | list[BlockIn] | None = None
    stream: bool | None = None
    thread: ThreadIn | None = None

    tools: list[ToolIn] | None = None
    tool_choice: str | ChoiceIn | None = None

    max_tokens: int | None = None
    stop_sequences: list[str] | None = None

    thinking: ThinkingIn | None = None
    output_config: OutputConfigIn | None = None
    output_format: dict[str, Any] | None = None
    """The older place of `output_config.format`."""

    account: str | None = None
    session_id: str | None = None
    provider_session_id_camel: str | None = msgspec.field(default=None, name="providerSessionId")
    provider_session_id: str | None = None
    response_format: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
