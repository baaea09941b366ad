"""`schedule`: a seat and an account for the rest of the flow.

Owns what a request needs to run, how long it may wait and run, and when another account takes over: only before
anything of an answer has come, and only for what another account may do better. Who gets what is
`luna.state.scheduler`'s; what an error says of an account is `luna.state.health`'s.
"""

import logging
from functools import partial
from typing import Annotated, ClassVar, Literal

import msgspec

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.stage import AroundStage, BuildContext, Proceed, StageOptions
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Notice, Stream
from luna.model.values import Duration
from luna.stages.schedule_need import client_of, need_of
from luna.state.egress import Egress
from luna.state.health import PASSING, Subject
from luna.state.lease import Lease
from luna.state.run import Run
from luna.state.runs import Runs
from luna.state.scheduler import Scheduler
from luna.state.tickets import Seat, Ticket
from luna.wire.recorder import CURRENT

log = logging.getLogger("luna.stages.schedule")

LEASE: Key[Lease] = Key("lease")
"""The account that the flow holds, for the stages behind this one."""
RUN: Key[Run] = Key("schedule.run")
"""What is written down of the flow, where something is."""
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


class _Turn(msgspec.Struct):
    """What is remembered of a flow from one question, or one account, to the next."""

    waited: float = 0.0
    """Seconds spent in the queue."""
    seated: bool = False
    kept: Seat | None = None
    """Its seat, while the flow goes from one question to the next."""
    failures: dict[str, LunaError] = msgspec.field(default_factory=dict)
    """By account: why they could not serve it."""
    untold: list[Notice] = msgspec.field(default_factory=list)

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

    def around(self, flow: Flow, proceed: Proceed) -> Stream:
        return _Scheduled(self, flow, proceed)

    # A seat

    async def seat(self, flow: Flow, scheduler: Scheduler, turn: _Turn, subject: Subject, run: Run | None) -> Seat:
        """Raises LunaError: that of the account that failed, where no other one can take over."""
        own = self.options.queue_timeout
        patience = scheduler.limits.multi_thread.queue_timeout_ms / 1000 if own is None else own
        left = patience - turn.waited if patience > turn.waited else 0.0
        try:
            need = need_of(flow, scheduler, turn.failures, subject)
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

    def begin(self, flow: Flow, scheduler: Scheduler, turn: _Turn, seat: Seat, run: Run | None) -> None:
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

    def may_go_on(self, flow: Flow, seat: Seat, error: LunaError) -> bool:
        """Whether another account may do better. A trial's failure is nothing that the client has asked for."""
        if flow.chat.binding.account:
            return False
        return error.kind in self._failover or (seat.trial and error.kind in PASSING)

    def go_on(self, flow: Flow, turn: _Turn, seat: Seat, run: Run | None) -> None:
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


class _Scheduled:
    """The flow's stream with a seat under it: no generator, for each would be in the way of every wait below it."""

    def __init__(self, stage: Schedule, flow: Flow, proceed: Proceed) -> None:
        services, notes = flow.services, flow.notes
        runs = services.get(Runs)
        self._stage = stage
        self._flow = flow
        self._proceed = proceed
        self._scheduler = services[Scheduler]
        self._run = runs.find_active(flow.id) if runs is not None else None
        if self._run is not None:
            notes[RUN] = self._run
        self._turn = notes[TURN] = notes.get(TURN) or _Turn()
        self._subject: Subject = notes.get(SUBJECT) or "chat"
        self._held: tuple[Seat, Lease] | None = None
        self._below: Stream | None = None
        self._answered = False

    def __aiter__(self) -> "_Scheduled":
        return self

    async def __anext__(self) -> Batch:
        stage, flow, turn, run = self._stage, self._flow, self._turn, self._run
        while True:
            if self._held is None:
                kept, turn.kept = turn.kept, None
                seat = kept or await stage.seat(flow, self._scheduler, turn, self._subject, run)
                lease = flow.notes[LEASE] = Lease(seat.account, subject=self._subject)
                self._held = seat, lease
            else:
                seat, lease = self._held
            try:
                if self._below is None:
                    stage.begin(flow, self._scheduler, turn, seat, run)
                    self._below = self._proceed(flow)
                batch = await self._below.__anext__()
            except StopAsyncIteration:
                await self._leave(seat, lease)
                raise
            except LunaError as error:
                lease.failed(error)
                over = self._answered or not stage.may_go_on(flow, seat, error)
                if over:
                    turn.tell(error, seat)
                await self._leave(seat, lease)
                if over:
                    raise
                turn.failures[seat.account.id] = error
                stage.go_on(flow, turn, seat, run)
                continue
            return batch if self._answered else self._first(batch, seat, lease)

    def _first(self, batch: Batch, seat: Seat, lease: Lease) -> Batch:
        self._answered = seat.streaming = True
        lease.succeeded()
        if self._run is not None:
            self._run.streaming()
        return _with_notices(batch, self._turn) if self._turn.untold else batch

    async def aclose(self) -> None:
        """Nobody reads on."""
        if self._held is not None:
            seat, lease = self._held
            if self._flow.outcome is None:  # the model will be asked again, in the same chat
                self._turn.kept = seat
            await self._leave(seat, lease)

    async def _leave(self, seat: Seat, lease: Lease) -> None:
        self._held = self._below = None
        del self._flow.notes[LEASE]
        if self._turn.kept is None:
            seat.release()
        if seat.account.authority.changed:
            await lease.keep()


def _overtime(seconds: float) -> LunaError:
    return LunaError(
        Kind.TIMEOUT,
        f"The run took longer than {seconds:g} s and was stopped.",
        hint="Ask for less at a time, or raise settings.multiThread.runTimeoutMs.",
    )


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


def _with_notices(batch: Batch, turn: _Turn) -> Batch:
    """Say, right after `Opened`, which accounts could not serve it."""
    notices, turn.untold = turn.untold, []
    return [*batch[:1], *notices, *batch[1:]]
