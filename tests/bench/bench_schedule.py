"""What a seat costs: when it is free, and when others wait for it.

Run with `python -m tests.bench.bench_schedule`.
"""

from typing import Any

from luna.model.preferences import MultiThread
from luna.state.choice import Wish
from luna.state.tickets import Need, Seat, Ticket
from tests.bench.bench_contract import microseconds
from tests.support.waiting_room import WaitingRoom

NEED = Need.of(model="qwen3-max", chat="", session="session")
FREE = 100.0
"""Microseconds that a free seat may cost at most, given and taken back."""


def free_seat(accounts: int) -> float:
    """One request, nobody else there."""
    room = WaitingRoom(*(f"account-{number}" for number in range(accounts)), **limits())

    def work() -> None:
        ticket = room.scheduler.ask(NEED, client="client", run="run", patience=60)
        assert ticket.seat is not None
        ticket.seat.release()

    return microseconds(work, 2000)


def handed_on(accounts: int, waiting: int, clients: int, *, same: bool) -> float:
    """One leaves and the next one comes in, with so many behind it. `same`: all need the same."""
    room = WaitingRoom(*(f"account-{number}" for number in range(accounts)), **limits())
    tickets: list[Ticket] = []
    number = 0

    def ask() -> None:
        nonlocal number
        number += 1
        need = NEED if same else Need.of(Wish(), model="qwen3-max", session=f"session-{number}")
        ticket = room.scheduler.ask(need, client=f"client-{number % clients}", run=f"run-{number}", patience=60)
        tickets.append(ticket)

    for _ in range(4 * accounts + waiting):
        ask()

    def work() -> None:
        seat = next(seat for seat in held() if not seat.released)
        seat.release()
        ask()

    def held() -> list[Seat]:
        nonlocal tickets
        tickets = [ticket for ticket in tickets if ticket.seat is None or not ticket.seat.released]
        return [ticket.seat for ticket in tickets if ticket.seat is not None]

    alone = microseconds(lambda: next(seat for seat in held() if not seat.released), 50)
    return microseconds(work, 50) - alone


def limits() -> dict[str, Any]:
    """The defaults, with a queue that is long enough."""
    defaults = MultiThread(queue_length=0, global_max_concurrent_runs=0, default_provider_max_concurrent_runs=0)
    return {name: getattr(defaults, name) for name in defaults.__struct_fields__}


def main() -> int:
    """Print the figures; fails where a free seat is too dear."""
    free = {accounts: free_seat(accounts) for accounts in (1, 10)}
    for accounts, cost in free.items():
        print(f"a free seat, {accounts:2} accounts: {cost:.1f} µs")
    for waiting, clients, same in ((200, 1, True), (200, 200, True), (1000, 50, True), (1000, 50, False)):
        cost = handed_on(2, waiting, clients, same=same)
        kind = "the same" if same else "each something else"
        print(f"one leaves, one comes in, {waiting} of {clients} clients wait for {kind}: {cost:.0f} µs")
    return 0 if max(free.values()) < FREE else 1


if __name__ == "__main__":
    raise SystemExit(main())
