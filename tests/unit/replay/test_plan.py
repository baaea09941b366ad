"""What a change would do to recorded flows, and the gate that refuses it."""

import shutil
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from luna.config.settings import shipped_routes
from luna.model.ambient import ManualClock
from luna.replay import fixture
from luna.replay.aside import aside
from luna.replay.gate import refusals
from luna.replay.plan import Case, fixtures_in, forecast
from luna.replay.rerun import rerun
from luna.wire.reader import Recording
from tests.support.configurations import shipped_snapshot
from tests.support.scenarios import scenario, transcript

NAMES = ("01_plain_answer_fast", "02_think_then_answer", "26_err_waf_json")


async def flows() -> dict[str, Recording]:
    return {name: (await rerun(scenario(transcript(name), stream=True), shipped_snapshot()))[0] for name in NAMES}


async def cases() -> list[Case]:
    found = await flows()
    return [Case("flow", name, lambda made=made: made) for name, made in found.items()]  # type: ignore[misc]


async def test_an_unchanged_configuration_changes_nothing() -> None:
    for before in (shipped_snapshot(), None):
        found = await forecast(await cases(), before, shipped_snapshot())
        assert [(each.name, each.verdict) for each in found.findings] == [(name, "same") for name in NAMES]
        assert found.changes == []


async def test_a_changed_option_is_told_at_its_boundary() -> None:
    found = await forecast(
        await cases(), shipped_snapshot("limit.max-tokens=500"), shipped_snapshot("limit.max-tokens=1")
    )
    told = {each.name: each for each in found.findings}
    plain = told["01_plain_answer_fast"]
    assert (plain.verdict, plain.boundary) == ("changes", "events limit")
    assert '+{"t":"finish","reason":"length"}' in plain.diff
    assert "client answer" in plain.further
    assert told["26_err_waf_json"].verdict == "same"


async def test_a_request_that_no_route_takes_any_more_is_told() -> None:
    snapshot = shipped_snapshot()
    none = replace(snapshot, routes=tuple(route for route in snapshot.routes if route.name != "chat"))
    found = await forecast((await cases())[:1], snapshot, none)
    assert [(each.verdict, each.boundary) for each in found.findings] == [("changes", "route")]
    assert "No route" in found.findings[0].problem


async def test_what_cannot_be_run_is_told_and_nothing_else_suffers() -> None:
    def broken() -> Recording:
        raise FileNotFoundError(2, "No such file or directory")

    listed = [Case("flow", "gone", broken), *await cases()]
    found = await forecast(listed, shipped_snapshot(), shipped_snapshot())
    assert [each.verdict for each in found.findings] == ["unknown", "same", "same", "same"]
    assert found.findings[0].problem == "No such file or directory"


async def test_when_the_time_is_up_the_rest_is_passed_over() -> None:
    clock = ManualClock()
    first = (await flows())[NAMES[0]]

    def slow() -> Recording:
        clock.advance(30)
        return first

    listed = [Case("flow", "slow", slow), *await cases()]
    found = await forecast(listed, shipped_snapshot(), shipped_snapshot(), clock=clock, seconds=20)
    assert (len(found.findings), found.passed_over) == (1, 3)


async def kept(folder: Path, *names: str) -> Path:
    """A configuration with pinned fixtures; gives its routes file."""
    shutil.copy(shipped_routes(), folder / "routes.yaml")
    for name in names:
        made = await fixture.make((await flows())[name], shipped_snapshot(), name)
        fixture.write(made, folder / "fixtures" / "wire")
    return folder / "routes.yaml"


async def test_the_gate_is_closed_for_what_breaks_a_fixture(tmp_path: Path) -> None:
    routes = await kept(tmp_path, "01_plain_answer_fast", "26_err_waf_json")
    told = await refusals(routes, shipped_snapshot(), shipped_snapshot("limit.max-tokens=1"))
    assert [each.file for each in told] == ["routes.yaml"]
    assert "fixture '01_plain_answer_fast' would come out differently, first at 'events limit'" in told[0].message
    assert await refusals(routes, shipped_snapshot(), shipped_snapshot()) == []


async def test_a_fixture_that_was_broken_before_locks_nobody_out(tmp_path: Path) -> None:
    routes = await kept(tmp_path, "01_plain_answer_fast")
    golden = tmp_path / "fixtures" / "wire" / "01_plain_answer_fast" / fixture.CLIENT
    golden.write_bytes(b"something else")
    assert await refusals(routes, shipped_snapshot(), shipped_snapshot("limit.max-tokens=1")) == []
    found = await forecast(
        fixtures_in(tmp_path / "fixtures" / "wire"), shipped_snapshot(), shipped_snapshot("limit.max-tokens=1")
    )
    assert [(each.verdict, each.breaks) for each in found.findings] == [("changes", False)]


async def test_it_runs_in_a_thread_of_its_own_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def look() -> int:
        done = await forecast(await cases(), shipped_snapshot(), shipped_snapshot())
        assert len(done.findings) == len(NAMES)
        return threading.get_ident()

    with caplog.at_level("DEBUG", "luna"):
        assert await aside(look) != threading.get_ident()
    assert caplog.records == []
