"""Every route of the admin API, asked for what its description allows: a short form of `make fuzz-api`."""

import math
from pathlib import Path

from tests.fuzz.api import Search, fuzzed


def test_no_route_answers_with_a_fault_of_lunas_own(tmp_path: Path) -> None:
    with fuzzed(tmp_path) as running:
        search = Search(running, seed=1)
        search.round(cases=2, until=math.inf)
        assert [one.label for one in search.operations if not running.asked[one.label]] == []
        assert not search.failures, search.told()
        assert running.troubles() == []
