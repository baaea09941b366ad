"""The way to each account for calls that no client waits for: one at a time, with a pause between them.

Owns the turns, the pauses, and for how long an account is better left alone. What is said to Qwen belongs to whoever
has the turn.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import anyio

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.qwen.client import QwenClient
from luna.state.account import Account

PACE = 0.5
"""Seconds between two calls to one account."""
WAIT = 300.0
"""Seconds to leave an account alone that does not say how long it needs."""
_WRITING = 2.0
"""Seconds that writing down a changed cookie may take."""


class Directory(Protocol):
    """Who knows the accounts."""

    def find(self, account_id: str) -> Account | None:
        """The account of that id."""
        ...


class _Lane:
    def __init__(self) -> None:
        self.lock = anyio.Lock()
        self.free_at = 0.0
        """Monotonic."""
        self.closed_until = 0.0
        """Monotonic."""


class Lanes:
    """One lane for each account."""

    def __init__(
        self,
        accounts: Directory,
        clock: Clock,
        ids: Ids | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._ids = ids or Ids()
        self._sleep = sleep
        self._lanes: dict[str, _Lane] = {}

    def __repr__(self) -> str:
        closed = ", ".join(f"{account} for {left:.1f} s" for account, left in self.closed().items())
        return f"<Lanes {len(self._lanes)} accounts{f', closed: {closed}' if closed else ''}>"

    def refusal(self, account_id: str) -> LunaError | None:
        """Why the account cannot be asked now; None when it can."""
        account = self._accounts.find(account_id)
        if account is not None:
            return account.refusal()
        return LunaError(
            Kind.NO_ACCOUNT,
            f"There is no account '{account_id}' any more.",
            hint="Add it again, and luna goes on with what it made there.",
        )

    def closed(self) -> dict[str, float]:
        """The accounts that are not to be asked now, with the seconds until they may be."""
        now = self._clock.monotonic()
        waits = {name: max(lane.free_at, lane.closed_until) - now for name, lane in self._lanes.items()}
        return {name: wait for name, wait in waits.items() if wait > 0}

    def close(self, account_id: str, error: LunaError) -> float:
        """Leave the account alone for as long as the error says. Returns the seconds."""
        wait = WAIT if error.retry_after is None else max(error.retry_after, PACE)
        self._lane(account_id).closed_until = self._clock.monotonic() + wait
        return wait

    @asynccontextmanager
    async def turn(self, account_id: str) -> AsyncIterator[QwenClient | LunaError]:
        """The account's voice, with nobody else's turn beside it; or why it cannot be had."""
        lane = self._lane(account_id)
        async with lane.lock:
            pause = lane.free_at - self._clock.monotonic()
            if pause > 0:
                await self._sleep(pause)
            account = self._accounts.find(account_id)
            refusal = self.refusal(account_id)
            if account is None or refusal is not None:
                assert refusal is not None, "an account that is not there is refused"
                yield refusal
                return
            try:
                yield account.client(self._ids)
            finally:
                lane.free_at = self._clock.monotonic() + PACE
                with anyio.move_on_after(_WRITING, shield=True):
                    await account.authority.keep()

    async def breathe(self) -> None:
        """The pause between two calls of one turn."""
        await self._sleep(PACE)

    def _lane(self, account_id: str) -> _Lane:
        return self._lanes.setdefault(account_id, _Lane())
