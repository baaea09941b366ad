"""Accounts: where they come from, who gets one, what is kept."""

from pathlib import Path
from typing import Any

import pytest

from luna.model.ambient import Ids, ManualClock
from luna.model.errors import Kind, LunaError
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.qwen.refusals import Refusal, refused
from luna.state.accounts import PROVIDER, Accounts
from luna.state.credentials import CredentialStore, Record
from luna.state.health import PROBE_AFTER
from tests.support.scripted import ScriptedBackend, document, refusal, success
from tests.support.tokens import access_token, jwt

REFRESH, USER = "/api/v2/auths/refresh", "/api/v1/auths/"
NOW = ManualClock().wall()


def error(kind: Kind, **more: Any) -> LunaError:
    return LunaError(kind, "It said no.", **more)


class Desk:
    """Accounts over a scripted upstream and a directory."""

    def __init__(self, directory: Path, *, env_token: str = "", env_cookies: str = "") -> None:
        self.clock = ManualClock()
        self.backend = ScriptedBackend()
        self.store = CredentialStore(directory / "credentials.json")
        self.accounts = Accounts(
            store=self.store,
            backend=self.backend,
            clock=self.clock,
            site=Site(),
            ids=Ids(b"x"),
            env_token=env_token,
            env_cookies=env_cookies,
        )

    async def two(self) -> None:
        await self.accounts.save({"token": "one"}, account_id="a")
        await self.accounts.save({"token": "two"}, account_id="b")

    async def fail(self, account_id: str, problem: LunaError) -> None:
        async with self.accounts.lease(account_id) as lease:
            lease.failed(problem)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def taken(desk: Desk, preferred: str = "") -> str:
    async with desk.accounts.lease(preferred) as lease:
        assert desk.accounts.leases == 1
        return lease.account.id


async def denied(desk: Desk, preferred: str = "") -> LunaError:
    with pytest.raises(LunaError) as caught:
        async with desk.accounts.lease(preferred):
            pass
    assert desk.accounts.leases == 0
    return caught.value


# Where they come from


async def test_without_an_account_the_next_step_is_said(desk: Desk) -> None:
    problem = await denied(desk)
    assert problem.kind is Kind.NO_ACCOUNT
    for step in ("QWEN_AI_TOKEN", "QWEN_AI_COOKIES", "POST /api/provider/token", "--demo"):
        assert step in problem.hint
    assert desk.accounts.readiness() == "none"
    assert repr(desk.accounts) == "<Accounts none>"


@pytest.mark.parametrize(
    "environment", [{"env_token": "tok"}, {"env_cookies": "token=s"}, {"env_token": "t", "env_cookies": "a=1"}]
)
async def test_the_environment_is_an_account(tmp_path: Path, environment: dict[str, str]) -> None:
    desk = Desk(tmp_path, **environment)
    assert await taken(desk) == "env"
    assert desk.accounts.all()[0].describe()["source"] == "env"
    assert desk.accounts.readiness() == "ready"
    assert not desk.store.path.exists()


async def test_an_unusable_environment_says_so_instead_of_stopping_luna(tmp_path: Path) -> None:
    desk = Desk(tmp_path, env_token="two words")
    problem = await denied(desk)
    assert problem.kind is Kind.UPSTREAM_LOGIN
    assert "QWEN_AI_TOKEN" in problem.message
    assert "two words" not in problem.told


async def test_accounts_of_the_file_come_back(tmp_path: Path) -> None:
    await Desk(tmp_path).two()
    again = Desk(tmp_path, env_token="tok")
    assert [(account.id, account.source) for account in again.accounts.all()] == [
        ("env", "env"),
        ("a", "file"),
        ("b", "file"),
    ]
    assert again.accounts.find("b") is not None


async def test_records_of_other_providers_are_not_used(tmp_path: Path) -> None:
    CredentialStore(tmp_path / "credentials.json").save([Record("x", "other", Credentials(token="t"))])
    assert Desk(tmp_path).accounts.all() == []


