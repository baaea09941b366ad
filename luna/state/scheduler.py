"""Who runs, and who waits for what.

A ticket is given all that it needs at once, when all of it is free; while it waits it holds nothing, so that nobody
waits for somebody who only waits. Whoever cannot go yet is passed by those who can; for whoever was passed too often
what it needs is kept (`luna.state.tickets.OVERTAKEN`), so that everybody goes in the end.

Owns the giving. Nothing is polled: a release, a changed limit, an account that comes back each give what can be given.
Which accounts fit a wish belongs to `luna.state.choice`, the order to `luna.state.tickets`, the counts to
`luna.state.occupancy`. All but `wait` is synchronous: every step is whole.
"""

from collections.abc import Callable, Collection, Sequence

import anyio

from luna.model.ambient import Clock
from luna.model.errors import LunaError
from luna.model.preferences import LivePreferences, Preferences
from luna.state.account import Account
from luna.state.accounts import Accounts
from luna.state.choice import Wish
from luna.state.occupancy import NOTHING, Occupancy
from luna.state.queue_words import Full, queue_full, told, too_late
from luna.state.schedule_view import ScheduleView, view
from luna.state.slots import Limits, Own, Slot
from luna.state.tickets import Lane, Need, Queue, Seat, Ticket, Way, in_turn

Workers = Callable[[Account], Sequence[str]]
"""The workers that can carry an account's requests; none: it goes out without one."""


def _no_workers(_: Account) -> Sequence[str]:
    return ()


def _no_limit(_: str) -> int | None:
    return None


