"""Whatever comes and goes, in whatever order: limits hold, nobody waits who could go, everybody goes in the end."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from luna.model.errors import Kind, LunaError
from luna.state.choice import Wish
from luna.state.slots import Slot
from luna.state.tickets import OVERTAKEN, Need, Seat, Ticket
from tests.support.waiting_room import WaitingRoom

ACCOUNTS = ("a", "b", "c")
WORKERS = {"a": ("w1", "w2"), "b": ("w1",), "c": ()}
CLIENTS = st.sampled_from(["ann", "bob", "cat"])
LIMIT = st.sampled_from([0, 1, 1, 2, 3])

NEEDS = st.sampled_from(
    [
        Need.of(),
        Need.of(model="m1"),
        Need.of(Wish(account="a")),
        Need.of(Wish(account="a"), model="m1"),
        Need.of(Wish(prefer="b"), model="m2", chat="chat"),
        Need.of(Wish(prefer="b"), chat="chat", session="session"),
        Need.of(Wish(without=frozenset({"a"})), model="m2"),
        Need.of(model="m1", session="session"),
    ]
)
LIMITS = st.fixed_dictionaries(
    {
        "global_max_concurrent_runs": LIMIT,
        "default_provider_max_concurrent_runs": LIMIT,
        "default_account_max_concurrent_runs": LIMIT,
        "default_model_max_concurrent_runs": LIMIT,
        "default_worker_max_concurrent_runs": LIMIT,
        "same_session_write_policy": st.sampled_from(["parallel", "serialize"]),
    }
)


class Hall(RuleBasedStateMachine):
    """Requests come, wait, run, leave and give up; limits change, accounts come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.room = WaitingRoom(*ACCOUNTS, workers=lambda account: WORKERS[account.id])
        self.tickets: list[Ticket] = []
        self.resumed: dict[Ticket, bool] = {}
        self.looked_at: set[Ticket] = set()
        self.before: dict[Slot, int] = {}
        """What was taken when limits changed last, or less: no more may be taken than this or the limit."""

    @initialize(limits=LIMITS)
    def begin(self, limits: dict[str, Any]) -> None:
        self.room.limit(**limits)

    @property
    def seats(self) -> list[Seat]:
        return [ticket.seat for ticket in self.tickets if ticket.seat is not None and not ticket.seat.released]

    @property
    def seats_of(self) -> list[Ticket]:
        """Who has had one."""
        return [ticket for ticket in self.tickets if ticket.seat is not None]

    @property
    def waiting(self) -> list[Ticket]:
        return [ticket for ticket in self.tickets if not ticket.decided and ticket.lane is not None]

    @rule(client=CLIENTS, need=NEEDS, resumed=st.sampled_from([False, False, False, True]), times=st.integers(1, 3))
    def come(self, client: str, need: Need, resumed: bool, times: int) -> None:
        for _ in range(times):
            self.one_comes(client, need, resumed)

    def one_comes(self, client: str, need: Need, resumed: bool) -> None:
        try:
            ticket = self.room.scheduler.ask(need, client=client, patience=1e9, resumed=resumed)
        except LunaError as error:
            assert error.kind in (Kind.NO_ACCOUNT, Kind.UPSTREAM_LOGIN), "nobody waits for what will not be"
            assert not self.room.accounts.choices(need.wish)
        else:
            self.tickets.append(ticket)
            self.resumed[ticket] = resumed

    @precondition(lambda self: self.seats)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.seats)).release()

    @precondition(lambda self: self.tickets)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        self.room.scheduler.withdraw(data.draw(st.sampled_from(self.tickets)))

    @rule(limits=LIMITS)
    def change_limits(self, limits: dict[str, Any]) -> None:
        self.before = self.taken()
        self.room.limit(**limits)

    @rule(name=st.sampled_from(ACCOUNTS), limit=st.one_of(st.none(), LIMIT))
    def change_own_limit(self, name: str, limit: int | None) -> None:
        self.before = self.taken()
        account = self.room.account(name)
        account.max_concurrent_runs = limit
        account.changed(account)

    @rule(name=st.sampled_from(ACCOUNTS), kind=st.sampled_from([Kind.RATE_LIMITED, Kind.UPSTREAM_LOGIN, Kind.TIMEOUT]))
    def fail(self, name: str, kind: Kind) -> None:
        for _ in range(5):
            self.room.account(name).failed(LunaError(kind, "no", retry_after=30))

    @rule(name=st.sampled_from(ACCOUNTS))
    def recover(self, name: str) -> None:
        self.room.account(name).succeeded()

    @rule(seconds=st.floats(1, 100))
    def pass_time(self, seconds: float) -> None:
        """What a waiting request does when an account is about to be back."""
        self.room.clock.advance(seconds)
        self.room.scheduler.look_again()

    def taken(self) -> dict[Slot, int]:
        counts: dict[Slot, int] = {}
        for seat in self.seats:
            for slot in seat.slots:
                counts[slot] = counts.get(slot, 0) + 1
        return counts

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        taken = self.taken()
        for slot, count in taken.items():
            limit = self.room.scheduler.limits.of(slot)
            assert not limit or count <= max(limit, self.before.get(slot, 0)), slot
            assert count == self.room.scheduler.count(slot)
        self.before = {slot: min(count, taken.get(slot, 0)) for slot, count in self.before.items()}

    @invariant()
    def accounts_count_the_same(self) -> None:
        assert self.room.accounts.leases == len(self.seats) == self.room.scheduler.running
        assert self.room.scheduler.waiting == len(self.waiting)

    @invariant()
    def everybody_is_where_they_may_be(self) -> None:
        for ticket in set(self.seats_of) - self.looked_at:
            assert ticket.seat is not None
            account, wish = ticket.seat.account, ticket.need.wish
            assert account.state.word == "ready"
            assert account.id == wish.account or (not wish.account and account.id not in wish.without)
        self.looked_at.update(self.seats_of)

    @invariant()
    def nobody_waits_who_could_go(self) -> None:
        """But for what is kept for those who were overtaken too often."""
        if any(ticket.passed >= OVERTAKEN for ticket in self.waiting):
            return
        taken, limits = self.taken(), self.room.scheduler.limits

        def free(*slots: Slot) -> bool:
            return all(not limits.of(slot) or taken.get(slot, 0) < limits.of(slot) for slot in slots)

        for ticket in self.waiting:
            ways = [
                (Slot("account", account.id), *([Slot("worker", worker)] if worker else []))
                for account in self.room.accounts.choices(ticket.need.wish)
                for worker in WORKERS[account.id] or ("",)
            ]
            assert not (free(*ticket.need.slots) and any(free(*way) for way in ways)), ticket

    @invariant()
    def first_come_first_served_within_a_client(self) -> None:
        """Of those who need the same."""
        for ticket in self.waiting:
            for other in self.seats_of:
                same = (other.client.name, other.need) == (ticket.client.name, ticket.need)
                same = same and self.resumed[other] == self.resumed[ticket]
                assert not (same and other.number > ticket.number), (other, ticket)

    def teardown(self) -> None:
        """Everybody who waits goes in the end, and nothing is left."""
        for name in ACCOUNTS:
            account = self.room.account(name)
            account.health.renew()
            account.changed(account)
        left = len(self.waiting)
        while self.waiting:
            assert self.seats, "somebody waits although nobody runs"
            self.seats[0].release()
            assert len(self.waiting) <= left
            left = len(self.waiting)
        for seat in self.seats:
            seat.release()
            seat.release()
        self.room.empty()


