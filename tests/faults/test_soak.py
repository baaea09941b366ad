"""What the soak makes of its samples: a leak is told from what warms up, and from what goes up and down."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.gauntlet.soak_verdict import Sample, judge, slope, trend


def samples(memory: Callable[[float], float], *, minutes: int = 60) -> list[Sample]:
    """One each minute. `memory` is told the hours since the beginning."""
    return [
        Sample(60.0 * minute, memory(minute / 60), 90.0, 126, 9, 126, 50, 100.0, 110.0, 435 * minute, 140 * minute)
        for minute in range(1, minutes + 1)
    ]


def noisy(memory: Callable[[float], float]) -> Callable[[float], float]:
    chance = random.Random(1)
    return lambda hours: memory(hours) + chance.uniform(-1.5, 1.5)


GREW = {
    "steadily": lambda hours: 130 + 79 * hours,
    "slowly": lambda hours: 130 + 25 * hours,
    "after-a-while": lambda hours: 150 + 90 * max(0.0, hours - 0.4),
    "and-warmed-up-besides": lambda hours: 130 + 30 * (1 - math.exp(-hours / 0.05)) + 40 * hours,
    "in-steps": lambda hours: 130 + 8 * int(hours * 8),
}
FLAT = {
    "from-the-beginning": lambda hours: 130.0,
    "once-it-is-warm": lambda hours: 110 + 50 * (1 - math.exp(-hours / 0.1)),
    "once-a-cache-is-full": lambda hours: 110 + 100 * min(hours, 0.4),
    "up-and-down": lambda hours: 130 + 12 * (hours * 7 % 1),
    "less-and-less": lambda hours: 160 - 20 * hours,
}


@pytest.mark.parametrize("memory", GREW.values(), ids=GREW.keys())
def test_what_grows_is_told(memory: Callable[[float], float]) -> None:
    assert judge(samples(noisy(memory)))["memory"][2]


@pytest.mark.parametrize("minutes", [15, 60])
@pytest.mark.parametrize("memory", FLAT.values(), ids=FLAT.keys())
def test_what_warms_up_or_goes_up_and_down_is_flat(memory: Callable[[float], float], minutes: int) -> None:
    """In a shorter soak all of it goes on faster."""
    assert not judge(samples(noisy(lambda hours: memory(hours * 60 / minutes)), minutes=minutes))["memory"][2]


def test_a_leak_shows_in_a_quarter_of_an_hour() -> None:
    assert judge(samples(noisy(lambda hours: 130 + 79 * hours), minutes=15))["memory"][2]


def test_one_moment_is_no_trend() -> None:
    taken = samples(lambda hours: 130.0)
    taken[-1] = replace(taken[-1], memory=230.0)
    assert slope(taken) > 0
    assert trend(taken) == 0


def test_more_of_anything_else_later_is_growth() -> None:
    taken = samples(lambda hours: 130.0)
    assert not any(grew for *_, grew in judge(taken).values())
    more = [replace(one, files=one.files + 10 * (one.seconds > 1800)) for one in taken]
    assert [name for name, (*_, grew) in judge(more).items() if grew] == ["files"]
