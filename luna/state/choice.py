"""Who of the accounts may serve a request, and what to say when nobody can.

Owns affinity (a conversation stays where its chat is), the tiers among accounts, and whether waiting makes sense.
How busy an account is does not count here: that is the scheduler's. Pure.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from luna.model.errors import Kind, LunaError
from luna.state.account import Account
from luna.state.health import Blocked, Subject

NONE = "No Qwen account is configured."
NONE_HINT = (
    "Set QWEN_AI_TOKEN or QWEN_AI_COOKIES and restart luna; or send"
    ' POST /api/provider/token {"providerId": "qwen-ai", "credentials": {"token": "…", "cookies": "…"}};'
    " or start luna with --demo to let a look-alike answer."
)
ALL_OFF = "All Qwen accounts are switched off."
ALL_OFF_HINT = "POST /api/accounts/ID/enable switches one on."
PATIENCE = 10.0
"""Seconds that a conversation waits for the account that has its chat: less trouble than telling another one all."""


class Wish(NamedTuple):
    """Which account a request wants."""

    account: str = ""
    """The client named it: this one or none."""
    prefer: str = ""
    """The conversation's chat is there."""
    without: frozenset[str] = frozenset()
    """These have failed the request already."""
    subject: Subject = "chat"


def candidates(accounts: Iterable[Account], wish: Wish) -> list[Account]:
    """Who comes into question at all."""
    if wish.account:
        return [account for account in accounts if account.id == wish.account]
    return [account for account in accounts if account.id not in wish.without]


def choices(accounts: Iterable[Account], wish: Wish) -> list[Account]:
    """Who can serve it now. Empty: nobody can, or the one that it should wait for is about to come back."""
    able = candidates(accounts, wish) if wish.account or wish.without else accounts
    if wish.prefer:
        home = next((account for account in able if account.id == wish.prefer), None)
        if home is not None:
            if home.refusal(wish.subject) is None:
                return [home]
            back = home.comes_back(wish.subject)
            if back is not None and back <= PATIENCE:
                return []
    subject = wish.subject
    able = [account for account in able if account.refusal(subject) is None]
    if len(able) < 2:
        return able
    # A blocked one that may be tried again is the last resort.
    return [account for account in able if account.health.well or not isinstance(account.state, Blocked)] or able


def comes_back(accounts: Iterable[Account], wish: Wish) -> float | None:
    """Seconds until one that cannot serve it now can do so by itself; 0 for any moment, None for never."""
    moments = [
        back
        for account in candidates(accounts, wish)
        if account.refusal(wish.subject) is not None and (back := account.comes_back(wish.subject)) is not None
    ]
    return min(moments, default=None)


def refusal(accounts: Sequence[Account], wish: Wish) -> LunaError:
    """Why nobody can serve it: the one that will be back first speaks for all."""
    if wish.account and not any(account.id == wish.account for account in accounts):
        known = ", ".join(account.id for account in accounts) or "none"
        return LunaError(
            Kind.NOT_FOUND,
            f"There is no account {wish.account[:80]!r}.",
            hint=f"Known are: {known}.",
            param="account",
        )
    if not accounts:
        return LunaError(Kind.NO_ACCOUNT, NONE, hint=NONE_HINT)
    able = [(account, refused) for account in candidates(accounts, wish) if (refused := account.refusal(wish.subject))]
    told = [(account, refused) for account, refused in able if account.enabled] or able
    if not told:
        return LunaError(Kind.NO_ACCOUNT, "No other account is left.", hint="Add another account.")
    if not wish.account and not told[0][0].enabled:
        return LunaError(Kind.NO_ACCOUNT, ALL_OFF, hint=ALL_OFF_HINT)
    return min(told, key=lambda each: _sooner(each[0].comes_back(wish.subject)))[1]


def _sooner(back: float | None) -> tuple[bool, float]:
    return (back is None, back or 0.0)
