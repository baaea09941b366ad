"""`luna login` in a terminal: against a luna that runs, and without one. The browser is real, its screen is not."""

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.abc
import pytest
from playwright.async_api import Playwright, async_playwright

from luna.demo.serve import Lookalike
from luna.qwen.credentials import Credentials
from luna.state.account_records import ENV
from luna.state.credentials import CredentialStore, Record
from tests.support.command import ROOT, environment, luna, serving
from tests.support.logins import Person, browser_environment, drivers_of, kill
from tests.support.ports import free_port

KEY = "key-of-a-test"


@pytest.fixture(scope="module")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest.fixture
async def lookalike() -> AsyncIterator[Lookalike]:
    async with Lookalike() as lookalike:
        lookalike.state.user_named("anna")
        yield lookalike


@dataclass
class Terminal:
    """A `luna login` that runs."""

    process: anyio.abc.Process

    async def end(self) -> tuple[int, str, str]:
        """Exit code, what it said, what it complained of."""
        assert self.process.stdout and self.process.stderr
        with anyio.fail_after(30):
            said = b"".join([chunk async for chunk in self.process.stdout]).decode()
            complained = b"".join([chunk async for chunk in self.process.stderr]).decode()
            return await self.process.wait(), said, complained


@asynccontextmanager
async def typing_login(data: Path, *arguments: str, **environ: str) -> AsyncIterator[Terminal]:
    command = [sys.executable, "-m", "luna", "login", "--headless", *arguments]
    async with await anyio.open_process(command, env=environment(data, **environ), cwd=ROOT) as process:
        yield Terminal(process)


def site(lookalike: Lookalike) -> dict[str, str]:
    return {"LUNA_QWEN_BASE_URL": lookalike.url, "LUNA_QWEN_AUTH_URL": lookalike.url}


async def test_without_a_luna_the_login_is_kept_for_the_next_start(
    lookalike: Lookalike, playwright: Playwright, tmp_path: Path
) -> None:
    data, person = tmp_path / "data", Person(playwright, free_port())
    store = CredentialStore(data / "credentials.json")
    kept = Record(ENV, "qwen-ai", Credentials(token="renewed"), basis="of-another-shell")
    data.mkdir(mode=0o700)
    store.save([kept])
    environ = {**site(lookalike), **browser_environment(person.port), "LUNA_PORT": str(free_port())}
    async with typing_login(data, **environ) as terminal, person.at_the_window() as page:
        await page.wait_for_url("**/auth*")
        await person.log_in(page, "anna")
        code, said, complained = await terminal.end()
    assert (code, complained) == (0, "")
    assert said.splitlines()[:2] == ["Opening the browser …", "Log in in the window that has opened. Ctrl-C gives up."]
    account, environments = sorted(store.load(), key=lambda record: record.id, reverse=True)
    assert said.splitlines()[-1] == f"Account '{account.id}' is logged in (a***@example.com)."
    assert (account.label, {cookie.name for cookie in account.credentials.cookies}) == (
        "anna",
        {"token", "refresh_token", "acw_tc"},
    )
    assert environments == kept, "what luna keeps of another account stays"
    assert not any(secret in said for secret in account.credentials.secrets() if len(secret) > 12)


async def test_a_luna_that_runs_has_the_account_at_once(
    lookalike: Lookalike, playwright: Playwright, tmp_path: Path
) -> None:
    data, person = tmp_path / "data", Person(playwright, free_port())
    environ = {**site(lookalike), **browser_environment(person.port)}
    with serving(data, **environ) as running:
        port = running.url.rpartition(":")[2]
        login = typing_login(data, "--port", port, "--account", "work")
        async with login as terminal, person.at_the_window() as page:
            await page.wait_for_url("**/auth*")
            await person.log_in(page, "anna")
            code, said, complained = await terminal.end()
        assert (code, complained) == (0, "")
        assert said.splitlines()[-1] == "Account 'work' is logged in (a***@example.com)."
        answer = await anyio.to_thread.run_sync(running.chat, "[[say:hello]]")
        assert answer.status == 200, "the account serves without a restart"


