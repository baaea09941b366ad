"""`/api/provider/oauth/capture`: what is refused before a browser opens, and what a job says. Windows that do open are
in tests/browser."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from luna.admin import capture
from luna.model.ambient import Ids, ManualClock
from luna.model.errors import Kind, LunaError
from luna.qwen.endpoints import Site
from luna.state.accounts import Accounts
from luna.state.capture import OVER, REMEMBERED, Captures
from luna.state.credentials import CredentialStore
from luna.upstream.proxy_address import ProxyAddress
from tests.support.panel import Panel
from tests.support.scripted import ScriptedBackend

BASE = "/api/provider/oauth/capture"
WITHOUT_WINDOW: dict[str, Any] = {"headless": True}


class Desk:
    def __init__(self, directory: Path) -> None:
        self.accounts = Accounts(
            store=CredentialStore(directory / "credentials.json"),
            backend=ScriptedBackend(),
            clock=ManualClock(),
            site=Site(),
            env_token="env-s3cret",
        )
        self.captures = Captures(self.accounts, Site(), directory / "browser", ManualClock(), Ids(b"x"))
        self.panel = Panel(capture.routes(self.captures))
        self.states: list[str] = []
        self.captures.watch = lambda job: self.states.append(job.state)

    async def refused(self, body: dict[str, Any], status: int) -> dict[str, Any]:
        told = await self.panel("POST", BASE, body)
        assert told.status == status, told.body
        assert self.captures.jobs() == []
        error: dict[str, Any] = told.document["error"]
        return error

    async def over(self, body: dict[str, Any]) -> dict[str, Any]:
        """A job that comes to its end by itself."""
        told = await self.panel("POST", BASE, body)
        assert told.status == 202, told.body
        assert told.document["state"] == "starting"
        path = f"{BASE}/{told.document['id']}"
        with anyio.fail_after(20):
            while (job := (await self.panel("GET", path)).document)["state"] not in OVER:
                await anyio.sleep(0.02)
        return dict(job)


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("LUNA_BROWSER_ARGS", "--no-sandbox")
    monkeypatch.setenv("LUNA_BROWSER", "/bin/false")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    desk = Desk(tmp_path)
    async with anyio.create_task_group() as tasks:
        desk.captures.attend(tasks)
        yield desk
        tasks.cancel_scope.cancel()


async def test_a_missing_browser_is_told_with_the_way_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNA_BROWSER", "/no/such/browser")
    error = await desk.refused(WITHOUT_WINDOW, 409)
    assert "LUNA_BROWSER" in error["message"]
    assert "paste" in error["hint"]


async def test_so_is_a_missing_display(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna.qwen.browser.sys.platform", "linux")
    error = await desk.refused({}, 409)
    assert "no display" in error["message"]
    assert "paste" in error["hint"]


async def test_no_display_is_needed_where_a_person_wants_no_window(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna.qwen.browser.sys.platform", "linux")
    monkeypatch.setenv("LUNA_BROWSER_ARGS", "--no-sandbox --headless=new")
    assert (await desk.over({}))["error"] == "false ended right after its start."


async def test_root_gets_no_browser_without_a_sandbox(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("LUNA_BROWSER_ARGS")
    error = await desk.refused(WITHOUT_WINDOW, 409)
    assert "root" in error["message"]
    assert "LUNA_BROWSER_ARGS=--no-sandbox" in error["hint"]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"providerId": "other"}, 400, "providerId"),
        ({"accountId": "../../etc"}, 400, "accountId"),
        ({"accountId": "env"}, 409, "accountId"),
        ({"accountId": "demo"}, 400, "accountId"),
        ({"timeout": 999}, 400, "timeout"),
        ({"timeout": 3_600_001}, 400, "timeout"),
        ({"timeout": "soon"}, 400, "timeout"),
        ({"password": "never"}, 400, None),
    ],
)
async def test_what_cannot_be_is_refused(desk: Desk, body: dict[str, Any], status: int, param: str | None) -> None:
    error = await desk.refused({**WITHOUT_WINDOW, **body}, status)
    assert error.get("param") == param


async def test_nothing_opens_when_nothing_may_leave(desk: Desk) -> None:
    def closed(account_id: str) -> ProxyAddress | None:
        raise LunaError(Kind.EGRESS_CLOSED, f"Nothing may leave for '{account_id}'.")

    desk.captures.way = closed
    assert (await desk.refused({**WITHOUT_WINDOW, "accountId": "mine"}, 503))["kind"] == "egress-closed"


async def test_a_browser_that_ends_at_once_is_a_failed_job(desk: Desk) -> None:
    job = await desk.over(WITHOUT_WINDOW)
    assert (job["state"], job["error"]) == ("failed", "false ended right after its start.")
    assert "LUNA_BROWSER" in job["hint"]
    assert job["endedAt"] >= job["createdAt"]
    assert desk.states == ["starting", "opening", "failed"]
    again = await desk.over(WITHOUT_WINDOW)
    assert (await desk.panel("GET", BASE)).document == [again, job], "the latest first"


async def test_a_profile_that_cannot_be_written_is_a_failed_job(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "browser").write_text("in the way")
    job = await desk.over(WITHOUT_WINDOW)
    assert job["state"] == "failed"
    assert "profile cannot be written" in job["error"]
    assert str(tmp_path) not in repr(job)


async def test_jobs_are_forgotten_in_their_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (Path(desk.accounts.store.path).parent / "browser").write_text("in the way")
    first = await desk.over(WITHOUT_WINDOW)
    for _ in range(REMEMBERED):
        await desk.over(WITHOUT_WINDOW)
    assert len(desk.captures.jobs()) == REMEMBERED
    for method in ("GET", "DELETE"):
        assert (await desk.panel(method, f"{BASE}/{first['id']}")).status == 404


async def test_before_the_start_and_after_the_end_there_are_no_logins(tmp_path: Path) -> None:
    told = await Desk(tmp_path).panel("POST", BASE, WITHOUT_WINDOW)
    assert (told.status, told.kind) == (503, "draining")


def test_an_account_has_a_profile_of_its_own_whatever_it_is_called(tmp_path: Path) -> None:
    profile: Callable[[str], Path] = Desk(tmp_path).captures._profile
    names = [profile(name).name for name in ("", "new", "..", ".", "a")]
    assert len(set(names)) == 5
    assert all(profile(name).parent == tmp_path / "browser" and profile(name).name != ".." for name in ("..", "."))
