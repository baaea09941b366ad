"""Keeps what is in use verified, as long as somebody has asked for isolation.

Owns when an address is asked for again: early enough that no verification runs out while the way works, and soon after
one that failed. How it is asked is `luna.state.egress`'s. Without isolation it sleeps.
"""

import logging
import math
from collections.abc import Callable, Iterable

import anyio

from luna.model.ambient import Clock
from luna.model.errors import LunaError
from luna.state.egress import Egress
from luna.state.network import NetworkProfile, Worker

log = logging.getLogger("luna.state.verification")

RETRY = 60.0
"""Seconds after which a way that failed, or shows a wrong address, is asked again."""
SHORTEST, LONGEST = 1.0, 300.0
"""Seconds of sleep: a clock may be set, a machine may have slept."""
AT_ONCE = 4

Bound = Callable[[], Iterable[tuple[str, str]]]
"""The accounts that may be used, each with the profile that it is bound to ("" for none)."""


class Verification:
    """One for the process; `run` is its task."""

    def __init__(self, egress: Egress, accounts: Bound, clock: Clock) -> None:
        self._egress = egress
        self._accounts = accounts
        self._clock = clock
        self._stirred = anyio.Event()
        egress.watch(self.stir)

    def __repr__(self) -> str:
        return f"<Verification {'awake' if self._egress.ways.rules.enabled else 'asleep'}>"

    def stir(self) -> None:
        """Something is not as it was: another profile, another account, another setting."""
        self._stirred.set()

    async def run(self) -> None:
        """For as long as the process runs."""
        while True:
            self._stirred = anyio.Event()
            await self._egress.tidy()
            await self._verify(self.due())
            pause = min((left for _, left in self._needed()), default=math.inf)
            with anyio.move_on_after(min(max(pause, SHORTEST), LONGEST)):
                await self._stirred.wait()

    def due(self) -> list[NetworkProfile | Worker]:
        """What should be asked now."""
        return [way for way, left in self._needed() if left <= 0]

    def _needed(self) -> list[tuple[NetworkProfile | Worker, float]]:
        """What is in use, each with the seconds until it should be asked again."""
        ways = self._egress.ways
        found = {(type(way), way.id): way for bound in self._accounts() for way in ways.needed(*bound)}
        return [(way, self._left(way)) for way in found.values()]

    def _left(self, way: NetworkProfile | Worker) -> float:
        if way.verified is None:
            return 0.0
        half = self._egress.ways.rules.verify_max_age_minutes * 30.0
        pause = half if way.status in ("healthy", "disabled") else min(RETRY, half)
        return way.verified.tried + pause - self._clock.wall()

    async def _verify(self, ways: Iterable[NetworkProfile | Worker]) -> None:
        limiter = anyio.CapacityLimiter(AT_ONCE)

        async def one(way: NetworkProfile | Worker) -> None:
            async with limiter:
                try:
                    verified = await self._egress.verify(way)
                except LunaError as error:  # it was removed meanwhile, or the disk is full
                    log.warning("%r cannot be verified: %s", way, error.message)
                    return
            if verified.error:
                log.warning("%r could not be verified: %s", way, verified.error)

        async with anyio.create_task_group() as tasks:
            for way in ways:
                tasks.start_soon(one, way)
