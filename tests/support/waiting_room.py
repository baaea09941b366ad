"""Accounts and a scheduler, and nothing that speaks to anybody."""

from pathlib import Path
from typing import Any

import msgspec

from luna.model.ambient import Ids, ManualClock
from luna.model.errors import LunaError
from luna.model.preferences import LivePreferences, MultiThread, Preferences
from luna.qwen.authority import Authority
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.state.account import Account
from luna.state.accounts import Accounts
from luna.state.choice import Wish
from luna.state.credentials import CredentialStore
from luna.state.scheduler import Scheduler, Workers
from luna.state.slots import Own
from luna.state.tickets import Need, Seat, Ticket
from tests.support.scripted import ScriptedBackend

NOWHERE = Path("no-such-folder") / "credentials.json"


def _no_workers(_: Account) -> tuple[str, ...]:
    return ()


def _no_limit(_: str) -> int | None:
    return None


class WaitingRoom:
    """Accounts by name, limits by their names in the preferences (all others are none)."""

    def __init__(
        self, *names: str, workers: Workers = _no_workers, worker_limit: Own = _no_limit, **limits: Any
    ) -> None:
        self.clock = ManualClock()
        self.accounts = Accounts(
            store=CredentialStore(NOWHERE), backend=ScriptedBackend(), clock=self.clock, site=Site(), ids=Ids(b"room")
        )
        for name in names or ("a",):
            self.add(name)
        self.preferences = LivePreferences(Preferences(multi_thread=limits_of(**limits)))
        self.scheduler = Scheduler(
            self.accounts, self.preferences, clock=self.clock, workers=workers, worker_limit=worker_limit
        )

    def add(self, name: str, *, limit: int | None = None) -> Account:
        """One more account."""
        authority = Authority(
            Credentials(token=f"token-of-{name}"), site=Site(), backend=ScriptedBackend(), clock=self.clock
        )
        account = Account(name, label=name, source="file", authority=authority, clock=self.clock)
        account.max_concurrent_runs = limit
        self.accounts.adopt(account)
        return account

    def account(self, name: str) -> Account:
        return self.accounts.require(name)

    def limit(self, **limits: Any) -> None:
        """Other limits from now on; those that are not named stay."""
        multi = msgspec.structs.replace(self.preferences.current.multi_thread, **limits)
        self.preferences.replace(Preferences(multi_thread=multi))

    def ask(self, client: str = "c", *, patience: float = 60.0, run: str = "", **need: Any) -> Ticket:
        """A ticket; `account`, `prefer`, `without` make the wish, the rest the need."""
        wish = Wish(**{name: need.pop(name) for name in ("account", "prefer", "without") if name in need})
        return self.scheduler.ask(Need.of(wish, **need), client=client, run=run, patience=patience)

    def seat(self, client: str = "c", **need: Any) -> Seat:
        """A seat that is free."""
        ticket = self.ask(client, **need)
        assert ticket.seat is not None, f"{ticket!r} has to wait"
        return ticket.seat

    def refused(self, client: str = "c", **need: Any) -> LunaError:
        """Why there is not even a ticket."""
        try:
            ticket = self.ask(client, **need)
        except LunaError as error:
            return error
        raise AssertionError(f"{ticket!r} was not refused")

    def locks(self) -> dict[str, tuple[int, int, int]]:
        """What is taken, how many there are, how many wait, by name."""
        locks = self.scheduler.describe().locks
        return {key: (lock.capacity, lock.capacity_max, lock.queued) for key, lock in locks.items()}

    def empty(self) -> None:
        """Nobody is left, and nothing is taken."""
        assert (self.scheduler.running, self.scheduler.waiting, self.accounts.leases) == (0, 0, 0)
        assert self.scheduler.describe().locks == {}
        assert not self.scheduler.clients


def limits_of(**limits: Any) -> MultiThread:
    """Only these limits."""
    none = {
        "global_max_concurrent_runs": 0,
        "default_provider_max_concurrent_runs": 0,
        "default_account_max_concurrent_runs": 0,
        "default_worker_max_concurrent_runs": 0,
        "queue_length": 0,
    }
    return MultiThread(**(none | limits))
