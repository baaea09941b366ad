"""Faults of the clock: the time of day jumps while answers stream.

Owns the jumps. Durations come from the monotonic clock, so that no jump may end, stretch or spoil an answer.
"""

import anyio

from luna.model.ambient import SystemClock
from tests.gauntlet.arena import Arena
from tests.gauntlet.record import Row
from tests.gauntlet.speech import WAYS, Got, Way

JUMPS = {"an hour ahead": 3600.0, "an hour back": -3600.0, "a day ahead": 86_400.0, "ten years back": -315_360_000.0}
WORDS = [*map(str, range(60))]


class JumpingClock(SystemClock):
    """The machine's, but for a time of day that somebody sets."""

    def __init__(self) -> None:
        self.offset = 0.0

    def wall(self) -> float:
        return super().wall() + self.offset


async def run(arena: Arena, clock: JumpingClock) -> list[Row]:
    """Each jump in the middle of six answers."""
    rows: list[Row] = []
    for name, jump in JUMPS.items():
        arena.fresh_accounts()
        gots: dict[Way, Got] = {}
        async with anyio.create_task_group() as tasks:
            for way in WAYS:
                tasks.start_soon(_client, arena, way, name, gots)
            with anyio.fail_after(30):
                while arena.count().exchanges < len(WAYS):
                    await anyio.sleep(0.005)
            clock.offset += jump
        left = await arena.settled()
        rows += [await _row(arena, name, way, gots[way], left) for way in WAYS]
        clock.offset = 0.0
    return rows


async def _client(arena: Arena, way: Way, name: str, gots: dict[Way, Got]) -> None:
    gots[way] = await arena.ask(way, f"[[count:60]][[pace:10]] {name}")


async def _row(arena: Arena, name: str, way: Way, got: Got, left: str) -> Row:
    record = await arena.run_of(got.flow)
    says = "no run" if record is None else record.status
    wrong = got.misshapen or ("" if got.text.split() == WORDS and got.ended else f"not the whole answer: {got.message}")
    if record is not None and not 0 < (record.duration_ms or 0) < 60_000:
        wrong = wrong or f"it took {record.duration_ms} ms"
    wrong = wrong or ("" if says == "completed" else "the run should be completed")
    return Row("Machine", f"the clock jumps {name}", "in mid answer", str(way), str(got), says, left, wrong)
