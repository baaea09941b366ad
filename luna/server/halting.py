"""Breakpoints at work on one flow: the machine's `Halt`, made of what the machine and the books know of the flow.

Owns what a filter gets to see of a flow in progress, when it is asked, and how a decision becomes the machine's: a
changed request, other events, an answer, an error. Who waits, and what is decided, is `luna.state.breakpoints`'.
"""

from collections.abc import Callable
from functools import partial

import msgspec

from luna.core.flow import Flow
from luna.core.live import LiveFlows
from luna.core.notes import CLIENT
from luna.core.stage import TransportStage
from luna.filters.live import LiveFacts, words_of
from luna.filters.text import folded
from luna.model.dialect import facts_of
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Notice, StreamEvent
from luna.server.bookkeeping import preview_of
from luna.state.breakpoint import Breakpoint, Decision, Halted
from luna.state.breakpoints import Breakpoints
from luna.state.gate import Call, Gate
from luna.state.run import Run, lines
from luna.tools.profiles import ClientProfile, recognise

FindRun = Callable[[str], Run | None]
"""What is written down of a flow that goes on."""


class Halts:
    """Gives flows their halts: those that are born while a breakpoint is armed, and when one is armed those that still
    wait for their answer to begin. A luna that shuts down lets everybody go."""

    def __init__(self, breakpoints: Breakpoints, run: FindRun, live: LiveFlows) -> None:
        self._breakpoints = breakpoints
        self._run = run
        self._live = live
        self._armed = bool(breakpoints.armed)
        breakpoints.watch(self._reach)
        live.watch(born=self._attach, draining=breakpoints.close)

    def __repr__(self) -> str:
        return f"<Halts {self._breakpoints!r}>"

    def _attach(self, flow: Flow) -> None:
        """Have it wait where it must. Lists of models and counts of tokens never do."""
        if not self._armed or flow.halt is not None or flow.first_event is not None:
            return
        if isinstance(flow.route.pipeline.far_end[1], TransportStage):
            flow.halt = Halting(self._breakpoints, self._run)

    def _reach(self) -> None:
        self._armed = bool(self._breakpoints.armed)
        for flow in self._live:
            self._attach(flow)


