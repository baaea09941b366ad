"""What an account has to sit out survives a restart."""

from typing import Any

from sqlalchemy import select

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.qwen.endpoints import Site
from luna.state.account_states import AccountStates
from luna.state.accounts import Accounts
from luna.state.credentials import CredentialStore
from luna.state.health import Subject
from luna.state.store import Store
from luna.state.store.tables import account_states
from tests.support.scripted import ScriptedBackend
from tests.support.stores import Database


class House:
    """One luna after the other, over the same data."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ManualClock()

    async def accounts(self, store: Store) -> Accounts:
        accounts = Accounts(
            store=CredentialStore(self.database.directory / "credentials.json"),
            backend=ScriptedBackend(),
            clock=self.clock,
            site=Site(),
        )
        await accounts.restore(AccountStates(store, self.clock))
        return accounts

    async def begin(self, **failures: tuple[Kind, float | None, Subject]) -> None:
        """Accounts `a` and `b`, and what happened to them."""
        async with self.database.opened() as store:
            accounts = await self.accounts(store)
            for name in ("a", "b"):
                await accounts.save({"token": f"token-{name}"}, account_id=name)
            for name, (kind, seconds, subject) in failures.items():
                accounts.require(name).failed(LunaError(kind, f"{name} said no.", retry_after=seconds), subject)

    async def states(self, subject: Any = "chat") -> dict[str, str]:
        async with self.database.opened() as store:
            return {account.id: account.state_for(subject).word for account in (await self.accounts(store)).all()}


async def test_a_rest_goes_on_after_a_restart_until_its_hour(database: Database) -> None:
    house = House(database)
    await house.begin(a=(Kind.RATE_LIMITED, 7200, "chat"))
    house.clock.advance(3600)
    async with database.opened() as store:
        accounts = await house.accounts(store)
        account = accounts.require("a")
        assert (account.comes_back(), account.state.reason) == (3600, "a said no.")
        assert accounts.require("b").state.word == "ready"
    house.clock.advance(3600)
    assert await house.states() == {"a": "ready", "b": "ready"}


async def test_media_and_chats_come_back_apart(database: Database) -> None:
    house = House(database)
    await house.begin(a=(Kind.QUOTA_EXHAUSTED, 7200, "media"))
    assert await house.states("chat") == {"a": "ready", "b": "ready"}
    assert await house.states("media") == {"a": "cooling", "b": "ready"}


async def test_a_lost_login_and_a_block_come_back(database: Database) -> None:
    house = House(database)
    await house.begin(a=(Kind.UPSTREAM_LOGIN, None, "chat"), b=(Kind.UPSTREAM_BLOCKED, None, "chat"))
    assert await house.states() == {"a": "login-needed", "b": "blocked"}


async def test_they_do_not_come_back_for_other_credentials(database: Database) -> None:
    """Somebody has edited the file meanwhile."""
    house = House(database)
    await house.begin(a=(Kind.UPSTREAM_LOGIN, None, "chat"))
    store = CredentialStore(database.directory / "credentials.json")
    records = store.load()
    for record in records:
        if record.id == "a":
            record.credentials = record.credentials.read({"token": "new"}, record.credentials)
    store.save(records)
    assert await house.states() == {"a": "ready", "b": "ready"}


async def test_what_is_over_is_written_down_too(database: Database) -> None:
    house = House(database)
    await house.begin(a=(Kind.UPSTREAM_BLOCKED, None, "chat"), b=(Kind.RATE_LIMITED, 7200, "chat"))
    async with database.opened() as store:
        accounts = await house.accounts(store)
        accounts.require("a").succeeded()
        accounts.require("b").forgive()
    assert await house.states() == {"a": "ready", "b": "ready"}


async def test_an_account_that_is_removed_leaves_no_state(database: Database) -> None:
    house = House(database)
    await house.begin(a=(Kind.RATE_LIMITED, 7200, "chat"))
    async with database.opened() as store:
        await (await house.accounts(store)).remove("a")
        await store.commit()
        assert await store.read(select(account_states)) == []
    async with database.opened() as store:
        accounts = await house.accounts(store)
        await accounts.save({"token": "t"}, account_id="a")
        assert accounts.require("a").state.word == "ready"


async def test_what_has_not_changed_is_not_written_again(database: Database) -> None:
    house = House(database)
    await house.begin()
    async with database.opened() as store:
        accounts = await house.accounts(store)
        account = accounts.require("a")
        for _ in range(3):
            account.failed(LunaError(Kind.UPSTREAM_LOGIN, "no"))
            account.succeeded()
            account.succeeded()
        await accounts.edit("a", label="x")
        await store.commit()
        rows = await store.read(select(account_states))
        assert [(row.purpose, row.state) for row in rows] == [("login", "ready")]
        waiting = store.describe()["waiting"]
        account.changed(account)
        assert store.describe()["waiting"] == waiting
