"""Deletes one chat of the ledger, by its id.

Owns the order of one deletion, so that a crash at any point of it leaves a row that says how to go on: noted as being
deleted, sessions told, then deleted, then noted as gone. Which chats are deleted, and when, is `luna.state.cleanup`.
"""

import enum
from collections.abc import Callable

import msgspec

from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.qwen.client import QwenClient
from luna.state.chat_lanes import Lanes
from luna.state.chat_retries import pause_after, speaks_of_account
from luna.state.chat_rows import LIVE, Chat, Reason, State
from luna.state.chats import ChatLedger


class Outcome(enum.StrEnum):
    """How it went."""

    DELETED = "deleted"
    LOST = "lost"
    """It was gone already."""
    SPARED = "spared"
    """It was taken for empty and is not."""
    BUSY = "busy"
    """A flow of this luna generates in it."""
    WAITING = "waiting"
    """Its account cannot be asked now."""
    RETRYING = "retrying"
    GIVEN_UP = "given-up"
    ENDED = "ended"
    """Somebody else was faster."""


class Erased(msgspec.Struct, frozen=True):
    """What came of one chat."""

    chat: Chat
    reason: Reason
    outcome: Outcome
    error: LunaError | None = None

    @property
    def gone(self) -> bool:
        """It is not there any more."""
        return self.outcome in (Outcome.DELETED, Outcome.LOST, Outcome.ENDED)

    @property
    def failed(self) -> bool:
        """It should be gone by now."""
        return self.outcome in (Outcome.RETRYING, Outcome.GIVEN_UP, Outcome.WAITING)


class Eraser:
    """Deletes chats. `generating`: whether a flow of this luna generates in the chat of that upstream id.
    `on_deleted` is told the id right before each attempt: from then on nobody should go on in that chat."""

    def __init__(
        self,
        ledger: ChatLedger,
        lanes: Lanes,
        clock: Clock,
        *,
        generating: Callable[[str], bool],
        on_deleted: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._lanes = lanes
        self._clock = clock
        self._on_deleted = on_deleted
        self.generating = generating

    def __repr__(self) -> str:
        return f"<Eraser {self._lanes!r}>"

    async def mark(self, chat: Chat, reason: Reason) -> Chat | None:
        """Note that the chat is to be deleted, as soon as that is possible. None when it is gone already."""
        now = self._clock.wall()

        def decide(chat: Chat) -> Chat | None:
            if chat.state not in LIVE:
                return None
            return msgspec.structs.replace(chat, state=State.DELETING, reason=reason, next_try=now)

        return await self._ledger.change(chat.id, decide)

    async def erase(self, chat: Chat, reason: Reason, *, even_busy: bool = False) -> Erased:
        """Delete it, in the account's turn. Raises LunaError(INTERNAL) when the ledger cannot be written."""
        async with self._lanes.turn(chat.account) as client:
            match client:
                case LunaError() as refusal:
                    await self._ledger.change(chat.id, self._waiting(chat, refusal))
                    return Erased(chat, reason, Outcome.WAITING, refusal)
                case QwenClient():
                    return await self._erase(client, chat, reason, even_busy)

    async def _erase(self, client: QwenClient, chat: Chat, reason: Reason, even_busy: bool) -> Erased:
        if not even_busy and self.generating(chat.chat):
            return Erased(chat, reason, Outcome.BUSY)
        begun = await self._ledger.change(chat.id, self._beginning(reason))
        if begun is None:
            return Erased(chat, reason, Outcome.ENDED)
        self._on_deleted(begun.chat)
        try:
            if reason is Reason.LEFTOVER and not await client.holds_nothing(begun.chat):
                return await self._spare(begun, reason)
            if not even_busy and self.generating(begun.chat):
                return await self._put_back(chat, reason)
            await client.delete_chat(begun.chat)
        except LunaError as error:
            return await self._failed(begun, reason, error)
        return await self._ended(begun, reason, Outcome.DELETED)

    def _beginning(self, reason: Reason) -> Callable[[Chat], Chat | None]:
        now = self._clock.wall()

        def decide(chat: Chat) -> Chat | None:
            if chat.state not in LIVE or not chat.chat:
                return None
            return msgspec.structs.replace(
                chat, state=State.DELETING, reason=reason, attempts=chat.attempts + 1, next_try=now
            )

        return decide

    def _waiting(self, chat: Chat, refusal: LunaError) -> Callable[[Chat], Chat | None]:
        """A chat that was being deleted goes on being that, one that was not is left in peace."""
        due = self._clock.wall() + self._lanes.close(chat.account, refusal)

        def decide(chat: Chat) -> Chat | None:
            return (
                msgspec.structs.replace(chat, next_try=due, error=refusal.message)
                if chat.state is State.DELETING
                else None
            )

        return decide

    async def _spare(self, chat: Chat, reason: Reason) -> Erased:
        """It is not empty: a chat like any other, then."""
        left = msgspec.structs.replace(chat, state=State.OPEN, reason="", attempts=0, next_try=None)
        await self._ledger.change(chat.id, lambda now: left if now.state is State.DELETING else None)
        self._ledger.used(chat.chat)
        return Erased(left, reason, Outcome.SPARED)

    async def _put_back(self, chat: Chat, reason: Reason) -> Erased:
        """A flow has begun to generate there meanwhile: as it was before."""
        await self._ledger.change(chat.id, lambda now: chat if now.state is State.DELETING else None)
        return Erased(chat, reason, Outcome.BUSY)

    async def _ended(self, chat: Chat, reason: Reason, outcome: Outcome) -> Erased:
        state, now = State.DELETED if outcome is Outcome.DELETED else State.LOST, self._clock.wall()
        changed = await self._ledger.change(chat.id, lambda c: c.ended(state, now) if c.state in LIVE else None)
        return Erased(changed or chat, reason, outcome)

    async def _failed(self, chat: Chat, reason: Reason, error: LunaError) -> Erased:
        if error.kind is Kind.CHAT_GONE:
            # After an attempt whose end is unknown it was ours that did it.
            return await self._ended(chat, reason, Outcome.DELETED if chat.attempts > 1 else Outcome.LOST)
        if speaks_of_account(error):
            wait, outcome = self._lanes.close(chat.account, error), Outcome.WAITING
            put_off = msgspec.structs.replace(
                chat, attempts=chat.attempts - 1, next_try=self._clock.wall() + wait, error=error.message
            )
        else:
            pause = pause_after(error, chat.attempts)
            outcome = Outcome.GIVEN_UP if pause is None else Outcome.RETRYING
            next_try = None if pause is None else self._clock.wall() + pause
            put_off = msgspec.structs.replace(chat, next_try=next_try, error=error.message)
        changed = await self._ledger.change(chat.id, lambda now: put_off if now.state is State.DELETING else None)
        return Erased(changed or chat, reason, outcome, error)
