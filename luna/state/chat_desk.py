"""What people may ask of the chat ledger: to look at it, to delete one chat, to sweep out the old ones now.

Owns the answers, page by page, and what a request is refused for. How a chat is deleted is `luna.state.chat_deletion`,
what happens by itself `luna.state.cleanup`.
"""

from collections.abc import Sequence

import anyio
import msgspec

from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.state.chat_deletion import Erased, Outcome
from luna.state.chat_lanes import Lanes
from luna.state.chat_rows import LIVE, Chat, Reason, State
from luna.state.chat_rules import Asked, rules
from luna.state.chats import ChatLedger
from luna.state.cleanup import Cleanup, Round
from luna.state.store.sql import func, select, tuple_
from luna.state.store.tables import chats

_WAITING = (
    select(
        chats.c.account_id,
        func.count().label("chats"),
        func.min(chats.c.next_try).label("next_try"),
        func.max(chats.c.error).label("error"),
    )
    .where(chats.c.state == State.DELETING)
    .group_by(chats.c.account_id)
    .order_by(chats.c.account_id)
)


class Waiting(msgspec.Struct, frozen=True):
    """Chats of one account that are to be deleted and are not gone yet."""

    account: str
    chats: int
    next_try: float | None
    """Seconds since the epoch; None for not by itself."""
    why: str


class Sweep(msgspec.Struct):
    """What was, or would be, deleted."""

    results: list[Erased] = msgspec.field(default_factory=list)
    more: bool = False
    """There is more to delete than was asked for at once."""


class ChatDesk:
    """Answers people's requests."""

    def __init__(self, ledger: ChatLedger, cleanup: Cleanup, lanes: Lanes, clock: Clock) -> None:
        self.ledger = ledger
        self.cleanup = cleanup
        self._lanes = lanes
        self._clock = clock
        self._sweeping = anyio.Lock()

    def __repr__(self) -> str:
        return f"<ChatDesk {self.ledger!r}>"

    @property
    def sweeping(self) -> bool:
        """Whether somebody's sweep is going on."""
        return self._sweeping.locked()

    async def page(
        self,
        *,
        states: Sequence[State] = (),
        account: str = "",
        purpose: str = "",
        before: tuple[float, str] | None = None,
        limit: int = 100,
    ) -> list[Chat]:
        """Chats of the ledger, the latest first; `before`: the time and the row's id that the last page ended with.
        Raises LunaError(INTERNAL)."""
        statement = select(chats).order_by(chats.c.created_at.desc(), chats.c.id.desc()).limit(limit)
        if states:
            statement = statement.where(chats.c.state.in_(states))
        if account:
            statement = statement.where(chats.c.account_id == account)
        if purpose:
            statement = statement.where(chats.c.purpose == purpose)
        if before is not None:
            statement = statement.where(tuple_(chats.c.created_at, chats.c.id) < before)
        return await self.ledger.read(statement)

    async def waiting(self) -> list[Waiting]:
        """What is still to be deleted, by account, and why. Raises LunaError(INTERNAL)."""
        rows = await self.ledger.ask(lambda connection: connection.execute(_WAITING).fetchall())
        found: list[Waiting] = []
        for row in rows:
            refusal = self._lanes.refusal(row.account_id)
            why = refusal.message if refusal is not None else row.error or ""
            found.append(Waiting(row.account_id, row.chats, row.next_try, why))
        return found

    async def delete(self, name: str) -> Erased:
        """Delete one chat, by its upstream id or its row's. Raises LunaError: NOT_FOUND when it is not in the ledger,
        CONFLICT when there is nothing to delete or somebody is using it."""
        chat = await self.ledger.find(name)
        if chat is None:
            raise LunaError(
                Kind.NOT_FOUND,
                f"Chat {name[:80]!r} is not in the ledger.",
                hint="luna deletes only chats that it created: GET /api/chats lists them.",
            )
        if chat.state in (State.DELETED, State.LOST):
            return Erased(chat, Reason.REQUESTED, Outcome.ENDED)
        if chat.state not in LIVE:
            raise LunaError(Kind.CONFLICT, f"The chat is {chat.state.value}: luna knows of none to delete.")
        eraser = self.cleanup.eraser
        if eraser.generating(chat.chat):
            raise LunaError(
                Kind.CONFLICT, "An answer is being generated in the chat.", hint="Cancel its run first, or wait."
            )
        marked = await eraser.mark(chat, Reason.REQUESTED)
        try:
            return await eraser.erase(marked or chat, Reason.REQUESTED)
        finally:
            self.cleanup.wake()

    async def discard_session(self, session: str) -> int:
        """Have all chats deleted that luna made for a session, as soon as that is possible; returns how many they are.
        Raises LunaError(INTERNAL)."""
        wanted = (chats.c.session_id == session, chats.c.state.in_(LIVE))
        found = await self.ledger.read(select(chats).where(*wanted))
        marked = [await self.cleanup.eraser.mark(chat, Reason.REQUESTED) for chat in found]
        self.cleanup.wake()
        return sum(chat is not None for chat in marked)

    async def sweep(
        self, *, dry_run: bool = False, max_age_hours: float | None = None, account: str = "", limit: int = 50
    ) -> Sweep:
        """Delete now what has not been used for so long (by default what the schedule says), whether or not the policy
        is enabled, and all else that is due; or only say what that would be. Raises LunaError(INTERNAL)."""
        async with self._sweeping:
            if not dry_run:
                await self.cleanup.recovery.look(orphans=True)
            policy, now = self.cleanup.policy, self._clock.wall()
            hours = policy.scheduled.max_age_hours if max_age_hours is None else max_age_hours
            asked = Asked(now=now, policy=policy, cutoff=now - hours * 3600, account=account, by_hand=True)
            due: dict[str, tuple[Chat, Reason]] = {}
            for reason, statement in rules(asked):
                for chat in await self.ledger.read(statement.limit(limit + 1)):
                    due.setdefault(chat.id, (chat, reason or Reason(chat.reason)))
            swept, chosen = Sweep(more=len(due) > limit), list(due.values())[:limit]
            if dry_run:
                swept.results = [self._foresee(chat, reason) for chat, reason in chosen]
            else:
                await self._sweep(chosen, swept.results, now)
            return swept

    async def _sweep(self, chosen: Sequence[tuple[Chat, Reason]], results: list[Erased], now: float) -> None:
        this = self.cleanup.last = Round(now)

        async def one_account(name: str) -> None:
            for chat, reason in chosen:
                if chat.account == name:
                    erased = await self.cleanup.eraser.erase(chat, reason)
                    this.add(erased)
                    results.append(erased)

        async with anyio.create_task_group() as tasks:
            for name in dict.fromkeys(chat.account for chat, _ in chosen):
                tasks.start_soon(one_account, name)
        self.cleanup.wake()

    def _foresee(self, chat: Chat, reason: Reason) -> Erased:
        if self.cleanup.eraser.generating(chat.chat):
            return Erased(chat, reason, Outcome.BUSY)
        refusal = self._lanes.refusal(chat.account)
        return Erased(chat, reason, Outcome.DELETED if refusal is None else Outcome.WAITING, refusal)
