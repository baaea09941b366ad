"""The ledger and its cleanup against the real look-alike, over real sockets: what the site saw of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from luna.demo.faults import Fault
from luna.demo.serve import Lookalike
from luna.model.ambient import Ids, ManualClock
from luna.model.errors import LunaError
from luna.model.preferences import ChatCleanup, LivePreferences, Preferences, SessionPreferences
from luna.qwen.authority import Authority
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.state.account import Account
from luna.state.chat_deletion import Outcome
from luna.state.chat_desk import ChatDesk
from luna.state.chat_lanes import Lanes
from luna.state.chat_rows import State
from luna.state.chats import ChatLedger
from luna.state.cleanup import Cleanup
from luna.state.store import Store
from luna.upstream.pool import PoolBackend
from tests.support.chat_site import Directory
from tests.support.lookalike import Page

POLICY = ChatCleanup(enabled=True, after_response=True)
NEW = "/api/v2/chats/new"


class Shop:
    """One luna's ledger, and a user who has the same account open in a browser."""

    def __init__(self, store: Store, lookalike: Lookalike, backend: PoolBackend) -> None:
        self.store = store
        self.lookalike = lookalike
        self.clock = ManualClock()
        session = lookalike.login("ann")
        site = Site(lookalike.url, lookalike.url)
        credentials = Credentials.read({"cookies": session.cookie_header})
        authority = Authority(credentials, site=site, backend=backend, clock=self.clock)
        self.account = Account("ann", label="ann", source="file", authority=authority, clock=self.clock)
        self.browser = Page(lookalike, session)
        self.user = lookalike.state.user_named("ann").id
        self.begin()

    def begin(self) -> None:
        """A process begins."""
        self.ledger = ChatLedger(self.store, self.clock, Ids())
        lanes = Lanes(Directory(ann=self.account), self.clock, sleep=self._sleep)
        preferences = LivePreferences(Preferences(session=SessionPreferences(chat_cleanup=POLICY)))
        self.cleanup = Cleanup(self.ledger, lanes, preferences, self.clock, generating=lambda chat_id: False)
        self.desk = ChatDesk(self.ledger, self.cleanup, lanes, self.clock)

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def make(self) -> str:
        client = self.account.client(Ids())
        return await self.ledger.create(lambda title: client.create_chat("qwen3.7-plus", title), "ann", run="flow_1")

    async def work(self, steps: int = 6) -> None:
        for _ in range(steps):
            self.clock.advance(1.0)
            await self.cleanup.step()

    def left(self) -> set[str]:
        return {chat.id for chat in self.lookalike.state.chats.of(self.user)}


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Shop]:
    backend = PoolBackend()
    try:
        async with Lookalike() as lookalike, Store.opened(directory) as store:
            shop = Shop(store, lookalike, backend)
            yield shop
            assert lookalike.state.noted("chats.wiped") == []
    finally:
        await backend.aclose()


async def test_the_title_is_kept_and_listed(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        chat_id = await shop.make()
        row = await shop.ledger.find(chat_id)
        assert row is not None
        (listed,) = await shop.account.client(Ids()).chats(1)
        assert (listed.id, listed.title) == (chat_id, row.title)
        assert await shop.account.client(Ids()).holds_nothing(chat_id)
        await shop.browser.ask(chat_id, "Hi")
        assert not await shop.account.client(Ids()).holds_nothing(chat_id)


async def test_an_answered_chat_is_deleted_and_the_users_own_stay(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        own = [await shop.browser.new_chat() for _ in range(3)]
        chat_id = await shop.make()
        shop.ledger.used(chat_id)
        await shop.browser.ask(chat_id, "Hi")
        shop.ledger.after_response(chat_id)
        shop.ledger.after_response(own[0])
        await shop.work()
        assert shop.lookalike.state.noted("chat.deleted") == [chat_id]
        assert shop.left() == set(own)


@pytest.mark.parametrize("own_chats", [3, 120])
async def test_a_chat_that_was_made_and_not_noted_is_found_among_the_users_own(tmp_path: Path, own_chats: int) -> None:
    async with opened(tmp_path) as shop:
        planned = await shop.ledger.plan("ann", run="flow_1")
        lost = await shop.account.client(Ids()).create_chat("qwen3.7-plus", planned.title)
        own = {await shop.browser.new_chat() for _ in range(own_chats)}
        shop.begin()
        await shop.ledger.load()
        await shop.work()
        assert shop.left() == own
        row = await shop.ledger.find(planned.id)
        assert row is not None
        assert (row.state, row.chat) == (State.DELETED, lost)


async def test_a_chat_whose_making_was_cut_off_leaves_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        shop.lookalike.faults.push(Fault("cut", 5), path=NEW)
        with pytest.raises(LunaError):
            await shop.make()
        made = shop.left()
        await shop.work()
        assert shop.lookalike.state.noted("chat.deleted") == sorted(made)
        assert shop.left() == set()


async def test_a_busy_site_is_asked_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        chat_id = await shop.make()
        shop.lookalike.faults.push(Fault("http-502"), path=f"/api/v2/chats/{chat_id}")
        erased = await shop.desk.delete(chat_id)
        assert erased.outcome is Outcome.RETRYING
        await shop.work(10)
        assert shop.left() == set()
        assert shop.ledger.counts()[State.DELETED] == 1


async def test_somebody_elses_deletion_is_noticed(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        chat_id = await shop.make()
        await shop.browser.call("DELETE", f"/api/v2/chats/{chat_id}")
        assert (await shop.desk.delete(chat_id)).outcome is Outcome.LOST
