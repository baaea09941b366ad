"""The way through all of it: which faults, in which order, and where each part runs.

Owns the short form and the full one. Each row is told as soon as it is known. A part can be run in shares, side
by side: a share takes every so-manieth of the part's cases, and has a luna of its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.gauntlet import clients, clocks, configuration, kills, machine, upstream
from tests.gauntlet.arena import arena
from tests.gauntlet.record import Row
from tests.gauntlet.speech import WAYS

Tell = Callable[[Row], None]
KILLS = 100


@dataclass(frozen=True)
class Share:
    """The `number`th (from 0) of so many."""

    number: int = 0
    of: int = 1

    def has(self, case: int) -> bool:
        """True for the cases that are its."""
        return case % self.of == self.number


WHOLE = Share()


class Part(Protocol):
    """One part of the course; `folder` does not exist yet."""

    def __call__(
        self, folder: Path, tell: Tell, *, short: bool, seed: int, share: Share = WHOLE
    ) -> Awaitable[None]: ...


async def of_upstream(folder: Path, tell: Tell, *, short: bool, seed: int, share: Share = WHOLE) -> None:
    """What the upstream does."""
    folder.mkdir()
    async with arena(folder) as place:
        events, length = await upstream.ends_of_events(place)
        for number, case in enumerate(upstream.cases(events, length, short=short, seed=seed)):
            if share.has(number):
                for row in await upstream.run(place, case, number, short=short):
                    tell(row)


async def of_clients(folder: Path, tell: Tell, *, short: bool, seed: int, share: Share = WHOLE) -> None:
    """What clients do."""
    folder.mkdir()
    async with arena(folder, patient=True) as place:
        for number, scene in enumerate(clients.SCENES, seed):
            if share.has(number):
                for way in (WAYS[number % len(WAYS)],) if short else WAYS:
                    tell(await clients.run(place, scene, way))


async def of_configuration(folder: Path, tell: Tell, *, short: bool, seed: int, share: Share = WHOLE) -> None:
    """What happens to the YAML."""
    folder.mkdir()
    damages = [damage for number, damage in enumerate(configuration.DAMAGES) if share.has(number)]
    async with arena(folder, patient=True) as place:
        for row in await configuration.run(place, damages, rounds=1 if short else 10, seed=seed):
            tell(row)


async def of_machine(folder: Path, tell: Tell, *, short: bool, seed: int, share: Share = WHOLE) -> None:
    """What happens to the machine; only in the full form."""
    folder.mkdir()
    if short:
        return
    if share.has(0):
        (folder / "clocks").mkdir()
        clock = clocks.JumpingClock()
        async with arena(folder / "clocks", clock=clock, patient=True) as place:
            for row in await clocks.run(place, clock):
                tell(row)
    for number, scene in enumerate(machine.SCENES, 1):
        if share.has(number):
            for row in await machine.run(scene, folder):
                tell(row)


async def of_kills(folder: Path, tell: Tell, *, short: bool, seed: int, share: Share = WHOLE) -> None:
    """A process that is killed; only in the full form."""
    folder.mkdir()
    if not short:
        await kills.run(folder, tell, kills=KILLS // share.of, seed=seed * 100 + share.number)


PARTS: dict[str, Part] = {
    "upstream": of_upstream,
    "client": of_clients,
    "configuration": of_configuration,
    "machine": of_machine,
    "kills": of_kills,
}
SHARES = {"upstream": 8, "client": 2, "configuration": 1, "machine": 3, "kills": 4}
"""Into how many shares the full form divides each part."""
