"""When the addresses of ways are asked for by themselves: in time, not more often than needed, not without need."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import EgressIsolation, LivePreferences, Preferences
from luna.state.egress import Egress
from luna.state.network import DIRECT, Network, NetworkProfile, Verified, Worker
from luna.state.verification import RETRY, Verification
from tests.support.scripted import ScriptedBackend

IP = "203.0.113.9"


class Asked(Egress):
    """An egress whose ways answer what a test says, at once."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock()
        self.live = LivePreferences()
        super().__init__(Network(directory / "network.json"), self.live, ScriptedBackend(), self.clock)
        self.asked: list[str] = []
        self.down: set[str] = set()
        self.wrong: LunaError | None = None
        self.at_once = self.most_at_once = 0
        self.accounts: list[tuple[str, str]] = [("a", "p"), ("b", "")]

    def rules(self, **rules: Any) -> None:
        self.live.replace(Preferences(egress_isolation=EgressIsolation(**rules)))

    async def verify(self, way: NetworkProfile | Worker) -> Verified:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await anyio.sleep(0.001)
        self.at_once -= 1
        if self.wrong is not None:
            self.asked.append(way.id)
            raise self.wrong
        now = self.clock.wall()
        found = Verified(now, "It was too slow.") if way.id in self.down else Verified(now, "", IP, now)
        if isinstance(way, Worker):
            await self.network.note_worker(way, found)
        else:
            await self.network.note_profile(way, found)
        self.asked.append(way.id)
        return found


@pytest.fixture
async def egress(tmp_path: Path) -> Asked:
    made = Asked(tmp_path)
    await made.network.put_profile(NetworkProfile("p", mode="http-proxy", proxy_url="http://h:1"))
    await made.network.put_profile(NetworkProfile("unused", mode="http-proxy", proxy_url="http://h:2"))
    await made.network.put_worker(Worker("w", "https://w.example"))
    return made


@asynccontextmanager
async def kept(egress: Asked) -> AsyncIterator[Verification]:
    verification = Verification(egress, lambda: egress.accounts, egress.clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(verification.run)
        try:
            yield verification
        finally:
            tasks.cancel_scope.cancel()


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(2):
        while not true():
            await anyio.sleep(0.002)


async def rest() -> None:
    """Long enough for whatever is about to happen."""
    await anyio.sleep(0.03)


async def test_without_isolation_nobody_is_asked(egress: Asked) -> None:
    async with kept(egress) as verification:
        assert repr(verification) == "<Verification asleep>"
        await rest()
        egress.rules(enabled=True, verify_before_use=False)
        await rest()
    assert egress.asked == []


async def test_what_is_in_use_is_asked_as_soon_as_isolation_is_on(egress: Asked) -> None:
    async with kept(egress) as verification:
        egress.rules(enabled=True)
        await until(lambda: len(egress.asked) == 3)
        await rest()
        assert sorted(egress.asked) == [DIRECT, "p", "w"]
        assert verification.due() == []
        egress.accounts.append(("c", "unused"))
        verification.stir()
        await until(lambda: "unused" in egress.asked)
        await egress.network.put_worker(Worker("w2", "https://w2.example"))
        await until(lambda: "w2" in egress.asked)
        await rest()
    assert len(egress.asked) == 5


async def test_it_is_asked_again_before_a_verification_runs_out(egress: Asked) -> None:
    egress.rules(enabled=True, strict=False, verify_max_age_minutes=10)
    egress.accounts = [("a", "p")]
    async with kept(egress) as verification:
        await until(lambda: egress.asked == ["p"])
        egress.clock.advance(299)
        verification.stir()
        await rest()
        assert egress.asked == ["p"]
        egress.clock.advance(1)
        verification.stir()
        await until(lambda: egress.asked == ["p", "p"])
        assert egress.refusal("a", "p") is None


async def test_one_that_failed_is_asked_again_soon_and_closes_when_its_time_is_over(egress: Asked) -> None:
    egress.rules(enabled=True, strict=False, verify_max_age_minutes=10)
    egress.accounts, egress.down = [("a", "p")], {"p"}
    async with kept(egress) as verification:
        await until(lambda: egress.asked == ["p"])
        await rest()
        assert len(egress.asked) == 1, "not over and over"
        refused = egress.refusal("a", "p")
        assert refused is not None
        assert "It was too slow." in refused.message
        egress.clock.advance(RETRY)
        egress.down.clear()
        verification.stir()
        await until(lambda: len(egress.asked) == 2)
        assert egress.refusal("a", "p") is None


async def test_a_short_age_is_kept_up_with(egress: Asked) -> None:
    egress.rules(enabled=True, strict=False, verify_max_age_minutes=0.2)
    egress.accounts = [("a", "p")]
    async with kept(egress) as verification:
        for number in range(1, 4):
            await until(lambda number=number: len(egress.asked) == number)  # type: ignore[misc]
            egress.clock.advance(6)
            assert egress.refusal("a", "p") is None
            verification.stir()


async def test_a_few_at_a_time(egress: Asked) -> None:
    for number in range(12):
        await egress.network.put_worker(Worker(f"w{number}", "https://w.example"))
    egress.rules(enabled=True, strict=False)
    async with kept(egress):
        await until(lambda: len(egress.asked) == 14)
    assert egress.most_at_once == 4


async def test_what_cannot_be_asked_or_written_down_ends_nothing(
    egress: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    egress.rules(enabled=True, strict=False)
    egress.accounts = [("a", "p")]
    egress.wrong = LunaError(Kind.INTERNAL, "The disk is full.")
    async with kept(egress) as verification:
        await until(lambda: len(egress.asked) == 1)
        egress.wrong = None
        verification.stir()
        await until(lambda: len(egress.asked) == 2)
        await until(lambda: egress.refusal("a", "p") is None)
    assert "The disk is full." in caplog.text


async def test_connections_of_ways_that_are_no_more_are_closed(egress: Asked) -> None:
    closed: list[int] = []

    async def tidy() -> None:
        closed.append(len(egress.network.profiles()))

    egress.tidy = tidy  # type: ignore[method-assign]
    async with kept(egress):
        await until(lambda: closed == [3])
        await egress.network.remove_profile("unused")
        await until(lambda: closed == [3, 2])
