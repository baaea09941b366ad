"""Logins by a real browser against a look-alike: a desk that opens the windows, and a person who types into them.

luna itself never types. The person reaches the window by Chromium's own debugging port, from outside.
"""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from playwright.async_api import Browser, Error, Page, Playwright

from luna.demo.serve import Lookalike
from luna.model.ambient import SystemClock
from luna.qwen.endpoints import Site
from luna.state.accounts import Accounts
from luna.state.capture import OVER, Captures, Job
from luna.state.credentials import CredentialStore
from luna.upstream.pool import PoolBackend
from tests.support.chromium import chromium
from tests.support.ports import free_port

CHROMIUM = chromium()
PATIENCE = 60
"""Seconds until what must come counts as lost; the machine may have other work."""


def browser_environment(port: int) -> dict[str, str]:
    """What luna is told about the browser, so that a person can be played."""
    quiet = "--disable-gpu --disable-quic --disable-component-update --disable-sync"
    return {"LUNA_BROWSER": CHROMIUM, "LUNA_BROWSER_ARGS": f"--no-sandbox {quiet} --remote-debugging-port={port}"}


@dataclass
class Person:
    """Somebody who sits at the window that luna opens with these arguments."""

    playwright: Playwright
    port: int

    @asynccontextmanager
    async def at_the_window(self) -> AsyncIterator[Page]:
        """The page that is open, as soon as it is."""
        browser = await self._arrive()
        try:
            yield browser.contexts[0].pages[0]
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await _leave(browser)

    async def _arrive(self) -> Browser:
        with anyio.fail_after(PATIENCE):
            while True:
                try:
                    browser = await self.playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{self.port}")
                except Error:
                    await anyio.sleep(0.05)
                    continue
                if browser.contexts and browser.contexts[0].pages:
                    return browser
                await _leave(browser)

    async def log_in(self, page: Page, name: str) -> None:
        """Fill in the look-alike's form and send it."""
        await page.get_by_label("E-mail").fill(f"{name}@example.com")
        await page.get_by_label("Password").fill(name)
        await page.get_by_role("button", name="Log in").click()


async def _leave(browser: Browser) -> None:
    try:
        await browser.close()  # only the connection: the window is luna's
    except Error:
        return


@dataclass
class Desk:
    """Accounts, and the logins that lead to them."""

    lookalike: Lookalike
    accounts: Accounts
    captures: Captures
    data: Path
    told: list[str] = field(default_factory=list)
    """The states of all jobs as they were published."""

    def heard(self, job: Job) -> None:
        self.told.append(job.state)

    async def until(self, job: Job, settled: Callable[[Job], bool]) -> None:
        with anyio.fail_after(PATIENCE):
            while not settled(job):
                await anyio.sleep(0.02)

    async def ended(self, job: Job) -> str:
        """Its last state, once the window has closed."""
        await self.until(job, lambda job: job.state in OVER and "one open" not in repr(self.captures))
        return job.state

    def processes(self) -> list[int]:
        """The browsers that run with a profile of this desk's."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if f"--user-data-dir={self.data}".encode() in command and b"--type=" not in command:
                found.append(int(folder.name))
        return found


def drivers_of(process: int) -> list[int]:
    """The browser drivers that a process has started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(pid) for pid in children if b"run-driver" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def kill(pid: int) -> None:
    """At once, without a word."""
    os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def desk(data: Path, lookalike: Lookalike, *, site: Site | None = None) -> AsyncIterator[Desk]:
    """A desk over a data directory."""
    clock, backend = SystemClock(), PoolBackend()
    site = site or Site(lookalike.url, lookalike.url)
    accounts = Accounts(store=CredentialStore(data / "credentials.json"), backend=backend, clock=clock, site=site)
    captures = Captures(accounts, site, data / "browser", clock)
    made = Desk(lookalike, accounts, captures, data)
    captures.watch = made.heard
    try:
        async with anyio.create_task_group() as tasks:
            captures.attend(tasks)
            yield made
            tasks.cancel_scope.cancel()
    finally:
        await backend.aclose()


def person_at(playwright: Playwright, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Tell this process's luna how to open its windows, and whoever sits at them where they are."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"There is no {CHROMIUM}: apt-get install chromium, or say where one is by LUNA_TEST_CHROMIUM.")
    port = free_port()
    for name, value in browser_environment(port).items():
        monkeypatch.setenv(name, value)
    return Person(playwright, port)
