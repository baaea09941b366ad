"""`kill -9` in the middle of many streams: what clients were told is there afterwards, and nothing is left over.

The long form is a part of the gauntlet (`python -m tests.gauntlet --part kills`).
"""

import random
from pathlib import Path

from luna.demo.serve import Lookalike
from tests.gauntlet.kills import killing
from tests.support.stores import Database

ROUNDS, CLIENTS = 2, 50


async def test_killed_in_the_middle_of_fifty_streams(tmp_path: Path, database: Database) -> None:
    async with Lookalike(linger=0.0) as lookalike:
        it = killing(lookalike, tmp_path / "data", database.environ, sqlite=not database.url)
        for number in range(1 if database.url else ROUNDS):
            async with it.luna() as running:
                await it.in_mid_stream(running, random.Random(number), (0.7, 1.2), CLIENTS)
            assert it.unsound() == ""
        async with it.luna() as running:
            assert await it.misremembered(running) == ""
            assert await it.orphans(running) == ""
