"""`/api/accounts`, `/api/provider`, reset-circuit: what a person can do with accounts, and what is never shown."""

from pathlib import Path
from typing import Any

import pytest

from luna.admin import accounts as subject
from luna.admin import provider
from luna.admin.openapi import document as openapi
from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.qwen.endpoints import Site
from luna.state.accounts import Accounts
from luna.state.credentials import CredentialStore
from luna.state.scheduler import Scheduler
from luna.state.tickets import Need
from tests.support.panel import Panel, Told
from tests.support.scripted import ScriptedBackend, document, refusal
from tests.support.tokens import jwt

USER = "/api/v1/auths/"
SECRET = "s3cret-token"


class Office:
    """The routes over a directory."""

    def __init__(self, directory: Path, env_token: str = "env-s3cret") -> None:
        self.clock = ManualClock()
        self.backend = ScriptedBackend()
        self.path = directory / "credentials.json"
        self.accounts = Accounts(
            store=CredentialStore(self.path),
            backend=self.backend,
            clock=self.clock,
            site=Site(),
            env_token=env_token,
        )
        self.scheduler = Scheduler(self.accounts, clock=self.clock)
        self.routes = [*subject.routes(self.accounts, self.scheduler), *provider.routes(self.accounts)]
        self._panel = Panel(self.routes)
        self.seen: list[Told] = []

    async def __call__(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        told = await self._panel(method, f"/api{path}", body)
        self.seen.append(told)
        assert told.status == status, told.body
        return told.document

    async def add(self, id: str = "mine", **fields: Any) -> Any:
        body = {"id": id, "credentials": {"token": SECRET, "cookies": "a=c00kie-s3cret"}, **fields}
        return await self("POST", "/accounts", body, status=201)


@pytest.fixture
def office(tmp_path: Path) -> Any:
    office = Office(tmp_path)
    yield office
    for told in office.seen:
        assert b"s3cret" not in told.body
        assert str(tmp_path).encode() not in told.body


async def test_an_account_is_added_shown_changed_and_removed(office: Office) -> None:
    added = await office.add(label="Mine", maxConcurrentRuns=3, networkProfileId="home")
    assert (added["id"], added["label"], added["enabled"], added["state"]) == ("mine", "Mine", True, "ready")
    assert (added["maxConcurrentRuns"], added["limit"], added["networkProfileId"]) == (3, 3, "home")
    assert (added["running"], added["inFlight"], added["providerId"], added["source"]) == (0, 0, "qwen-ai", "file")
    assert await office("GET", "/accounts/mine") == added
    changed = await office("PATCH", "/accounts/mine", {"label": "Yours", "maxConcurrentRuns": None})
    assert (changed["label"], changed["maxConcurrentRuns"], changed["limit"]) == ("Yours", None, 4)
    assert changed["networkProfileId"] == "home", "what is not named stays"
    listed = (await office("GET", "/accounts"))["accounts"]
    assert [account["id"] for account in listed] == ["env", "mine"]
    assert await office("DELETE", "/accounts/mine") == {"ok": True}
    assert (await office("GET", "/accounts/mine", status=404))["error"]["kind"] == "not-found"


async def test_what_is_changed_lasts(office: Office, tmp_path: Path) -> None:
    await office.add(enabled=False, maxConcurrentRuns=0)
    again = Office(tmp_path)
    shown = await again("GET", "/accounts/mine")
    assert (shown["enabled"], shown["maxConcurrentRuns"], shown["state"]) == (False, 0, "disabled")


async def test_a_change_holds_at_once(office: Office) -> None:
    await office.add(maxConcurrentRuns=1)
    await office("POST", "/accounts/env/disable")
    seat = await office.scheduler.take(Need.of())
    ticket = office.scheduler.ask(Need.of())
    assert (await office("GET", "/accounts/mine"))["running"] == 1
    await office("PATCH", "/accounts/mine", {"maxConcurrentRuns": 2})
    assert ticket.decided
    await office("DELETE", "/accounts/mine")
    assert not seat.released, "what is running goes on"
    seat.release()
    assert ticket.seat is not None
    ticket.seat.release()


async def test_credentials_are_replaced_and_clear_what_was_lost(office: Office) -> None:
    await office.add()
    office.accounts.require("mine").failed(LunaError(Kind.UPSTREAM_LOGIN, "Sign in again."))
    lost = await office("GET", "/accounts/mine")
    assert (lost["state"], lost["reason"]) == ("login-needed", "Sign in again.")
    assert "POST /api/provider/token" in lost["wayOut"]
    changed = await office("PATCH", "/accounts/mine", {"credentials": {"token": "n3w-s3cret"}})
    assert changed["state"] == "ready"
    assert changed["fingerprint"] != lost["fingerprint"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "param"),
    [
        ("POST", "/accounts", {"id": "a b", "credentials": {"token": "t"}}, 400, "accountId"),
        ("POST", "/accounts", {"id": "x", "credentials": {}}, 400, "credentials"),
        ("POST", "/accounts", {"id": "x"}, 400, None),
        ("POST", "/accounts", {"id": "env", "credentials": {"token": "t"}}, 400, "accountId"),
        ("POST", "/accounts", {"id": "mine", "credentials": {"token": "t"}}, 409, "id"),
        ("PATCH", "/accounts/mine", {"maxConcurrentRuns": -1}, 400, "maxConcurrentRuns"),
        ("PATCH", "/accounts/mine", {"maxConcurentRuns": 1}, 400, None),
        ("PATCH", "/accounts/nobody", {"enabled": True}, 404, "account"),
        ("PATCH", "/accounts/env", {"credentials": {"token": "t"}}, 409, None),
        ("DELETE", "/accounts/env", None, 409, None),
        ("DELETE", "/accounts/nobody", None, 404, "account"),
        ("POST", "/accounts/nobody/validate", None, 404, "account"),
        ("POST", "/providers/other/accounts/mine/reset-circuit", None, 404, None),
        ("POST", "/providers/qwen-ai/accounts/nobody/reset-circuit", None, 404, "account"),
        ("GET", "/accounts?state=odd", None, 400, "state"),
    ],
)
async def test_what_cannot_be_is_refused(
    office: Office, method: str, path: str, body: object, status: int, param: str | None
) -> None:
    await office.add()
    before = office.path.read_bytes()
    told = (await office(method, path, body, status=status))["error"]
    assert told.get("param") == param
    assert told["message"]
    assert office.path.read_bytes() == before


