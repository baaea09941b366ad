"""What a crash, a cancelled flow or a lost answer leaves behind, at every point where that can happen."""

import anyio
import pytest

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import ChatCleanup
from luna.state.chat_recovery import HOMELESS, PAGES, SETTLING
from luna.state.chat_retries import BACK_OFF
from luna.state.chat_rows import State
from luna.state.chats import PLAN_LIFE
from luna.state.store import Store
from tests.support.chat_site import PAGE, ChatHouse, SiteChat
from tests.support.scripted import document
from tests.support.stores import Database

HOUR = 3600.0
AT_ONCE = ChatCleanup(enabled=True, after_response=True)
CUT = LunaError(Kind.UPSTREAM_BROKEN, "The connection broke.", detail={"phase": "body"})
TRANSIENT = LunaError(Kind.UPSTREAM_TRANSIENT, "Qwen failed internally.")
LIMITED = LunaError(Kind.RATE_LIMITED, "The limit is reached.", retry_after=2 * HOUR)


async def made_and_not_noted(house: ChatHouse, account: str = "a", purpose: str = "main") -> SiteChat:
    """The process died between Qwen's making the chat and the note of it."""
    planned = await house.plan(account, purpose)
    chat_id = await house.client(account).create_chat("m", planned.title)
    await house.restart()
    return house.site.chats[chat_id]


async def test_a_crash_before_the_chat_was_made(store: Store) -> None:
    house = ChatHouse(store)
    planned = await house.plan()
    await house.restart()
    assert await house.cleanup.step() == pytest.approx(SETTLING)
    assert await house.state(planned.id) is State.PLANNED, "Qwen may be making it still"
    await house.rest(SETTLING)
    assert await house.state(planned.id) is State.FAILED
    assert await house.counted() == {"failed": 1}
    assert set(house.site.calls) == {"list 1"}


async def test_a_crash_before_the_made_chat_was_noted(store: Store) -> None:
    house = ChatHouse(store)
    chat = await made_and_not_noted(house)
    await house.rest()
    assert house.site.chats == {}
    assert house.site.calls == ["new", "list 1", f"read {chat.id}", f"delete {chat.id}"]
    assert await house.counted() == {"deleted": 1}
    assert (await house.row(chat.id)).title == chat.title


async def test_what_was_made_too_late_for_the_first_look_is_found_by_the_second(store: Store) -> None:
    house = ChatHouse(store)
    planned = await house.plan()
    await house.restart()
    await house.cleanup.step()
    await house.client().create_chat("m", planned.title)
    await house.rest(SETTLING + 1)
    assert house.site.chats == {}
    assert await house.counted() == {"deleted": 1}


async def test_a_found_chat_that_holds_something_is_spared_and_left_to_the_policy(store: Store) -> None:
    house = ChatHouse(store)
    chat = await made_and_not_noted(house)
    chat.messages.append("the turn that was running when the process was killed")
    await house.rest(HOUR)
    assert list(house.site.chats) == [chat.id]
    assert await house.state(chat.id) is State.OPEN
    house.obey(ChatCleanup(enabled=True, after_idle_minutes=5))
    await house.rest()
    assert house.site.chats == {}


async def test_a_found_aside_is_deleted_whatever_it_holds(store: Store) -> None:
    house = ChatHouse(store)
    chat = await made_and_not_noted(house, purpose="summary")
    chat.messages.append("Summarise this")
    await house.rest()
    assert house.site.chats == {}


async def test_a_crash_before_the_chat_was_used(store: Store) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat(used=False)
    await house.restart()
    assert await house.counted() == {"open": 1}
    await house.leap(HOUR)
    assert house.site.chats == {}
    assert await house.state(chat_id) is State.DELETED