async def test_the_look_alike_serves_only_while_there_is_no_other(desk: Desk) -> None:
    site = Site("http://127.0.0.1:9", "http://127.0.0.1:9")
    desk.accounts.add_demo(site, token="t", cookies={"token": "s"})
    assert await taken(desk) == "demo"
    assert desk.accounts.all()[0].site is site
    assert desk.accounts.readiness() == "demo"
    await desk.accounts.save({"token": "t"}, account_id="mine")
    assert await taken(desk) == "mine"
    assert desk.accounts.readiness() == "ready"
    assert (await denied(desk, "demo")).kind is Kind.NOT_FOUND


# Saving


async def test_saving_replaces_what_is_given_and_keeps_the_rest(desk: Desk) -> None:
    account = await desk.accounts.save({"token": "t1", "cookies": "a=1"}, account_id="mine", label="Mine")
    assert await desk.accounts.save({"token": "t2"}, account_id="mine") is account
    assert account.authority.credentials == Credentials.read({"token": "t2", "cookies": "a=1"})
    assert account.label == "Mine"
    assert desk.store.load()[0].credentials == account.authority.credentials


async def test_the_user_of_the_token_names_the_account(desk: Desk) -> None:
    one = await desk.accounts.save({"token": access_token(NOW, user="u1")})
    same = await desk.accounts.save({"cookies": f"token={jwt(id='u1', exp=NOW + 9e6)}"})
    other = await desk.accounts.save({"token": access_token(NOW, user="u2")})
    assert one is same
    assert other is not one
    assert one.id.startswith("qwen-")
    assert "u1" not in one.id


async def test_opaque_credentials_mean_the_only_account(desk: Desk) -> None:
    first = await desk.accounts.save({"token": "opaque"})
    assert first.id == "default"
    assert await desk.accounts.save({"cookies": "a=1"}) is first
    named = await desk.accounts.save({"token": "x"}, account_id="named")
    await desk.accounts.remove("default")
    assert await desk.accounts.save({"token": "y"}) is named


@pytest.mark.parametrize("id", ["env", "demo", "a b", "x" * 65, "a/b", "\u00e9"])
async def test_names_that_an_account_cannot_have(desk: Desk, id: str) -> None:
    with pytest.raises(LunaError) as caught:
        await desk.accounts.save({"token": "t"}, account_id=id)
    assert caught.value.param == "accountId"


async def test_other_refusals(desk: Desk) -> None:
    for fields, provider in (({"token": "t"}, "other"), ({"ticket": "t"}, PROVIDER), ({"token": " "}, PROVIDER)):
        with pytest.raises(LunaError) as caught:
            await desk.accounts.save(fields, provider_id=provider)
        assert caught.value.kind is Kind.BAD_REQUEST
    assert desk.accounts.all() == []


async def test_a_file_that_cannot_be_written_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(records: list[Record]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk.store, "save", full)
    with pytest.raises(LunaError, match="No space left"):
        await desk.accounts.save({"token": "t"}, account_id="mine")
    assert await taken(desk) == "mine", "it is in use all the same"


async def test_removing(desk: Desk) -> None:
    await desk.two()
    assert await desk.accounts.remove("a")
    assert not await desk.accounts.remove("a")
    assert [record.id for record in desk.store.load()] == ["b"]


async def test_a_flow_goes_on_with_an_account_that_is_removed(desk: Desk) -> None:
    await desk.two()
    async with desk.accounts.lease("a") as lease:
        await desk.accounts.remove("a")
        assert lease.account.authority.credentials.token == "one"
        lease.failed(error(Kind.RATE_LIMITED))
    assert [account.id for account in desk.accounts.all()] == ["b"]


