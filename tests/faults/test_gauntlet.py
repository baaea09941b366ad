"""The short form of the gauntlet: every fault of the upstream, of clients and of the configuration, at a few points.

The full form is `make gauntlet`.
"""

from pathlib import Path

import pytest

from tests.gauntlet.course import PARTS
from tests.gauntlet.record import Row


@pytest.mark.parametrize("part", ["upstream", "client", "configuration"])
async def test_every_fault_is_told_and_leaves_nothing(part: str, tmp_path: Path) -> None:
    rows: list[Row] = []
    await PARTS[part](tmp_path / "arena", rows.append, short=True, seed=1)
    assert rows
    assert [str(row) for row in rows if row.failed] == []
