"""Finds chats whose id luna never learnt: planned by a process that died, or by a call whose answer was lost.

Owns the look through an account's list, by title, and what it proves. A chat that is found goes on to be deleted: no
session knows it. What turns out to hold a conversation all the same is spared there (`luna.state.chat_deletion`).
"""

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.qwen.chat_list import ListedChat
from luna.qwen.client import QwenClient
from luna.state.chat_lanes import Lanes
from luna.state.chat_retries import pause_after, speaks_of_account
from luna.state.chat_rows import MAIN, Chat, Reason, State
from luna.state.chats import PLAN_LIFE, ChatLedger
from luna.state.store.sql import select
from luna.state.store.tables import chats

log = logging.getLogger("luna.state.cleanup")

SETTLING = 60.0
"""Seconds after a plan from which a list without its title proves that it was never made."""
SKEW = 3600.0
"""Seconds by which Qwen's clock may differ from ours."""
PAGES = 20
"""How far a look goes back at most."""
HOMELESS = 86_400.0
"""Seconds after which a chat planned in an account that is not there any more is given up."""
AT_ONCE = 200


class Recovery:
    """Looks for planned chats."""

    def __init__(self, ledger: ChatLedger, lanes: Lanes, clock: Clock) -> None:
        self._ledger = ledger
        self._lanes = lanes
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Recovery of {self._ledger!r}>"

    async def look(self, *, orphans: bool = False) -> float:
        """Look for what is due, and for what was given up if `orphans`. Returns the seconds until something else
        is due. Raises LunaError(INTERNAL)."""
        states = (State.PLANNED, State.ORPHANED) if orphans else (State.PLANNED,)
        statement = select(chats).where(chats.c.state.in_(states)).order_by(chats.c.created_at).limit(AT_ONCE)
        now, later, due = self._clock.wall(), math.inf, defaultdict[str, list[Chat]](list)
        for chat in await self._ledger.read(statement):
            if self._ledger.underway(chat.id):
                later = min(later, chat.created_at + PLAN_LIFE - now)
            elif chat.next_try is not None and chat.next_try > now and not orphans:
                later = min(later, chat.next_try - now)
            else:
                due[chat.account].append(chat)
        for account, sought in due.items():
            later = min(later, await self._look(account, sought))
        return later

    async def _look(self, account: str, sought: Sequence[Chat]) -> float:
        async with self._lanes.turn(account) as client:
            try:
                if isinstance(client, LunaError):
                    raise client
                found, complete = await self._search(client, sought)
            except LunaError as error:
                return await self._in_vain(account, sought, error)
        now = self._clock.wall()
        changed = [await self._change(chat, _verdict(found.get(chat.id), complete, now)) for chat in sought]
        return min((chat.next_try - now for chat in changed if chat and chat.next_try is not None), default=math.inf)

    async def _search(self, client: QwenClient, sought: Sequence[Chat]) -> tuple[dict[str, ListedChat], bool]:
        """What was found, by row, and whether that is all there can be."""
        wanted = {_plain(chat.title): chat.id for chat in sought}
        horizon = min(chat.created_at for chat in sought) - SKEW
        found: dict[str, ListedChat] = {}
        for page in range(1, PAGES + 1):
            if page > 1:
                await self._lanes.breathe()
            listed = await client.chats(page)
            found |= {wanted[title]: row for row in listed if (title := _plain(row.title)) in wanted}
            if not listed or len(found) == len(wanted):
                return found, True
            if max(row.updated_at or row.created_at or math.inf for row in listed) < horizon:
                return found, True
        return found, False

    async def _in_vain(self, account: str, sought: Sequence[Chat], error: LunaError) -> float:
        """The account could not be asked."""
        if error.kind is Kind.INTERNAL:
            raise error
        wait: float | None
        if speaks_of_account(error):
            wait = self._lanes.close(account, error)
        else:
            wait = pause_after(error, max(chat.attempts for chat in sought) + 1)
            log.warning("the chats of account '%s' cannot be looked through: %s", account, error.message)
        for chat in sought:
            await self._change(chat, _put_off(error, wait, self._clock.wall()))
        return math.inf if wait is None else wait

    async def _change(self, chat: Chat, decide: Callable[[Chat], Chat]) -> Chat | None:
        looked_for = (State.PLANNED, State.ORPHANED)
        return await self._ledger.change(chat.id, lambda now: decide(now) if now.state in looked_for else None)


def _verdict(found: ListedChat | None, complete: bool, now: float) -> Callable[[Chat], Chat]:
    def decide(chat: Chat) -> Chat:
        if found is not None:
            reason = Reason.LEFTOVER if chat.purpose == MAIN else Reason.ASIDE
            return msgspec.structs.replace(
                chat,
                state=State.DELETING,
                chat=found.id,
                reason=reason,
                attempts=0,
                next_try=now,
                error="",
                ended_at=None,
            )
        if not complete:
            said = "Its title is not among the latest chats of the account, and there are more than luna looks through."
            return _orphan(chat, said, now)
        settled = chat.created_at + SETTLING
        return msgspec.structs.replace(chat, next_try=settled) if now < settled else chat.ended(State.FAILED, now)

    return decide


def _put_off(error: LunaError, wait: float | None, now: float) -> Callable[[Chat], Chat]:
    def decide(chat: Chat) -> Chat:
        homeless = error.kind is Kind.NO_ACCOUNT and now - chat.created_at >= HOMELESS
        if wait is None or homeless:
            return _orphan(chat, error.message, now)
        attempts = chat.attempts if speaks_of_account(error) else chat.attempts + 1
        return msgspec.structs.replace(chat, attempts=attempts, next_try=now + wait, error=error.message)

    return decide


def _orphan(chat: Chat, why: str, now: float) -> Chat:
    return msgspec.structs.replace(chat, state=State.ORPHANED, ended_at=now, next_try=None, error=why)


def _plain(title: str) -> str:
    return " ".join(title.split())
