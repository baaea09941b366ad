"""`schedule`: a seat and an account for the rest of the flow.

Owns what a request needs to run, how long it may wait and run, and when another account takes over: only before
anything of an answer has come, and only for what another account may do better. Who gets what is
`luna.state.scheduler`'s; what an error says of an account is `luna.state.health`'s.
"""

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, ClassVar, Literal

import msgspec

from luna.core.flow import Flow
from luna.core.notes import CLIENT, Key
from luna.core.stage import AroundStage, BuildContext, Proceed, StageOptions
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Notice, Stream
from luna.model.values import Duration
from luna.stages.session_bind import BOUND
from luna.state.choice import Wish
from luna.state.egress import Egress
from luna.state.health import PASSING, Subject
from luna.state.lease import Lease
from luna.state.run import Run
from luna.state.runs import Runs
from luna.state.scheduler import Scheduler
from luna.state.slots import Slot
from luna.state.tickets import Need, Seat, Ticket
from luna.state.turns import Turns
from luna.wire.recorder import CURRENT

log = logging.getLogger("luna.stages.schedule")

NOBODY: frozenset[str] = frozenset()

LEASE: Key[Lease] = Key("lease")
"""The account that the flow holds, for the stages behind this one."""
SUBJECT: Key[Subject] = Key("schedule.subject")
"""What the account is asked for, where it is no chat; noted by a stage before this one."""

FailoverKind = Literal[
    "rate-limited",
    "quota-exhausted",
    "upstream-login",
    "upstream-blocked",
    "upstream-transient",
    "upstream-broken",
    "timeout",
]


class ScheduleOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `schedule`."""

    queue_timeout: Annotated[
        Duration | None,
        msgspec.Meta(
            description="How long a request may wait for its turn; unset: settings.multiThread.queueTimeoutMs."
        ),
    ] = None
    run_timeout: Annotated[
        Duration | None,
        msgspec.Meta(
            description="How long a run may take in all from its first turn on, 0s for any time; unset:"
            " settings.multiThread.runTimeoutMs."
        ),
    ] = None
    failover: Annotated[
        tuple[FailoverKind, ...],
        msgspec.Meta(
            description="With which failures of an account another one takes over, as long as nothing of the answer has"
            " come. A client that names its account is never moved."
        ),
    ] = ("rate-limited", "quota-exhausted", "upstream-login")


@dataclass(slots=True)
class _Turn:
    """What is remembered of a flow from one question, or one account, to the next."""

    waited: float = 0.0
    """Seconds spent in the queue."""
    seated: bool = False
    kept: Seat | None = None
    """Its seat, while the flow goes from one question to the next."""
    failures: dict[str, LunaError] = field(default_factory=dict)
    """By account: why they could not serve it."""
    untold: list[Notice] = field(default_factory=list)

    def leave(self) -> None:
        """The flow is over."""
        if self.kept is not None:
            self.kept.release()

    def tell(self, error: LunaError, seat: Seat) -> None:
        """The client is told this error: let it say who else has failed."""
        if self.failures:
            error.detail["accounts"] = [*self.failures, seat.account.id]

    def soonest(self) -> LunaError:
        """Which of the failures the client is told: the one after which it may come back first."""
        found = min(self.failures.values(), key=lambda error: (error.retry_after is None, error.retry_after or 0.0))
        found.detail["accounts"] = list(self.failures)
        return found


TURN: Key[_Turn] = Key("schedule.turn")


class Schedule(AroundStage):
    """Waits for its turn, takes an account (the one that the client names, else the one that has the conversation's
    chat, else the one with the most room) and gives both back when the flow is over. Before anything of an answer has
    come, another account takes over after the failures that `failover` names: a block by default is none of them."""

    use = "schedule"
    needs_chat = True
    Options: ClassVar[type[StageOptions]] = ScheduleOptions

    def __init__(self, options: ScheduleOptions, context: BuildContext) -> None:
        super().__init__(options, context)
        self.options = options
        self._failover = frozenset(map(Kind, options.failover))

    async def around(self, flow: Flow, proceed: Proceed) -> Stream:
        services, notes = flow.services, flow.notes
        scheduler, runs = services[Scheduler], services.get(Runs)
        run = runs.find_active(flow.id) if runs is not None else None
        turn = notes[TURN] = notes.get(TURN) or _Turn()
        subject = notes.get(SUBJECT) or "chat"
        while True:
            seat = turn.kept or await self._seat(flow, scheduler, turn, subject, run)
            turn.kept = None
            lease = notes[LEASE] = Lease(seat.account, subject=subject)
            answered = False
            try:
                self._begin(flow, scheduler, turn, seat, run)
                async for batch in proceed(flow):
                    if not answered:
                        answered = seat.streaming = True
                        lease.succeeded()
                        if run is not None:
                            run.streaming()
                        if turn.untold:
                            batch = _with_notices(batch, turn)
                    yield batch
                return
            except GeneratorExit:
                if flow.outcome is None:  # the model will be asked again, in the same chat
                    turn.kept = seat
                raise
            except LunaError as error:
                lease.failed(error)
                if answered or not self._may_go_on(flow, seat, error):
                    turn.tell(error, seat)
                    raise
                turn.failures[seat.account.id] = error
            finally:
                notes.pop(LEASE)
                if turn.kept is None:
                    seat.release()
                if seat.account.authority.changed:
                    await lease.keep()
            self._go_on(flow, turn, seat, run)

    # A seat

    async def _seat(self, flow: Flow, scheduler: Scheduler, turn: _Turn, subject: Subject, run: Run | None) -> Seat:
        """Raises LunaError: that of the account that failed, where no other one can take over."""
        own = self.options.queue_timeout
        patience = scheduler.limits.multi_thread.queue_timeout_ms / 1000 if own is None else own
        left = patience - turn.waited if patience > turn.waited else 0.0
        try:
            need = _need(flow, scheduler, turn, subject)
            ticket = scheduler.ask(need, client=client_of(flow), run=flow.id, patience=left, resumed=turn.seated)
            if ticket.seat is not None:
                return ticket.seat
            if run is not None:
                run.queued(scheduler.reason(need))
            return await _wait(flow, scheduler, ticket, turn)
        except LunaError:
            if turn.failures:
                raise turn.soonest() from None
            raise

    def _begin(self, flow: Flow, scheduler: Scheduler, turn: _Turn, seat: Seat, run: Run | None) -> None:
        if run is not None:
            run.running(seat.account.id, *_way_of(flow, seat))
        if turn.seated:
            return
        turn.seated = True
        flow.defer(turn.leave)
        own = self.options.run_timeout
        seconds = scheduler.limits.multi_thread.run_timeout_ms / 1000 if own is None else own
        if seconds:
            flow.expire(seconds, partial(_overtime, seconds))

    # Another account

    def _may_go_on(self, flow: Flow, seat: Seat, error: LunaError) -> bool:
        """Whether another account may do better. A trial's failure is nothing that the client has asked for."""
        if flow.chat.binding.account:
            return False
        return error.kind in self._failover or (seat.trial and error.kind in PASSING)

    def _go_on(self, flow: Flow, turn: _Turn, seat: Seat, run: Run | None) -> None:
        error = turn.failures[seat.account.id]
        log.info(
            "flow %s: account '%s' cannot serve it (%s): %s",
            flow.id,
            seat.account.id,
            error.kind.value,
            error.message,
            extra={"flow": flow.id},
        )
        turn.untold.append(Notice("failover", error.kind.value, {"account": seat.account.id}))
        flow.happened("retry", error.kind.value)
        if run is not None:
            run.attempt()


