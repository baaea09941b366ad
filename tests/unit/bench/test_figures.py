"""Figures become medians, ratios and verdicts."""

import pytest

from tests.bench.field.figures import DIRECT, FLOOR, LUNA, RECORDED, Figures
from tests.bench.field.rows import ROWS, Row, Target
from tests.bench.field.works import WORKS

ADDED, PLAIN, RATE = (next(row for row in ROWS if row.key == key) for key in ("first-p50", "json-cpu", "rate-16"))


def figures(**by_row: dict[str, list[float]]) -> Figures:
    """By row's key (`_` for `-`), the rounds of each server. Peers: slow and slower."""
    made = Figures([DIRECT, FLOOR, LUNA, RECORDED, "slow", "slower"], ["slow", "slower"])
    for key, servers in by_row.items():
        for server, values in servers.items():
            for turn, value in enumerate(values):
                made.add(server, turn, {key.replace("_", "-"): value})
    return made


def test_a_figure_is_the_median_of_its_rounds() -> None:
    assert figures(json_cpu={LUNA: [9.0, 1.0, 2.0]}).of(PLAIN, LUNA) == 2.0


def test_what_is_added_is_taken_against_the_same_round() -> None:
    made = figures(first_p50={DIRECT: [1.0, 5.0, 3.0], LUNA: [2.0, 7.0, 4.0]})
    assert made.of(ADDED, LUNA) == 1.0
    assert made.of(ADDED, DIRECT) == 0.0


def test_a_round_that_was_not_measured_directly_does_not_count() -> None:
    assert figures(first_p50={DIRECT: [1.0], LUNA: [2.0, 70.0]}).of(ADDED, LUNA) == 1.0


def test_what_was_not_measured_is_none() -> None:
    made = figures(json_cpu={LUNA: [1.0]})
    assert made.of(PLAIN, "slow") is None
    assert made.best_peer(PLAIN) is None
    assert made.of(ADDED, LUNA) is None


def test_the_best_peer_is_the_least_or_the_most() -> None:
    made = figures(json_cpu={"slow": [3.0], "slower": [4.0]}, rate_16={"slow": [30.0], "slower": [20.0]})
    assert made.best_peer(PLAIN) == ("slow", 3.0)
    assert made.best_peer(RATE) == ("slow", 30.0)


@pytest.mark.parametrize(
    ("target", "ours", "floor", "theirs", "met"),
    [
        (Target(floor=4), 3.9, 1.0, 9.0, True),
        (Target(floor=4), 4.1, 1.0, 9.0, False),
        (Target(floor=4), 4.1, None, 9.0, None),
        (Target(floor=4), 4.1, 0.0, 9.0, None),
        (Target(most=5), 5.0, None, None, True),
        (Target(most=5), 5.1, 9.0, 9.0, False),
        (Target(peers=2), 1.0, 1.0, 2.0, True),
        (Target(peers=2), 1.0, 1.0, 1.9, False),
        (Target(peers=2), 1.0, 1.0, None, None),
        (Target(floor=4, peers=1), 3.0, 1.0, 2.0, False),
        (Target(floor=4, peers=1), 3.0, 1.0, None, None),
        (Target(floor=4, peers=1), 5.0, 1.0, None, False),
        (Target(floor=4, peers=1), 3.0, 1.0, 3.5, True),
        (Target(), 1.0, 1.0, 1.0, None),
    ],
)
def test_a_target_is_met_when_all_of_it_is(
    target: Target, ours: float, floor: float | None, theirs: float | None, met: bool | None
) -> None:
    row = Row("r", "a row", "ms", target)
    assert row.verdict(ours, floor, {} if theirs is None else {"slow": theirs}).met is met


def test_behind_is_worse_than_a_peer_whatever_the_target() -> None:
    less, more = Row("r", "a row", "ms"), Row("r", "a row", "/s", more=True)
    peers = {"slow": 2.0, "slower": 4.0}
    assert less.verdict(3.0, 1.0, peers).behind == ("slow",)
    assert more.verdict(3.0, 1.0, peers).behind == ("slower",)
    assert less.verdict(1.0, 1.0, peers).behind == ()


def test_less_than_nothing_added_is_ahead_of_everybody() -> None:
    assert Row("r", "a row", "ms", added=True).verdict(-0.1, 1.0, {"slow": 2.0}).behind == ()


def test_recording_is_held_against_recording_nothing() -> None:
    made = figures(json_cpu={LUNA: [2.0], RECORDED: [3.0]}, rate_16={LUNA: [2.0], RECORDED: [1.0]})
    assert made.recording(PLAIN) == 1.5
    assert made.recording(RATE) is None, "not a figure of CPU"


def test_the_run_is_wrong_when_luna_is_behind_or_missing() -> None:
    good = figures(json_cpu={LUNA: [1.0], FLOOR: [0.1], "slow": [2.0]})
    assert good.wrong() == [], "a missed target does not make it wrong"
    behind = figures(json_cpu={LUNA: [3.0], "slow": [2.0]})
    assert behind.wrong() == ["short JSON answer, CPU: luna is behind slow."]
    good.absent["slow"] = "not installed"
    good.failures["16 clients", "slower"] = "3 of 4 answers failed"
    assert good.wrong() == [], "a peer that fails does not make it wrong"
    good.failures["16 clients", LUNA] = "no answer came"
    assert good.wrong() == ["16 clients: luna: no answer came"]


def test_every_row_has_a_work_and_every_work_its_rows() -> None:
    given = [key for work in WORKS for key in work.keys]
    assert sorted([*given, "start"]) == sorted(row.key for row in ROWS)
