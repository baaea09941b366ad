"""What waits in the queue and what it gets.

Owns what a request needs (`Need`), its place in the queue (`Ticket`), what it holds while it runs (`Seat`), and the
order among those who wait: first come, first served within a client, fair between clients. Who gets what is
`luna.state.scheduler`'s.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import anyio
import msgspec

from luna.model.errors import LunaError
from luna.state.account import Account
from luna.state.choice import Wish
from luna.state.slots import GLOBAL, THE_PROVIDER, Slot

OVERTAKEN = 64
"""How often others may take what the first of a lane also needs, while something else keeps it from going. Then it is
kept for it."""


class Need(NamedTuple):
    """What a request takes up, besides an account that fits its wish."""

    slots: tuple[Slot, ...] = (GLOBAL, THE_PROVIDER)
    wish: Wish = Wish()

    @classmethod
    def of(cls, wish: Wish = Wish(), *, model: str = "", chat: str = "", session: str = "") -> "Need":  # noqa: B008
        """What a run on this model, in this chat, of this session takes up. Empty: nothing of the kind."""
        slots: tuple[Slot, ...] = (GLOBAL, THE_PROVIDER)
        if model:
            slots += (Slot("model", model),)
        if chat:
            slots += (Slot("provider-chat", chat),)
        if session:
            slots += (Slot("session-write", session),)
        return cls(slots, wish)

    def name(self, kind: str) -> str:
        """The name of the slot of that kind, or ""."""
        return next((slot.name for slot in self.slots if slot.kind == kind), "")


class Way(NamedTuple):
    """One way to serve a request: through which account, which worker, and what that takes up."""

    account: Account
    worker: str
    slots: tuple[Slot, ...]


class Seat:
    """What a run holds. Give it back once; again does nothing."""

    __slots__ = (
        "_release",
        "account",
        "client",
        "need",
        "released",
        "run",
        "since",
        "slots",
        "streaming",
        "trial",
        "worker",
    )

    def __init__(
        self, ticket: "Ticket", way: Way, since: float, trial: bool, release: "Callable[[Seat], None]"
    ) -> None:
        self.run = ticket.run
        self.client = ticket.client
        self.need = ticket.need
        self.account = way.account
        self.worker = way.worker
        """The worker that its requests go through; "" for none."""
        self.slots = (*ticket.need.slots, *way.slots)
        self.since = since
        """Seconds since the epoch."""
        self.trial = trial
        """It finds out whether the account works."""
        self.streaming = False
        """Its answer has begun."""
        self.released = False
        self._release = release

    def __repr__(self) -> str:
        return f"<Seat {self.run or 'nobody'} at {self.account.id}{' released' if self.released else ''}>"

    def release(self) -> None:
        """The run is over."""
        if not self.released:
            self.released = True
            self._release(self)


class Ticket:
    """A request's place in the queue. `number` counts arrivals."""

    __slots__ = ("client", "error", "lane", "need", "number", "passed", "patience", "run", "seat", "since", "woken")

    def __init__(self, number: int, need: Need, client: "Client", run: str, *, since: float, patience: float) -> None:
        self.number = number
        self.need = need
        self.client = client
        self.run = run
        self.since = since
        """Seconds since the epoch."""
        self.patience = patience
        """Seconds that it may wait."""
        self.lane: Lane | None = None
        """Where it waits, while it does."""
        self.passed = 0
        """How often it was overtaken while it stood at the front."""
        self.seat: Seat | None = None
        self.error: LunaError | None = None
        self.woken: anyio.Event | None = None

    def __repr__(self) -> str:
        state = "seated" if self.seat is not None else "refused" if self.error is not None else "waiting"
        return f"<Ticket {self.number} of {self.client.name or 'somebody'} {state}>"

    @property
    def decided(self) -> bool:
        """There is nothing to wait for any more."""
        return self.seat is not None or self.error is not None

    def decide(self, seat: Seat | None, error: LunaError | None = None) -> None:
        """Tell whoever waits."""
        self.seat, self.error = seat, error
        if self.woken is not None:
            self.woken.set()


class Client(msgspec.Struct):
    """One of those between whom luna is fair."""

    name: str
    served: int
    """The number of what it was given last; before that, of its arrival."""
    running: int = 0
    waiting: int = 0


