"""A browser that somebody logs in with goes out as its account does, or not at all."""

from pathlib import Path

import pytest

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import EgressIsolation, LivePreferences, Preferences
from luna.qwen.endpoints import Site
from luna.state.accounts import Accounts
from luna.state.capture_way import browser_way
from luna.state.credentials import CredentialStore
from luna.state.egress import Egress
from luna.state.network import Network, NetworkProfile, Worker
from luna.upstream.proxy_address import ProxyAddress
from tests.support.scripted import ScriptedBackend


class Desk:
    def __init__(self, directory: Path) -> None:
        clock = ManualClock()
        self.live = LivePreferences()
        self.network = Network(directory / "network.json")
        self.egress = Egress(self.network, self.live, ScriptedBackend(), clock)
        self.accounts = Accounts(
            store=CredentialStore(directory / "credentials.json"), backend=ScriptedBackend(), clock=clock, site=Site()
        )

    async def bound(self, profile: NetworkProfile | None) -> None:
        await self.accounts.save({"token": "t"}, account_id="mine")
        if profile is not None:
            await self.network.put_profile(profile)
            await self.accounts.edit("mine", network_profile=profile.id)

    def way(self, account_id: str = "mine") -> ProxyAddress | None:
        return browser_way(self.accounts, self.egress, account_id)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_without_a_profile_it_goes_straight_out(desk: Desk) -> None:
    await desk.bound(None)
    assert desk.way() is None
    assert desk.way("") is None, "so does somebody who is no account yet"


async def test_with_a_proxy_it_goes_by_that(desk: Desk) -> None:
    await desk.bound(NetworkProfile("home", mode="http-proxy", proxy_url="http://me:s3cret@proxy.example:3128"))
    assert desk.way() == ProxyAddress("http", "proxy.example", 3128, "me", "s3cret")
    assert desk.way("") is None


async def test_what_a_browser_cannot_do_is_refused(desk: Desk) -> None:
    await desk.bound(NetworkProfile("here", mode="local-address", local_address="127.0.0.2"))
    with pytest.raises(LunaError) as refused:
        desk.way()
    assert (refused.value.kind, "paste" in refused.value.hint) == (Kind.EGRESS_CLOSED, True)
    await desk.bound(NetworkProfile("far", mode="worker-managed"))
    await desk.network.put_worker(Worker("w1", "http://127.0.0.1:9"))
    with pytest.raises(LunaError, match="through worker 'w1'"):
        desk.way()


async def test_under_isolation_nobody_logs_in_past_it(desk: Desk) -> None:
    await desk.bound(NetworkProfile("home", mode="http-proxy", proxy_url="http://proxy.example:3128"))
    desk.live.replace(Preferences(egress_isolation=EgressIsolation(enabled=True)))
    for account in ("mine", ""):
        with pytest.raises(LunaError) as refused:
            desk.way(account)
        assert refused.value.kind is Kind.EGRESS_CLOSED
