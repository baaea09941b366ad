"""Deletes luna's own chats in the users' accounts by policy, and what a crash or a cancelled flow left behind.

Owns when: the rules are `luna.state.chat_rules`, one deletion is `luna.state.chat_deletion`, the search for chats whose
id is not known `luna.state.chat_recovery`, what people ask for `luna.state.chat_desk`. Only chats of the ledger are
ever deleted, each by its id, one at a time for an account. Sleeps until the next chat can be due, or something happens.
"""

import logging
from collections.abc import Callable, Iterable

import anyio
import msgspec

from luna.model.ambient import Clock
from luna.model.errors import LunaError
from luna.model.preferences import ChatCleanup, LivePreferences, Preferences
from luna.state.chat_deletion import Erased, Eraser, Outcome
from luna.state.chat_lanes import Lanes
from luna.state.chat_recovery import Recovery
from luna.state.chat_rows import Chat, Reason, State
from luna.state.chat_rules import A_FEW, LEFTOVER_AFTER, SINCE, Asked, rules
from luna.state.chats import ChatLedger
from luna.state.store.sql import select
from luna.state.store.tables import chats

log = logging.getLogger("luna.state.cleanup")

BUSY = 15.0
"""Seconds until a chat in which a flow generates is looked at again."""
TROUBLE = 60.0
"""Seconds to wait when the database refuses."""
PRUNING = 6 * 3600.0
"""Seconds between two rounds of forgetting rows of chats that are long gone."""
DISCARDING = 10.0
"""Seconds that whoever discards a chat is kept waiting at most."""


class Round(msgspec.Struct):
    """What came of one round: of the schedule, or on demand."""

    ran_at: float
    """Seconds since the epoch."""
    deleted: int = 0
    failed: int = 0

    def add(self, erased: Erased) -> None:
        """Count one chat."""
        self.deleted += erased.gone
        self.failed += erased.failed


