"""What an answer is made of, in no protocol's words: the tagged union of stream events.

Owns the shape of each event. The order in which they may follow one another is
`luna.model.grammar`; how they look to a client is a codec's business and unknown here.
"""

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any, Literal, Protocol, TypeVar

import msgspec

StopReason = Literal["stop", "length", "tool_calls", "content_filter"]


class Event(msgspec.Struct, frozen=True, gc=False, tag_field="t", omit_defaults=True):
    """Base of all events: an immutable leaf, encoded as `{"t": tag, ...}`."""


class Opened(Event, frozen=True, tag="opened"):
    """The upstream has accepted the request and begun to answer. First, and once."""

    response: str
    """Upstream's id of this answer (Qwen: `response_id`, the parent of the next turn)."""
    model: str
    """The model that answers, by its upstream id."""
    chat: str = ""
    """Upstream's id of the conversation (Qwen: `chat_id`)."""


class TextDelta(Event, frozen=True, tag="text"):
    """More of the visible answer."""

    text: str


class ThinkDelta(Event, frozen=True, tag="think"):
    """More of the model's reasoning."""

    text: str


class ToolOpen(Event, frozen=True, tag="tool.open"):
    """A tool call begins. At most one is open at a time."""

    index: int
    id: str
    name: str
    native: bool = False
    """True for a call that the upstream made to a tool of its own, or believes it has. Clients are not told of it."""


class ToolDelta(Event, frozen=True, tag="tool.delta"):
    """More of the open call's arguments: a fragment of JSON text."""

    index: int
    json: str


class ToolClose(Event, frozen=True, tag="tool.close"):
    """The open call's arguments are complete."""

    index: int


class Media(Event, frozen=True, tag="media"):
    """A picture, film or sound that the upstream made."""

    kind: Literal["image", "video", "audio"]
    url: str
    width: int = 0
    height: int = 0


class Usage(Event, frozen=True, tag="usage"):
    """What the turn cost, in tokens. `output` includes `reasoning`, `input` includes `cached`."""

    input: int
    output: int
    reasoning: int = 0
    cached: int = 0
    exact: bool = True
    """False when luna estimated because the upstream did not say."""


class Notice(Event, frozen=True, tag="notice"):
    """Something a client need not see and an inspector wants: a search result, an unknown phase, a degradation."""

    kind: str
    text: str = ""
    data: dict[str, Any] | None = None


class Finish(Event, frozen=True, tag="finish"):
    """The answer is complete. Last, and once."""

    reason: StopReason
    sequence: str = ""
    """The client's stop sequence that ended it, where one did; goes with `stop`."""


StreamEvent = Opened | TextDelta | ThinkDelta | ToolOpen | ToolDelta | ToolClose | Media | Usage | Notice | Finish

Batch = Sequence[StreamEvent]
"""The events that one upstream read produced. What arrived together goes out together (ADR 0002)."""

_T = TypeVar("_T", covariant=True)


class Streamed(Protocol[_T]):
    """What an async generator is to those who read it."""

    def __aiter__(self) -> AsyncIterator[_T]: ...

    def __anext__(self) -> Awaitable[_T]: ...

    def aclose(self) -> Awaitable[None]:
        """Nobody reads on."""
        ...


Stream = Streamed[Batch]
"""An answer as it arrives. Ends after a batch that closes with `Finish`, or raises `LunaError`; nothing else."""