async def test_what_a_person_says_of_an_account_lasts(desk: Desk, tmp_path: Path) -> None:
    await desk.two()
    await desk.accounts.edit("a", label="Mine", enabled=False, max_concurrent_runs=7, network_profile="home")
    await desk.accounts.edit("b", max_concurrent_runs=0)
    a, b = Desk(tmp_path).accounts.all()
    assert (a.label, a.enabled, a.max_concurrent_runs, a.network_profile) == ("Mine", False, 7, "home")
    assert (b.label, b.enabled, b.max_concurrent_runs, b.network_profile) == ("b", True, 0, "")
    await desk.accounts.edit("a", label=" ", max_concurrent_runs=None)
    assert (desk.accounts.require("a").label, desk.accounts.own_limit("a")) == ("a", None)
    with pytest.raises(LunaError) as caught:
        await desk.accounts.edit("nobody", enabled=True)
    assert caught.value.kind is Kind.NOT_FOUND


async def test_what_a_person_says_of_the_environments_account_lasts_without_its_secret(tmp_path: Path) -> None:
    desk = Desk(tmp_path, env_token="env-secret")
    await desk.accounts.edit("env", enabled=False, max_concurrent_runs=3)
    assert "env-secret" not in desk.store.path.read_text()
    (account,) = Desk(tmp_path, env_token="env-secret").accounts.all()
    assert (account.enabled, account.max_concurrent_runs, account.label) == (False, 3, "environment")
    assert account.authority.credentials.token == "env-secret"
    (changed,) = Desk(tmp_path, env_token="another").accounts.all()
    assert (changed.enabled, changed.authority.credentials.token) == (False, "another")


async def test_a_new_account_must_be_new(desk: Desk) -> None:
    await desk.accounts.save({"token": "t"}, account_id="a", new=True, max_concurrent_runs=2)
    with pytest.raises(LunaError) as caught:
        await desk.accounts.save({"token": "other"}, account_id="a", new=True)
    assert caught.value.kind is Kind.CONFLICT
    assert desk.accounts.require("a").authority.credentials.token == "t"
    await desk.accounts.save({"token": "other"}, account_id="a", max_concurrent_runs=9)
    assert desk.accounts.own_limit("a") == 2


async def test_credentials_that_were_read_elsewhere_are_taken_whole(desk: Desk) -> None:
    await desk.accounts.save({"token": "old", "cookies": "a=1"}, account_id="mine", label="Mine")
    account = await desk.accounts.take_in(Credentials(token="new"), account_id="mine")
    assert (account.authority.credentials, account.label) == (Credentials(token="new"), "Mine")
    named = await desk.accounts.take_in(Credentials(token=access_token(NOW, user="u1")))
    assert named.id.startswith("qwen-")
    with pytest.raises(LunaError):
        await desk.accounts.take_in(Credentials(token="t"), account_id="env")


async def test_each_account_has_its_own_way_out(tmp_path: Path) -> None:
    ways: dict[str, Any] = {}

    def way(account_id: str, profile: Any) -> ScriptedBackend:
        ways[account_id] = profile
        return ScriptedBackend().on("GET", USER, document({"id": account_id or "nobody"}))

    accounts = Accounts(
        store=CredentialStore(tmp_path / "c.json"),
        backend=ScriptedBackend(),
        clock=ManualClock(),
        site=Site(),
        ways=way,
    )
    await accounts.save({"token": "t"}, account_id="a")
    await accounts.edit("a", network_profile="home")
    assert ways["a"]() == "home"
    assert (await accounts.check("a")).info == {"id": "a"}
    assert (await accounts.validate({"token": "t"})).info == {"id": "nobody"}, "what is only tried out has a way too"


async def test_whoever_watches_hears_of_every_change(desk: Desk) -> None:
    heard: list[str] = []
    desk.accounts.watch(lambda account: heard.append(account.id if account is not None else "any"))
    await desk.two()
    assert heard == ["a", "b"]
    heard.clear()
    await desk.fail("a", error(Kind.RATE_LIMITED))
    await desk.accounts.edit("b", enabled=False)
    await desk.accounts.remove("a")
    desk.accounts.tell()
    assert heard == ["a", "b", "a", "any"]


