"""What a client asks for, in no protocol's words: `ChatRequest` and its parts.

Owns the neutral shape that stages read and change on the way down. Knows neither the
client's protocol (that is `luna.protocols`) nor Qwen's (that is `luna.qwen`).
"""

from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant", "tool"]
ThinkingMode = Literal["thinking", "auto", "fast"]


class Text(msgspec.Struct, tag="text", omit_defaults=True):
    """Words."""

    text: str


class Thought(msgspec.Struct, tag="thought", omit_defaults=True):
    """Reasoning of an earlier assistant turn, as the client gave it back."""

    text: str


class Attachment(msgspec.Struct, tag="attachment", omit_defaults=True):
    """A picture, document, film or sound, by URL (`data:` included) or by an id the upstream knows."""

    kind: Literal["image", "document", "video", "audio"]
    url: str = ""
    id: str = ""
    name: str = ""
    media_type: str = ""


class ToolCall(msgspec.Struct, tag="tool_call", omit_defaults=True):
    """A call that the assistant made in an earlier turn. `arguments` is JSON text exactly as it was."""

    id: str
    name: str
    arguments: str


class ToolResult(msgspec.Struct, tag="tool_result", omit_defaults=True):
    """What the client's tool gave back."""

    call_id: str
    parts: "list[Text | Attachment]"
    name: str = ""
    error: bool = False


Part = Text | Thought | Attachment | ToolCall | ToolResult


class Message(msgspec.Struct, omit_defaults=True):
    """One turn of the conversation."""

    role: Role
    parts: list[Part]
    name: str = ""
    known: bool = False
    """The upstream chat that the request continues has this turn already: it is sent again only when that chat is
    lost. Stages that rewrite a message keep the mark (`msgspec.structs.replace`)."""

    @property
    def text(self) -> str:
        """The turn's words alone, its text parts joined by line breaks."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


class Tool(msgspec.Struct, omit_defaults=True):
    """A tool the client can run. `parameters` is its JSON Schema."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    strict: bool = False


class ToolChoice(msgspec.Struct, omit_defaults=True):
    """How free the model is to call tools. `name` goes with `specific`."""

    mode: Literal["auto", "none", "required", "specific"] = "auto"
    name: str = ""
    parallel: bool = True


class Thinking(msgspec.Struct, omit_defaults=True):
    """How the model should reason. None leaves it to the model and the pipeline."""

    mode: ThinkingMode | None = None
    budget: int | None = None


class Limits(msgspec.Struct, omit_defaults=True):
    """Where the answer must end. Token counts; None is no limit."""

    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


class Binding(msgspec.Struct, omit_defaults=True):
    """What the client said about where the conversation lives. Empty strings where it said nothing."""

    account: str = ""
    session: str = ""
    thread: str = ""
    chat: str = ""
    """Upstream's chat id (`providerSessionId`, `x-luna-provider-session-id`)."""
    source: str = ""
    workspace: str = ""
    subagent: str = ""
    """Whom of the client's own agents the request is for."""


class Whereabouts(msgspec.Struct, omit_defaults=True):
    """What luna knew of the conversation when the request came. `session.bind` writes it down, for recordings."""

    session: str = ""
    thread: str = ""
    reason: str = ""
    mode: str = ""
    stored: bool = False
    """The session was there before."""
    known: int = 0
    """How many messages the chat had."""
    account: str = ""
    """Where the answer stands that is gone on from, if there is one; and so on."""
    chat: str = ""
    response: str = ""
    model: str = ""
    system: str = ""
    answer: str = ""
    """luna's id of that answer, whether or not it still stands anywhere."""
    differs: dict[str, str | int] = {}
    """The first message that differs from what luna knew: `index`, `role`, and excerpts of `before` and `now`."""


class ChatRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One request for one answer. Stages may change it until the transport has read it."""

    model: str
    """As the client wrote it; answers echo it."""
    target: str = ""
    """The upstream model it stands for; the transport resolves an empty one from `model`."""
    messages: list[Message]
    stream: bool = False
    thinking: Thinking = msgspec.field(default_factory=Thinking)
    limits: Limits = msgspec.field(default_factory=Limits)
    tools: list[Tool] = []
    tool_choice: ToolChoice = msgspec.field(default_factory=ToolChoice)
    response_format: dict[str, Any] | None = None
    binding: Binding = msgspec.field(default_factory=Binding)
    file_ids: list[str] = []
    search: bool = False
    """The client asked for the upstream's own web search."""
    include_usage: bool = False
    """The client wants a usage frame at the end of a stream."""
    ignored: list[str] = []
    """The client's fields that luna cannot honour, as the client spells them."""
    whereabouts: Whereabouts | None = None
    bridged: bool = False
    """Tools, calls and results stand in the messages as text: a transport has nothing more to say of them."""