class Scheduler:
    """The queue of one process."""

    def __init__(
        self,
        accounts: Accounts,
        preferences: LivePreferences | None = None,
        *,
        clock: Clock,
        workers: Workers = _no_workers,
        worker_limit: Own = _no_limit,
    ) -> None:
        live = preferences or LivePreferences()
        self.limits = Limits(live.current.multi_thread, account=accounts.own_limit, worker=worker_limit)
        self._accounts = accounts
        self._clock = clock
        self._workers = workers
        self._number = 0  # the last one that was given to a ticket or a seat
        self._occupancy = Occupancy(self.limits)
        self._queue = Queue()
        self._seats: dict[Seat, None] = {}
        self._known_ways: dict[tuple[Account | str, ...], list[Way]] = {}
        """By account and its workers, since an account changed last."""
        self._usable = accounts.usable()
        live.watch(self._limits_changed)
        accounts.watch(self._accounts_changed)

    def __repr__(self) -> str:
        return f"<Scheduler {len(self._seats)} running, {self._queue!r}>"

    @property
    def running(self) -> int:
        """Seats that are taken."""
        return len(self._seats)

    @property
    def waiting(self) -> int:
        """Tickets without a seat."""
        return self._queue.waiting

    @property
    def clients(self) -> list[str]:
        """Who runs or waits."""
        return self._queue.clients

    # Asking

    def ask(
        self, need: Need, *, client: str = "", run: str = "", patience: float | None = None, resumed: bool = False
    ) -> Ticket:
        """A ticket, which may have its seat already; whoever has one calls `wait`. `patience`: seconds, None: as the
        preferences say. `resumed`: it has been running before and goes first. Raises LunaError at once when waiting
        makes no sense: no account will be back in time, or too many wait."""
        limits, queue = self.limits.multi_thread, self._queue
        patience = limits.queue_timeout_ms / 1000 if patience is None else patience
        number = self._number = self._number + 1
        asking, now = queue.client(client, number), self._clock.wall()
        ticket = Ticket(number, need, asking, run, since=now, patience=patience)
        if queue.waiting:
            self.look_again()
        kept = self._kept()[1] if queue.overdue else NOTHING
        way = self._way(need.wish, kept) if self._occupancy.has_room(need.slots, kept) else None
        if way is not None:
            self._give(ticket, way, now, past=queue.lanes if queue.waiting else ())
            return ticket
        error = self._in_vain(need.wish, patience)
        if error is None and limits.enabled and 0 < limits.queue_length <= self.waiting and not resumed:
            error = queue_full(limits.queue_length, self.full(need))
        if error is not None:
            queue.forget_idle(asking)
            raise error
        queue.add(ticket, resumed)
        return ticket

    async def wait(self, ticket: Ticket) -> Seat:
        """The ticket's seat, as soon as it has one. Raises LunaError when it may wait no longer, or waiting has lost
        its sense. Whoever is cancelled here holds nothing."""
        try:
            if not ticket.decided:
                await self._wait(ticket)
        except BaseException:
            self.withdraw(ticket)
            raise
        if ticket.error is not None:
            raise ticket.error
        assert ticket.seat is not None, "decided"
        return ticket.seat

    async def take(self, need: Need, *, client: str = "", run: str = "", patience: float | None = None) -> Seat:
        """`ask` and `wait` in one."""
        return await self.wait(self.ask(need, client=client, run=run, patience=patience))

    async def _wait(self, ticket: Ticket) -> None:
        deadline = anyio.current_time() + ticket.patience
        woken = ticket.woken = anyio.Event()
        while not ticket.decided:
            left = deadline - anyio.current_time()
            if left <= 0:
                error = self._too_late(ticket)
                self.withdraw(ticket)
                ticket.decide(None, error)
                return
            back = self._accounts.comes_back(ticket.need.wish)
            with anyio.move_on_after(min(left, back) if back else left):
                await woken.wait()
            if not ticket.decided:
                self.look_again()

    def withdraw(self, ticket: Ticket) -> None:
        """Nobody waits for it any more. A seat that it got meanwhile goes back."""
        if ticket.seat is not None:
            ticket.seat.release()
        elif ticket.lane is not None:
            others_held_back = ticket in self._queue.overdue
            self._queue.remove(ticket)
            self._queue.forget_idle(ticket.client)
            if others_held_back:
                self.settle()

    # Giving

    def settle(self) -> None:
        """Give all that can be given."""
        while self._queue.waiting and self._give_one():
            pass

    def _give_one(self) -> bool:
        """To whose turn it is, of those who can go."""
        first, kept = self._kept()
        if first is not None and self._occupancy.has_room(first.need.slots):
            way = self._way(first.need.wish, NOTHING)
            if way is not None:
                self._give(first, way, self._clock.wall())
                return True
        able: dict[Lane, Way] = {}
        past: list[Lane] = []
        for wish, lanes in self._queue.by_wish():
            way = self._way(wish, kept)
            if way is None:
                past += lanes
            else:
                able |= dict.fromkeys(lanes, way)
        for lane in in_turn(able):
            if not self._held_up(lane, kept):
                self._give(lane.head, able[lane], self._clock.wall(), past=past)
                return True
            past.append(lane)
        return False

    def _kept(self) -> tuple[Ticket | None, Collection[Slot]]:
        """Who goes first because others have taken too often what it needs (the first for whom there is an account),
        and what is kept for it: all it needs but what becomes free by itself as soon as it can go."""
        for ticket in self._queue.overdue:
            accounts = self._accounts.choices(ticket.need.wish)
            if accounts:
                at = min(accounts, key=lambda account: account.id)
                slots = (*ticket.need.slots, *self._ways(at)[0].slots)
                return ticket, frozenset(slots) - self._freed_with(slots)
        return None, NOTHING

    def _freed_with(self, slots: Sequence[Slot]) -> frozenset[Slot]:
        """What everybody holds who has the last of any of these: when the way is free, that is too."""
        full = [slot for slot in slots if self._occupancy.room(slot) <= 0]
        held = [frozenset(seat.slots) for seat in self._seats for slot in full if slot in seat.slots]
        return frozenset.intersection(*held) if held else NOTHING

    def _held_up(self, lane: Lane, kept: Collection[Slot]) -> bool:
        """Whether it cannot go, whatever the account."""
        if lane.blocker is not None and self._occupancy.room(lane.blocker) <= 0:
            return True
        lane.blocker = next((slot for slot in lane.need.slots if self._occupancy.room(slot, kept) <= 0), None)
        return lane.blocker is not None

    def _way(self, wish: Wish, kept: Collection[Slot]) -> Way | None:
        """Through the account with the most room, of those the one that was used the longest ago."""
        found: Way | None = None
        load = (False, 0, 0)
        for account in self._accounts.choices(wish):
            on_trial = not account.health.well and account.on_trial
            for way in self._ways(account):
                if kept and not self._occupancy.has_room(way.slots, kept):
                    continue
                room = self._occupancy.least(way.slots)
                if room > 0 and (found is None or (on_trial, -room, account.used) < load):
                    found, load = way, (on_trial, -room, account.used)
        return found

    def _ways(self, account: Account) -> list[Way]:
        workers = self._workers(account)
        known = self._known_ways.get((account, *workers))
        if known is None:
            own = Slot("account", account.id)
            ways = [Way(account, worker, (own, Slot("worker", worker))) for worker in workers]
            known = self._known_ways[account, *workers] = ways or [Way(account, "", (own,))]
        return known

    def _give(self, ticket: Ticket, way: Way, now: float, *, past: Sequence[Lane] = ()) -> None:
        """`past`: these could not go."""
        self._number += 1
        if past:
            slots = (*ticket.need.slots, *way.slots)
            self._queue.overtake(past, [slot for slot in slots if slot.narrow and self.limits.of(slot)])
        if ticket.lane is not None:
            self._queue.remove(ticket)
        seat = Seat(ticket, way, now, self._accounts.take(way.account), self._release)
        self._occupancy.take(seat.slots)
        self._seats[seat] = None
        ticket.client.running += 1
        ticket.client.served = self._number
        ticket.decide(seat)

    def _release(self, seat: Seat) -> None:
        del self._seats[seat]
        self._occupancy.give(seat.slots)
        seat.client.running -= 1
        self._queue.forget_idle(seat.client)
        seat.account.give_back(seat.trial)
        if self._queue.waiting:
            self.settle()

    # What changes around it

    def _limits_changed(self, preferences: Preferences) -> None:
        self.limits.follow(preferences.multi_thread)
        self.settle()

    def _accounts_changed(self, _: Account | None) -> None:
        self._usable = self._accounts.usable()
        self._known_ways.clear()
        for lane in self._queue.lanes:
            for ticket in tuple(lane.tickets):
                error = self._in_vain(lane.need.wish, ticket.since + ticket.patience - self._clock.wall())
                if error is not None:
                    self._queue.remove(ticket)
                    self._queue.forget_idle(ticket.client)
                    ticket.decide(None, error)
        self.settle()

    def look_again(self) -> None:
        """Time has passed: an account may have come back by itself."""
        usable = self._accounts.usable()
        if usable != self._usable:
            self._usable = usable
            self.settle()

    def _in_vain(self, wish: Wish, patience: float) -> LunaError | None:
        """Why it makes no sense to wait that long; None when it does."""
        if self._accounts.choices(wish):
            return None
        back = self._accounts.comes_back(wish)
        return self._accounts.refusal_for(wish) if back is None or back > patience else None

    def _too_late(self, ticket: Ticket) -> LunaError:
        if self._accounts.choices(ticket.need.wish):
            return too_late(ticket.patience, self.full(ticket.need))
        return self._accounts.refusal_for(ticket.need.wish)

    # What may be seen of it

    def count(self, slot: Slot) -> int:
        """How many runs hold it."""
        return self._occupancy.taken(slot)

    def full(self, need: Need) -> list[Full]:
        """What stands in the way."""
        found = self._occupancy.full(need.slots)
        ways = [self._occupancy.full(way.slots) for a in self._accounts.choices(need.wish) for way in self._ways(a)]
        if all(ways):
            found += [full for way in ways for full in way if full not in found]
        return found

    def reason(self, need: Need) -> str:
        """Why somebody who needs that has to wait, in a few words."""
        if self._accounts.choices(need.wish):
            return told(self.full(need))
        return self._accounts.refusal_for(need.wish).message

    def describe(self) -> ScheduleView:
        """Everything for people to see."""
        tickets = [ticket for lane in self._queue.lanes for ticket in lane.tickets]
        return view(self._occupancy, list(self._seats), tickets, self.full, self.reason)
