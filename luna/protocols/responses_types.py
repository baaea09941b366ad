"""The body of `POST /v1/responses`, as clients send it.

Owns the shape alone: what the fields mean is `responses_decode` and its neighbours, which fields luna names as ignored
is `responses_fields`. One struct for all kinds of items and one for all kinds of content, because clients send kinds
that nobody has heard of; which field counts follows from `type`. Unknown fields below the top level are skipped.

Items are also what luna remembers of a conversation: they are written as they are read.
"""

from typing import Any

import msgspec


class UrlIn(msgspec.Struct, gc=False):
    """A picture's address in the chat protocol's wrapping."""

    url: str


class SoundIn(msgspec.Struct, gc=False, omit_defaults=True):
    """`input_audio`: base64 and its format."""

    data: str
    format: str = "wav"


class ContentIn(msgspec.Struct, gc=False, omit_defaults=True):
    """One part of a message's content, of a result, or of reasoning."""

    type: str = "input_text"
    text: str | None = None
    refusal: str | None = None
    image_url: UrlIn | str | None = None
    file_id: str | None = None
    file_url: str | None = None
    file_data: str | None = None
    filename: str | None = None
    input_audio: SoundIn | None = None


class GrammarIn(msgspec.Struct, gc=False, omit_defaults=True):
    """`format` of a custom tool: free text, or a grammar (`syntax` is lark or regex)."""

    type: str = "text"
    syntax: str = ""
    definition: str = ""


class FunctionIn(msgspec.Struct, gc=False, omit_defaults=True):
    """A function in the chat protocol's wrapping, which some clients use here too."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolIn(msgspec.Struct, gc=False, omit_defaults=True):
    """A tool: `function`, `custom`, a `namespace` of both, or one that only OpenAI's own servers have."""

    type: str = "function"
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    format: GrammarIn | None = None
    tools: "list[ToolIn] | None" = None
    function: FunctionIn | None = None
    external_web_access: bool | None = None
    """On `web_search`: false allows cached pages alone."""
    execution: str | None = None
    """On `tool_search`: `client` when the client searches, else `server`."""


class ItemIn(msgspec.Struct, gc=False, omit_defaults=True):
    """One item of the conversation."""

    type: str = "message"
    id: str | None = None
    role: str | None = None
    content: str | list[ContentIn] | None = None
    summary: list[ContentIn] | None = None
    """On reasoning."""
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | dict[str, Any] | None = None
    input: str | None = None
    """On a `custom_tool_call`."""
    output: str | list[ContentIn] | ContentIn | None = None
    tools: list[ToolIn] | None = None
    """On `additional_tools` and `tool_search_output`."""
    execution: str | None = None
    """On `tool_search_call` and `tool_search_output`: `client` or `server`."""


class ChoiceIn(msgspec.Struct, gc=False):
    """`tool_choice` as an object."""

    type: str = ""
    name: str | None = None
    namespace: str | None = None
    mode: str | None = None
    tools: list[ToolIn] | None = None
    function: FunctionIn | None = None


class ReasoningIn(msgspec.Struct, gc=False):
    """`reasoning`. `summary` says how much of it to tell: luna tells all."""

    effort: str | None = None


class TextIn(msgspec.Struct, gc=False):
    """`text`."""

    format: dict[str, Any] | None = None
    verbosity: str | None = None


class Body(msgspec.Struct, kw_only=True):
    """The top level: every field that luna reads."""

    model: str | None = None
    input: str | list[ItemIn] | None = None
    instructions: str | list[ItemIn] | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    stream: bool | None = None

    tools: list[ToolIn] | None = None
    tool_choice: str | ChoiceIn | None = None
    parallel_tool_calls: bool | None = None

    max_output_tokens: int | None = None
    reasoning: ReasoningIn | None = None
    text: TextIn | None = None

    account: str | None = None
    session_id: str | None = None
    provider_session_id_camel: str | None = msgspec.field(default=None, name="providerSessionId")
    provider_session_id: str | None = None
    metadata: dict[str, Any] | None = None

    @property
    def items(self) -> list[ItemIn]:
        """The input as items: plain text is the user's message."""
        return [ItemIn(role="user", content=self.input)] if isinstance(self.input, str) else self.input or []

    @property
    def structured(self) -> bool:
        """Whether the answer is to be JSON."""
        wanted = self.text.format if self.text is not None else None
        return wanted is not None and wanted.get("type") != "text"


Echo = dict[str, msgspec.Raw]
"""What an answer repeats of its request, field by field, as it was written, but on one line."""


class Document(msgspec.Struct, frozen=True):
    """A body, decoded; the names of its fields that are to be reported as ignored; and what an answer repeats."""

    body: Body
    unread: tuple[str, ...] = ()
    echo: Echo | None = None
