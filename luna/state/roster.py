"""The set of accounts, and who of them may serve what.

Owns who there is, the leases of luna's own errands, and the news that an account has changed, come or gone. Where
accounts come from and what is kept of them belongs to `luna.state.accounts`, the choice itself to `luna.state.choice`.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

from luna.model.errors import LunaError
from luna.state import choice
from luna.state.account import Account
from luna.state.choice import Wish
from luna.state.health import SUBJECTS
from luna.state.lease import Lease

Gate = Callable[[Account], LunaError | None]


def _open(_: Account) -> LunaError | None:
    return None


class Roster:
    """Every account of this process; the look-alike's is used only while there is no other."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._demo: Account | None = None
        self._watchers: list[Callable[[Account | None], None]] = []
        self._gate: Gate = _open
        self._taken = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(map(repr, self.all())) or 'none'}>"

    # Who there is

    @property
    def gate(self) -> Gate:
        """Says why nothing may leave for an account; call `tell` when it would say something else than before."""
        return self._gate

    @gate.setter
    def gate(self, gate: Gate) -> None:
        self._gate = gate
        for account in self._known():
            account.gate = gate

    def all(self) -> list[Account]:
        """The accounts that may be used: all real ones, or else the look-alike's."""
        if self._accounts:
            return [*self._accounts.values()]
        return [self._demo] if self._demo is not None else []

    def find(self, account_id: str) -> Account | None:
        """The account of that id."""
        return next((account for account in self.all() if account.id == account_id), None)

    def require(self, account_id: str) -> Account:
        """The same. Raises LunaError(NOT_FOUND)."""
        account = self.find(account_id)
        if account is None:
            raise choice.refusal(self.all(), Wish(account=account_id))
        return account

    @property
    def leases(self) -> int:
        """How many are out."""
        return sum(account.in_flight for account in self._known())

    def readiness(self) -> Literal["ready", "demo", "none"]:
        """Whether a chat would find an account now."""
        usable = [account for account in self.all() if account.refusal() is None]
        if not usable:
            return "none"
        return "demo" if usable[0].source == "demo" else "ready"

    def secrets(self) -> list[str]:
        """Every value that no recording may show, as of now."""
        return [secret for account in self._known() for secret in account.authority.credentials.secrets()]

    def _known(self) -> list[Account]:
        return [*self._accounts.values(), *([self._demo] if self._demo is not None else [])]

    # Who may serve what

    def choices(self, wish: Wish) -> list[Account]:
        """Who can serve it now."""
        return choice.choices(self._accounts.values() if self._accounts else self.all(), wish)

    def comes_back(self, wish: Wish) -> float | None:
        """Seconds until somebody else can serve it too, without anybody's doing; None for never."""
        return choice.comes_back(self.all(), wish)

    def refusal_for(self, wish: Wish) -> LunaError:
        """Why nobody can serve it."""
        return choice.refusal(self.all(), wish)

    def usable(self) -> frozenset[tuple[str, str]]:
        """Which accounts can be used now, and for what."""
        subjects = [(account, subject) for account in self.all() for subject in SUBJECTS]
        return frozenset((account.id, subject) for account, subject in subjects if account.refusal(subject) is None)

    def own_limit(self, account_id: str) -> int | None:
        """How many runs at once a person allows the account; None: as the preferences say."""
        return self._accounts[account_id].max_concurrent_runs if account_id in self._accounts else None

    def lease(self, preferred: str = "") -> Lease:
        """An account for something of luna's own, past the queue: the preferred one, or the least busy that is ready.
        Raises LunaError: NO_ACCOUNT, NOT_FOUND for an unknown preferred one, or why those there are cannot
        be used."""
        wish = Wish(account=preferred)
        able = self.choices(wish)
        if not able:
            raise self.refusal_for(wish)
        account = min(able, key=lambda account: (account.on_trial, account.in_flight, account.used))
        return Lease(account, partial(account.give_back, self.take(account)))

    def take(self, account: Account) -> bool:
        """It is given away; `account.give_back` takes what this returns: whether that is a trial."""
        self._taken += 1
        return account.take(self._taken)

    def watch(self, watcher: Callable[[Account | None], None]) -> None:
        """Call `watcher` whenever an account has changed, come or gone: with the account, or None where it may be any.
        It must be quick and must not raise."""
        self._watchers.append(watcher)

    def tell(self, account: Account | None = None) -> None:
        """Something is not as it was."""
        for watcher in self._watchers:
            watcher(account)