TestHall = Hall.TestCase
TestHall.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


PATIENCE = 20
"""Releases after which the adversary has to let a run end."""


@settings(max_examples=40, deadline=None)
@given(
    traffic=st.lists(st.tuples(CLIENTS, NEEDS), min_size=2, max_size=6),
    need=NEEDS,
    limits=st.fixed_dictionaries(
        {
            "global_max_concurrent_runs": st.sampled_from([0, 1, 2, 3]),
            "default_account_max_concurrent_runs": st.sampled_from([1, 2]),
            "default_model_max_concurrent_runs": st.sampled_from([0, 1, 2]),
            "default_worker_max_concurrent_runs": st.sampled_from([0, 1]),
        }
    ),
)
def test_everybody_goes_in_the_end_whatever_others_do(
    traffic: list[tuple[str, Need]], need: Need, limits: dict[str, Any]
) -> None:
    """Others come back for ever, and whoever shares the least with the patient one leaves first."""
    room = WaitingRoom(
        *ACCOUNTS, workers=lambda account: WORKERS[account.id], same_session_write_policy="serialize", **limits
    )
    running: dict[Seat, int] = {}
    waiting: list[tuple[Ticket, str, Need]] = []

    def come(client: str, wanted: Need) -> None:
        waiting.append((room.scheduler.ask(wanted, client=client, patience=1e9), client, wanted))

    def look(now: int) -> None:
        for entry in [entry for entry in waiting if entry[0].seat is not None]:
            waiting.remove(entry)
            assert entry[0].seat is not None
            running[entry[0].seat] = now
            come(entry[1], entry[2])

    for client, wanted in traffic:
        come(client, wanted)
        come(client, wanted)
    look(0)
    patient = room.scheduler.ask(need, client="patient", patience=1e9)
    mine = set(need.slots) | {Slot("account", account.id) for account in room.accounts.choices(need.wish)}
    for now in range(1, 3_000):
        if patient.decided:
            break
        oldest = min(running, key=running.__getitem__)
        seat = oldest if now - running[oldest] > PATIENCE else min(running, key=lambda one: len(mine & set(one.slots)))
        del running[seat]
        seat.release()
        look(now)
    assert patient.decided, (patient, patient.passed)