@pytest.mark.parametrize("carried_out", [False, True])
async def test_a_crash_during_a_deletion(store: Store, carried_out: bool) -> None:
    house = ChatHouse(store, policy=AT_ONCE)
    chat_id = await house.chat()
    house.ledger.after_response(chat_id)
    with anyio.CancelScope() as crash:

        def kill(call: str) -> None:
            if call.startswith("delete"):
                crash.cancel()
                if not carried_out:
                    house.site.before.append(CUT)

        house.site.on_call = kill
        await house.cleanup.step()
    house.site.on_call = lambda call: None
    assert (chat_id in house.site.chats) is not carried_out
    await house.restart()
    assert await house.counted() == {"deleting": 1}
    house.forgotten.clear()
    await house.rest(60)
    assert house.site.chats == {}
    assert await house.counted() == {"deleted": 1}
    assert house.forgotten == [chat_id], "sessions are told again: the crash may have cost them the first time"


async def test_another_process_at_the_same_data_recovers(database: Database) -> None:
    async with database.opened() as store:
        house = ChatHouse(store)
        chat = await made_and_not_noted(house)
        unused = await house.chat(used=False)
        site, clock = house.site, house.clock
    async with database.opened() as store:
        again = ChatHouse(store)
        again.clock, again.site = clock, site
        again.add_account("a")
        await again.restart()
        await again.leap(HOUR)
        assert site.chats == {}
        assert await again.counted() == {"deleted": 2}
        assert {await again.state(name) for name in (chat.id, unused)} == {State.DELETED}


# In a process that lives


@pytest.mark.parametrize("carried_out", [False, True])
async def test_a_creation_whose_answer_was_lost(store: Store, carried_out: bool) -> None:
    house = ChatHouse(store)
    (house.site.after if carried_out else house.site.before).append(CUT)
    with pytest.raises(LunaError, match="broke"):
        await house.chat()
    assert len(house.site.chats) == carried_out
    await house.rest(SETTLING + 1)
    assert house.site.chats == {}
    assert await house.counted() == ({"deleted": 1} if carried_out else {"failed": 1})


async def test_a_flow_cancelled_while_the_chat_is_made_leaves_none(store: Store) -> None:
    house = ChatHouse(store)
    with anyio.CancelScope() as scope:
        house.site.on_call = lambda call: scope.cancel()
        await house.chat()
    house.site.on_call = lambda call: None
    assert len(house.site.chats) == 1
    await house.rest()
    assert house.site.chats == {}
    assert await house.counted() == {"deleted": 1}


async def test_a_plan_whose_flow_is_at_work_is_not_looked_for(store: Store) -> None:
    house = ChatHouse(store)
    planned = await house.plan()
    assert await house.cleanup.step() == pytest.approx(PLAN_LIFE)
    assert house.site.calls == []
    house.ledger.created(planned, await house.client().create_chat("m", planned.title))
    await house.leap(PLAN_LIFE)
    assert "list 1" not in house.site.calls


async def test_a_plan_that_everybody_forgot_is_looked_for(store: Store) -> None:
    house = ChatHouse(store)
    planned = await house.plan()
    await house.client().create_chat("m", planned.title)
    await house.leap(PLAN_LIFE)
    assert house.site.chats == {}


async def test_who_reports_after_all_is_believed(store: Store) -> None:
    house = ChatHouse(store)
    planned = await house.plan()
    await house.leap(PLAN_LIFE)
    assert await house.counted() == {"failed": 1}
    chat_id = await house.client().create_chat("m", planned.title)
    house.ledger.created(planned, chat_id)
    house.ledger.used(chat_id)
    assert await house.counted() == {"open": 1}
    assert (await house.row(chat_id)).ended_at is None


async def test_who_reports_on_a_chat_that_was_taken_for_a_leftover(store: Store) -> None:
    house = ChatHouse(store)
    planned = await house.plan()
    chat_id = await house.client().create_chat("m", planned.title)
    await house.leap(PLAN_LIFE)
    assert await house.counted() == {"deleted": 1}
    house.ledger.created(planned, chat_id)
    assert await house.counted() == {"open": 1}
    house.ledger.lost(chat_id)
    assert await house.counted() == {"lost": 1}


# The look


