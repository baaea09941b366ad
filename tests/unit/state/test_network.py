"""Profiles and workers: what may be set up, what is kept, and what a check's finding is about."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from luna.model.errors import Kind, LunaError
from luna.state.network import DIRECT, Network, NetworkProfile, Verified, Worker

SEEN = Verified(100.0, "", "203.0.113.9", 100.0)


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path / "network.json")


def profile(id: str = "p", **fields: Any) -> NetworkProfile:
    return NetworkProfile(id, **fields)


def worker(id: str = "w", **fields: Any) -> Worker:
    return Worker(id, **{"base_url": "https://w.example", **fields})


async def test_there_is_always_the_direct_way(network: Network) -> None:
    assert [one.id for one in network.profiles()] == [DIRECT]
    with pytest.raises(LunaError, match="cannot be removed"):
        await network.remove_profile(DIRECT)
    await network.put_profile(profile("a"))
    await network.put_profile(profile(DIRECT, enabled=False))
    assert [(one.id, one.enabled) for one in network.profiles()] == [(DIRECT, False), ("a", True)]


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "http-proxy", "proxy_url": "http://u:geheim@proxy.example:3128"},
        {"mode": "https-proxy", "proxy_url": "https://proxy.example"},
        {"mode": "socks5", "proxy_url": "socks5h://127.0.0.1:1080"},
        {"mode": "local-address", "local_address": "10.0.0.5"},
        {"mode": "worker-managed"},
        {"mode": "direct", "verify_ip_url": "http://127.0.0.1:9/ip", "expected_ip": "2001:DB8::0:1"},
    ],
)
async def test_a_profile_that_can_work_is_kept_across_a_restart(
    network: Network, tmp_path: Path, fields: dict[str, Any]
) -> None:
    put = await network.put_profile(profile(name="A name", **fields))
    again = Network(tmp_path / "network.json")
    assert again.profile("p") == put == network.profile("p")
    assert again.problems == []
    assert put.expected_ip in ("", "2001:db8::1")
    assert (tmp_path / "network.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"id": ""}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "ä"}, "id"),
        ({"id": ".."}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"mode": "http-proxy"}, "proxyUrl"),
        ({"mode": "http-proxy", "proxy_url": "https://h:1"}, "proxyUrl"),
        ({"mode": "https-proxy", "proxy_url": "http://h:1"}, "proxyUrl"),
        ({"mode": "socks5", "proxy_url": "http://h:1"}, "proxyUrl"),
        ({"mode": "http-proxy", "proxy_url": "http://u:geheim@h:1/path"}, "proxyUrl"),
        ({"mode": "http-proxy", "proxy_url": "http://u:geheim@169.254.169.254:80"}, "proxyUrl"),
        ({"mode": "socks5", "proxy_url": "socks5://u:geheim@[fe80::1]:80"}, "proxyUrl"),
        ({"mode": "socks5", "proxy_url": "socks5://0.0.0.0:80"}, "proxyUrl"),
        ({"mode": "direct", "proxy_url": "geheim"}, "proxyUrl"),
        ({"mode": "local-address"}, "localAddress"),
        ({"mode": "local-address", "local_address": "localhost"}, "localAddress"),
        ({"expected_ip": "unknown"}, "expectedIp"),
        ({"verify_ip_url": "ftp://x"}, "verifyIpUrl"),
        ({"verify_ip_url": "http://u:geheim@x"}, "verifyIpUrl"),
        ({"verify_ip_url": "http://169.254.169.254/latest"}, "verifyIpUrl"),
        ({"verify_ip_url": "http://[::ffff:169.254.169.254]/latest"}, "verifyIpUrl"),
        ({"verify_ip_url": "http://x/a b"}, "verifyIpUrl"),
        ({"id": DIRECT, "mode": "worker-managed"}, "mode"),
    ],
)
async def test_a_profile_that_cannot_work_is_refused_with_its_field(
    network: Network, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(LunaError) as failure:
        await network.put_profile(profile(**fields))
    assert (failure.value.kind, failure.value.param) == (Kind.BAD_REQUEST, param)
    assert "geheim" not in failure.value.told
    assert [one.id for one in network.profiles()] == [DIRECT]


async def test_a_worker_gets_a_key_and_keeps_it(network: Network, tmp_path: Path) -> None:
    put = await network.put_worker(worker(base_url="https://w.example/luna/"))
    assert put.base_url == "https://w.example/luna"
    assert len(put.key) >= 40
    assert (await network.put_worker(worker(enabled=False))).key == put.key
    assert (await network.put_worker(worker(key="mine"))).key == "mine"
    assert Network(tmp_path / "network.json").worker("w").key == "mine"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://10.0.0.2", "http://worker:8080", "http://nas.local", "https://w.example"]
)
async def test_a_worker_nearby_may_be_spoken_to_in_the_clear(network: Network, url: str) -> None:
    assert (await network.put_worker(worker(base_url=url))).base_url == url


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"base_url": "http://w.example"}, "baseUrl"),
        ({"base_url": "http://93.184.216.34"}, "baseUrl"),
        ({"base_url": "https://w.example?x=1"}, "baseUrl"),
        ({"base_url": "https://u:geheim@w.example"}, "baseUrl"),
        ({"base_url": "https://169.254.169.254"}, "baseUrl"),
        ({"base_url": "w.example"}, "baseUrl"),
        ({"base_url": ""}, "baseUrl"),
        ({"key": "two words"}, "key"),
        ({"key": "line\nbreak"}, "key"),
        ({"max_concurrent_runs": -1}, "maxConcurrentRuns"),
        ({"expected_ip": "x"}, "expectedIp"),
        ({"id": "a/b"}, "id"),
    ],
)
async def test_a_worker_that_cannot_work_is_refused_with_its_field(
    network: Network, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(LunaError) as failure:
        await network.put_worker(worker(**fields))
    assert (failure.value.kind, failure.value.param) == (Kind.BAD_REQUEST, param)
    assert "geheim" not in failure.value.told
    assert network.workers() == []


async def test_what_is_used_is_not_removed_and_what_is_not_there_is_told(network: Network) -> None:
    with pytest.raises(LunaError, match="There is no network profile 'p'"):
        await network.put_worker(worker(network_profile_id="p"))
    await network.put_profile(profile(mode="worker-managed"))
    await network.put_worker(worker(network_profile_id="p"))
    with pytest.raises(LunaError, match="is that of worker 'w'") as failure:
        await network.remove_profile("p")
    assert failure.value.kind is Kind.CONFLICT
    await network.remove_worker("w")
    await network.remove_profile("p")
    for call in (network.remove_profile("p"), network.remove_worker("w")):
        with pytest.raises(LunaError) as failure:
            await call
        assert failure.value.kind is Kind.NOT_FOUND


async def test_a_finding_holds_as_long_as_the_way_is_the_same(network: Network) -> None:
    proxied = profile(mode="http-proxy", proxy_url="http://h:1")
    await network.put_profile(proxied)
    await network.note_profile(network.profile("p"), SEEN)
    await network.put_profile(msgspec.structs.replace(proxied, name="x", expected_ip="1.1.1.1", enabled=False))
    assert network.profile("p").verified == SEEN
    await network.put_profile(msgspec.structs.replace(proxied, proxy_url="http://h:2", verified=SEEN))
    assert network.profile("p").verified is None, "nobody says what luna has not found"

    await network.put_worker(worker(key="k"))
    await network.note_worker(network.worker("w"), SEEN)
    await network.put_worker(worker(max_concurrent_runs=3))
    assert network.worker("w").verified == SEEN
    await network.put_worker(worker(key="k2"))
    assert network.worker("w").verified is None


async def test_a_finding_about_what_is_no_more_is_dropped(network: Network, tmp_path: Path) -> None:
    """Somebody changes the proxy while it is being asked."""
    asked = await network.put_profile(profile(mode="http-proxy", proxy_url="http://h:1"))
    await network.put_profile(profile(mode="http-proxy", proxy_url="http://h:2"))
    await network.note_profile(asked, SEEN)
    assert network.profile("p").verified is None
    await network.remove_profile("p")
    await network.note_profile(asked, SEEN)
    assert network.find_profile("p") is None
    gone = await network.put_worker(worker())
    await network.remove_worker("w")
    await network.note_worker(gone, SEEN)
    assert Network(tmp_path / "network.json").workers() == []


async def test_a_finding_outlives_a_restart(network: Network, tmp_path: Path) -> None:
    await network.note_profile(network.profile(DIRECT), SEEN)
    await network.put_worker(worker())
    await network.note_worker(network.worker("w"), SEEN.failed(200.0, "It was too slow."))
    again = Network(tmp_path / "network.json")
    assert again.profile(DIRECT).verified == SEEN
    assert again.worker("w").verified == Verified(200.0, "It was too slow.", "203.0.113.9", 100.0)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "unverified"),
        ({"enabled": False, "verified": SEEN}, "disabled"),
        ({"verified": SEEN}, "healthy"),
        ({"verified": SEEN, "expected_ip": "203.0.113.9"}, "healthy"),
        ({"verified": SEEN, "expected_ip": "203.0.113.8"}, "ip-mismatch"),
        ({"verified": SEEN.failed(200, "no")}, "offline"),
    ],
)
def test_the_state_in_one_word(fields: dict[str, Any], status: str) -> None:
    assert worker(**fields).status == profile(**fields).status == status


async def test_everybody_is_told_of_every_change(network: Network) -> None:
    told: list[str] = []
    network.watch(lambda: told.append(repr(network)))
    await network.put_profile(profile())
    await network.put_worker(worker())
    await network.note_worker(network.worker("w"), SEEN)
    await network.remove_worker("w")
    await network.remove_profile("p")
    assert told == [
        "<Network 2 profiles, 0 workers>",
        "<Network 2 profiles, 1 workers>",
        "<Network 2 profiles, 1 workers>",
        "<Network 2 profiles, 0 workers>",
        "<Network 1 profiles, 0 workers>",
    ]


async def test_secrets_are_known_and_shown_nowhere(network: Network) -> None:
    await network.put_profile(profile(mode="http-proxy", proxy_url="http://user:ge%20heim-geheim@h:1"))
    await network.put_profile(profile("q", mode="direct", proxy_url="socks5://user:another-one@h:1"))
    await network.put_worker(worker(key="key-of-the-worker"))
    assert sorted(network.secrets()) == ["another-one", "ge heim-geheim", "key-of-the-worker"]
    shown = f"{network!r} {network.profiles()!r} {network.workers()!r}"
    assert not any(secret in shown for secret in (*network.secrets(), "user", "ge%20heim"))
    await network.remove_worker("w")
    await network.remove_profile("q")
    assert network.secrets() == ["ge heim-geheim"]


async def test_a_change_that_cannot_be_written_is_in_force_and_says_so(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    told: list[int] = []
    network.watch(lambda: told.append(1))
    monkeypatch.setattr(network._file, "save", full)
    with pytest.raises(LunaError, match=r"in force, but cannot be written to network\.json: No space") as failure:
        await network.put_profile(profile())
    assert failure.value.kind is Kind.INTERNAL
    assert str(tmp_path) not in failure.value.told
    assert network.profile("p").id == "p"
    assert told == [1]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"profiles": [{"id": "p", "mode": "http-proxy", "proxyUrl": "geheim"}]}',
        '{"workers": [{"id": "w", "baseUrl": "http://w.example", "key": "geheim"}]}',
    ],
)
async def test_a_file_that_cannot_work_is_moved_aside_and_the_one_before_it_holds(
    network: Network, tmp_path: Path, text: str
) -> None:
    await network.put_profile(profile("before"))
    await network.put_profile(profile("after"))
    (tmp_path / "network.json").write_text(text)
    again = Network(tmp_path / "network.json")
    assert [one.id for one in again.profiles()] == [DIRECT, "before"]
    assert len(again.problems) == 1
    assert "geheim" not in again.problems[0]
    assert (tmp_path / "network.json.damaged-1").read_text() == text


async def test_a_workers_own_limit(network: Network) -> None:
    await network.put_worker(worker())
    await network.put_worker(worker("x", max_concurrent_runs=0))
    await network.put_worker(worker("y", max_concurrent_runs=2))
    assert [network.worker_limit(id) for id in ("w", "x", "y", "nobody")] == [None, 0, 2, None]