class Halting:
    """One flow's."""

    def __init__(self, breakpoints: Breakpoints, run: FindRun) -> None:
        self._breakpoints = breakpoints
        self._run = run
        self._done: set[str] = set()
        """The breakpoints at which it has waited; of those that look at calls, with the call's id behind a space."""
        self._gates: dict[str, Gate] = {}
        self._gathering: dict[str, Breakpoint] = {}
        """Boundaries at which the whole answer is gathered before the flow waits."""
        self._untold: list[Notice] = []
        self._aborted = False
        self._preview: str | None = None
        """The last thing that the user said, folded."""

    def __repr__(self) -> str:
        return f"<Halting at {', '.join(self._gates) or 'the request'}>"

    async def document(self, flow: Flow, boundary: str) -> Batch | None:
        """The request as it left a request stage."""
        found = self._find(flow, boundary)
        if found is None:
            return None
        halted = self._breakpoints.halt(flow.id, found, boundary, "request")
        halted.document = flow.chat
        decision = await self._wait(flow, halted)
        if decision.document is not None:
            flow.chat = decision.document
        if decision.answer is not None:
            return decision.answer.events(None, _model(flow), partial(flow.ids.token, "call_"))
        return None

    async def events(self, flow: Flow, boundary: str, batch: Batch) -> Batch:
        """What goes on of a batch."""
        gate = self._gates.get(boundary)
        if gate is None:
            gate = self._gates[boundary] = Gate()
        if gate.begins(batch) and (found := self._find(flow, boundary)) is not None:
            self._gathering[boundary] = found
        if (gathering := self._gathering.get(boundary)) is not None:
            gathered = gate.gather(batch, whole=gathering.whole)
            if not gathered:
                return ()
            del self._gathering[boundary]
            out = await self._hold(flow, boundary, gate, gathering, gathered)
            if out is not None:
                return gate.note(out, self._untold)
            batch = gathered
        out = []
        for piece in gate.split(batch, keep=self._breakpoints.keeps_calls(boundary)):
            held = await self._judged(flow, boundary, gate, piece) if isinstance(piece, Call) else gate.passed(piece)
            out += held
            if gate.done:
                break
        return gate.note(out, self._untold)

    def again(self, boundaries: tuple[str, ...]) -> None:
        """Other answers begin there."""
        for boundary in boundaries:
            self._gates.pop(boundary, None)
            self._gathering.pop(boundary, None)

    def flush(self, boundary: str) -> Batch:
        """The stream broke. Of a flow that a person has stopped nothing more goes out."""
        gate = self._gates.get(boundary)
        return gate.passed(gate.release()) if gate is not None and not self._aborted else ()

    # Waiting

    def _find(self, flow: Flow, boundary: str) -> Breakpoint | None:
        facts = self._facts(flow)
        found = self._breakpoints.find(boundary, facts, of_calls=False, done=self._done.__contains__)
        if found is not None:
            self._done.add(found.id)
        return found

    async def _judged(self, flow: Flow, boundary: str, gate: Gate, call: Call) -> list[StreamEvent]:
        """What goes on of a complete call. One that has been looked at before is not looked at again."""
        mark = call.opening.id
        facts = msgspec.structs.replace(
            self._facts(flow), tools=lines([call.opening.name]), arguments_folded=folded(call.arguments)
        )
        found = self._breakpoints.find(boundary, facts, of_calls=True, done=lambda id: f"{id} {mark}" in self._done)
        if found is None:
            return gate.passed(call.events)
        self._done.add(f"{found.id} {mark}")
        out = await self._hold(flow, boundary, gate, found, call.events)
        return gate.passed(call.events) if out is None else out

    async def _hold(
        self, flow: Flow, boundary: str, gate: Gate, found: Breakpoint, events: tuple[StreamEvent, ...]
    ) -> list[StreamEvent] | None:
        """Have it wait; what a person has put in the place of these events, None for nothing."""
        halted = self._breakpoints.halt(flow.id, found, boundary, "response")
        halted.events, halted.calling = events, gate.calling
        halted.judge = partial(gate.judge, events)
        decision = await self._wait(flow, halted)
        if decision.answer is not None:
            return gate.edited(decision.answer.events(gate, _model(flow), partial(flow.ids.token, "call_")))
        return gate.edited(decision.events) if decision.how == "edited" else None

    async def _wait(self, flow: Flow, halted: Halted) -> Decision:
        facts = self._facts(flow)
        halted.asked = (facts.model, facts.client or facts.agent, preview_of(flow.asked, self._profile(flow)))
        halted.stream = flow.chat.stream
        decision = await self._breakpoints.wait(halted)
        where: dict[str, object] = {
            "breakpoint": halted.breakpoint.id,
            "boundary": halted.boundary,
            "seconds": round(flow.clock.wall() - halted.since, 1),
        }
        if decision.how == "aborted":
            self._aborted = True
            raise LunaError(
                Kind.CANCELLED,
                f"The request was stopped by hand at a breakpoint{f': {decision.reason}' if decision.reason else '.'}",
                detail=where,
            )
        self._untold.append(Notice("breakpoint", decision.how, where))
        return decision

    def _profile(self, flow: Flow) -> ClientProfile:
        return recognise(flow.client.headers, facts_of(flow.parsed).tools)

    def _facts(self, flow: Flow) -> LiveFacts:
        profile = self._profile(flow)
        if self._preview is None:
            self._preview = folded(preview_of(flow.asked, profile))
        run = self._run(flow.id)
        return LiveFacts(
            model=flow.chat.model,
            target=flow.chat.target,
            account_id=run.record.account_id if run is not None else "",
            session_id=run.record.session_id if run is not None else "",
            client=flow.notes.get(CLIENT) or "",
            agent=profile.name,
            route=flow.route.name,
            protocol=flow.dialect.name,
            preview_folded=self._preview,
            request=partial(words_of, flow.chat),
            created_at=flow.born,
        )


def _model(flow: Flow) -> str:
    return flow.chat.target or flow.chat.model
