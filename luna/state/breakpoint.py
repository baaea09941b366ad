"""A breakpoint, a flow that waits at one, and what is decided of it: values alone.

Who waits for how long is `luna.state.breakpoints`'.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import anyio
import msgspec

from luna.filters.conditions import Condition
from luna.model.chat import ChatRequest
from luna.model.events import StreamEvent, ToolOpen
from luna.state.gate import AnswerByHand

Side = Literal["request", "response"]
How = Literal["resumed", "edited", "answered", "aborted", "released"]


class BreakpointNews(msgspec.Struct, frozen=True):
    """An event of the topic `breakpoints`: how many are armed, and how many flows wait."""

    armed: int
    halted: int


class Breakpoint(msgspec.Struct, frozen=True):
    """Where flows are to wait: at a boundary, "" for any, if the filter holds. `armed_at` in seconds since the
    epoch."""

    id: str
    boundary: str
    filter: str
    condition: Condition | None
    limit: float
    """Seconds."""
    repeated: bool
    armed_at: float
    whole: bool
    """On the response side: the flow waits with its whole answer, not with the beginning of it."""
    of_calls: bool
    """The filter looks at calls: it is asked of each one that is complete, and of nothing else."""

    def covers(self, boundary: str) -> bool:
        """Whether it is about this boundary."""
        return self.boundary in ("", boundary)


class Decision(msgspec.Struct, frozen=True):
    """What becomes of a flow that waited. Of the rest only what belongs to `how` is set."""

    how: How
    document: ChatRequest | None = None
    events: tuple[StreamEvent, ...] = ()
    answer: AnswerByHand | None = None
    reason: str = ""


class Halted(msgspec.Struct):
    """A flow that waits. Times are seconds since the epoch."""

    id: str
    flow: str
    breakpoint: Breakpoint
    boundary: str
    side: Side
    since: float
    document: ChatRequest | None = None
    """On the request side."""
    events: tuple[StreamEvent, ...] = ()
    """On the response side: those that are held."""
    judge: Callable[[Sequence[StreamEvent]], None] = lambda _: None
    """Whether these may stand in their place; raises LunaError."""
    asked: tuple[str, str, str] = ("", "", "")
    """Of its request: the model, who the client is, and the last thing that the user said."""
    stream: bool = False
    calling: bool = False
    """A call has gone out in part, so that nobody can answer by hand before its end."""
    decision: Decision | None = None
    decided: anyio.Event = msgspec.field(default_factory=anyio.Event)

    def __repr__(self) -> str:
        return f"<Halted {self.id} {self.flow} {self.side} {self.boundary}>"

    @property
    def calls(self) -> list[str]:
        """The calls among its events, by name."""
        return [event.name for event in self.events if isinstance(event, ToolOpen)]

    @property
    def until(self) -> float:
        """When it goes on by itself."""
        return self.since + self.breakpoint.limit
