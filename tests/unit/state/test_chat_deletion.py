"""Chats that are to be deleted and cannot be, yet or ever: in use, at rest, refused."""

from itertools import pairwise

import anyio
import pytest

from luna.model.errors import Kind, LunaError
from luna.model.preferences import ChatCleanup
from luna.state.chat_lanes import PACE, WAIT
from luna.state.chat_retries import BACK_OFF
from luna.state.chat_rows import State
from luna.state.cleanup import BUSY
from luna.state.store import Store
from tests.support.chat_site import ChatHouse

AT_ONCE = ChatCleanup(enabled=True, after_response=True)
IDLE = ChatCleanup(enabled=True, after_idle_minutes=30)
HOUR = 3600.0
TRANSIENT = LunaError(Kind.UPSTREAM_TRANSIENT, "Qwen failed internally.")
LIMITED = LunaError(Kind.RATE_LIMITED, "The limit is reached.", retry_after=2 * HOUR)


# Chats that are in use, accounts that rest


async def test_a_chat_in_which_a_flow_generates_waits(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    house.generating.add(chat_id)
    house.ledger.after_response(chat_id)
    for _ in range(3):
        assert await house.cleanup.step() == BUSY
        house.clock.advance(BUSY)
    assert house.forgotten == []
    house.generating.clear()
    await house.rest()
    assert await house.state(chat_id) is State.DELETED


async def test_a_flow_that_begins_at_the_last_moment_is_respected(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    house.cleanup.eraser._on_deleted = house.generating.add
    house.ledger.after_response(chat_id)
    assert await house.cleanup.step() == PACE
    row = await house.row(chat_id)
    assert (row.state, row.attempts) == (State.OPEN, 0)
    assert chat_id in house.site.chats


async def test_chats_of_a_resting_account_wait_and_others_do_not(store: Store) -> None:
    house = ChatHouse(store, accounts=("a", "b"), policy=IDLE)
    first, second = await house.chat("a"), await house.chat("b")
    house.accounts["a"].failed(LIMITED)
    await house.rest(31 * 60)
    assert (await house.state(first), await house.state(second)) == (State.OPEN, State.DELETED)
    assert [call for call in house.site.calls if first in call] == []
    await house.rest(2 * HOUR)
    assert await house.state(first) is State.DELETED


async def test_a_refused_account_is_left_alone_for_as_long_as_it_says(store: Store) -> None:
    house = ChatHouse(store, policy=IDLE)
    chats = [await house.chat() for _ in range(3)]
    house.clock.advance(HOUR)
    house.site.before.append(LIMITED)
    await house.rest(2 * HOUR - 60)
    assert [call for call in house.site.calls if call.startswith("delete")] == [f"delete {chats[0]}"]
    row = await house.row(chats[0])
    assert (row.state, row.attempts, row.error) == (State.DELETING, 0, "The limit is reached.")
    (waiting,) = await house.desk.waiting()
    assert (waiting.account, waiting.chats, waiting.why) == ("a", 1, "The limit is reached.")
    await house.rest(120)
    assert house.site.chats == {}


async def test_chats_of_an_account_that_is_no_more_wait_for_it(store: Store) -> None:
    house = ChatHouse(store, policy=IDLE)
    chat_id = await house.chat()
    del house.accounts["a"]
    await house.leap(48 * HOUR)
    assert await house.state(chat_id) is State.OPEN
    house.add_account("a")
    await house.rest(WAIT + 1)
    assert await house.state(chat_id) is State.DELETED


async def test_one_at_a_time_for_an_account_and_not_too_fast(store: Store) -> None:
    house = ChatHouse(store, accounts=("a", "b"), policy=IDLE)
    for name in ("a", "a", "a", "b"):
        await house.chat(name)
    house.clock.advance(HOUR)
    times: list[tuple[float, str]] = []
    house.site.on_call = lambda call: times.append((house.clock.monotonic(), call.rpartition("-")[2]))
    await house.rest()
    for name, count in (("a", 3), ("b", 1)):
        own = [at for at, account in times if account == name]
        assert len(own) == count
        assert all(later - earlier >= PACE for earlier, later in pairwise(own))


# What goes wrong


async def test_a_passing_failure_is_tried_again_later_and_later(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    house.ledger.after_response(chat_id)
    house.site.before.extend([TRANSIENT] * 3)
    start = house.clock.monotonic()
    times: list[float] = []
    house.site.on_call = lambda call: times.append(house.clock.monotonic() - start)
    await house.rest(HOUR)
    assert times == pytest.approx([0, 5, 35, 155], abs=2)
    assert await house.state(chat_id) is State.DELETED


async def test_it_gives_up_with_the_error_noted_and_tries_again_after_a_restart(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    house.ledger.after_response(chat_id)
    house.site.before.extend([TRANSIENT] * (len(BACK_OFF) + 1))
    await house.rest(3 * HOUR)
    row = await house.row(chat_id)
    assert (row.state, row.next_try, row.error) == (State.DELETING, None, "Qwen failed internally.")
    assert row.attempts == len(BACK_OFF) + 1
    assert len(house.site.calls) == 1 + row.attempts
    await house.restart()
    await house.rest()
    assert await house.state(chat_id) is State.DELETED


async def test_a_plain_refusal_is_not_repeated(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    house.ledger.after_response(chat_id)
    house.site.before.append(LunaError(Kind.UPSTREAM_REJECTED, "Qwen refused the request."))
    await house.leap(48 * HOUR)
    assert (await house.row(chat_id)).error == "Qwen refused the request."
    assert house.site.calls == ["new", f"delete {chat_id}"]


async def test_a_chat_that_somebody_else_deleted_is_lost(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    del house.site.chats[chat_id]
    house.ledger.after_response(chat_id)
    await house.rest()
    assert await house.counted() == {"lost": 1}


async def test_a_deletion_whose_answer_was_lost_is_luna_s_own(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    house.ledger.after_response(chat_id)
    house.site.after.append(LunaError(Kind.TIMEOUT, "Too slow."))
    await house.rest(60)
    assert await house.counted() == {"deleted": 1}
    assert house.forgotten == [chat_id, chat_id]


async def test_trouble_with_the_database_does_not_end_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna.state.cleanup.TROUBLE", 0.01)
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    refusals = [LunaError(Kind.INTERNAL, "The disk is full.")] * 3
    settle = store.settle

    async def sometimes() -> None:
        if refusals:
            raise refusals.pop()
        await settle()

    monkeypatch.setattr(store, "settle", sometimes)
    gone = anyio.Event()
    house.site.on_call = lambda call: gone.set() if call == f"delete {chat_id}" else None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.cleanup.run)
        house.ledger.after_response(chat_id)
        with anyio.fail_after(3):
            await gone.wait()
        tasks.cancel_scope.cancel()


async def test_rows_of_chats_long_gone_are_forgotten(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    house.ledger.after_response(chat_id)
    await house.rest()
    await house.leap(29 * 24 * HOUR)
    assert await house.state(chat_id) is State.DELETED
    await house.leap(2 * 24 * HOUR)
    assert await house.ledger.find(chat_id) is None
    assert await house.counted() == {"deleted": 1}
