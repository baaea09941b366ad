"""Which chats are due to be deleted, as selects over the ledger.

Pure. Owns the rules and their order. Each reads a few rows by an index, however many chats there are.
"""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from luna.model.preferences import ChatCleanup
from luna.state.chat_rows import MAIN, Reason, State
from luna.state.store.sql import Select, func, or_, select
from luna.state.store.tables import chats

LEFTOVER_AFTER = 600.0
"""Seconds after which a chat in which nothing was ever said is taken for what a cancelled flow left behind, and an
aside that nobody uses for forgotten."""
A_FEW = 20

_ASIDE = or_(chats.c.purpose < MAIN, chats.c.purpose > MAIN)
_TOUCHED = func.coalesce(chats.c.used_at, chats.c.created_at)
_OPEN = chats.c.state == State.OPEN
_UNUSED = (_OPEN, chats.c.purpose == MAIN, chats.c.used_at.is_(None))

SINCE = (
    select(func.min(chats.c.next_try)).where(chats.c.state == State.DELETING),
    select(func.min(chats.c.created_at)).where(*_UNUSED),
    select(func.min(_TOUCHED)).where(_OPEN, _ASIDE),
    select(func.min(chats.c.used_at)).where(_OPEN, chats.c.purpose == MAIN),
)
"""The earliest next try of a chat that is being deleted, and since when the oldest unused chat, the oldest aside, and
the one that has been idle for the longest are as they are."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What holds at one moment. Times are seconds since the epoch."""

    now: float
    policy: ChatCleanup
    cutoff: float | None = None
    """Chats not used since then have grown too old; None: there is no such rule."""
    answered: Collection[str] = ()
    """Upstream ids of chats to be deleted because they were answered in."""
    without: Collection[str] = ()
    """Accounts that cannot be asked."""
    account: str = ""
    """Only that one's."""
    by_hand: bool = False
    """Somebody asks for it now: the policy need not be enabled, and what was given up is tried again."""


def rules(asked: Asked) -> Iterator[tuple[Reason | None, Select[Any]]]:
    """A select of chats for each rule that applies, the most urgent first. None for chats whose row says why."""
    now, policy = asked.now, asked.policy
    mine = select(chats)
    if asked.without:
        mine = mine.where(chats.c.account_id.not_in(list(asked.without)))
    if asked.account:
        mine = mine.where(chats.c.account_id == asked.account)
    deleting = mine.where(chats.c.state == State.DELETING).order_by(chats.c.next_try, chats.c.created_at)
    yield None, deleting if asked.by_hand else deleting.where(chats.c.next_try <= now)
    if asked.answered:
        yield Reason.AFTER_RESPONSE, mine.where(_OPEN, chats.c.chat_id.in_(list(asked.answered)))
    old = now - LEFTOVER_AFTER
    yield Reason.LEFTOVER, mine.where(*_UNUSED, chats.c.created_at <= old).order_by(chats.c.created_at)
    yield Reason.ASIDE, mine.where(_OPEN, _ASIDE, old >= _TOUCHED).order_by(_TOUCHED)
    used = mine.where(_OPEN, chats.c.purpose == MAIN).order_by(chats.c.used_at)
    if policy.after_idle_minutes and (policy.enabled or asked.by_hand):
        yield Reason.IDLE, used.where(chats.c.used_at <= now - policy.after_idle_minutes * 60)
    if asked.cutoff is not None:
        yield Reason.AGE, used.where(chats.c.used_at < asked.cutoff)