# Who gets one


async def test_the_least_busy_then_the_longest_unused(desk: Desk) -> None:
    await desk.two()
    async with desk.accounts.lease() as first, desk.accounts.lease() as second:
        assert {first.account.id, second.account.id} == {"a", "b"}
        assert desk.accounts.leases == 2
    assert desk.accounts.leases == 0
    assert [await taken(desk) for _ in range(4)] == ["a", "b", "a", "b"]


async def test_the_preferred_one_however_busy(desk: Desk) -> None:
    await desk.two()
    async with desk.accounts.lease("b"), desk.accounts.lease("b") as lease:
        assert lease.account.in_flight == 2
    problem = await denied(desk, "nobody")
    assert problem.kind is Kind.NOT_FOUND
    assert problem.param == "account"
    assert "a, b" in problem.hint


async def test_a_limited_account_rests_as_long_as_it_was_told(desk: Desk) -> None:
    await desk.two()
    await desk.fail("a", error(Kind.RATE_LIMITED, retry_after=7200))
    assert [await taken(desk) for _ in range(2)] == ["b", "b"]
    problem = await denied(desk, "a")
    assert (problem.kind, problem.retry_after) == (Kind.RATE_LIMITED, 7200)
    desk.clock.advance(7200)
    assert await taken(desk, "a") == "a"


async def test_when_all_rest_the_first_to_come_back_speaks(desk: Desk) -> None:
    await desk.two()
    await desk.fail("a", error(Kind.RATE_LIMITED, retry_after=7200))
    await desk.fail("b", error(Kind.RATE_LIMITED))
    problem = await denied(desk)
    assert (problem.kind, problem.retry_after) == (Kind.RATE_LIMITED, 60)
    assert desk.accounts.readiness() == "none"


async def test_a_lost_login_waits_for_new_credentials(desk: Desk) -> None:
    await desk.two()
    await desk.fail("a", error(Kind.UPSTREAM_LOGIN))
    assert [await taken(desk) for _ in range(2)] == ["b", "b"]
    desk.clock.advance(1e6)
    assert (await denied(desk, "a")).kind is Kind.UPSTREAM_LOGIN
    await desk.accounts.save({"token": "new"}, account_id="a")
    assert await taken(desk, "a") == "a"


async def test_a_blocked_account_is_tried_again_only_as_a_last_resort(desk: Desk) -> None:
    await desk.two()
    await desk.fail("a", error(Kind.UPSTREAM_BLOCKED))
    problem = await denied(desk, "a")
    assert (problem.kind, problem.retry_after) == (Kind.UPSTREAM_BLOCKED, PROBE_AFTER)
    desk.clock.advance(PROBE_AFTER)
    assert await taken(desk) == "b"
    assert await taken(desk) == "b"
    async with desk.accounts.lease("a") as lease:
        lease.succeeded()
    assert desk.accounts.find("a").state.word == "ready"  # type: ignore[union-attr]


async def test_other_errors_say_nothing_about_the_account(desk: Desk) -> None:
    await desk.two()
    long_prompt = refused(Refusal(details="Allocated quota exceeded, please increase your quota limit #token-limit"))
    assert long_prompt.kind is Kind.QUOTA_EXHAUSTED
    others = [error(kind) for kind in (Kind.TIMEOUT, Kind.CHAT_BUSY, Kind.CONTENT_FILTERED, Kind.MODEL_GONE)]
    for problem in [long_prompt, *others]:
        await desk.fail("a", problem)
        assert await taken(desk, "a") == "a"


async def test_an_old_lease_cannot_condemn_new_credentials(desk: Desk) -> None:
    await desk.two()
    async with desk.accounts.lease("a") as lease:
        await desk.accounts.save({"token": "new"}, account_id="a")
        lease.failed(error(Kind.UPSTREAM_LOGIN))
        lease.succeeded()
    assert await taken(desk, "a") == "a"


