"""`/api/models`: what a script of LunaProxy's gets, what is new beside it, and what is told when Qwen is silent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from luna.admin import models as subject
from luna.core.prompts import Prompts
from luna.core.routing import Alias
from luna.core.snapshot import Snapshot, SnapshotCell
from luna.demo.faults import Fault
from luna.demo.serve import Lookalike
from luna.model.ambient import ManualClock
from luna.model.values import Globs
from luna.qwen.catalogue import Catalogue, shipped
from luna.qwen.endpoints import Site
from luna.state.accounts import Accounts
from luna.state.credentials import CredentialStore
from luna.state.runs import Runs
from luna.state.store import Store
from luna.upstream.pool import PoolBackend
from tests.support.panel import Panel

ALIASES = (
    Alias(Globs(("gpt-*", "qwen3")), "Qwen3.7-Plus"),
    Alias(Globs(("old",)), "qwen1-tiny"),
)


@dataclass
class Desk:
    """The routes, and what lies behind them."""

    panel: Panel
    runs: Runs
    clock: ManualClock
    site: Lookalike

    def used(self, target: str, times: int) -> None:
        for number in range(times):
            run = self.runs.begin(f"flow_{target}_{number}", model=target)
            run.describe(model=target, target=target, stream=False, preview="", client="", agent="")
            self.runs.end(run, outcome="completed", error=None, usage=None, http_status=200)


@asynccontextmanager
async def desk_at(tmp_path: Path, store: Store, *, account: bool = True) -> AsyncIterator[Desk]:
    clock = ManualClock()
    async with Lookalike(clock=clock) as site:
        backend, login = PoolBackend(clock=clock), site.login("test")
        accounts = Accounts(
            store=CredentialStore(tmp_path / "credentials.json"),
            backend=backend,
            clock=clock,
            site=Site(site.url, site.url),
            env_token=login.token if account else "",
            env_cookies=login.cookie_header if account else "",
        )
        snapshot = Snapshot(1, "0", 0.0, (), MappingProxyType({}), ALIASES, Prompts({}))
        runs = Runs(store, clock)
        panel = Panel(api=subject.routes(accounts, Catalogue(clock), SnapshotCell(snapshot), runs))
        try:
            yield Desk(panel, runs, clock, site)
        finally:
            await backend.aclose()


@pytest.fixture
async def desk(tmp_path: Path, store: Store) -> AsyncIterator[Desk]:
    async with desk_at(tmp_path, store) as made:
        yield made


async def test_the_list_is_the_sites_own(desk: Desk) -> None:
    told = (await desk.panel("GET", "/api/models")).document
    assert (told["providerId"], told["source"], told["problem"], told["demo"]) == ("qwen-ai", "live", "", False)
    assert told["updatedAt"] == round(desk.clock.wall() * 1000)
    assert told["count"] == len(told["items"]) > 3
    model = next(item for item in told["items"] if item["id"] == "qwen3.7-plus")
    assert (model["name"], model["contextTokens"]) == ("Qwen3.7-Plus", 1_000_000)
    assert model["maxContextLength"] == "1,000,000 tokens"
    assert "image" in model["modality"]


async def test_aliases_lead_to_models_in_their_order(desk: Desk) -> None:
    told = (await desk.panel("GET", "/api/models")).document
    first, lost, *own = told["aliases"]
    assert first == {
        "names": ["gpt-*", "qwen3"],
        "target": "Qwen3.7-Plus",
        "modelId": "qwen3.7-plus",
        "origin": "routes",
    }
    assert (lost["target"], lost["modelId"]) == ("qwen1-tiny", "")
    assert {alias["origin"] for alias in own} == {"luna"}
    assert ["qwen3"] not in [alias["names"] for alias in own], "a line of routes.yaml covers it"
    leading = {item["id"]: item["aliases"] for item in told["items"]}
    assert leading["qwen3.7-plus"] == ["gpt-*", "qwen3"]


async def test_runs_of_the_last_day_are_counted_by_the_model_they_meant(desk: Desk) -> None:
    desk.used("qwen3.7-max", 2)
    desk.clock.advance(86_000)
    desk.used("Qwen3.7-Plus", 3)
    desk.used("qwen3.7-plus", 1)
    desk.clock.advance(1_000)
    told = (await desk.panel("GET", "/api/models")).document
    runs = {item["id"]: item["runs"] for item in told["items"]}
    assert runs["qwen3.7-plus"] == 4
    assert runs["qwen3.7-max"] == 0


async def test_refreshing_asks_the_site_at_once(desk: Desk) -> None:
    await desk.panel("GET", "/api/models")
    desk.clock.advance(5)
    told = (await desk.panel("POST", "/api/models/refresh", {})).document
    assert told["ok"] is True
    assert told["updatedAt"] == round(desk.clock.wall() * 1000)
    assert told["count"] == len(told["items"])


async def test_a_site_that_does_not_answer(desk: Desk) -> None:
    before = (await desk.panel("GET", "/api/models")).document
    desk.site.faults.push(Fault("http-500"), times=10, path="/api/*models*")
    desk.clock.advance(3600)
    refused = await desk.panel("POST", "/api/models/refresh", {})
    assert refused.status == 502
    after = (await desk.panel("GET", "/api/models")).document
    assert (after["source"], after["updatedAt"]) == ("live", before["updatedAt"]), "the last list stays"
    assert after["problem"].startswith(refused.kind)


async def test_without_an_account_the_shipped_list_says_so(tmp_path: Path, store: Store) -> None:
    async with desk_at(tmp_path, store, account=False) as desk:
        told = (await desk.panel("GET", "/api/models")).document
        assert (told["source"], told["updatedAt"], told["count"]) == ("shipped", None, len(shipped().models))
        assert "account" in told["problem"].lower()
        assert (await desk.panel("POST", "/api/models/refresh", {})).status == 503
