"""The benchmark from end to end, as short as it goes: native upstream, load client, luna and the floor."""

import pytest

from tests.bench.field.figures import DIRECT, FLOOR, LUNA, RECORDED
from tests.bench.field.native import compiler
from tests.bench.field.run import run
from tests.bench.field.table import table
from tests.bench.field.works import WORKS, Effort

SHORT = Effort(rounds=1, seconds=0.1, paced=2, starts=1)
SOME = ("first token", "short JSON answers", "1 MB bodies")


@pytest.mark.skipif(not compiler(), reason="there is no C compiler")
def test_a_run_measures_luna_beside_the_floor() -> None:
    said: list[str] = []
    works = [work for work in WORKS if work.name in SOME]
    figures = run(SHORT, works, only=(FLOOR, LUNA), say=said.append)
    assert not figures.absent
    assert not figures.failures
    assert RECORDED not in figures.servers
    assert [row.key for row in figures.rows()] == [
        "first-p50",
        "first-p99",
        "json-latency",
        "json-cpu",
        "rate-1",
        "body-1m",
        "start",
    ]
    for row in figures.rows():
        for server in (DIRECT, FLOOR, LUNA) if row.key != "start" else (FLOOR, LUNA):
            value = figures.of(row, server)
            assert value is not None and (value > 0 or row.added), (row, server)
    assert table(figures).count("\n") == len(figures.rows()) + 1
    assert said[0] == "starting 3 servers"