class Lane:
    """Tickets of one client that need the same: if the first cannot go, none can. `resumed`: they have been running
    before, and their clients are in the middle of an answer."""

    def __init__(self, client: Client, need: Need, resumed: bool) -> None:
        self.client = client
        self.need = need
        self.resumed = resumed
        self.tickets: deque[Ticket] = deque()
        self.blocker: Slot | None = None
        """What was full when it was looked at last; None when that was not it."""

    def __repr__(self) -> str:
        return f"<Lane of {self.client.name or 'somebody'}: {len(self.tickets)}>"

    @property
    def head(self) -> Ticket:
        """The next to go."""
        return self.tickets[0]

    @property
    def turn(self) -> tuple[int, int, int]:
        """Where it stands among all lanes, the smaller the sooner: who was running before, then the client with the
        least running, of those the one that was served the longest ago."""
        if self.resumed:
            return (0, self.tickets[0].number, 0)
        return (1 + self.client.running, self.client.served, self.tickets[0].number)

    def could_use(self, slot: Slot) -> bool:
        """Whether the slot is one that its tickets need, or may need."""
        wish = self.need.wish
        match slot.kind:
            case "account":
                return slot.name == wish.account if wish.account else slot.name not in wish.without
            case "worker":
                return True
            case _:
                return slot in self.need.slots


class Queue:
    """Everybody who waits."""

    def __init__(self) -> None:
        self.waiting = 0
        self.overdue: list[Ticket] = []
        """Those who were overtaken too often, in the order of their arrival."""
        self._clients: dict[str, Client] = {}
        self._lanes: dict[Wish, dict[tuple[str, Need, bool], Lane]] = {}

    def __repr__(self) -> str:
        return f"<Queue {self.waiting} waiting in {len(self.lanes)} lanes>"

    def __bool__(self) -> bool:
        return bool(self._lanes)

    @property
    def clients(self) -> list[str]:
        """Who runs or waits."""
        return list(self._clients)

    @property
    def lanes(self) -> list[Lane]:
        """All lanes, in no particular order."""
        return [lane for lanes in self._lanes.values() for lane in lanes.values()]

    def by_wish(self) -> list[tuple[Wish, list[Lane]]]:
        """All lanes, by the accounts that they could do with."""
        return [(wish, list(lanes.values())) for wish, lanes in self._lanes.items()]

    def client(self, name: str, number: int) -> Client:
        """The client of that name; a new one arrives now."""
        if name in self._clients:
            return self._clients[name]
        client = self._clients[name] = Client(name, number)
        return client

    def forget_idle(self, client: Client) -> None:
        """Who neither runs nor waits is a newcomer the next time."""
        if not client.running and not client.waiting:
            self._clients.pop(client.name, None)

    def add(self, ticket: Ticket, resumed: bool) -> None:
        """It waits from now on."""
        lanes = self._lanes.setdefault(ticket.need.wish, {})
        key = (ticket.client.name, ticket.need, resumed)
        lane = lanes.get(key)
        if lane is None:
            lane = lanes[key] = Lane(ticket.client, ticket.need, resumed)
        lane.tickets.append(ticket)
        ticket.lane = lane
        ticket.client.waiting += 1
        self.waiting += 1

    def remove(self, ticket: Ticket) -> None:
        """It waits no longer."""
        lane, ticket.lane = ticket.lane, None
        if lane is None:
            return
        lane.tickets.remove(ticket)
        if not lane.tickets:
            lanes = self._lanes[lane.need.wish]
            del lanes[(lane.client.name, lane.need, lane.resumed)]
            if not lanes:
                del self._lanes[lane.need.wish]
        if ticket.passed >= OVERTAKEN:
            self.overdue.remove(ticket)
        ticket.client.waiting -= 1
        self.waiting -= 1

    def overtake(self, lanes: Iterable[Lane], scarce: Sequence[Slot]) -> None:
        """Somebody has been given these slots, of which there are only so many, while the lanes could not go."""
        for lane in lanes:
            if any(lane.could_use(slot) for slot in scarce):
                head = lane.tickets[0]
                head.passed += 1
                if head.passed == OVERTAKEN:
                    self.overdue.append(head)
                    self.overdue.sort(key=lambda ticket: ticket.number)


def in_turn(lanes: Iterable[Lane]) -> list[Lane]:
    """Whose turn it is first."""
    return sorted(lanes, key=_turn)


def _turn(lane: Lane) -> tuple[int, int, int]:
    return lane.turn
