"""A server that fails leaves the reason in its place and is not asked again; the others go on."""

from pathlib import Path
from typing import cast

import pytest

from tests.bench.field.bodies import Bodies
from tests.bench.field.figures import LUNA, Figures
from tests.bench.field.native import LoadError
from tests.bench.field.run import run, take_turn
from tests.bench.field.servers import Launch, Running, Server, field_of
from tests.bench.field.works import QUICK, Bench, Work
from tests.bench.processes import Process


def test_a_failure_is_kept_and_the_work_not_done_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def fail_at_first(bench: Bench, running: Running) -> dict[str, float]:
        asked.append(running.name)
        if running.name == "slow":
            raise LoadError("3 of 4 answers failed")
        return {"json-cpu": 2.0}

    figures, said = Figures(["slow", LUNA], ["slow"]), list[str]()
    bench, work = Bench(tmp_path, Bodies(tmp_path), QUICK), Work("short JSON answers", ("json-cpu",), fail_at_first)
    for turn in range(2):
        for name in ("slow", LUNA):
            server = Server(name, "peer", "", lambda place: Launch((), ()))
            take_turn(work, bench, Running(server, cast(Process, None)), turn, figures, said.append)
    assert asked == ["slow", LUNA, LUNA]
    assert figures.failures == {("short JSON answers", "slow"): "3 of 4 answers failed"}
    assert figures.rounds == {"json-cpu": {LUNA: {0: 2.0, 1: 2.0}}}
    assert said == ["  slow: 3 of 4 answers failed"]


def test_a_server_that_there_is_not_is_named() -> None:
    with pytest.raises(LoadError, match=r"no such server: lunar\. There are: direct; nginx; floor; luna; luna, rec"):
        run(QUICK, (), only=["lunar"])


def test_every_server_can_be_measured_or_says_why_not(tmp_path: Path) -> None:
    for server in field_of(tmp_path):
        assert server.missing or server.version or server.kind != "peer"
        assert "\n" not in server.missing
