"""Slots and locks: the cases of LunaProxy's lock manager (L-01 to L-13), asked of luna's scheduler.

There a lock and a capacity were two things, taken one after the other; here both are slots, taken all at once, and a
lock is a slot of which there is one.
"""

import anyio
import pytest

from luna.model.errors import Kind, LunaError
from luna.state.slots import GLOBAL, Slot
from luna.state.tickets import Seat, Ticket
from tests.support.waiting_room import WaitingRoom

CHAT = "provider-chat:qwen-ai:c1"


@pytest.fixture
def room() -> WaitingRoom:
    return WaitingRoom("a", global_max_concurrent_runs=3)


def lock_of(room: WaitingRoom) -> tuple[bool, str | None]:
    lock = room.scheduler.describe().locks.get(CHAT)
    return (lock.locked, lock.owner_id) if lock is not None else (False, None)


async def waited(room: WaitingRoom, ticket: Ticket) -> Seat | LunaError:
    try:
        return await room.scheduler.wait(ticket)
    except LunaError as error:
        return error


async def test_l01_a_chat_is_locked_by_its_run_until_the_run_is_over(room: WaitingRoom) -> None:
    seat = room.seat(chat="c1", run="run-1")
    assert lock_of(room) == (True, "run-1")
    seat.release()
    assert lock_of(room) == (False, None)


async def test_l02_a_second_run_in_the_chat_gives_up_after_its_patience(room: WaitingRoom) -> None:
    room.seat(chat="c1", run="run-1")
    outcome = await waited(room, room.ask(chat="c1", run="run-2", patience=0.03))
    assert isinstance(outcome, LunaError)
    assert outcome.kind is Kind.RATE_LIMITED
    assert lock_of(room) == (True, "run-1")


async def test_l03_a_chat_that_is_left_in_time_goes_to_the_run_that_waits(room: WaitingRoom) -> None:
    seat = room.seat(chat="c1", run="run-1")
    ticket = room.ask(chat="c1", run="run-2", patience=5)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_release_after, seat, 0.02)
        outcome = await waited(room, ticket)
    assert isinstance(outcome, Seat)
    assert lock_of(room) == (True, "run-2")


async def _release_after(seat: Seat, seconds: float) -> None:
    await anyio.sleep(seconds)
    seat.release()


async def test_l04_only_the_seat_itself_gives_back_and_only_once(room: WaitingRoom) -> None:
    """There the owner was a string that anybody could say; here the owner holds the seat."""
    first = room.seat(chat="c1", run="run-1")
    first.release()
    room.seat(chat="c1", run="run-2")
    first.release()
    assert lock_of(room) == (True, "run-2")


async def test_l05_l06_an_unknown_chat_is_not_locked_and_has_no_owner(room: WaitingRoom) -> None:
    assert lock_of(room) == (False, None)
    assert room.scheduler.count(Slot("provider-chat", "unknown")) == 0


async def test_l07_below_the_limit_nobody_waits(room: WaitingRoom) -> None:
    room.seat()
    assert room.locks()["global"] == (1, 3, 0)


async def test_l08_at_the_limit_the_next_waits_for_one_to_leave(room: WaitingRoom) -> None:
    room.limit(global_max_concurrent_runs=1)
    seat = room.seat()
    ticket = room.ask()
    assert not ticket.decided
    assert room.locks()["global"] == (1, 1, 1)
    seat.release()
    assert isinstance(await waited(room, ticket), Seat)
    assert room.locks()["global"] == (1, 1, 0)


async def test_l09_who_waits_too_long_is_told_what_was_full(room: WaitingRoom) -> None:
    for _ in range(3):
        room.seat()
    outcome = await waited(room, room.ask(patience=0.03))
    assert isinstance(outcome, LunaError)
    assert "global 3 of 3" in outcome.message
    assert "globalMaxConcurrentRuns" in outcome.hint
    assert room.scheduler.waiting == 0


async def test_l10_one_of_two_leaves(room: WaitingRoom) -> None:
    first, _ = room.seat(), room.seat()
    first.release()
    assert room.locks()["global"] == (1, 3, 0)


async def test_l11_counts_never_fall_below_nothing(room: WaitingRoom) -> None:
    seat = room.seat()
    seat.release()
    seat.release()
    assert room.scheduler.count(GLOBAL) == 0
    room.empty()


async def test_l12_two_who_wait_go_in_the_order_of_their_coming(room: WaitingRoom) -> None:
    room.limit(global_max_concurrent_runs=1)
    seat, order = room.seat(), list[str]()

    async def one(name: str, ticket: Ticket) -> None:
        (await room.scheduler.wait(ticket)).release()
        order.append(name)

    async with anyio.create_task_group() as tasks:
        for name in ("first", "second"):
            tasks.start_soon(one, name, room.ask())
        await anyio.sleep(0)
        seat.release()
    assert order == ["first", "second"]
    room.empty()


async def test_l13_what_may_be_seen_shows_owner_and_numbers(room: WaitingRoom) -> None:
    room.seat(chat="c1", run="run-1")
    room.seat()
    assert lock_of(room) == (True, "run-1")
    assert room.locks() == {
        "global": (2, 3, 0),
        "provider:qwen-ai": (2, 0, 0),
        "account:qwen-ai:a": (2, 0, 0),
        CHAT: (1, 1, 0),
    }
