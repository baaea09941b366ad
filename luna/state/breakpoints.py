"""Breakpoints: where flows are to wait, those that wait, and what a person decides of them.

Armed at run time, kept in memory alone: a restart forgets them, and lets go of whoever waits. Owns who waits and for
how long, the decision, and that it is told (log, bulletin). Knows neither the machine nor HTTP; the seam to the machine
is `luna.server.halting`.
"""

import logging
from collections.abc import Callable
from typing import Any

import anyio
import msgspec

from luna.filters.conditions import Condition
from luna.filters.live import LiveFacts, looks_at_calls
from luna.filters.operators import LIVE_OPERATORS
from luna.filters.parse import parse
from luna.filters.predicate import holds
from luna.model.ambient import Clock, Ids
from luna.model.chat import ChatRequest
from luna.model.errors import Kind, LunaError
from luna.model.events import StreamEvent
from luna.state.breakpoint import Breakpoint, BreakpointNews, Decision, Halted, Side
from luna.state.gate import AnswerByHand

log = logging.getLogger("luna.breakpoints")

MOST = 50
"""Breakpoints that may be armed at a time."""
LIMIT = 120.0
"""Seconds after which a flow goes on by itself, unless the breakpoint says otherwise."""
LONGEST = 3600.0


class Breakpoints:
    """Those that are armed, and who waits at them."""

    def __init__(self, clock: Clock, ids: Ids | None = None) -> None:
        self._clock = clock
        self._ids = ids or Ids()
        self._armed: dict[str, Breakpoint] = {}
        self._hits: dict[str, int] = {}
        self._halted: dict[str, Halted] = {}
        self._watchers: list[Callable[[], None]] = []
        self._closed = False

    def __repr__(self) -> str:
        return f"<Breakpoints armed={len(self._armed)} halted={len(self._halted)}>"

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` after every change. It must be quick and must not raise."""
        self._watchers.append(watcher)

    def _changed(self) -> None:
        for watcher in self._watchers:
            watcher()

    def news(self) -> BreakpointNews:
        """How many there are, for who looks on."""
        return BreakpointNews(len(self._armed), len(self.halted))

    # Arming

    @property
    def armed(self) -> list[Breakpoint]:
        """The oldest first."""
        return list(self._armed.values())

    def hits(self, breakpoint: Breakpoint) -> int:
        """How often a flow has waited there."""
        return self._hits.get(breakpoint.id, 0)

    def condition(self, filter: str) -> Condition | None:
        """What a filter says of a flow in progress. Raises FilterError."""
        return parse(filter, self._clock.wall(), LIVE_OPERATORS)

    def looks_at_calls(self, filter: str) -> bool:
        """Whether it is asked of calls alone. Raises FilterError."""
        return looks_at_calls(self.condition(filter))

    def arm(
        self,
        *,
        boundary: str = "",
        filter: str = "",
        limit: float = LIMIT,
        repeated: bool = False,
        whole: bool = False,
    ) -> Breakpoint:
        """From now on flows wait there: once, or `repeated` each of them. Raises FilterError, LunaError(CONFLICT) when
        there are too many, LunaError(DRAINING)."""
        condition = self.condition(filter)
        if self._closed:
            raise LunaError(Kind.DRAINING, "luna is shutting down.", retry_after=5)
        if len(self._armed) >= MOST:
            raise LunaError(Kind.CONFLICT, f"{MOST} breakpoints are armed already.", hint="Disarm one of them.")
        made = Breakpoint(
            id=self._ids.token("bp_"),
            boundary=boundary,
            filter=filter,
            condition=condition,
            limit=limit,
            repeated=repeated,
            armed_at=self._clock.wall(),
            whole=whole,
            of_calls=looks_at_calls(condition),
        )
        self._armed[made.id] = made
        log.info("breakpoint %s is armed at %s: %s", made.id, boundary or "any boundary", filter or "every flow")
        self._changed()
        return made

    def disarm(self, id: str) -> None:
        """No flow waits there any more; who waits already goes on waiting. Raises LunaError(NOT_FOUND)."""
        if self._armed.pop(id, None) is None:
            raise LunaError(Kind.NOT_FOUND, "That breakpoint is not armed any more.")
        self._hits.pop(id, None)
        log.info("breakpoint %s is disarmed", id)
        self._changed()

    def close(self) -> None:
        """luna shuts down: nobody waits any more, and who waits goes on as it was."""
        self._closed = True
        self._armed.clear()
        for halted in self._halted.values():
            self._decide(halted, Decision("released"))
        self._changed()

    # Waiting

    def find(
        self, boundary: str, facts: LiveFacts, *, of_calls: bool, done: Callable[[str], bool]
    ) -> Breakpoint | None:
        """The first one at which that flow has to wait now. `done` says of a breakpoint's id that it has done so."""
        for one in self._armed.values():
            if one.of_calls is of_calls and one.covers(boundary) and not done(one.id) and holds(one.condition, facts):
                return one
        return None

    def keeps_calls(self, boundary: str) -> bool:
        """Whether calls are to be judged at this boundary."""
        return any(one.of_calls and one.covers(boundary) for one in self._armed.values())

    def halt(self, flow: str, breakpoint: Breakpoint, boundary: str, side: Side) -> Halted:
        """A flow that is about to wait; the breakpoint has had its turn."""
        self._hits[breakpoint.id] = self._hits.get(breakpoint.id, 0) + 1
        if not breakpoint.repeated:
            self._armed.pop(breakpoint.id, None)
            self._hits.pop(breakpoint.id, None)
        return Halted(self._ids.token("halt_"), flow, breakpoint, boundary, side, self._clock.wall())

    async def wait(self, halted: Halted) -> Decision:
        """Wait for the decision, or for the time limit; whoever cancels ends the wait as well."""
        flow, boundary = halted.flow, halted.boundary
        log.info("flow %s waits at %s for breakpoint %s", flow, boundary, halted.breakpoint.id, extra={"flow": flow})
        self._halted[halted.id] = halted
        self._changed()
        how = "gone"
        try:
            with anyio.move_on_after(halted.breakpoint.limit):
                await halted.decided.wait()
            decision = halted.decision or Decision("released")
            how = decision.how
        finally:
            self._halted.pop(halted.id, None)
            waited = self._clock.wall() - halted.since
            log.info("flow %s: %s at %s after %.1f s", flow, how, boundary, waited, extra={"flow": flow})
            self._changed()
        return decision

    # Deciding

    @property
    def halted(self) -> list[Halted]:
        """Those that wait and of which nothing is decided; the one that waits longest first."""
        return [one for one in self._halted.values() if one.decision is None]

    def get(self, id: str) -> Halted:
        """One that waits. Raises LunaError(NOT_FOUND)."""
        found = self._halted.get(id)
        if found is None or found.decision is not None:
            raise LunaError(
                Kind.NOT_FOUND,
                "That flow does not wait any more.",
                hint="Its time was up, its client left, or somebody else has decided.",
            )
        return found

    def _decide(self, halted: Halted, decision: Decision) -> None:
        if halted.decision is None:
            halted.decision = decision
            halted.decided.set()

    def resume(self, id: str) -> None:
        """Let it go on as it is. Raises LunaError(NOT_FOUND)."""
        self._decide(self.get(id), Decision("resumed"))

    def edit_document(self, id: str, document: Any) -> None:
        """Let it go on with this request. Raises LunaError(NOT_FOUND, BAD_REQUEST)."""
        halted = self.get(id)
        if halted.document is None:
            raise LunaError(Kind.BAD_REQUEST, "That flow waits with events, not with a request.", param="document")
        chat = _converted(document, ChatRequest, "document")
        unknown = sorted(set(document) - set(ChatRequest.__struct_fields__))
        if unknown:
            known = ", ".join(ChatRequest.__struct_fields__)
            problem = f"A request has no field {unknown[0][:40]!r}."
            raise LunaError(Kind.BAD_REQUEST, problem, hint=f"It has: {known}.", param="document")
        if chat.stream is not halted.document.stream:
            raise LunaError(
                Kind.BAD_REQUEST,
                "`stream` cannot be changed: the client waits for the form that it has asked for.",
                param="document",
            )
        self._decide(halted, Decision("edited", document=chat))

    def edit_events(self, id: str, events: Any) -> None:
        """Let it go on with these events. Raises LunaError(NOT_FOUND, BAD_REQUEST)."""
        halted = self.get(id)
        if halted.side != "response":
            raise LunaError(Kind.BAD_REQUEST, "That flow waits with a request, not with events.", param="events")
        converted = _converted(events, list[StreamEvent], "events")
        halted.judge(converted)
        self._decide(halted, Decision("edited", events=tuple(converted)))

    def answer(self, id: str, answer: AnswerByHand) -> None:
        """Give the rest of the answer in the model's place. Raises LunaError(NOT_FOUND, BAD_REQUEST, CONFLICT)."""
        halted = self.get(id)
        answer.check()
        if halted.calling:
            raise LunaError(
                Kind.CONFLICT,
                "A call has gone out in part, so nobody can answer here.",
                hint="Edit the events so that the call is complete, or abort the flow.",
            )
        self._decide(halted, Decision("answered", answer=answer))

    def abort(self, id: str, reason: str = "") -> None:
        """End it with an error. Raises LunaError(NOT_FOUND)."""
        self._decide(self.get(id), Decision("aborted", reason=reason))


def _converted(raw: Any, kind: Any, param: str) -> Any:
    try:
        return msgspec.convert(raw, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        message, _, path = str(error).partition(" - at ")
        where = f" (at {path.strip('`').replace('$', param, 1)})" if path else ""
        raise LunaError(Kind.BAD_REQUEST, f"{message}{where}.", param=param) from None
