"""The chat ledger: what is written down when, what is counted, and what it survives."""

import anyio
import pytest
from sqlalchemy import func, select

from luna.model.ambient import Ids, ManualClock
from luna.model.errors import Kind, LunaError
from luna.state.chat_rows import State, mark_of
from luna.state.chats import PLAN_LIFE, UNUSED, ChatLedger
from luna.state.store import Store
from luna.state.store.tables import chats
from tests.support.chat_site import ChatHouse
from tests.support.stores import Database

REFUSED = LunaError(Kind.RATE_LIMITED, "The limit is reached.")
CUT = LunaError(Kind.UPSTREAM_BROKEN, "The connection broke.", detail={"phase": "head"})
UNREACHED = LunaError(Kind.TIMEOUT, "Nobody answered.", detail={"phase": "connect"})


async def test_a_plan_is_durable_before_the_chat_is_created(database: Database) -> None:
    clock = ManualClock()
    async with database.opened() as store:
        planned = await ChatLedger(store, clock).plan("a", run="flow_1", session="s1")
        async with database.opened() as another:
            (row,) = await another.read(select(chats))
    assert (row.id, row.account_id, row.state, row.chat_id) == (planned.id, "a", "planned", None)
    assert (row.purpose, row.run_id, row.session_id, row.created_at) == ("main", "flow_1", "s1", clock.wall())
    assert row.title == planned.title


@pytest.mark.parametrize("ids", [Ids(b"test"), Ids()], ids=["of chance", "that rise in time"])
async def test_a_title_is_short_readable_and_unique(store: Store, ids: Ids) -> None:
    ledger = ChatLedger(store, ManualClock(), ids)
    async with anyio.create_task_group() as tasks:
        for _ in range(300):
            tasks.start_soon(_plan, ledger)
    titles = {chat.id: chat.title for chat in await ledger.read(select(chats))}
    assert len(set(titles.values())) == 300
    assert all(title == f"luna · {mark_of(key)}" for key, title in titles.items())
    assert all(len(title) == 17 and title.isprintable() for title in titles.values())


async def _plan(ledger: ChatLedger) -> None:
    await ledger.plan("a", run="flow_1")


async def test_many_plans_share_commits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna.state.store.ahead.SMALL", 0)  # all go to the thread
    ledger = ChatLedger(store, ManualClock())
    before = store.describe()["commits"]
    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(_plan, ledger)
    assert store.describe()["commits"] - before < 15
    assert ledger.counts()[State.PLANNED] == 100


async def test_a_chat_that_is_used_at_once_is_written_once(store: Store) -> None:
    house = ChatHouse(store)
    planned, other = await house.plan(), await house.plan()
    house.ledger.created(planned, "c1")
    house.ledger.used("c1")
    assert store.describe()["waiting"] == 1
    row = await house.row("c1")
    assert (row.state, row.used_at) == (State.OPEN, house.clock.wall())
    house.ledger.created(other, "c2")
    assert (await house.row("c2")).used_at is None
    house.clock.advance(1.0)
    for chat_id in ("c1", "c2"):
        house.ledger.used(chat_id)
        assert (await house.row(chat_id)).used_at == house.clock.wall()


async def test_the_hot_path_neither_reads_nor_waits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    house = ChatHouse(store)
    planned, other = await house.plan(), await house.plan()

    async def forbidden(*_: object) -> None:
        raise AssertionError("a read or a commit")

    with monkeypatch.context() as patch:
        patch.setattr(store, "run", forbidden)
        patch.setattr(store, "read", forbidden)
        patch.setattr(store, "commit", forbidden)
        house.ledger.created(planned, "c1")
        house.ledger.used("c1")
        house.ledger.failed(other, REFUSED)
        house.ledger.lost("c1")
        house.ledger.after_response("c1")
    assert await house.state("c1") is State.LOST
    assert await house.state(other.id) is State.FAILED
    assert await house.counted() == {"failed": 1, "lost": 1}


async def test_the_life_of_a_chat(store: Store) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat(used=False)
    row = await house.row(chat_id)
    assert (row.state, row.used_at, row.chat) == (State.OPEN, None, chat_id)
    assert house.site.chats[chat_id].title == row.title
    house.clock.advance(60)
    house.ledger.used(chat_id)
    assert (await house.row(chat_id)).used_at == house.clock.wall()
    house.clock.advance(5)
    house.ledger.lost(chat_id)
    row = await house.row(chat_id)
    assert (row.state, row.ended_at) == (State.LOST, house.clock.wall())
    house.ledger.used(chat_id)
    assert (await house.row(chat_id)).used_at == house.clock.wall() - 5
    assert await house.counted() == {"lost": 1}