async def test_the_environments_account_is_switched_off_but_not_removed(office: Office, tmp_path: Path) -> None:
    told = (await office("DELETE", "/accounts/env", status=409))["error"]
    assert "QWEN_AI_TOKEN" in told["hint"]
    assert "disable" in told["hint"]
    off = await office("POST", "/accounts/env/disable")
    assert (off["enabled"], off["state"]) == (False, "disabled")
    assert "env-s3cret" not in office.path.read_text()
    assert (await Office(tmp_path)("GET", "/accounts/env"))["enabled"] is False
    assert (await office("POST", "/accounts/env/enable"))["state"] == "ready"


async def test_the_look_alikes_account_steps_back_by_itself(tmp_path: Path) -> None:
    office = Office(tmp_path, env_token="")
    office.accounts.add_demo(Site("http://127.0.0.1:9", "http://127.0.0.1:9"), token="t")
    told = (await office("DELETE", "/accounts/demo", status=409))["error"]
    assert "look-alike" in told["message"]


async def test_qwen_is_asked_whether_an_account_is_good(office: Office) -> None:
    await office.add(credentials={"token": jwt(id="u", exp=office.clock.wall() + 900)})
    office.backend.on("GET", USER, document({"id": "u", "email": "person@example.com"}))
    told = await office("POST", "/accounts/mine/validate")
    assert (told["valid"], told["status"], told["error"]) == (True, "alive", None)
    assert told["accountInfo"] == {"id": "u", "email": "p***@example.com"}
    assert told["expiresAt"] == (office.clock.wall() + 900) * 1000 == told["account"]["expiresAt"]
    office.backend.on("GET", USER, refusal("Unauthorized", "Token has expired.", 401))
    told = await office("POST", "/accounts/mine/validate")
    assert (told["valid"], told["status"], told["account"]["state"]) == (False, "dead", "login-needed")
    assert told["error"]
    office.backend.on("GET", USER, LunaError(Kind.TIMEOUT, "Too slow."))
    assert (await office("POST", "/accounts/mine/validate"))["status"] == "warn"


async def test_an_account_is_tried_again_when_a_person_says_so(office: Office) -> None:
    await office.add()
    account = office.accounts.require("mine")
    for _ in range(5):
        account.failed(LunaError(Kind.TIMEOUT, "Too slow."))
    account.failed(LunaError(Kind.RATE_LIMITED, "Enough.", retry_after=3600))
    account.failed(LunaError(Kind.RATE_LIMITED, "No more pictures.", retry_after=7200), "media")
    shown = await office("GET", "/accounts/mine")
    now = office.clock.wall()
    assert shown["circuit"] == {"state": "open", "failures": 5, "until": (now + 5) * 1000}
    assert shown["cooldowns"] == {
        "chat": {"until": (now + 3600) * 1000, "reason": "Enough."},
        "media": {"until": (now + 7200) * 1000, "reason": "No more pictures."},
    }
    assert (shown["state"], shown["until"], shown["retryAfter"]) == ("cooling", (now + 3600) * 1000, 3600)
    told = await office("POST", "/providers/qwen-ai/accounts/mine/reset-circuit")
    assert (told["ok"], told["providerId"], told["accountId"]) == (True, "qwen-ai", "mine")
    assert (told["account"]["state"], told["account"]["cooldowns"]) == ("ready", {})
    assert told["account"]["circuit"] == {"state": "closed", "failures": 0, "until": None}


async def test_accounts_are_listed_by_state(office: Office) -> None:
    await office.add()
    await office("POST", "/accounts/mine/disable")
    listed = await office("GET", "/accounts?state=disabled")
    assert [account["id"] for account in listed["accounts"]] == ["mine"]


async def test_a_file_that_cannot_be_written_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await office.add()

    def full(records: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(office.accounts.store, "save", full)
    told = (await office("POST", "/accounts/mine/disable", status=500))["error"]
    assert "No space left on device" in told["message"]
    assert not office.accounts.require("mine").enabled, "it is in force all the same"


async def test_scripts_of_the_reference_go_on_working(office: Office) -> None:
    saved = await office(
        "POST", "/provider/token", {"providerId": "qwen-ai", "token": SECRET, "accountId": "old", "name": "Old"}
    )
    assert saved == {"success": True, "accountId": "old"}
    office.backend.on("GET", USER, document({"id": "u"}))
    assert (await office("GET", "/provider/status?providerId=qwen-ai"))["status"] == "alive"
    valid = await office("POST", "/provider/validate", {"providerId": "qwen-ai", "credentials": {"token": SECRET}})
    assert (valid["ok"], valid["valid"]) == (True, True)
    assert (await office("POST", "/provider/token", {"providerId": "x", "token": "t"}, status=400))["error"]


def test_every_route_is_described(office: Office) -> None:
    described = openapi(office.routes)
    assert "/api/accounts/{id}" in described["paths"]
    entry = described["components"]["schemas"]["AccountEntry"]["properties"]
    assert {"state", "wayOut", "cooldowns", "circuit", "expiresAt", "limit"} <= set(entry)
