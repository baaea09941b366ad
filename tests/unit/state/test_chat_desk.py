"""What people ask for: a sweep, a dry run of it, one chat."""

import anyio

from luna.model.errors import Kind, LunaError
from luna.model.preferences import ChatCleanup
from luna.state.store import Store
from tests.support.chat_site import ChatHouse

AT_ONCE = ChatCleanup(enabled=True, after_response=True)
HOUR = 3600.0
TRANSIENT = LunaError(Kind.UPSTREAM_TRANSIENT, "Qwen failed internally.")
LIMITED = LunaError(Kind.RATE_LIMITED, "The limit is reached.", retry_after=2 * HOUR)


async def test_a_dry_run_says_what_would_go_and_touches_nothing(store: Store) -> None:
    house = ChatHouse(store, accounts=("a", "b", "c"))
    old, resting, busy = await house.chat("a"), await house.chat("b"), await house.chat("c")
    house.clock.advance(25 * HOUR)
    young = await house.chat("a")
    house.accounts["b"].failed(LIMITED)
    house.generating.add(busy)
    before = list(house.site.calls)
    swept = await house.desk.sweep(dry_run=True)
    assert {one.chat.chat: (one.gone, one.outcome.value) for one in swept.results} == {
        old: (True, "deleted"),
        resting: (False, "waiting"),
        busy: (False, "busy"),
    }
    assert young not in {one.chat.chat for one in swept.results}
    assert house.site.calls == before
    assert await house.counted() == {"open": 4}
    assert (house.cleanup.last, house.forgotten) == (None, [])


async def test_a_sweep_deletes_what_is_old_whatever_the_policy(store: Store) -> None:
    house = ChatHouse(store, accounts=("a", "b"))
    old = {await house.chat("a"), await house.chat("a"), await house.chat("b")}
    empty = await house.chat("a", used=False)
    house.clock.advance(25 * HOUR)
    young = await house.chat("a")
    house.site.before.append(TRANSIENT)
    swept = await house.desk.sweep()
    assert {one.chat.chat for one in swept.results} == {*old, empty}
    assert [one.outcome.value for one in swept.results].count("retrying") == 1
    assert house.cleanup.last is not None
    assert (house.cleanup.last.deleted, house.cleanup.last.failed) == (3, 1)
    await house.rest(60)
    assert list(house.site.chats) == [young]


async def test_a_sweep_takes_its_own_age_account_and_limit(store: Store) -> None:
    house = ChatHouse(store, accounts=("a", "b"))
    for name in ("a", "a", "a", "b"):
        await house.chat(name)
    house.clock.advance(HOUR)
    assert (await house.desk.sweep()).results == []
    swept = await house.desk.sweep(max_age_hours=0.5, account="a", limit=2)
    assert (len(swept.results), swept.more) == (2, True)
    swept = await house.desk.sweep(max_age_hours=0.5, account="a", limit=2)
    assert (len(swept.results), swept.more) == (1, False)
    assert [chat.user for chat in house.site.chats.values()] == ["b"]


async def test_a_sweep_tries_again_what_was_given_up(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    house.ledger.after_response(chat_id)
    house.site.before.append(LunaError(Kind.UPSTREAM_REJECTED, "Qwen refused the request."))
    await house.rest()
    (result,) = (await house.desk.sweep()).results
    assert (result.chat.chat, result.gone) == (chat_id, True)


async def test_two_who_want_the_same_delete_it_once(store: Store) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    house.ledger.after_response(chat_id)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.cleanup.step)
        tasks.start_soon(house.desk.delete, chat_id)
        tasks.start_soon(house.ledger.discard, chat_id)
        tasks.start_soon(house.cleanup.step)
    assert house.site.calls == ["new", f"delete {chat_id}"]
    assert await house.counted() == {"deleted": 1}
