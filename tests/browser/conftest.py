"""The pages in a real Chromium: one browser for all tests here, a luna of its own for each.

    async def test_something(visit: Visit) -> None:
        page = await visit.open("/flows")          # signed in already
        await visit.luna.request("POST", "/v1/chat/completions", body)
        await expect(page.get_by_role("grid")).to_be_visible()

A test fails for anything on the browser's console, for a script that throws and for a violation of the page's policy,
whatever else it checks. `visit.luna` is a house in this process: `visit.luna.house.state`, `visit.luna.lookalike`.
What must be there: a Chromium (`make chromium`, or LUNA_TEST_CHROMIUM) and built pages (`make setup`; LUNA_TEST_PAGES
names another build of them). `visit.picture(name)` leaves pictures in LUNA_SCREENSHOTS.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from luna.server import static
from tests.browser.visit import Visit, watch_policy
from tests.support import chromium as browsers
from tests.support.house import Running, running_luna

CHROMIUM = browsers.chromium()
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WINDOW = (1360, 860)
PATIENCE = 30_000
"""Milliseconds until a condition that does not come fails a test: long enough for a machine that has other work."""

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
async def chromium() -> AsyncIterator[Browser]:
    """The browser."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"There is no {CHROMIUM}: apt-get install chromium, or say where one is by LUNA_TEST_CHROMIUM.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield browser
        await browser.close()


@pytest.fixture(scope="package")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as they were built when the tests began: who builds others meanwhile does not change these."""
    other = os.environ.get("LUNA_TEST_PAGES")
    built = Path(other) if other else static.pages_directory()
    if built is None:
        pytest.fail("The pages are not built: cd ui && npm ci && npm run build.")
    return shutil.copytree(built, tmp_path_factory.mktemp("pages") / "dist")


@pytest.fixture
def luna_environ() -> dict[str, str]:
    """What a test file adds to the environment of its lunas: override it there."""
    return {"LUNA_RECORD": "all"}


@pytest.fixture
def luna_account() -> bool:
    """Whether there is an account; a test file may say that there is none."""
    return True


@pytest.fixture
async def luna(
    tmp_path: Path, pages: Path, luna_environ: dict[str, str], luna_account: bool, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    """A luna with its pages, and the look-alike behind it."""
    monkeypatch.setattr(static, "pages_directory", lambda: pages)
    async with running_luna(tmp_path / "data", environ=luna_environ, account=luna_account) as running:
        yield running


@pytest.fixture
async def visit(luna: Running, chromium: Browser) -> AsyncIterator[Visit]:
    """A signed-in person in a fresh browser; problems fail the test at its end."""
    width, height = WINDOW
    context = await chromium.new_context(
        viewport={"width": width, "height": height}, locale="en-GB", color_scheme="light"
    )
    context.set_default_timeout(PATIENCE)
    await watch_policy(context)
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=luna.url)
    visit = Visit(luna, context, await context.new_page())
    await visit.sign_in()
    try:
        yield visit
        await visit.check()
    finally:
        await context.close()
