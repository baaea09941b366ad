"""Faults of the configuration: files that are replaced, truncated, deleted and made invalid while requests run.

Owns the storm. Whatever is in the files, every request is answered as the last configuration that compiled says, no
snapshot stays behind, and the files as they were at first are taken in again.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from luna.state.run import TERMINAL
from luna.state.run_archive import RunFilter
from tests.gauntlet.arena import Arena
from tests.gauntlet.record import Row
from tests.gauntlet.speech import WAYS, Got, Way

CLIENTS = 2
"""Clients for each way of asking."""


@dataclass(frozen=True)
class Damage:
    """What happens to a file."""

    name: str
    do: Callable[[Path], object]


def _replaced(path: Path) -> None:
    beside = path.with_suffix(".new")
    beside.write_bytes(path.read_bytes() + b"\n# touched\n")
    beside.replace(path)


DAMAGES = (
    Damage("replaced", _replaced),
    Damage("truncated", lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
    Damage("emptied", lambda path: path.write_bytes(b"")),
    Damage("deleted", Path.unlink),
    Damage("no YAML", lambda path: path.write_bytes(b"{[:\n")),
    Damage("no text", lambda path: path.write_bytes(b"\xff\xfe\x00" * 100)),
    Damage("of another meaning", lambda path: path.write_bytes(b"version: 1\nstagess: []\nroutess: []\n")),
)


@dataclass
class _Load:
    """Clients that ask again and again."""

    asked: int = 0
    wrong: dict[Way, str] = field(default_factory=dict)

    async def client(self, arena: Arena, way: Way, number: int, over: anyio.Event) -> None:
        while not over.is_set():
            self.asked += 1
            said = f"so said {way.protocol} {number} {self.asked}"
            got: Got = await arena.ask(way, f"[[say:{said}]][[pace:2]]")
            if got.text != said or not got.ended:
                self.wrong[way] = f"{got}: {got.message}"


async def run(arena: Arena, damages: Sequence[Damage], *, rounds: int, seed: int) -> list[Row]:
    """Each damage to every file, under load; a row for each way of asking and damage."""
    chance = random.Random(seed)
    folder = arena.folder / "configuration"
    files = {name: (folder / name).read_bytes() for name in ("routes.yaml", "pipelines/chat.yaml")}
    rows: list[Row] = []
    async with anyio.create_task_group() as watching:
        watching.start_soon(arena.luna.house.config.watch)
        for damage in damages:
            for name, good in files.items():
                load = await _storm(arena, damage, folder / name, good, rounds, chance)
                rows += [await _row(arena, damage, name, way, load) for way in WAYS]
        watching.cancel_scope.cancel()
    for name, good in files.items():
        (folder / name).write_bytes(good)
    await arena.luna.house.config.reload()
    left = await arena.settled()
    wrong = "" if arena.luna.house.config.in_sync else "what was good at first is refused"
    rows.append(Row("Configuration", "all files as at first", "at the end", "nobody", "nothing", "none", left, wrong))
    return rows


async def _storm(arena: Arena, damage: Damage, path: Path, good: bytes, rounds: int, chance: random.Random) -> _Load:
    load, over = _Load(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        for way in WAYS:
            for number in range(CLIENTS):
                tasks.start_soon(load.client, arena, way, number, over)
        for _ in range(rounds):
            damage.do(path)
            await arena.luna.house.config.reload()
            await anyio.sleep(chance.uniform(0, 0.05))
            path.write_bytes(good)
            await arena.luna.house.config.reload()
        over.set()
    return load


async def _row(arena: Arena, damage: Damage, name: str, way: Way, load: _Load) -> Row:
    ends = TERMINAL - {"completed"}
    others = await arena.luna.house.state.runs.find(RunFilter(statuses=ends, account=arena.accounts[way]), limit=1)
    says = others.records[0].status if others.records else "completed"
    wrong = load.wrong.get(way, "") or ("" if says == "completed" else "every run should be completed")
    got = load.wrong.get(way, "every answer") if load.asked else "nothing"
    return Row("Configuration", damage.name, name, str(way), got, says, "", wrong)
