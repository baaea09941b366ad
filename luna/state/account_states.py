"""Keeps how the accounts are, so that a restart does not send luna where it was told not to come.

Owns the table `account_states`: one row for each thing that an account has to sit out (`login`, `chat`, `media`).
What the states mean belongs to `luna.state.health`. A login that was refused, or a session that was blocked, counts
only as long as the credentials are the ones that it happened to.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from luna.model.ambient import Clock
from luna.state.account import Account
from luna.state.health import SUBJECTS, Blocked, Cooling, LoginNeeded
from luna.state.store import Store
from luna.state.store.sql import bindparam, delete, select
from luna.state.store.tables import account_states

LOGIN = "login"
READY = "ready"
_FORGET = delete(account_states).where(account_states.c.account_id == bindparam("account"))


class AccountStates:
    """The states of all accounts, in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[object, ...]] = {}

    def __repr__(self) -> str:
        return f"<AccountStates {len(self._known)}>"

    async def restore(self, accounts: Mapping[str, Account]) -> None:
        """Put the accounts into the states that they were in. Raises LunaError(INTERNAL)."""
        now = self._clock.wall()
        for row in await self._store.read(select(account_states)):
            account = accounts.get(row.account_id)
            if account is None:
                continue
            self._known[(row.account_id, row.purpose)] = (row.state, row.reason, row.until)
            same = row.detail == account.authority.credentials.fingerprint
            for subject in SUBJECTS:
                if row.purpose == subject and row.state == Cooling.word and row.until > now:
                    account.health.restore(subject, Cooling(row.reason, row.until, row.since))
            if row.purpose == LOGIN and same and row.state == LoginNeeded.word:
                account.health.restore_standing(LoginNeeded(row.reason))
            if row.purpose == LOGIN and same and row.state == Blocked.word:
                account.health.restore_standing(Blocked(row.reason, row.since))

    def note(self, account: Account) -> None:
        """Write down what has changed."""
        for row in self._rows(account):
            key = (row["account_id"], row["purpose"])
            value = (row["state"], row["reason"], row["until"])
            known = self._known.get(key)
            if value == known or (row["state"] == READY and (known is None or known[0] == READY)):
                continue
            self._known[key] = value
            self._store.write(self._store.upsert(account_states), row)

    def forget(self, account_id: str) -> None:
        """The account is gone."""
        for purpose in (LOGIN, *SUBJECTS):
            self._known.pop((account_id, purpose), None)
        self._store.write(_FORGET, {"account": account_id})

    def _rows(self, account: Account) -> Iterator[dict[str, Any]]:
        now = self._clock.wall()
        standing = account.health.standing
        since = standing.since if isinstance(standing, Blocked) else now
        fingerprint = account.authority.credentials.fingerprint
        yield _row(account.id, LOGIN, standing.word, standing.reason, since, None, fingerprint)
        rests = dict(account.health.rests())
        for subject in SUBJECTS:
            rest = rests.get(subject)
            if rest is None:
                yield _row(account.id, subject, READY, "", now, None, "")
            else:
                yield _row(account.id, subject, rest.word, rest.reason, rest.since, rest.until, "")


def _row(
    account: str, purpose: str, state: str, reason: str, since: float, until: float | None, detail: str
) -> dict[str, Any]:
    return {
        "account_id": account,
        "purpose": purpose,
        "state": state,
        "reason": reason,
        "since": since,
        "until": until,
        "detail": detail,
    }
