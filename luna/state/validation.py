"""Asks Qwen what it thinks of credentials.

Owns the live checks behind the admin's questions (wire document section 1.1, `auths/`) and what of the answer may
be shown. Never renews credentials that are only being tried: that would take them from whoever holds them.
"""

from collections.abc import Sequence
from typing import Any, Literal

import anyio
import msgspec

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.qwen.authority import Authority
from luna.qwen.client import QwenClient
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.qwen.tokens import read_claims
from luna.state.account import Account
from luna.state.account_view import login_ends
from luna.upstream.exchange import Backend

GUEST = "This is a guest's token; luna needs one of a signed-in account."
TELLING = frozenset({Kind.UPSTREAM_LOGIN, Kind.UPSTREAM_BLOCKED})
"""What the answer to a question about the user says of the account; the rest says nothing about chats."""
NOBODY = "Qwen answered without saying whose credentials these are."


class Verdict(msgspec.Struct, frozen=True):
    """Whether credentials are good, and for whom. `info` has `id`, `name`, `email` (masked), as far as known;
    `expires_at` says when the login ends (seconds since the epoch), where the credentials do."""

    valid: bool
    info: dict[str, Any] | None = None
    error: str = ""
    expires_at: float | None = None
    lost: bool = False
    """Qwen said so plainly; otherwise it is not clear."""

    @property
    def status(self) -> Literal["alive", "dead", "warn"]:
        """In the words of LunaProxy."""
        return "alive" if self.valid else "dead" if self.lost else "warn"


class Report(msgspec.Struct, frozen=True):
    """How the provider is: `alive` when an account answered, `dead` when none can, `warn` when it is not clear."""

    status: Literal["alive", "dead", "warn"]
    detail: str
    accounts: list[dict[str, Any]] = msgspec.field(default_factory=list)


async def validate(credentials: Credentials, *, site: Site, backend: Backend, clock: Clock, ids: Ids) -> Verdict:
    """Try credentials without keeping them."""
    if not credentials:
        return Verdict(False, error="There is neither a token nor a cookie in it.")
    claims = read_claims(credentials.token)
    if claims is not None and claims.guest:
        return Verdict(False, error=GUEST)
    authority = Authority(credentials, site=site, backend=backend, clock=clock, ids=ids, renewable=False)
    try:
        user = await QwenClient(authority, clock.wall(), ids).user()
    except LunaError as error:
        return Verdict(False, error=error.told)
    if not any(shown(user).get(name) for name in ("id", "email", "name")):
        return Verdict(False, error=NOBODY)
    if user.get("is_guest") is True or str(user.get("email", "")).lower().endswith("@guest.com"):
        return Verdict(False, error=GUEST)
    return Verdict(True, shown(user), expires_at=login_ends(credentials)[1])


async def check(account: Account, ids: Ids) -> Verdict:
    """Ask with an account's own credentials, and have the account take note of what that says of it."""
    authority = account.authority
    user: dict[str, Any] = {}
    problem: LunaError | None = None
    try:
        user = await account.client(ids).user()
    except LunaError as error:
        problem = error
    if account.authority is authority:
        if problem is None:
            account.recognised()
        elif problem.kind in TELLING:
            account.failed(problem)
    await authority.keep()
    if problem is not None:
        return Verdict(False, error=problem.told, lost=problem.kind is Kind.UPSTREAM_LOGIN)
    return Verdict(True, shown(user), expires_at=login_ends(authority.credentials)[1])


async def report(accounts: Sequence[Account], ids: Ids, *, none: str) -> Report:
    """Ask for every account at once. `none` is what to say when there is none."""
    if not accounts:
        return Report("dead", none)
    verdicts: dict[str, Verdict] = {}

    async def ask(account: Account) -> None:
        verdicts[account.id] = await check(account, ids)

    async with anyio.create_task_group() as tasks:
        for account in accounts:
            tasks.start_soon(ask, account)
    listed = [_row(account, verdicts[account.id]) for account in accounts]
    alive = [account.label for account in accounts if verdicts[account.id].valid]
    if alive:
        return Report("alive", f"Qwen answers for: {', '.join(alive)}.", listed)
    all_lost = all(verdict.lost for verdict in verdicts.values())
    return Report("dead" if all_lost else "warn", verdicts[accounts[0].id].error, listed)


def _row(account: Account, verdict: Verdict) -> dict[str, Any]:
    row = account.describe()
    row["status"] = verdict.status
    if verdict.error:
        row["detail"] = verdict.error
    return row


def shown(user: dict[str, Any]) -> dict[str, Any]:
    """What may be shown of a user: enough to tell accounts apart, not the whole address."""
    info = {name: user[name] for name in ("id", "name", "role") if isinstance(user.get(name), str) and user[name]}
    email = user.get("email")
    if isinstance(email, str) and "@" in email:
        name, _, domain = email.partition("@")
        info["email"] = f"{name[:1]}***@{domain}"
    return info