async def test_what_is_not_luna_s_own_leaves_no_trace(store: Store) -> None:
    house = ChatHouse(store)
    own = house.site.add("a")
    house.ledger.used(own.id)
    house.ledger.lost(own.id)
    await house.ledger.discard(own.id)
    assert await house.ledger.find(own.id) is None
    assert await house.counted() == {}
    assert own.id in house.site.chats


async def test_a_chat_is_lost_once(store: Store) -> None:
    house = ChatHouse(store)
    chat_id = await house.chat()
    for _ in range(3):
        house.ledger.lost(chat_id)
    assert await house.state(chat_id) is State.LOST
    assert await house.counted() == {"lost": 1}


@pytest.mark.parametrize(
    ("error", "state"),
    [(None, State.FAILED), (REFUSED, State.FAILED), (UNREACHED, State.FAILED), (CUT, State.PLANNED)],
)
async def test_a_chat_that_was_not_made(store: Store, error: LunaError | None, state: State) -> None:
    house = ChatHouse(store)
    planned = await house.plan()
    house.ledger.failed(planned, error)
    assert await house.state(planned.id) is state
    assert not house.ledger.underway(planned.id)
    assert await house.counted() == {state.value: 1}


async def test_what_create_raises_is_what_making_raised(store: Store) -> None:
    house = ChatHouse(store)
    house.site.before.append(REFUSED)
    with pytest.raises(LunaError) as caught:
        await house.chat()
    assert caught.value is REFUSED
    assert await house.counted() == {"failed": 1}


async def test_a_cancelled_create_gives_up_its_plan(store: Store) -> None:
    house = ChatHouse(store)
    with anyio.CancelScope() as scope:
        house.site.on_call = lambda _: scope.cancel()
        await house.chat()
    (row,) = await house.ledger.read(select(chats))
    assert row.state is State.PLANNED
    assert not house.ledger.underway(row.id)


async def test_a_plan_that_nobody_reports_on_is_given_up_after_a_while(store: Store) -> None:
    house = ChatHouse(store)
    planned = await house.plan()
    assert house.ledger.underway(planned.id)
    house.clock.advance(PLAN_LIFE)
    assert not house.ledger.underway(planned.id)
    house.ledger.created(planned, "c1")
    assert await house.state("c1") is State.OPEN
    assert await house.counted() == {"open": 1}


async def test_a_plan_that_cannot_be_written_is_no_plan(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    house = ChatHouse(store)

    async def refuse() -> None:
        raise LunaError(Kind.INTERNAL, "The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "commit", refuse)
        with pytest.raises(LunaError, match="full"):
            await house.chat()
    assert house.site.calls == []
    (row,) = await house.ledger.read(select(chats))
    assert not house.ledger.underway(row.id)


async def test_the_counts_are_there_after_a_restart(database: Database) -> None:
    clock = ManualClock()
    async with database.opened() as store:
        house = ChatHouse(store)
        for _ in range(3):
            await house.chat()
        await house.plan()
        house.ledger.lost(await house.chat())
        house.ledger.failed(await house.plan())
        assert await house.counted() == {"open": 3, "planned": 1, "lost": 1, "failed": 1}
    async with database.opened() as store:
        ledger = ChatLedger(store, clock)
        await ledger.load()
        assert ledger.made == 4
        assert repr(ledger) == "<ChatLedger planned=1 open=3 lost=1 failed=1>"


async def test_old_rows_are_forgotten_and_stay_counted(store: Store) -> None:
    house = ChatHouse(store)
    gone = [await house.chat() for _ in range(5)]
    kept = await house.chat()
    for chat_id in gone:
        house.ledger.lost(chat_id)
    await house.ledger.settle()
    house.clock.advance(3600)
    house.ledger.failed(await house.plan())
    before = await house.counted()
    assert await house.ledger.prune(house.clock.wall() - 60, limit=3) == 3
    assert await house.ledger.prune(house.clock.wall() - 60, limit=3) == 2
    assert await house.ledger.prune(house.clock.wall() - 60, limit=3) == 0
    assert await house.counted() == before == {"open": 1, "lost": 5, "failed": 1}
    (rows,) = await store.read(select(func.count()).select_from(chats))
    assert rows[0] == 2
    assert await house.state(kept) is State.OPEN


async def test_nothing_is_remembered_of_what_is_written_down(store: Store) -> None:
    ledger = ChatLedger(store, ManualClock())
    for number in range(2 * UNUSED):
        ledger.created(await ledger.plan("a", run="flow_1"), f"chat-{number}")
        await store.commit()
    ledger.abandoned(await ledger.plan("a", run="flow_1"))
    ledger.failed(await ledger.plan("a", run="flow_1"), REFUSED)
    assert ledger._planned == {}
    assert len(ledger._made) <= UNUSED
