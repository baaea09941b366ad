"""Logging in by a window that luna opens: what it takes along, what it leaves alone, and how it ends.

Real Chromium without a screen, at the look-alike's own pages. Nobody but the test types.
"""

import contextlib
import logging
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest
from playwright.async_api import Playwright, async_playwright

from luna.demo.serve import Lookalike
from luna.model.errors import Kind, LunaError
from luna.qwen.endpoints import PAGE_HEADERS, Site
from luna.qwen.login import _Visit
from luna.state.capture import Job
from luna.upstream.proxy_address import ProxyAddress
from tests.support.logins import Desk, Person, desk, kill, person_at
from tests.support.ports import free_port

PATIENCE = 120
"""Seconds, far more than any login here takes."""
NOT_LOGGED_IN = ["starting", "opening", "waiting"]
LOGGED_IN = [*NOT_LOGGED_IN, "reading", "validating", "done"]


@pytest.fixture(scope="module")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest.fixture
def person(playwright: Playwright, monkeypatch: pytest.MonkeyPatch) -> Person:
    return person_at(playwright, monkeypatch)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Lookalike() as lookalike, desk(tmp_path / "data", lookalike) as office:
        for name in ("anna", "berta"):
            lookalike.state.user_named(name)
        yield office
        assert not office.processes()


async def logged_in(office: Desk, person: Person, name: str, account: str = "") -> Job:
    job = office.captures.begin(account_id=account, seconds=PATIENCE, headless=True)
    async with person.at_the_window() as page:
        await page.wait_for_url("**/auth*")
        await person.log_in(page, name)
        assert await office.ended(job) == "done", job
    return job


