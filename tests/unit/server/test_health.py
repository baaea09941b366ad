"""Liveness says little and at once; readiness says why not."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from luna.config.live import LiveConfig
from luna.core.live import LiveFlows
from luna.model.errors import Kind, LunaError
from luna.server import health
from luna.state.accounts import Accounts
from luna.state.store import Store
from tests.support.panel import Panel, Told


@dataclass
class House:
    """What is asked about its health."""

    store: Store
    folder: Path
    account: str = "ready"
    in_sync: bool = True

    def __post_init__(self) -> None:
        self.live = LiveFlows()
        accounts = SimpleNamespace(readiness=lambda: self.account)
        config = cast("LiveConfig", self)
        self.panel = Panel(
            open_routes=health.routes(config, cast("Accounts", accounts), self.live, self.store, self.folder)
        )

    async def ready(self) -> Told:
        return await self.panel("GET", "/health/ready", key="")


@pytest.fixture
def house(store: Store, tmp_path: Path) -> House:
    return House(store, tmp_path)


def reasons(said: Told) -> list[tuple[str, bool]]:
    return [(reason["check"], reason["blocking"]) for reason in said.document["reasons"]]


async def test_alive_whatever_happens(house: House) -> None:
    house.account = "none"
    house.live.draining = True
    said = await house.panel("GET", "/health", key="")
    assert (said.status, said.body) == (200, b'{"status":"ok"}')


async def test_ready(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**12))
    said = await house.ready()
    assert said.status == 200
    assert said.document == {
        "status": "ready",
        "checks": {"account": "ready", "config": "ok", "draining": False, "store": "ok", "disk": "ok"},
        "reasons": [],
    }


def no_account(house: House) -> None:
    house.account = "none"


def demo(house: House) -> None:
    house.account = "demo"


def draining(house: House) -> None:
    house.live.draining = True


def stale(house: House) -> None:
    house.in_sync = False


@pytest.mark.parametrize(
    ("spoil", "check", "status"),
    [(no_account, "account", 503), (demo, "account", 200), (draining, "draining", 503), (stale, "config", 200)],
)
async def test_what_is_wrong_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[House], None], check: str, status: int
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**12))
    spoil(house)
    said = await house.ready()
    assert (said.status, reasons(said)) == (status, [(check, status == 503)])
    assert all(reason["message"] for reason in said.document["reasons"])


@pytest.mark.parametrize(
    ("free", "word", "status"),
    [(10 * 1024**2, "full", 503), (100 * 1024**2, "low", 200), (1024**3, "ok", 200), (OSError(), "unknown", 200)],
)
async def test_room_on_the_disk(
    house: House, monkeypatch: pytest.MonkeyPatch, free: int | OSError, word: str, status: int
) -> None:
    def usage(_: object) -> Any:
        if isinstance(free, OSError):
            raise free
        return SimpleNamespace(free=free)

    monkeypatch.setattr("shutil.disk_usage", usage)
    said = await house.ready()
    assert (said.document["checks"]["disk"], said.status) == (word, status)
    assert (len(said.document["reasons"]) == 1) == (word in ("low", "full"))


async def test_a_store_that_takes_no_writes_and_then_does(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = True
    commit = house.store.commit

    async def fails() -> None:
        if refusing:
            raise LunaError(Kind.INTERNAL, "luna cannot write to its database: /secret/path.")
        await commit()

    monkeypatch.setattr(house.store, "commit", fails)
    said = await house.ready()
    assert (said.status, said.document["checks"]["store"], reasons(said)[0]) == (503, "refuses", ("store", True))
    assert b"/secret/path" not in said.body
    refusing = False
    assert (await house.ready()).document["checks"]["store"] == "ok"
    refusing = True
    assert (await house.ready()).document["checks"]["store"] == "ok", "not every question is a write"
    monkeypatch.setattr(type(house.store), "problem", "disk full")
    assert (await house.ready()).document["checks"]["store"] == "refuses"


async def test_a_damaged_database_that_was_replaced_is_told_of(house: House) -> None:
    house.store.problems.append("luna.db cannot be read; it was moved to luna.db.damaged-1.")
    assert ("store", False) in reasons(await house.ready())


async def test_without_a_store_the_rest_is_told(tmp_path: Path) -> None:
    accounts = SimpleNamespace(readiness=lambda: "ready")
    config = cast("LiveConfig", SimpleNamespace(in_sync=True))
    panel = Panel(open_routes=health.routes(config, cast("Accounts", accounts), LiveFlows()))
    said = await panel("GET", "/health/ready", key="")
    assert (said.status, said.document["checks"]["store"], said.document["checks"]["disk"]) == (
        200, "unknown", "unknown",
    )  # fmt: skip
