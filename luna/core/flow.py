"""One request on its way through a pipeline.

Owns everything that is true of this request and no other: identity, route, request, notes,
deferred cleanup, outcome. Knows nothing of HTTP and nothing of any protocol's words.
"""

import enum
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Never

import anyio

from luna.core.halt import Halt
from luna.core.notes import HAPPENED, Notes
from luna.core.services import Services
from luna.core.snapshot import Route, Snapshot
from luna.core.tap import Tap
from luna.model.alarm import Alarm
from luna.model.ambient import Clock, Ids
from luna.model.chat import ChatRequest, Message
from luna.model.dialect import ClientRequest, Dialect, Parsed
from luna.model.errors import Kind, LunaError
from luna.model.events import Usage

Step = Callable[[], Awaitable[None] | None]
"""Something to be done at the end of a flow. Returns None when it is done already, or what is to be awaited."""


class Outcome(enum.StrEnum):
    """How a flow ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CLIENT_GONE = "client-gone"
    CANCELLED = "cancelled"


def _unmetered() -> Usage | None:
    return None


class Flow:
    """One request. Born under one snapshot, which it keeps to its end."""

    chat: ChatRequest
    """The neutral request, once it was decoded. The compiler sees to it that no stage asks before."""
    asked: Sequence[Message] = ()
    """The messages as the client sent them, whatever stages have made of them since; left by the one that decodes."""
    halt: Halt | None = None
    """Who may make it wait at a boundary. Set before the answer has begun to come, or never."""
    stage = ""
    """The stage at work, for errors and the inspector."""
    strict = False
    """Refuse what cannot be honoured instead of naming it in `x-luna-ignored`."""
    first_event: float | None = None
    """Monotonic time of the first batch."""
    events = 0
    """Events that the transport has sent so far."""
    reasks = 0
    """How often the model was asked again."""
    meter: Callable[[], Usage | None] = staticmethod(_unmetered)
    """What the upstream has counted so far, for whoever asks; the transport puts its own in."""
    outcome: Outcome | None = None
    error: LunaError | None = None
    scope: anyio.CancelScope | None = None
    """What the engine runs it in, while it does."""
    alarm: Alarm | None = None
    """What rings for it, while the engine runs it: when its time has run out, too."""
    ends = math.inf
    """Until when it may go on, by the alarm's clock; infinite when nobody has set an end, or its time stands still."""
    _given_up: Usage | None = None
    _overtime: Callable[[], LunaError] | None = None

    def __init__(
        self,
        *,
        client: ClientRequest,
        dialect: Dialect,
        parsed: Parsed | LunaError,
        snapshot: Snapshot,
        route: Route,
        services: Services,
        clock: Clock,
        ids: Ids,
        tap: Tap | None = None,
    ) -> None:
        self.client = client
        self.dialect = dialect
        self.parsed = parsed
        """The body after its one decode, or why it could not be decoded: raised by `protocol.decode`, after auth."""
        self.snapshot = snapshot
        self.route = route
        self.services = services
        self.clock = clock
        self.ids = ids
        self.tap = tap
        self.id = ids.token("flow_")
        self.answer_id = dialect.answer_id(ids.token(""))
        self.born = clock.wall()
        """Seconds since the epoch. Timestamps that anybody sees derive from it, so that replays repeat them."""
        self.born_monotonic = clock.monotonic()
        self.spent: list[tuple[str, float]] = []
        """Request stages that have done their work, and the seconds that each took."""
        self.notes = Notes()
        self.headers: dict[str, str] = {}
        """Headers that stages add to the answer. They go out with the status."""
        self._defers: list[Step] = []
        self.settles: list[Step] = []
        """The steps to run, in order, once the answer is complete."""
        self.defer = self._defers.append
        """`flow.defer(step)`: run the step when the flow is over, however it ends; last in, first out, shielded, within
        a deadline."""
        self.settle = self.settles.append
        """`flow.settle(step)`: run the step once the answer is complete and before its last bytes go out: what the
        client was told is then written down. Steps of an answer that fails are not run. They share a deadline, and
        cannot fail the flow."""

    def __repr__(self) -> str:
        state = self.outcome.value if self.outcome else (f"at {self.stage}" if self.stage else "born")
        return f"<Flow {self.id} {self.route.pipeline.name} {state}>"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Never:
            if name == "chat":
                raise LunaError(Kind.INTERNAL, f"stage '{self.stage}' asked for the request before it was decoded")
            raise AttributeError(f"a flow has no {name!r}")

    @property
    def usage(self) -> Usage | None:
        """The latest usage that the upstream reported of the answer that is coming; None before it reported any."""
        return self.meter()

    def total(self, usage: Usage) -> Usage:
        """What the flow has cost when the answer that is coming costs this: its prompt, and the output of it and of all
        answers that were given up before it. Whoever emits usage emits this."""
        before = self._given_up
        if before is None:
            return usage
        output, reasoning = usage.output + before.output, usage.reasoning + before.reasoning
        return Usage(usage.input, output, reasoning, usage.cached, usage.exact and before.exact)

    def give_up(self) -> None:
        """The answer that was coming is given up for another. What the upstream made of it is paid for."""
        self._given_up = self.total(self.usage) if self.usage is not None else self._given_up

    @property
    def decoded(self) -> bool:
        """True once `chat` is there."""
        return "chat" in self.__dict__

    def ignore(self, *fields: str) -> None:
        """The client asked for something that luna cannot honour: say so in `x-luna-ignored`, or refuse when the
        pipeline is strict. `fields` are spelled as the client spells them. Raises LunaError(BAD_REQUEST)."""
        if not fields:
            return
        if self.strict:
            raise LunaError(
                Kind.BAD_REQUEST,
                f"luna cannot honour: {', '.join(fields)}.",
                hint="Leave them out, or set `strict: false` on the pipeline's protocol.decode stage.",
                param=fields[0],
            )
        said = self.headers.get("x-luna-ignored", "").split(",") if "x-luna-ignored" in self.headers else []
        self.headers["x-luna-ignored"] = ",".join(dict.fromkeys([*said, *fields]))

    def happened(self, what: Literal["retry", "reask"], why: str) -> None:
        """Note that something was tried once more. `why` is one word of luna's own, never what somebody said."""
        self.notes[HAPPENED] = [*(self.notes.get(HAPPENED) or ()), (what, self.clock.monotonic(), why)]

    def take_defers(self) -> list[Step]:
        """The cleanups to run now, in order."""
        taken = self._defers[::-1]
        self._defers.clear()
        return taken

    def release(self) -> None:
        """It is over and told of: let go of whatever has the flow itself, so that all of it goes now, a long prompt
        with it, and not when the garbage is looked for next."""
        self.notes.clear()
        self.settles.clear()
        error: BaseException | None = self.error
        while error is not None and error.__traceback__ is not None:  # it may be its own cause
            error.__traceback__, error = None, error.__cause__ or error.__context__

    def cancel(self, outcome: Outcome, error: LunaError | None = None) -> None:
        """End the flow from outside. The first reason stands; with an `error` the client is told."""
        if self.outcome is None:
            self.outcome = outcome
            self.error = error
            if self.scope is not None:
                self.scope.cancel()

    def expire(self, seconds: float, error: Callable[[], LunaError]) -> None:
        """End the flow as failed, and tell the client so, unless it is over in so many seconds from now."""
        self._overtime = error
        if self.alarm is not None:
            self.ends = self.alarm.set_at_most(seconds)

    @property
    def time_left(self) -> float:
        """Seconds that it may go on for; infinitely many when nobody has set an end, or its time stands still."""
        return self.alarm.until(self.ends) if self.alarm is not None else math.inf

    @contextmanager
    def unhurried(self) -> Iterator[None]:
        """Within the block the time that it may take does not pass: somebody else makes it wait."""
        left = self.time_left
        if left == math.inf or self.alarm is None:
            yield
            return
        self.ends = math.inf
        try:
            yield
        finally:
            self.ends = self.alarm.set_at_most(left)

    def expired(self) -> bool:
        """True when its time has run out and nothing else had ended it before. The engine asks before it cleans up."""
        if self.outcome is not None or self._overtime is None or self.time_left > 0:
            return False
        error = self._overtime()
        error.stage = error.stage or self.stage
        self.outcome, self.error = Outcome.FAILED, error
        return True