def looks_counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What each look at the pages has found."""
    found: list[Any] = []
    look = _Visit._look

    async def counted(visit: _Visit) -> Any:
        found.append(await look(visit))
        return found[-1]

    monkeypatch.setattr(_Visit, "_look", counted)
    return found


@pytest.mark.act
async def test_a_login_becomes_an_account_with_everything_that_the_page_has(
    office: Desk, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    job = await logged_in(office, person, "anna")
    assert office.told == LOGGED_IN
    (account,) = office.accounts.all()
    assert (job.account_id, account.label, account.source, account.state.word) == (account.id, "anna", "file", "ready")
    assert job.account is not None and (job.account.name, job.account.email) == ("anna", "a***@example.com")
    credentials = account.authority.credentials
    assert credentials.token.count(".") == 2
    jar = {cookie.name: cookie for cookie in credentials.cookies}
    assert set(jar) == {"token", "refresh_token", "acw_tc"}
    assert {(cookie.domain, cookie.host_only) for cookie in jar.values()} == {("127.0.0.1", True)}
    assert set(credentials.page_headers) == PAGE_HEADERS
    assert credentials.page_headers["bx-ua"] == "look-alike"
    assert "Chrome/" in credentials.user_agent
    assert (await office.accounts.check(account.id)).valid
    for secret in [credentials.token, *(cookie.value for cookie in jar.values())]:
        assert secret in (office.data / "credentials.json").read_text()
        assert secret not in repr(job)
        assert secret not in caplog.text
    for folder in (office.data / "browser", office.data / "browser" / f"account-{account.id}"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_the_profile_is_kept_for_its_account_and_goes_with_it(office: Desk, person: Person) -> None:
    first = await logged_in(office, person, "anna")
    again = office.captures.begin(account_id=first.account_id, seconds=PATIENCE, headless=True)
    assert await office.ended(again) == "done", "it is still logged in there: nobody has to type"
    assert len(office.accounts.all()) == 1
    second = await logged_in(office, person, "berta")
    assert second.account_id != first.account_id, "a new login begins without the one before"
    folders = {folder.name for folder in (office.data / "browser").iterdir()}
    assert folders == {f"account-{first.account_id}", f"account-{second.account_id}"}
    await office.accounts.remove(first.account_id)
    with anyio.fail_after(PATIENCE):
        while (office.data / "browser" / f"account-{first.account_id}").exists():
            await anyio.sleep(0.01)


async def test_an_account_is_not_given_somebody_elses_login(office: Desk, person: Person) -> None:
    anna = (await logged_in(office, person, "anna")).account_id
    before = office.accounts.require(anna).authority.credentials
    await anyio.to_thread.run_sync((office.data / "browser" / f"account-{anna}").rename, office.data / "away")
    job = office.captures.begin(account_id=anna, seconds=PATIENCE, headless=True)
    async with person.at_the_window() as page:
        await page.wait_for_url("**/auth*")
        await person.log_in(page, "berta")
        await office.until(job, lambda job: job.state == "waiting" and bool(job.error))
        assert job.error == f"That is the login of b***@example.com, not of account '{anna}'."
        assert office.accounts.require(anna).authority.credentials == before
        await page.get_by_role("button", name="Log out").click()
        await page.wait_for_url("**/auth*")
        await person.log_in(page, "anna")
        assert await office.ended(job) == "done"
    assert job.error == job.hint == ""
    assert office.accounts.require(anna).authority.credentials.token != before.token


async def test_a_page_of_another_origin_is_never_read(
    office: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = looks_counted(monkeypatch)
    async with Lookalike() as foreign:
        foreign.state.user_named("anna")
        job = office.captures.begin(seconds=PATIENCE, headless=True)
        async with person.at_the_window() as page:
            await page.wait_for_url("**/auth*")
            await page.goto(f"{foreign.url}/auth")
            await person.log_in(page, "anna")
            await page.get_by_text("Hello, anna.").wait_for()
            assert await page.evaluate("localStorage.getItem('token').length > 100")
            before = len(looks)
            await office.until(job, lambda _: len(looks) > before + 2)
            assert office.told == NOT_LOGGED_IN
            await office.captures.cancel(job.id)
    assert not office.accounts.all()
    assert office.lookalike.state.counters.requests <= 3, "nothing was tried at the site"


async def test_a_login_that_is_no_good_is_waited_past(office: Desk, person: Person) -> None:
    job = office.captures.begin(seconds=PATIENCE, headless=True)
    async with person.at_the_window() as page:
        await page.wait_for_url("**/auth*")
        await page.evaluate("localStorage.setItem('token', 'eyJhbGciOiJIUzI1NiJ9.e30.left-over-of-long-ago')")
        await office.until(job, lambda job: job.state == "waiting" and bool(job.error))
        await person.log_in(page, "anna")
        assert await office.ended(job) == "done", job


async def test_only_one_window_is_open_and_cancelling_closes_it(office: Desk, person: Person) -> None:
    job = office.captures.begin(seconds=PATIENCE, headless=True)
    async with person.at_the_window() as page:
        await page.wait_for_url("**/auth*")
        with pytest.raises(LunaError) as refused:
            office.captures.begin(headless=True)
        assert refused.value.kind is Kind.CONFLICT
        assert (await office.captures.cancel(job.id)).state == "cancelled"
    assert not office.processes()
    again = office.captures.begin(seconds=PATIENCE, headless=True)
    assert (await office.captures.cancel(again.id)).state == "cancelled", "also while the browser is being started"
    assert (await office.captures.cancel(job.id)).state == "cancelled", "once more changes nothing"


async def test_nobody_logs_in(office: Desk, person: Person) -> None:
    job = office.captures.begin(seconds=2.5, headless=True)
    assert await office.ended(job) == "timed-out"
    assert "2.5 seconds" in job.error
    assert job.ended_at is not None and job.ended_at >= job.ends_at
    assert list((office.data / "browser").iterdir()) == []


@pytest.mark.parametrize("how", ["closed", "killed"])
async def test_the_window_goes_away(office: Desk, person: Person, how: str) -> None:
    job = office.captures.begin(seconds=PATIENCE, headless=True)
    async with person.at_the_window() as page:
        await page.wait_for_url("**/auth*")
        if how == "closed":
            await page.close()
        else:
            (pid,) = office.processes()
            kill(pid)
        assert await office.ended(job) == "cancelled"
    assert "closed before" in job.error
    assert not office.accounts.all()


async def test_the_window_goes_out_by_the_accounts_proxy_and_by_nothing_else(office: Desk, person: Person) -> None:
    asked: list[str] = []
    refusals = {
        False: b"407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=proxy",
        True: b"502 Bad Gateway",
    }

    async def proxy(socket: anyio.abc.SocketStream) -> None:
        async with socket:
            head = b""
            with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):  # a connection in reserve
                while not head.endswith(b"\r\n\r\n"):
                    head += await socket.receive()
                known = b"Proxy-Authorization: Basic bWU6czNjcmV0" in head
                if known:
                    asked.append(head.split()[1].decode())
                await socket.send(b"HTTP/1.1 %s\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno" % refusals[known])

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    office.captures.way = lambda account_id: ProxyAddress("http", "127.0.0.1", port, "me", "s3cret")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, proxy)
        job = office.captures.begin(seconds=PATIENCE, headless=True)
        async with person.at_the_window():
            await office.until(job, lambda job: job.state == "waiting" and bool(asked))
        await office.captures.cancel(job.id)
        tasks.cancel_scope.cancel()
    assert f"{office.lookalike.url}/auth?action=signin" in asked
    assert office.lookalike.state.counters.requests == 0


async def test_the_site_cannot_be_reached(tmp_path: Path, person: Person) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with Lookalike() as lookalike, desk(tmp_path / "data", lookalike, site=Site(nowhere, nowhere)) as office:
        job = office.captures.begin(seconds=PATIENCE, headless=True)
        assert await office.ended(job) == "failed"
    assert job.error == f"The browser cannot open {nowhere} (net::ERR_CONNECTION_REFUSED)."
    assert job.hint