async def test_a_success_does_not_end_a_rest(desk: Desk) -> None:
    await desk.two()
    async with desk.accounts.lease("a") as lease:
        lease.failed(error(Kind.RATE_LIMITED, retry_after=100))
        lease.succeeded()
    assert (await denied(desk, "a")).retry_after == 100


# What the site rotates


async def test_rotated_credentials_are_written_down(desk: Desk, tmp_path: Path) -> None:
    fresh = success({"access_token": access_token(NOW, mark="new"), "refresh_token": "r2"})
    desk.backend.on("GET", REFRESH, fresh)
    account = await desk.accounts.save({"token": "t", "cookies": "refresh_token=r1"}, account_id="a")
    await account.authority.renew(0)
    (record,) = CredentialStore(tmp_path / "credentials.json").load()
    assert record.credentials.token == access_token(NOW, mark="new")
    assert "r2" in record.credentials.secrets()


async def test_rotation_of_the_environment_survives_a_restart_until_the_environment_changes(tmp_path: Path) -> None:
    environment = {"env_token": "t", "env_cookies": "refresh_token=r1"}
    desk = Desk(tmp_path, **environment)
    desk.backend.on("GET", REFRESH, success({"access_token": access_token(NOW), "refresh_token": "r2"}))
    await desk.accounts.all()[0].authority.renew(0)
    assert "r2" in Desk(tmp_path, **environment).accounts.secrets()
    assert "r2" not in Desk(tmp_path, env_token="t", env_cookies="refresh_token=r9").accounts.secrets()
    assert Desk(tmp_path).accounts.all() == []


async def test_what_only_stands_in_the_environment_is_not_written_down(tmp_path: Path) -> None:
    desk = Desk(tmp_path, env_token="env-secret")
    await desk.accounts.save({"token": "t"}, account_id="a")
    assert "env-secret" not in desk.store.path.read_text()


async def test_a_cookie_that_changed_during_a_flow_is_written_after_it(desk: Desk) -> None:
    account = await desk.accounts.save({"token": "t"}, account_id="a")
    async with desk.accounts.lease():
        account.authority.absorb((("set-cookie", "acw_tc=9; Path=/; Max-Age=60"),), "https://chat.qwen.ai/x")
        assert "acw_tc" not in desk.store.path.read_text()
    assert "acw_tc" in desk.store.path.read_text()


async def test_an_authority_that_was_replaced_has_no_say(desk: Desk) -> None:
    account = await desk.accounts.save({"token": "t", "cookies": "refresh_token=r1"}, account_id="a")
    old = account.authority
    desk.backend.on("GET", REFRESH, success({"access_token": access_token(NOW), "refresh_token": "r2"}))
    await desk.accounts.save({"token": "new", "cookies": "refresh_token=r9"}, account_id="a")
    await old.renew(0)
    (record,) = desk.store.load()
    assert record.credentials.token == "new"


# What Qwen says


async def test_validating_keeps_nothing(desk: Desk) -> None:
    desk.backend.on("GET", USER, document({"id": "u", "email": "person@example.com", "name": "P", "token": "SECRET"}))
    verdict = await desk.accounts.validate({"token": "t"})
    assert verdict.valid
    assert verdict.info == {"id": "u", "name": "P", "email": "p***@example.com"}
    assert desk.accounts.all() == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "neither a token nor a cookie"),
        ({"token": "two words"}, "spaces"),
        ({"token": jwt(id="u", email="x@guest.com")}, "guest"),
    ],
)
async def test_some_credentials_need_no_question(desk: Desk, fields: dict[str, str], words: str) -> None:
    verdict = await desk.accounts.validate(fields)
    assert not verdict.valid
    assert words in verdict.error
    assert desk.backend.requests == []