async def test_it_is_found_behind_newer_chats_and_beside_lookalikes(store: Store) -> None:
    house = ChatHouse(store)
    chat = await made_and_not_noted(house)
    own = [
        house.site.add("a", f"About {chat.title}"),
        house.site.add("a", chat.title[:-1]),
        house.site.add("b", chat.title),
    ]
    house.clock.advance(10)
    own += [house.site.add("a", f"My own {number}") for number in range(2 * PAGE)]
    await house.rest()
    assert set(house.site.chats) == {one.id for one in own}
    assert [call for call in house.site.calls if call.startswith("list")] == ["list 1", "list 2", "list 3"]


async def test_one_look_serves_all_plans_of_an_account(store: Store) -> None:
    house = ChatHouse(store, accounts=("a", "b"))
    for account in ("a", "a", "b", "a"):
        planned = await house.plan(account)
        await house.client(account).create_chat("m", planned.title)
    await house.restart()
    await house.rest()
    assert house.site.chats == {}
    assert house.site.calls.count("list 1") == 2


async def test_a_look_ends_where_the_chats_are_older_than_the_plan(store: Store) -> None:
    house = ChatHouse(store)
    for _ in range(4 * PAGE):
        house.site.add("a")
    house.clock.advance(48 * HOUR)
    planned = await house.plan()
    await house.restart()
    await house.leap(SETTLING)
    assert await house.state(planned.id) is State.FAILED
    assert house.site.calls == ["list 1"]


async def test_where_there_are_too_many_chats_it_is_orphaned_until_somebody_sweeps(store: Store) -> None:
    house = ChatHouse(store)
    chat = await made_and_not_noted(house)
    own = [house.site.add("a", updated_at=house.clock.wall() + 5) for _ in range(PAGES * PAGE)]
    await house.rest(HOUR)
    assert await house.counted() == {"orphaned": 1}
    (row,) = await house.desk.page(states=[State.ORPHANED])
    assert "more than luna looks through" in row.error
    assert house.site.calls.count("list 1") == 1
    for one in own[: PAGE * 2]:
        del house.site.chats[one.id]
    await house.desk.sweep()
    await house.rest()
    assert chat.id not in house.site.chats
    assert await house.counted() == {"deleted": 1}


async def test_a_failing_list_is_asked_for_again(store: Store) -> None:
    house = ChatHouse(store)
    await made_and_not_noted(house)
    house.site.before.extend([TRANSIENT, TRANSIENT])
    await house.rest(BACK_OFF[0] + BACK_OFF[1] + 5)
    assert house.site.chats == {}
    assert house.site.calls.count("list 1") == 3


async def test_an_account_whose_list_cannot_be_read_leaves_orphans(store: Store) -> None:
    house = ChatHouse(store)
    planned = await house.plan()
    await house.restart()
    house.site.before.extend([document({"data": "what?"})] * (len(BACK_OFF) + 1))
    await house.rest(2 * HOUR)
    row = await house.row(planned.id)
    assert (row.state, row.error) == (State.ORPHANED, "Qwen's list of chats is not in a form that luna knows.")
    assert len(house.site.calls) == len(BACK_OFF) + 1


async def test_a_resting_account_is_looked_through_later(store: Store) -> None:
    house = ChatHouse(store)
    chat = await made_and_not_noted(house)
    house.accounts["a"].failed(LIMITED)
    await house.rest()
    assert house.site.calls == ["new"]
    await house.leap(2 * HOUR + 1)
    assert await house.state(chat.id) is State.DELETED


async def test_a_plan_in_an_account_that_is_no_more_is_an_orphan_after_a_day(store: Store) -> None:
    house = ChatHouse(store)
    await made_and_not_noted(house)
    del house.accounts["a"]
    await house.rest()
    assert await house.counted() == {"planned": 1}
    await house.leap(HOMELESS)
    assert await house.counted() == {"orphaned": 1}
    house.add_account("a")
    await house.desk.sweep()
    await house.rest()
    assert house.site.chats == {}


async def test_a_clock_that_runs_ahead_at_the_site_does_not_hide_a_chat(store: Store) -> None:
    house = ChatHouse(store)
    chat = await made_and_not_noted(house)
    chat.updated_at = chat.created_at = house.clock.wall() - 1800
    house.site.clock = ManualClock()
    await house.rest()
    assert house.site.chats == {}