class Cleanup:
    """The one who deletes. It is the ledger's cleaner from its making on; `run` it for as long as luna serves."""

    def __init__(
        self,
        ledger: ChatLedger,
        lanes: Lanes,
        preferences: LivePreferences,
        clock: Clock,
        *,
        generating: Callable[[str], bool],
        on_deleted: Callable[[str], None] = lambda chat_id: None,
    ) -> None:
        self._ledger = ledger
        self._lanes = lanes
        self._preferences = preferences
        self._clock = clock
        self.eraser = Eraser(ledger, lanes, clock, generating=generating, on_deleted=on_deleted)
        self.recovery = Recovery(ledger, lanes, clock)
        self._policy = preferences.current.session.chat_cleanup
        self._answered: dict[str, None] = {}
        self._cutoff: float | None = None
        self._next_round: float | None = None
        self._next_pruning = 0.0
        self._resumed = False
        self._busy = False
        self._woken = anyio.Event()
        self.last: Round | None = None
        """The latest round, of the schedule or on demand."""
        ledger.attach(self)
        preferences.watch(self._obey)

    def __repr__(self) -> str:
        return f"<Cleanup {'on' if self._policy.enabled else 'off'} {self._ledger!r}>"

    @property
    def policy(self) -> ChatCleanup:
        """The policy in force."""
        return self._policy

    # In the background

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._woken = anyio.Event()
            try:
                pause = await self.step()
            except LunaError as error:
                log.warning("chats cannot be cleaned up now: %s", error.message)
                pause = TROUBLE
            with anyio.move_on_after(pause):
                await self._woken.wait()

    async def step(self) -> float:
        """Do what is due, at most one chat of each account. Returns the seconds until something else may be. Raises
        LunaError(INTERNAL) when the ledger cannot be read or written."""
        if not self._resumed:
            await self._resume()
        looked = await self.recovery.look()
        self._begin_round()
        self._busy = False
        await self._drop_the_unknown()
        chosen = await self._choose()
        async with anyio.create_task_group() as tasks:
            for chat, reason in chosen:
                tasks.start_soon(self._erase, chat, reason)
        pruned = await self._prune()
        return max(0.0, min(looked, pruned, await self._pause()))

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    def _obey(self, preferences: Preferences) -> None:
        policy = preferences.session.chat_cleanup
        if policy != self._policy:
            self._policy, self._next_round = policy, None
            self.wake()

    async def _resume(self) -> None:
        """What an earlier process had given up is tried once more."""
        stuck = select(chats).where(chats.c.state == State.DELETING, chats.c.next_try.is_(None))
        for chat in await self._ledger.read(stuck):
            await self.eraser.mark(chat, Reason(chat.reason))
        self._resumed = True

    def _begin_round(self) -> None:
        policy, now = self._policy, self._clock.wall()
        if not (policy.enabled and policy.scheduled.enabled):
            self._cutoff = self._next_round = None
        elif self._next_round is None or now >= self._next_round:
            self._cutoff = now - policy.scheduled.max_age_hours * 3600
            self._next_round = now + policy.scheduled.interval_hours * 3600
            self.last = Round(now)

    async def _drop_the_unknown(self) -> None:
        """Of the chats that were answered in, only those matter that are luna's, and still there."""
        if not (self._policy.enabled and self._policy.after_response):
            self._answered.clear()
        for chat_id in list(self._answered)[:A_FEW]:
            chat = await self._ledger.find(chat_id)
            if chat is None or chat.state is not State.OPEN:
                self._answered.pop(chat_id, None)

    async def _choose(self) -> list[tuple[Chat, Reason]]:
        """The next chat of each account that can be asked."""
        chosen: list[tuple[Chat, Reason]] = []
        without = set(self._lanes.closed())
        while (next_one := await self._next(without)) is not None:
            chat, _ = next_one
            without.add(chat.account)
            refusal = self._lanes.refusal(chat.account)
            if refusal is None:
                chosen.append(next_one)
            else:
                self._lanes.close(chat.account, refusal)
        return chosen

    async def _next(self, without: Iterable[str]) -> tuple[Chat, Reason] | None:
        answered = list(self._answered)[:A_FEW]
        asked = Asked(
            now=self._clock.wall(), policy=self._policy, cutoff=self._cutoff, answered=answered, without=list(without)
        )
        for reason, statement in rules(asked):
            for chat in await self._ledger.read(statement.limit(A_FEW)):
                if not self.eraser.generating(chat.chat):
                    return chat, reason or Reason(chat.reason)
                self._busy = True
        return None

    async def _erase(self, chat: Chat, reason: Reason) -> Erased:
        erased = await self.eraser.erase(chat, reason)
        if reason is Reason.AGE and self.last is not None:
            self.last.add(erased)
        if erased.error is not None and erased.outcome is not Outcome.WAITING:
            log.warning("chat %s could not be deleted (%s): %s", chat.chat, erased.outcome, erased.error.message)
        return erased

    async def _prune(self) -> float:
        """Ended chats are kept as long as runs are."""
        now = self._clock.wall()
        if now >= self._next_pruning:
            before = now - self._preferences.current.logging.max_age_days * 86_400
            while await self._ledger.prune(before):
                pass
            self._next_pruning = now + PRUNING
        return self._next_pruning - now

    async def _pause(self) -> float:
        """Seconds until a chat may be due that could not be deleted now. What is made or used from now on is due
        after the shortest of these times at the earliest, so nothing has to be looked at before."""
        now, policy = self._clock.wall(), self._policy
        deleting, unused, aside, idle = await self._ledger.ask(lambda c: [c.scalar(one) for one in SINCE])
        due = [now + LEFTOVER_AFTER]
        due += [at for at in (deleting, self._next_round) if at is not None]
        due += [at + LEFTOVER_AFTER for at in (unused, aside) if at is not None]
        if policy.enabled and policy.after_idle_minutes:
            due.append((now if idle is None else idle) + policy.after_idle_minutes * 60)
        if self._answered or (self._cutoff is not None and idle is not None and idle < self._cutoff):
            due.append(now)
        if min(due) > now:
            return min(due) - now
        # Something is due and could not be done: its account is resting, or a flow generates in the chat.
        waits = [*self._lanes.closed().values(), *([BUSY] if self._busy else [])]
        return min(waits, default=1.0)

    # For requests

    def after_response(self, chat_id: str) -> None:
        """A turn in the chat has been answered to its end."""
        if self._policy.enabled and self._policy.after_response:
            self._answered[chat_id] = None
            self.wake()

    async def discard(self, chat_id: str) -> None:
        """Delete a chat of the ledger now, even if something is still being generated there. Never raises LunaError:
        what fails is tried again later."""
        try:
            with anyio.move_on_after(DISCARDING):
                chat = await self._ledger.find(chat_id)
                if chat is not None and (marked := await self.eraser.mark(chat, Reason.REQUESTED)) is not None:
                    await self.eraser.erase(marked, Reason.REQUESTED, even_busy=True)
        except LunaError as error:
            log.warning("chat %s cannot be discarded now: %s", chat_id, error.message)
        finally:
            self.wake()
