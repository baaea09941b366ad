"""What may be seen of the queue: what is taken, who runs, who waits for what.

Owns the shapes; the names are LunaProxy's where it had them. Times are milliseconds since the epoch.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from luna.state.occupancy import Occupancy
from luna.state.queue_words import Full
from luna.state.slots import Slot
from luna.state.tickets import Need, Seat, Ticket


class LockView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One slot. `capacity` is how many runs hold it, `capacityMax` how many may (0: any number), `queued` how many
    wait for it. Where there is but one, of a chat or a session, it is `locked` by the run
    `ownerId`."""

    capacity: int
    capacity_max: int
    queued: int
    locked: bool = False
    owner_id: str | None = None


class RunningView(msgspec.Struct, frozen=True, rename="camel"):
    """A run that holds its slots. `keys` are the names of the slots, `streaming` says that its answer has begun."""

    run_id: str
    client: str
    account_id: str
    worker_id: str
    chat_id: str
    session_id: str
    model: str
    since: int
    streaming: bool
    keys: list[str]


class QueuedView(msgspec.Struct, frozen=True, rename="camel"):
    """A run that waits: for these slots, because of that; `accountId` where only one account will do."""

    run_id: str
    client: str
    account_id: str
    chat_id: str
    session_id: str
    model: str
    since: int
    until: int
    overtaken: int
    waits_for: list[str]
    reason: str


class ScheduleView(msgspec.Struct, frozen=True, rename="camel"):
    """The whole queue at one moment."""

    locks: dict[str, LockView]
    running: list[RunningView]
    waiting: list[QueuedView]


def view(
    occupancy: Occupancy,
    seats: Sequence[Seat],
    tickets: Sequence[Ticket],
    full: Callable[[Need], list[Full]],
    reason: Callable[[Need], str],
) -> ScheduleView:
    """Put it together. Requests that need the same are looked at once."""
    blockers = {need: [each.slot for each in full(need)] for need in {ticket.need for ticket in tickets}}
    reasons = {need: reason(need) for need in blockers}
    queued = Counter(slot for ticket in tickets for slot in blockers[ticket.need])
    owners = {slot: seat.run for seat in seats for slot in seat.slots}
    slots = dict.fromkeys([*occupancy.slots(), *queued])
    return ScheduleView(
        locks={slot.key: _lock(slot, occupancy, queued[slot], owners) for slot in slots},
        running=[_running(seat) for seat in sorted(seats, key=lambda seat: seat.since)],
        waiting=[
            _waiting(ticket, blockers[ticket.need], reasons[ticket.need])
            for ticket in sorted(tickets, key=lambda ticket: ticket.number)
        ],
    )


def _lock(slot: Slot, occupancy: Occupancy, queued: int, owners: dict[Slot, str]) -> LockView:
    taken, limit = occupancy.taken(slot), occupancy.limits.of(slot)
    if slot.kind in ("provider-chat", "session-write") and limit and taken:
        return LockView(taken, limit, queued, locked=True, owner_id=owners.get(slot))
    return LockView(taken, limit, queued)


def _running(seat: Seat) -> RunningView:
    need = seat.need
    return RunningView(
        run_id=seat.run,
        client=seat.client.name,
        account_id=seat.account.id,
        worker_id=seat.worker,
        chat_id=need.name("provider-chat"),
        session_id=need.name("session-write"),
        model=need.name("model"),
        since=round(seat.since * 1000),
        streaming=seat.streaming,
        keys=[slot.key for slot in seat.slots],
    )


def _waiting(ticket: Ticket, blockers: Sequence[Slot], reason: str) -> QueuedView:
    need = ticket.need
    return QueuedView(
        run_id=ticket.run,
        client=ticket.client.name,
        account_id=need.wish.account or need.wish.prefer,
        chat_id=need.name("provider-chat"),
        session_id=need.name("session-write"),
        model=need.name("model"),
        since=round(ticket.since * 1000),
        until=round((ticket.since + ticket.patience) * 1000),
        overtaken=ticket.passed,
        waits_for=[slot.key for slot in blockers],
        reason=reason,
    )