def _overtime(seconds: float) -> LunaError:
    return LunaError(
        Kind.TIMEOUT,
        f"The run took longer than {seconds:g} s and was stopped.",
        hint="Ask for less at a time, or raise settings.multiThread.runTimeoutMs.",
    )


def client_of(flow: Flow) -> str:
    """One of those between whom luna is fair: the key's name, what kind of client it is, and the workspace."""
    binding = flow.chat.binding
    agent = binding.source or flow.client.header("user-agent")
    return " ".join([part[:80] for part in (flow.notes.get(CLIENT) or "", agent, binding.workspace) if part])


async def _wait(flow: Flow, scheduler: Scheduler, ticket: Ticket, turn: _Turn) -> Seat:
    """The time that it takes counts, whatever comes of it."""
    begun = flow.clock.monotonic()
    try:
        return await scheduler.wait(ticket)
    finally:
        waited = flow.clock.monotonic() - begun
        turn.waited += waited
        if (recorder := CURRENT.get()) is not None:
            recorder.waited(waited)


def _way_of(flow: Flow, seat: Seat) -> tuple[str, str, str]:
    """The worker, the profile, and the address that the way was last seen to have; empty where that is not known."""
    account, egress = seat.account, flow.services.get(Egress)
    if egress is not None and account.source != "demo":
        try:
            way = egress.ways.take(account.id, account.network_profile)
        except LunaError:  # it was closed since the seat was given; the exchange itself will say so
            return seat.worker, account.network_profile, ""
        if way.worker == seat.worker:
            return way.worker, way.profile or account.network_profile, way.ip
    return seat.worker, account.network_profile, ""


def _need(flow: Flow, scheduler: Scheduler, turn: _Turn, subject: Subject) -> Need:
    chat, bound = flow.chat, flow.notes.get(BOUND)
    place = bound.place if bound is not None else None
    chat_id = place.chat if place is not None else chat.binding.chat
    home = place.account if place is not None else _home_of(flow, chat_id) if chat_id else ""
    if home in turn.failures or (chat_id and not _may_go_on_in(flow, scheduler, chat_id)):
        chat_id = home = ""
    wish = Wish(chat.binding.account, home, frozenset(turn.failures) if turn.failures else NOBODY, subject)
    session = bound.session if bound is not None else chat.binding.session
    return Need.of(wish, model=(chat.target or chat.model).strip().lower(), chat=chat_id, session=session)


def _home_of(flow: Flow, chat_id: str) -> str:
    """The account of a chat that the client names, where luna knows it."""
    turns = flow.services.get(Turns)
    place = turns.find(chat_id) if turns is not None else None
    return place.account if place is not None else ""


def _may_go_on_in(flow: Flow, scheduler: Scheduler, chat_id: str) -> bool:
    """What to do about a chat that is answering another request. False: begin another one. Raises
    LunaError(CHAT_BUSY)."""
    limits = scheduler.limits.multi_thread
    if not limits.enabled or limits.same_provider_chat_policy == "queue":
        return True
    if not scheduler.count(Slot("provider-chat", chat_id)):
        return True
    if limits.same_provider_chat_policy == "reject":
        raise LunaError(
            Kind.CHAT_BUSY,
            "The chat is answering another request.",
            hint="Wait for its end; or let settings.multiThread.sameProviderChatPolicy be queue or new-chat.",
            retry_after=5.0,
        )
    flow.chat.binding.chat = ""
    bound = flow.notes.get(BOUND)
    if bound is not None:
        flow.notes[BOUND] = replace(bound, place=None)
    return False


def _with_notices(batch: Batch, turn: _Turn) -> Batch:
    """Say, right after `Opened`, which accounts could not serve it."""
    notices, turn.untold = turn.untold, []
    return [*batch[:1], *notices, *batch[1:]]
