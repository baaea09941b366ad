"""Asks Qwen what it thinks of credentials.

Owns the live checks behind the admin's questions (wire document section 1.1, `auths/`) and what of the answer may
be shown. Never renews credentials that are only being tried: that would take them from whoever holds them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.qwen.authority import Authority
from luna.qwen.client import QwenClient
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.qwen.tokens import read_claims
from luna.state.account import Account
from luna.upstream.exchange import Backend

GUEST = "This is a guest's token; luna needs one of a signed-in account."


@dataclass(frozen=True)
class Verdict:
    """Whether credentials are good, and for whom. `info` has `id`, `name`, `email` (masked), as far as known."""

    valid: bool
    info: dict[str, Any] | None = None
    error: str = ""


@dataclass(frozen=True)
class Report:
    """How the provider is: `alive` when an account answered, `dead` when none can, `warn` when it is not clear."""

    status: Literal["alive", "dead", "warn"]
    detail: str
    accounts: list[dict[str, Any]] = field(default_factory=list)


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
    if user.get("is_guest") is True or str(user.get("email", "")).lower().endswith("@guest.com"):
        return Verdict(False, error=GUEST)
    return Verdict(True, shown(user))


async def report(accounts: Sequence[Account], ids: Ids, *, none: str) -> Report:
    """Ask for every account at once. `none` is what to say when there is none."""
    if not accounts:
        return Report("dead", none)
    problems: dict[str, LunaError] = {}

    async def ask(account: Account) -> None:
        authority = account.authority
        try:
            await account.client(ids).user()
        except LunaError as error:
            problems[account.id] = error
        if account.authority is authority:
            if account.id in problems:
                account.failed(problems[account.id])
            else:
                account.succeeded()
        await authority.keep()

    async with anyio.create_task_group() as tasks:
        for account in accounts:
            tasks.start_soon(ask, account)
    listed = [_row(account, problems.get(account.id)) for account in accounts]
    if len(problems) < len(accounts):
        alive = [account.label for account in accounts if account.id not in problems]
        return Report("alive", f"Qwen answers for: {', '.join(alive)}.", listed)
    worst = all(error.kind is Kind.UPSTREAM_LOGIN for error in problems.values())
    return Report("dead" if worst else "warn", next(iter(problems.values())).told, listed)


def _row(account: Account, error: LunaError | None) -> dict[str, Any]:
    row = account.describe()
    row["status"] = "alive" if error is None else "dead" if error.kind is Kind.UPSTREAM_LOGIN else "warn"
    if error is not None:
        row["detail"] = error.told
    return row


def shown(user: dict[str, Any]) -> dict[str, Any]:
    """What may be shown of a user: enough to tell accounts apart, not the whole address."""
    info = {name: user[name] for name in ("id", "name", "role") if isinstance(user.get(name), str) and user[name]}
    email = user.get("email")
    if isinstance(email, str) and "@" in email:
        name, _, domain = email.partition("@")
        info["email"] = f"{name[:1]}***@{domain}"
    return info
