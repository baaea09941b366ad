"""Which chats are deleted, and when."""

import anyio
import pytest

from luna.model.errors import Kind, LunaError
from luna.model.preferences import ChatCleanup, ScheduledCleanup
from luna.state.chat_lanes import PACE
from luna.state.chat_rows import State
from luna.state.chat_rules import LEFTOVER_AFTER
from luna.state.store import Store
from tests.support.chat_site import ChatHouse

AT_ONCE = ChatCleanup(enabled=True, after_response=True)
IDLE = ChatCleanup(enabled=True, after_idle_minutes=30)
DAILY = ChatCleanup(enabled=True, scheduled=ScheduledCleanup(enabled=True, interval_hours=2, max_age_hours=24))
HOUR = 3600.0
TRANSIENT = LunaError(Kind.UPSTREAM_TRANSIENT, "Qwen failed internally.")
LIMITED = LunaError(Kind.RATE_LIMITED, "The limit is reached.", retry_after=2 * HOUR)
LOGIN = LunaError(Kind.UPSTREAM_LOGIN, "Qwen does not accept the credentials.")


# The policies


async def test_without_a_policy_used_chats_stay(store: Store) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat()
    house.ledger.after_response(chat_id)
    await house.leap(100 * 24 * HOUR)
    assert chat_id in house.site.chats
    assert await house.counted() == {"open": 1}
    assert house.site.calls == ["new"]


async def test_after_the_response(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    answered, other = await house.chat(), await house.chat()
    house.ledger.after_response(answered)
    await house.rest()
    assert list(house.site.chats) == [other]
    row = await house.row(answered)
    assert (row.state, row.reason, row.ended_at) == (State.DELETED, "after-response", house.clock.wall() - PACE)
    assert house.forgotten == [answered]
    assert await house.counted() == {"deleted": 1, "open": 1}


async def test_after_the_response_only_what_is_luna_s(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    own = house.site.add("a")
    house.ledger.after_response(own.id)
    await house.leap(HOUR)
    assert own.id in house.site.chats
    assert (house.site.calls, house.forgotten) == ([], [])


async def test_after_idle_time_counted_from_the_last_use(store: Store) -> None:
    house = ChatHouse(store, policy=IDLE)
    idle, busy = await house.chat(), await house.chat()
    await house.rest(20 * 60)
    house.ledger.used(busy)
    await house.rest(10 * 60 - 1)
    assert set(house.site.chats) == {idle, busy}
    await house.rest(2)
    assert set(house.site.chats) == {busy}
    await house.rest(20 * 60)
    assert house.site.chats == {}
    assert (await house.row(busy)).reason == "idle"


async def test_it_sleeps_until_the_next_chat_is_due(store: Store) -> None:
    house = ChatHouse(store, policy=IDLE)
    await house.chat()
    house.clock.advance(29 * 60)
    await house.chat()
    assert await house.cleanup.step() == pytest.approx(60)
    house.clock.advance(60)
    assert await house.cleanup.step() == LEFTOVER_AFTER, "anything made from now on is due then at the earliest"
    assert len(house.site.chats) == 1


async def test_on_a_schedule(store: Store) -> None:
    house = ChatHouse(store, policy=DAILY)
    await house.rest()
    old = await house.chat()
    await house.leap(23 * HOUR)
    young = await house.chat()
    await house.rest(1.9 * HOUR)
    assert set(house.site.chats) == {old, young}, "the next round is at 26 hours"
    await house.rest(1.2 * HOUR)
    assert set(house.site.chats) == {young}
    assert house.cleanup.last is not None
    assert (house.cleanup.last.deleted, house.cleanup.last.failed) == (1, 0)


async def test_a_changed_policy_holds_at_once(store: Store) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat()
    await house.leap(48 * HOUR)
    house.obey(DAILY)
    await house.rest()
    assert await house.state(chat_id) is State.DELETED
    second = await house.chat()
    await house.rest(HOUR)
    house.obey(ChatCleanup(enabled=True, scheduled=ScheduledCleanup(enabled=True, interval_hours=9, max_age_hours=0.5)))
    await house.rest()
    assert await house.state(second) is State.DELETED
    third = await house.chat()
    house.obey(ChatCleanup(enabled=False, after_response=True, after_idle_minutes=1, scheduled=DAILY.scheduled))
    house.ledger.after_response(third)
    await house.leap(48 * HOUR)
    assert await house.state(third) is State.OPEN


async def test_a_change_wakes_it_while_it_sleeps(store: Store) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat()
    house.clock.advance(HOUR)
    gone = anyio.Event()
    house.site.on_call = lambda call: gone.set() if call == f"delete {chat_id}" else None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.cleanup.run)
        await anyio.sleep(0.05)
        house.obey(IDLE)
        with anyio.fail_after(3):
            await gone.wait()
        tasks.cancel_scope.cancel()


# What nobody wants, under any policy


async def test_an_empty_chat_of_a_cancelled_flow_is_deleted(store: Store) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat(used=False)
    await house.rest(LEFTOVER_AFTER - 1)
    assert chat_id in house.site.chats
    await house.rest(2)
    assert house.site.chats == {}
    assert house.site.calls[-2:] == [f"read {chat_id}", f"delete {chat_id}"]
    assert (await house.row(chat_id)).reason == "leftover"


async def test_what_only_seems_empty_is_spared(store: Store) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat(used=False)
    house.site.chats[chat_id].messages.append("said just before the crash")
    await house.leap(48 * HOUR)
    assert chat_id in house.site.chats
    row = await house.row(chat_id)
    assert (row.state, row.attempts, row.used_at is None) == (State.OPEN, 0, False)
    assert [call for call in house.site.calls if call != "new"] == [f"read {chat_id}"]


async def test_a_forgotten_aside_is_deleted(store: Store) -> None:
    house = ChatHouse(store)
    used, unused = await house.chat(purpose="summary"), await house.chat(purpose="try", used=False)
    await house.rest(LEFTOVER_AFTER + 2)
    assert house.site.chats == {}
    assert {(await house.row(name)).reason for name in (used, unused)} == {"aside"}


async def test_an_aside_is_discarded_at_once(store: Store) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat(purpose="summary")
    house.generating.add(chat_id)
    await house.ledger.discard(chat_id)
    assert house.site.chats == {}
    assert await house.state(chat_id) is State.DELETED


@pytest.mark.parametrize("error", [TRANSIENT, LIMITED, LOGIN])
async def test_discarding_never_fails_and_is_repeated(store: Store, error: LunaError) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat(purpose="summary")
    house.site.before.append(error)
    await house.ledger.discard(chat_id)
    assert await house.state(chat_id) is State.DELETING
    await house.leap(5 * HOUR)
    assert house.site.chats == {}
    assert await house.counted() == {"deleted": 1}


async def test_discarding_with_a_broken_database_never_fails(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat(purpose="summary")

    async def refuse() -> None:
        raise LunaError(Kind.INTERNAL, "The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "commit", refuse)
        await house.ledger.discard(chat_id)
    assert chat_id in house.site.chats
