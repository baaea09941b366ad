"""An alarm rings once, when its time has come; setting it anew, or putting it off, arms no further timer."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import pytest
from anyio.lowlevel import checkpoint

from luna.model.alarm import Alarm, Soon, soon


@dataclass
class Timer:
    due: float
    call: Callable[[], None]
    cancelled: bool = False

    def when(self) -> float:
        return self.due

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Loop:
    """As much of an event loop as an alarm asks for; its time passes when it is told so."""

    now: float = 100.0
    timers: list[Timer] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_at(self, due: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(due, call))
        return self.timers[-1]

    @property
    def armed(self) -> list[float]:
        return [timer.due for timer in self.timers if not timer.cancelled]

    def until(self, moment: float) -> None:
        """Let time pass, ringing what is due on the way."""
        while due := [timer for timer in self.timers if not timer.cancelled and timer.due <= moment]:
            first = min(due, key=Timer.when)
            self.timers.remove(first)
            self.now = first.due
            first.call()
        self.now = moment


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    loop = Loop()
    monkeypatch.setattr("luna.model.alarm.asyncio.get_running_loop", lambda: loop)
    return loop


@pytest.fixture
def rings(loop: Loop) -> list[float]:
    return []


@pytest.fixture
def bell(loop: Loop, rings: list[float]) -> Alarm:
    return Alarm(lambda: rings.append(loop.now))


def test_it_rings_once(loop: Loop, bell: Alarm, rings: list[float]) -> None:
    bell.set(10)
    assert repr(bell) == "<Alarm set>"
    loop.until(109.9)
    assert rings == []
    loop.until(200)
    assert (rings, loop.armed, repr(bell)) == ([110.0], [], "<Alarm off>")


def test_set_anew_it_arms_no_second_timer(loop: Loop, bell: Alarm, rings: list[float]) -> None:
    for second in range(1000):
        loop.until(100 + second / 100)
        bell.set(10)
    assert loop.armed == [110.0]
    loop.until(200)
    assert rings == [pytest.approx(119.99)]


def test_set_to_an_earlier_time_it_rings_then(loop: Loop, bell: Alarm, rings: list[float]) -> None:
    bell.set(50)
    bell.set(1)
    assert loop.armed == [101.0]
    loop.until(200)
    assert rings == [101.0]


def test_put_off_it_does_not_ring_and_can_be_set_again(loop: Loop, bell: Alarm, rings: list[float]) -> None:
    bell.set(10)
    bell.off()
    loop.until(130)
    assert (rings, loop.armed) == ([], [])
    bell.set(10)
    loop.until(200)
    assert rings == [140.0]


def test_closed_it_keeps_nothing_armed(loop: Loop, bell: Alarm, rings: list[float]) -> None:
    bell.close()
    bell.set(10)
    bell.close()
    assert loop.armed == []
    loop.until(math.inf)
    assert rings == []


def test_what_rings_may_set_it_again(loop: Loop, rings: list[float]) -> None:
    def ring() -> None:
        rings.append(loop.now)
        again.set(1)

    again = Alarm(ring)
    again.set(1)
    loop.until(103.5)
    assert rings == [101.0, 102.0, 103.0]


async def test_it_rings_in_a_real_loop() -> None:
    rung = anyio.Event()
    bell = Alarm(rung.set)
    bell.set(0.01)
    with anyio.fail_after(10):
        await rung.wait()


# What is done while whoever runs waits


async def test_what_can_wait_is_done_when_whoever_runs_waits() -> None:
    done: list[str] = []
    soon(lambda: done.append("later"))
    done.append("first")
    await checkpoint()
    assert done == ["first", "later"]


async def test_what_is_made_soon_is_made_once_and_at_the_latest_when_it_is_asked_for() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return len(made)

    asked, left = Soon(make), Soon(make)
    assert (repr(left), asked(), asked()) == ("<Soon>", 1, 1)
    await checkpoint()
    assert (repr(left), left(), asked(), made) == ("<Soon 2>", 2, 1, [1, 1])


async def test_what_cannot_be_made_fails_with_whoever_needs_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "luna.alarm")
    tries = iter((ValueError("not yet"), ValueError("still not")))

    def make() -> str:
        if (error := next(tries, None)) is not None:
            raise error
        return "made"

    late = Soon(make)
    await checkpoint()
    assert "left to whoever needs it: ValueError: not yet" in caplog.text
    with pytest.raises(ValueError, match="still not"):
        late()
    assert late() == "made"