async def test_ctrl_c_closes_the_window(lookalike: Lookalike, playwright: Playwright, tmp_path: Path) -> None:
    data, person = tmp_path / "data", Person(playwright, free_port())
    environ = {**site(lookalike), **browser_environment(person.port), "LUNA_ADMIN_KEY": KEY}
    with serving(data, **environ) as running:
        port = running.url.rpartition(":")[2]
        login = typing_login(data, "--port", port, LUNA_ADMIN_KEY=KEY)
        async with login as terminal, person.at_the_window() as page:
            await page.wait_for_url("**/auth*")
            terminal.process.send_signal(signal.SIGINT)
            code, _, complained = await terminal.end()
        assert (code, complained) == (130, "")
        async with typing_login(data, "--port", port, "--timeout", "2", LUNA_ADMIN_KEY=KEY) as terminal:
            code, _, complained = await terminal.end()
    assert code == 1
    assert complained.startswith("luna: Nobody logged in within 2 seconds."), "the first window was closed"


async def test_ctrl_c_closes_a_window_of_its_own_too(
    lookalike: Lookalike, playwright: Playwright, tmp_path: Path
) -> None:
    data, person = tmp_path / "data", Person(playwright, free_port())
    environ = {**site(lookalike), **browser_environment(person.port), "LUNA_PORT": str(free_port())}
    async with typing_login(data, **environ) as terminal, person.at_the_window() as page:
        await page.wait_for_url("**/auth*")
        gone = anyio.Event()
        page.on("close", lambda _: gone.set())
        terminal.process.send_signal(signal.SIGINT)
        code, _, complained = await terminal.end()
        with anyio.fail_after(5):
            await gone.wait()
    assert (code, complained) == (130, "")
    assert list((data / "browser").iterdir()) == []


async def test_a_driver_that_is_killed_takes_the_window_along(
    lookalike: Lookalike, playwright: Playwright, tmp_path: Path
) -> None:
    data, person = tmp_path / "data", Person(playwright, free_port())
    environ = {**site(lookalike), **browser_environment(person.port), "LUNA_PORT": str(free_port())}
    async with typing_login(data, **environ) as terminal, person.at_the_window() as page:
        await page.wait_for_url("**/auth*")
        gone = anyio.Event()
        page.on("close", lambda _: gone.set())
        (driver,) = drivers_of(terminal.process.pid)
        kill(driver)
        code, _, complained = await terminal.end()
        with anyio.fail_after(5):
            await gone.wait()
    assert (code, complained.startswith("luna: The login window was closed")) == (1, True)


def test_a_driver_that_does_not_start_is_told(tmp_path: Path) -> None:
    environ = {**browser_environment(free_port()), "PLAYWRIGHT_NODEJS_PATH": "/bin/false"}
    done = luna("login", "--headless", "--port", str(free_port()), data_dir=tmp_path / "data", environ=environ)
    assert done.returncode == 1
    assert done.stderr.startswith("luna: The driver of the browser could not be started.")
    assert "Traceback" not in done.stderr


def test_a_data_directory_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data):
        done = luna("login", "--headless", "--port", str(free_port()), data_dir=data)
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert not (data / "browser").exists()


@pytest.mark.parametrize("running", [True, False])
def test_a_missing_browser_is_told_with_the_way_out(tmp_path: Path, running: bool) -> None:
    data, environ = tmp_path / "data", {"LUNA_BROWSER": "/no/such/browser"}
    if running:
        with serving(data, **environ) as house:
            done = luna("login", "--headless", "--port", house.url.rpartition(":")[2], data_dir=data)
    else:
        done = luna("login", "--headless", "--port", str(free_port()), data_dir=data, environ=environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert "LUNA_BROWSER names a browser that is not there" in done.stderr
    assert "paste" in done.stderr


async def test_something_else_on_the_port_is_no_luna(lookalike: Lookalike, tmp_path: Path) -> None:
    port = lookalike.url.rpartition(":")[2]
    environ = {"LUNA_BROWSER": "/no/such/browser", "LUNA_ADMIN_KEY": KEY}
    async with typing_login(tmp_path / "data", "--port", port, **environ) as terminal:
        code, _, complained = await terminal.end()
    assert (code, "LUNA_BROWSER" in complained) == (1, True), "it goes on by itself"


@pytest.mark.parametrize("wrong", [("--timeout", "0"), ("--timeout", "soon"), ("--port", "no")])
def test_wrong_arguments_are_told(tmp_path: Path, wrong: tuple[str, str]) -> None:
    done = luna("login", *wrong, data_dir=tmp_path / "data")
    assert done.returncode == 2
    assert wrong[0] in done.stderr


def test_the_help_says_what_it_does_not_do() -> None:
    done = luna("login", "--help", data_dir=Path("nowhere"))
    assert "fills in nothing" in " ".join(done.stdout.split())
