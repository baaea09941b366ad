"""The ways out as they are used: which backend a way means, and that what is not used is let go."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import EgressIsolation, LivePreferences, Preferences
from luna.state.egress import Egress
from luna.state.network import DIRECT, Network, NetworkProfile, Verified, Worker
from luna.upstream.exchange import OutRequest
from luna.upstream.pools import Pools
from tests.support.proxies import ConnectProxy
from tests.support.rawserver import RawServer, response
from tests.support.scripted import Says, ScriptedBackend


class Desk:
    """An egress, its pools, and a direct way that answers everything."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock()
        self.live = LivePreferences()
        self.network = Network(directory / "network.json")
        self.direct = ScriptedBackend().on("GET", "/", Says((b"straight",)))
        self.pools = Pools(self.clock)
        self.egress = Egress(self.network, self.live, self.direct, self.clock, self.pools)
        self.profile = ""

    async def ask(self, url: str) -> bytes:
        answer = await self.egress.backend("a", lambda: self.profile).open(OutRequest("GET", url))
        try:
            return await answer.read()
        finally:
            await answer.aclose()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    await made.egress.aclose()


async def test_a_way_is_asked_for_at_each_request(desk: Desk) -> None:
    async with RawServer(response(b"by proxy")) as server, ConnectProxy() as proxy:
        await desk.network.put_profile(NetworkProfile("p", mode="http-proxy", proxy_url=proxy.url))
        await desk.network.put_profile(NetworkProfile("l", mode="local-address", local_address="127.0.0.7"))
        await desk.network.put_profile(NetworkProfile("d", mode="direct"))
        assert await desk.ask(server.url + "/") == b"straight"
        desk.profile = "p"
        assert await desk.ask(server.url + "/") == b"by proxy"
        assert proxy.carried == 1
        desk.profile = "l"
        assert await desk.ask(server.url + "/") == b"by proxy"
        assert (proxy.carried, server.accepted) == (1, 2)
        desk.profile = "d"
        assert await desk.ask(server.url + "/") == b"straight"
        desk.profile = "gone"
        with pytest.raises(LunaError) as closed:
            await desk.ask(server.url + "/")
        assert closed.value.kind is Kind.EGRESS_CLOSED
        assert (len(desk.direct.requests), server.accepted) == (2, 2)


async def test_connections_of_ways_that_are_no_more_are_let_go(desk: Desk) -> None:
    async with RawServer(response(b"x")) as server, ConnectProxy() as proxy:
        for name in ("p", "q"):
            await desk.network.put_profile(NetworkProfile(name, mode="http-proxy", proxy_url=f"{proxy.url}/"))
            desk.profile = name
            await desk.ask(server.url)
        assert (len(desk.pools), proxy.carried) == (1, 1), "the same proxy is the same way"
        await desk.network.remove_profile("p")
        await desk.egress.tidy()
        assert len(desk.pools) == 1
        await desk.network.put_profile(msgspec.structs.replace(desk.network.profile("q"), enabled=False))
        await desk.egress.tidy()
        assert len(desk.pools) == 0
    assert desk.network.secrets() == []


async def test_the_scheduler_is_told_the_worker_that_will_be_taken(desk: Desk) -> None:
    assert desk.egress.workers("a", "") == ()
    desk.live.replace(Preferences(egress_isolation=EgressIsolation(enabled=True)))
    assert desk.egress.workers("a", "") == ()
    assert desk.egress.refusal("a", "") is not None
    now = desk.clock.wall()
    await desk.network.note_profile(desk.network.profile(DIRECT), Verified(now, "", "198.51.100.1", now))
    for name in "wxyz":
        worker = await desk.network.put_worker(Worker(name, "https://w.example"))
        await desk.network.note_worker(worker, Verified(now, "", "203.0.113.9", now))
    (taken,) = desk.egress.workers("a", "")
    assert desk.egress.ways.take("a", "").worker == taken
    assert desk.egress.refusal("a", "") is None


async def test_who_watches_is_told_of_every_change_of_ways(desk: Desk) -> None:
    told: list[bool] = []
    desk.egress.watch(lambda: told.append(desk.egress.refusal("a", "") is None))
    desk.live.replace(
        Preferences(egress_isolation=EgressIsolation(enabled=True, strict=False, verify_before_use=False))
    )
    await desk.network.put_worker(Worker("w", "https://w.example"))
    await desk.network.remove_worker("w")
    assert told == [False, True, False]