async def test_bad_credentials_are_never_renewed_while_being_tried(desk: Desk) -> None:
    desk.backend.on("GET", USER, refusal("Unauthorized", "Token has expired.", 401))
    verdict = await desk.accounts.validate({"token": "t", "cookies": "refresh_token=r"})
    assert not verdict.valid
    assert verdict.info is None
    assert not desk.backend.to(REFRESH)


async def test_an_answer_that_says_no_is_not_an_answer(desk: Desk) -> None:
    """LunaProxy took `success: false` with data in it for good credentials (W34)."""
    desk.backend.on("GET", USER, document({"success": False, "data": {"id": "u", "code": "Unauthorized"}}))
    assert not (await desk.accounts.validate({"token": "t"})).valid
    desk.backend.on("GET", USER, success({}))
    verdict = await desk.accounts.validate({"token": "t"})
    assert (verdict.valid, "without saying whose" in verdict.error) == (False, True)


async def test_the_end_of_a_login_is_told(desk: Desk) -> None:
    desk.backend.on("GET", USER, document({"id": "u"}))
    token, session = access_token(NOW), jwt(id="u", exp=NOW + 9e6)
    assert (await desk.accounts.validate({"token": "opaque"})).expires_at is None
    assert (await desk.accounts.validate({"token": token})).expires_at == NOW + 900
    assert (await desk.accounts.validate({"token": token, "cookies": f"token={session}"})).expires_at == NOW + 9e6
    assert (await desk.accounts.validate({"token": token, "cookies": "refresh_token=opaque"})).expires_at is None
    account = await desk.accounts.save({"token": token, "cookies": f"token={session}"}, account_id="a")
    view = account.view()
    assert (view.expires_at, view.token_expires_at, view.renewable) == ((NOW + 9e6) * 1000, (NOW + 900) * 1000, True)


@pytest.mark.parametrize("user", [{"id": "g", "is_guest": True}, {"id": "g", "email": "1@guest.com"}])
async def test_a_guest_is_found_out(desk: Desk, user: dict[str, Any]) -> None:
    desk.backend.on("GET", USER, document(user))
    assert not (await desk.accounts.validate({"cookies": "token=s"})).valid


async def test_status_without_accounts(desk: Desk) -> None:
    report = await desk.accounts.status()
    assert report.status == "dead"
    assert "QWEN_AI_TOKEN" in report.detail


async def test_status_of_each_account(desk: Desk) -> None:
    await desk.two()
    desk.backend.on("GET", USER, document({"id": "u"}), refusal("Unauthorized", "no", 401))
    report = await desk.accounts.status()
    assert report.status == "alive"
    assert sorted(row["status"] for row in report.accounts) == ["alive", "dead"]
    dead = next(row for row in report.accounts if row["status"] == "dead")
    assert dead["state"] == "login-needed"
    assert "no session cookie" in dead["detail"]
    desk.backend.on("GET", USER, document({"id": "u"}))
    report = await desk.accounts.status()
    assert {row["state"] for row in report.accounts} == {"ready"}, "an answer clears it"


async def test_status_when_nothing_is_clear(desk: Desk) -> None:
    await desk.two()
    desk.backend.on("GET", USER, error(Kind.TIMEOUT))
    assert (await desk.accounts.status()).status == "warn"
    desk.backend.on("GET", USER, refusal("Unauthorized", "no", 401))
    assert (await desk.accounts.status()).status == "dead"


async def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    desk = Desk(tmp_path, env_token="SECRET-ENV")
    await desk.accounts.save({"token": "SECRET-A", "cookies": "x=SECRET-B"}, account_id="a")
    account = desk.accounts.find("a")
    assert account is not None
    async with desk.accounts.lease() as lease:
        shown = f"{desk.accounts!r} {lease!r} {account!r} {account.describe()} {account.authority!r} {desk.store!r}"
    assert "SECRET" not in shown
    assert set(desk.accounts.secrets()) == {"SECRET-ENV", "SECRET-A", "SECRET-B"}
