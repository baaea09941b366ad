"""`/api/network-profiles`, `/api/workers`, `/api/egress`: what goes in, what comes out, and what never does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from luna.admin import egress as egress_routes
from luna.admin import network as network_routes
from luna.admin import workers as worker_routes
from luna.model.ambient import Ids, ManualClock
from luna.model.preferences import EgressIsolation, LivePreferences, Preferences
from luna.qwen.endpoints import Site
from luna.state.accounts import Accounts
from luna.state.credentials import CredentialStore
from luna.state.egress import Egress
from luna.state.network import Network
from luna.upstream.pool import PoolBackend
from tests.support.panel import Panel
from tests.support.rawserver import RawServer, response
from tests.support.workers import KEY, running_worker

PROXY = "http://somebody:geheim-geheim@127.0.0.1:1"


class Desk:
    """The routes over services of their own."""

    def __init__(self, directory: Path, pool: PoolBackend) -> None:
        self.clock = ManualClock()
        self.live = LivePreferences()
        self.network = Network(directory / "network.json")
        self.egress = Egress(self.network, self.live, pool, self.clock)
        self.accounts = Accounts(
            store=CredentialStore(directory / "credentials.json"),
            backend=pool,
            clock=self.clock,
            site=Site(),
            ids=Ids(b"desk"),
            ways=self.egress.backend,
        )
        self.ask = Panel(
            [
                *network_routes.routes(self.network, self.egress, self.accounts),
                *worker_routes.routes(self.network, self.egress),
                *egress_routes.routes(self.egress, self.accounts),
            ]
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    pool = PoolBackend()
    made = Desk(tmp_path, pool)
    yield made
    await made.egress.aclose()
    await pool.aclose()


async def test_profiles_are_added_changed_listed_and_removed(desk: Desk) -> None:
    assert [one["id"] for one in (await desk.ask("GET", "/api/network-profiles")).document] == ["direct"]
    made = await desk.ask("POST", "/api/network-profiles", {"id": "p", "mode": "http-proxy", "proxyUrl": PROXY})
    assert made.status == 201
    assert made.document == {
        "id": "p",
        "name": "p",
        "mode": "http-proxy",
        "enabled": True,
        "status": "unverified",
        "proxy": "http://127.0.0.1:1",
    }
    changed = await desk.ask(
        "PUT", "/api/network-profiles/p", {**made.document, "name": "Far away", "expectedIp": "::1"}
    )
    assert (changed.status, changed.document["name"], changed.document["expectedIp"]) == (200, "Far away", "::1")
    assert desk.network.profile("p").proxy_url == PROXY, "what is left out stays"
    cleared = await desk.ask("POST", "/api/network-profiles", {"id": "p", "expectedIp": None, "name": None})
    assert (cleared.status, cleared.document["name"], "expectedIp" in cleared.document) == (200, "p", False)
    assert (await desk.ask("PUT", "/api/network-profiles/q", {})).status == 201
    assert (await desk.ask("DELETE", "/api/network-profiles/q")).document == {"ok": True}
    assert (await desk.ask("DELETE", "/api/network-profiles/q")).status == 404
    assert (await desk.ask("DELETE", "/api/network-profiles/direct")).status == 409


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "p", "mode": "carrier-pigeon"},
        {"id": "p", "unknown": 1},
        {"id": "p", "mode": "http-proxy"},
        {"id": "p", "mode": "http-proxy", "proxyUrl": "http://u:geheim-geheim@h:1/x"},
        {"id": "p", "mode": "http-proxy", "proxyUrl": "geheim-geheim"},
        {"id": "p", "enabled": "yes"},
        {"id": "p", "name": "x" * 121},
        {"id": "p" * 65},
        {"id": "a b"},
        {"id": 1},
        [],
        "x",
    ],
)
async def test_a_profile_that_cannot_be_is_refused(desk: Desk, body: object) -> None:
    told = await desk.ask("POST", "/api/network-profiles", body)
    assert (told.status, told.kind) == (400, "bad-request")
    assert b"geheim" not in told.body
    assert len(desk.network.profiles()) == 1


async def test_an_id_in_the_path_is_the_one(desk: Desk) -> None:
    assert (await desk.ask("PUT", "/api/network-profiles/p", {"id": "q"})).status == 400
    assert (await desk.ask("PUT", "/api/workers/p", {"id": "q", "baseUrl": "https://w"})).status == 400


async def test_no_secret_comes_out(desk: Desk) -> None:
    await desk.ask("POST", "/api/network-profiles", {"id": "p", "mode": "http-proxy", "proxyUrl": PROXY})
    made = await desk.ask("POST", "/api/workers", {"id": "w", "baseUrl": "https://w.example"})
    key = made.document["key"]
    assert (made.status, len(key) >= 40) == (201, True)
    mine = await desk.ask("POST", "/api/workers", {"id": "x", "baseUrl": "https://w.example", "key": "mine-mine-mine"})
    assert "key" not in mine.document
    answers = [
        await desk.ask("PUT", "/api/workers/w", {"enabled": False, "key": "another-secret"}),
        await desk.ask("GET", "/api/workers"),
        await desk.ask("GET", "/api/network-profiles"),
        await desk.ask("PUT", "/api/network-profiles/p", {"name": "x"}),
        await desk.ask("POST", "/api/network-profiles/p/verify"),
        await desk.ask("POST", "/api/workers/verify-all"),
        await desk.ask("GET", "/api/egress"),
    ]
    for answer in answers:
        assert answer.status == 200
        for secret in (key, "another-secret", "mine-mine-mine", "geheim", "somebody"):
            assert secret.encode() not in answer.body


async def test_workers_are_added_changed_listed_and_removed(desk: Desk) -> None:
    body = {
        "id": "w",
        "baseUrl": "http://127.0.0.1:8099/",
        "providerId": "qwen-ai",
        "accountId": "a",
        "maxConcurrentRuns": 2,
        "expectedIp": "203.0.113.9",
    }
    made = await desk.ask("POST", "/api/workers", body)
    assert made.status == 201
    shown = {name: value for name, value in made.document.items() if name != "key"}
    assert shown == {**body, "baseUrl": "http://127.0.0.1:8099", "enabled": True, "status": "unverified"}
    changed = await desk.ask("PUT", "/api/workers/w", {**shown, "maxConcurrentRuns": None, "accountId": None})
    assert (changed.status, "maxConcurrentRuns" in changed.document, "accountId" in changed.document) == (
        200,
        False,
        False,
    )
    assert desk.network.worker_limit("w") is None
    assert (await desk.ask("PUT", "/api/workers/w", {"maxConcurrentRuns": 0})).document["maxConcurrentRuns"] == 0
    assert (await desk.ask("DELETE", "/api/workers/w")).document == {"ok": True}
    assert (await desk.ask("DELETE", "/api/workers/w")).status == 404
    assert (await desk.ask("GET", "/api/workers")).document == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "w"}, 400),
        ({"baseUrl": "https://w"}, 400),
        ({"id": "w", "baseUrl": "http://w.example"}, 400),
        ({"id": "w", "baseUrl": "https://w", "providerId": "other"}, 400),
        ({"id": "w", "baseUrl": "https://w", "maxConcurrentRuns": -1}, 400),
        ({"id": "w", "baseUrl": "https://w", "networkProfileId": "gone"}, 404),
    ],
)
async def test_a_worker_that_cannot_be_is_refused(desk: Desk, body: object, status: int) -> None:
    assert (await desk.ask("POST", "/api/workers", body)).status == status
    assert desk.network.workers() == []


async def test_a_check_says_what_was_found_and_keeps_it(desk: Desk) -> None:
    async with RawServer(response(b'{"ip": "203.0.113.9"}'), response(b"the-secret-of-the-machine")) as service:
        desk.live.replace(Preferences(egress_isolation=EgressIsolation(verify_ip_url=service.url)))
        assert (await desk.ask("GET", "/api/egress/direct-ip")).document == {"ip": "203.0.113.9", "source": "direct"}
        failed = await desk.ask("GET", "/api/egress/direct-ip")
    assert failed.document == {
        "ip": "",
        "source": "direct-error",
        "error": "The address service did not answer with an address.",
    }
    at = round(desk.clock.wall() * 1000)
    (shown,) = (await desk.ask("GET", "/api/network-profiles")).document
    assert (shown["status"], shown["lastVerifiedIp"], shown["lastVerifiedAt"], shown["lastCheckedAt"]) == (
        "offline",
        "203.0.113.9",
        at,
        at,
    )
    assert shown["lastError"] == failed.document["error"]


@pytest.mark.parametrize(("expected", "match"), [("", True), ("203.0.113.9", True), ("203.0.113.8", False)])
async def test_a_profiles_check(desk: Desk, expected: str, match: bool) -> None:
    async with RawServer(response(b"203.0.113.9")) as service:
        body = {"id": "p", "mode": "local-address", "localAddress": "127.0.0.1", "verifyIpUrl": service.url}
        await desk.ask("POST", "/api/network-profiles", {**body, "expectedIp": expected})
        checked = await desk.ask("POST", "/api/network-profiles/p/verify")
    wanted = {"expectedIp": expected} if expected else {}
    assert checked.document == {"profileId": "p", "match": match, "ip": "203.0.113.9", **wanted}
    status = "healthy" if match else "ip-mismatch"
    assert (await desk.ask("GET", "/api/network-profiles")).document[1]["status"] == status


async def test_a_profile_without_a_way_of_its_own_has_no_check(desk: Desk) -> None:
    await desk.ask("POST", "/api/network-profiles", {"id": "m", "mode": "worker-managed"})
    assert (await desk.ask("POST", "/api/network-profiles/m/verify")).status == 400
    assert (await desk.ask("POST", "/api/network-profiles/gone/verify")).status == 404
    assert (await desk.ask("POST", "/api/workers/gone/verify-ip")).status == 404


async def test_workers_are_checked_one_by_one_and_all_at_once(desk: Desk) -> None:
    pool = PoolBackend()
    async with (
        RawServer(response(b"203.0.113.9")) as service,
        running_worker([], pool, ip_url=lambda: service.url) as worker,
    ):
        await desk.ask("POST", "/api/workers", {"id": "good", "baseUrl": worker.url, "key": KEY})
        await desk.ask("POST", "/api/workers", {"id": "wrong-key", "baseUrl": worker.url, "key": "another"})
        await desk.ask("POST", "/api/workers", {"id": "none", "baseUrl": service.url, "enabled": False})
        await desk.ask("POST", "/api/workers", {"id": "gone", "baseUrl": "http://127.0.0.1:1"})
        one = await desk.ask("POST", "/api/workers/good/verify-ip")
        assert one.document == {"workerId": "good", "match": True, "ip": "203.0.113.9"}
        told = {each["workerId"]: each for each in (await desk.ask("POST", "/api/workers/verify-all")).document}
    await pool.aclose()
    assert list(told) == ["gone", "good", "none", "wrong-key"]
    assert told["good"]["match"]
    assert told["wrong-key"]["error"] == "Worker 'wrong-key' did not tell its address: its key is another one."
    assert (told["gone"]["match"], "connect" in told["gone"]["error"]) == (False, True)
    listed = {each["id"]: each["status"] for each in (await desk.ask("GET", "/api/workers")).document}
    assert listed == {"good": "healthy", "wrong-key": "offline", "none": "disabled", "gone": "offline"}


async def test_the_ways_of_all_accounts(desk: Desk) -> None:
    await desk.accounts.save({"token": "t"}, account_id="a", new=True)
    await desk.accounts.save({"token": "t"}, account_id="b", new=True, network_profile="gone")
    told = (await desk.ask("GET", "/api/egress")).document
    assert told == {
        "isolated": False,
        "strict": True,
        "fallbackToDirect": False,
        "ways": [
            {"accountId": "a", "open": True},
            {
                "accountId": "b",
                "open": False,
                "networkProfileId": "gone",
                "reason": "Nothing may leave for account 'b': its network profile 'gone' does not exist.",
            },
        ],
    }
    desk.live.replace(Preferences(egress_isolation=EgressIsolation(enabled=True)))
    assert [way["open"] for way in (await desk.ask("GET", "/api/egress")).document["ways"]] == [False, False]


async def test_a_profile_that_accounts_have_is_removed_only_where_that_is_forced(desk: Desk) -> None:
    await desk.ask("POST", "/api/network-profiles", {"id": "p", "mode": "http-proxy", "proxyUrl": PROXY})
    await desk.accounts.save({"token": "t"}, account_id="a", new=True, network_profile="p")
    refused = await desk.ask("DELETE", "/api/network-profiles/p")
    assert (refused.status, refused.kind) == (409, "conflict")
    assert "is that of a." in refused.document["error"]["message"]
    assert (await desk.ask("DELETE", "/api/network-profiles/p?force=perhaps")).status == 400
    assert desk.network.find_profile("p") is not None
    assert (await desk.ask("DELETE", "/api/network-profiles/p?force=true")).document == {"ok": True}
    assert desk.network.find_profile("p") is None
    assert (await desk.ask("DELETE", "/api/network-profiles/p")).status == 404


async def test_the_look_alike_needs_no_way(desk: Desk) -> None:
    desk.accounts.add_demo(Site(), token="t", cookies={})
    desk.live.replace(Preferences(egress_isolation=EgressIsolation(enabled=True)))
    (way,) = (await desk.ask("GET", "/api/egress")).document["ways"]
    assert (way["accountId"], way["open"]) == ("demo", True)


async def test_strangers_learn_nothing(desk: Desk) -> None:
    for method, path in (("GET", "/api/network-profiles"), ("POST", "/api/workers"), ("GET", "/api/egress/direct-ip")):
        assert (await desk.ask(method, path, key="")).status == 401
