"""Nothing of an account ever leaves by another way than its own: real proxies, a real worker, a real site."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import msgspec
import pytest

from luna.model.ambient import SystemClock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import LivePreferences, MultiThread, Preferences
from luna.state.scheduler import Scheduler
from luna.state.tickets import Need
from luna.wire.recorder import CURRENT
from tests.support.certificates import make_certificate
from tests.support.isolated import ACTS, HERE, LINK_ADDRESS, LINK_HOST, Isolated, isolated
from tests.support.rawserver import RawServer, response
from tests.support.tape import MemoryRecording
from tests.support.workers import KEY

WAYS = {"a": 0, "b": 1, "c": 2}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("isolated"), f"DNS:{LINK_HOST}")


@pytest.fixture
async def house(tmp_path: Path, certificate: Path) -> AsyncIterator[Isolated]:
    async with isolated(tmp_path, certificate) as made:
        yield made


@pytest.mark.parametrize("name", WAYS)
async def test_everything_of_an_account_goes_by_its_own_way_and_nothing_by_another(house: Isolated, name: str) -> None:
    for what, act in ACTS.items():
        before, ledger = house.carried(), house.site.state.counters.requests
        await act(house, house.account(name))
        after = house.carried()
        others = [way for way in range(3) if way != WAYS[name]]
        assert [after[way] for way in others] == [before[way] for way in others] == [0, 0], what
        assert house.site.state.counters.requests > ledger or what == "link", what
    links = 1
    assert house.site.connections == sum(house.carried()) - links, "the site sees nobody but the ways"
    assert house.direct.tried == []


async def test_all_at_once_none_of_them_takes_anothers_way(house: Isolated) -> None:
    seen: dict[str, set[str]] = {}

    async def work(name: str) -> None:
        for act in ACTS.values():
            await act(house, house.account(name))

    async with anyio.create_task_group() as tasks:
        for name in WAYS:
            for _ in range(2):
                tasks.start_soon(work, name)
    assert house.direct.tried == []
    assert house.site.connections == sum(house.carried()) - 6
    port = house.site.url.rpartition(":")[2]
    for name, targets in (("a", house.http.targets), ("b", house.socks.targets), ("c", house.beyond.connected)):
        seen[name] = set(targets)
    assert set().union(*seen.values()) == {f"127.0.0.1:{port}", f"{LINK_ADDRESS}:443"}, "no name was looked up here"


async def test_a_closed_way_lets_nothing_out(house: Isolated) -> None:
    for profile in ("by-http", "by-socks", "by-worker"):
        known = house.network.profile(profile)
        await house.network.put_profile(msgspec.structs.replace(known, enabled=False))
    for name in WAYS:
        for what, act in ACTS.items():
            if what == "validation":
                verdict = await house.accounts.check(name)
                assert (verdict.valid, verdict.lost) == (False, False)
                assert f"Nothing may leave for account '{name}'" in verdict.error
            else:
                with pytest.raises(LunaError) as closed:
                    await act(house, house.account(name))
                assert closed.value.kind is Kind.EGRESS_CLOSED, what
        assert house.account(name).state.word == "ready", "it says nothing of the account's login"
    assert house.carried() == (0, 0, 0)
    assert (house.site.connections, house.site.state.counters.requests) == (0, 0)
    assert house.direct.tried == []


async def test_credentials_without_an_account_go_by_no_account_s_way(house: Isolated) -> None:
    login = house.site.login("newcomer")
    new = {"token": login.token, "cookies": login.cookie_header}
    verdict = await house.accounts.validate(new)
    assert verdict.valid, "the worker is for all whom no profile binds"
    assert house.carried() == (0, 0, 1)
    await house.network.put_worker(msgspec.structs.replace(house.network.worker("w"), account_id="c"))
    verdict = await house.accounts.validate(new)
    assert not verdict.valid
    assert "no enabled worker" in verdict.error
    assert house.carried() == (0, 0, 1)
    assert house.direct.tried == []


async def test_credentials_of_a_known_user_go_by_that_users_way(house: Isolated) -> None:
    login = house.site.login("somebody")
    credentials = {"token": login.token, "cookies": login.cookie_header}
    account = await house.accounts.save(credentials, new=True, network_profile="by-socks")
    assert account.id.startswith("qwen-")
    verdict = await house.accounts.validate(credentials)
    assert verdict.valid
    assert house.carried() == (0, 1, 0)


async def test_a_changed_profile_holds_for_the_next_request_and_for_the_renewed_login(house: Isolated) -> None:
    account = house.account("a")
    await ACTS["models"](house, account)
    await house.accounts.edit("a", network_profile="by-socks")
    await ACTS["models"](house, account)
    assert house.carried() == (1, 1, 0)
    login = house.site.login("a")
    await house.accounts.save({"token": login.token, "cookies": login.cookie_header}, account_id="a")
    await ACTS["models"](house, account)
    await ACTS["renewal"](house, account)
    assert (house.carried()[0], house.direct.tried) == (1, [])


async def test_a_removed_account_keeps_its_way_for_what_it_is_still_doing(house: Isolated) -> None:
    account = house.account("b")
    await house.accounts.remove("b")
    await ACTS["chat"](house, account)
    assert house.carried()[0::2] == (0, 0)
    assert house.direct.tried == []


async def test_an_account_that_fails_over_does_so_by_its_own_way(house: Isolated) -> None:
    """The scheduler leaves out an account whose way is closed, and seats the others at their workers."""
    house.accounts.gate = lambda account: house.egress.refusal(account.id, account.network_profile)
    scheduler = Scheduler(
        house.accounts,
        LivePreferences(Preferences(multi_thread=MultiThread(default_worker_max_concurrent_runs=5))),
        clock=SystemClock(),
        workers=lambda account: house.egress.workers(account.id, account.network_profile),
        worker_limit=house.network.worker_limit,
    )
    house.egress.watch(house.accounts.tell)
    await house.network.put_worker(msgspec.structs.replace(house.network.worker("w"), max_concurrent_runs=1))
    for profile in ("by-http", "by-socks"):
        await house.network.put_profile(msgspec.structs.replace(house.network.profile(profile), enabled=False))
    seat = scheduler.ask(Need.of()).seat
    assert seat is not None
    assert (seat.account.id, seat.worker) == ("c", "w")
    waiting = scheduler.ask(Need.of())
    assert waiting.seat is None, "the worker's own limit"
    await house.network.put_worker(msgspec.structs.replace(house.network.worker("w"), max_concurrent_runs=2))
    second = waiting.seat
    assert second is not None, "a changed limit holds at once"
    third = scheduler.ask(Need.of())
    await house.network.put_profile(msgspec.structs.replace(house.network.profile("by-socks"), enabled=True))
    assert third.seat is not None
    assert (third.seat.account.id, third.seat.worker) == ("b", "")
    for held in (seat, second, third.seat):
        held.release()
    for profile in ("by-socks", "by-worker"):
        await house.network.put_profile(msgspec.structs.replace(house.network.profile(profile), enabled=False))
    with pytest.raises(LunaError) as refused:
        scheduler.ask(Need.of())
    assert refused.value.kind is Kind.EGRESS_CLOSED


async def test_a_recording_shows_what_was_exchanged_and_no_secret_of_the_way(house: Isolated) -> None:
    for name in WAYS:
        made = MemoryRecording(secrets=[*house.accounts.secrets(), *house.network.secrets()])
        token = CURRENT.set(made.recorder)
        try:
            await ACTS["models"](house, house.account(name))
        finally:
            CURRENT.reset(token)
        made.recorder.ended("completed")
        written = b"".join(made.sink.lines)
        assert f'"url":"{house.site.url}/api/'.encode() in written
        assert not any(secret.encode() in written for secret in (KEY, "password-a", "password-b", "x-luna-exchange"))


async def test_the_address_is_asked_for_by_the_way_itself(house: Isolated) -> None:
    async with RawServer(response(b'{"ip": "203.0.113.50"}')) as service:
        house.rules(enabled=True, verify_ip_url=service.url)
        target = f"127.0.0.1:{service.port}"
        for profile, proxy in (("by-http", house.http), ("by-socks", house.socks)):
            verified = await house.egress.verify_profile(profile)
            assert (verified.ip, verified.error) == ("203.0.113.50", "")
            assert proxy.targets == [target]
            assert house.network.profile(profile).verified == verified
        assert service.accepted == 2
    assert house.direct.tried == []
    with pytest.raises(LunaError, match="its workers have"):
        await house.egress.verify_profile("by-worker")


async def test_a_way_that_shows_the_direct_address_closes(house: Isolated) -> None:
    await ACTS["models"](house, house.account("a"))
    async with RawServer(response(HERE.encode())) as service:
        house.rules(enabled=True, verify_ip_url=service.url)
        assert (await house.egress.verify_profile("by-http")).ip == HERE
    with pytest.raises(LunaError, match="same address as the direct way"):
        await ACTS["models"](house, house.account("a"))
    await ACTS["models"](house, house.account("b"))
