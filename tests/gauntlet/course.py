"""The way through all of it: which faults, in which order, and where each part runs.

Owns the short form and the full one. Each row is told as soon as it is known.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from tests.gauntlet import clients, clocks, configuration, machine, upstream
from tests.gauntlet.arena import arena
from tests.gauntlet.record import Row
from tests.gauntlet.speech import WAYS

Tell = Callable[[Row], None]


class Part(Protocol):
    """One part of the course; `folder` does not exist yet."""

    def __call__(self, folder: Path, tell: Tell, *, short: bool, seed: int) -> Awaitable[None]: ...


async def of_upstream(folder: Path, tell: Tell, *, short: bool, seed: int) -> None:
    """What the upstream does."""
    folder.mkdir()
    async with arena(folder) as place:
        events, length = await upstream.ends_of_events(place)
        for number, case in enumerate(upstream.cases(events, length, short=short, seed=seed)):
            for row in await upstream.run(place, case, number, short=short):
                tell(row)


async def of_clients(folder: Path, tell: Tell, *, short: bool, seed: int) -> None:
    """What clients do."""
    folder.mkdir()
    async with arena(folder) as place:
        for number, scene in enumerate(clients.SCENES, seed):
            for way in (WAYS[number % len(WAYS)],) if short else WAYS:
                tell(await clients.run(place, scene, way))


async def of_configuration(folder: Path, tell: Tell, *, short: bool, seed: int) -> None:
    """What happens to the YAML."""
    folder.mkdir()
    async with arena(folder) as place:
        for row in await configuration.run(place, rounds=1 if short else 10, seed=seed):
            tell(row)


async def of_machine(folder: Path, tell: Tell, *, short: bool, seed: int) -> None:
    """What happens to the machine; only in the full form."""
    folder.mkdir()
    if not short:
        (folder / "clocks").mkdir()
        clock = clocks.JumpingClock()
        async with arena(folder / "clocks", clock=clock) as place:
            for row in await clocks.run(place, clock):
                tell(row)
        for scene in machine.SCENES:
            for row in await machine.run(scene, folder):
                tell(row)


PARTS: dict[str, Part] = {
    "upstream": of_upstream,
    "client": of_clients,
    "configuration": of_configuration,
    "machine": of_machine,
}
