"""The page of accounts: adding by the look-alike's login and by pasting, and every state as it comes."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Locator, Page, Playwright, async_playwright, expect

from luna.model.errors import Kind, LunaError
from tests.browser.visit import Visit, check_accessibility
from tests.support.house import ADMIN_KEY
from tests.support.logins import Person, browser_environment, person_at

ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture(scope="module")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest.fixture
def person(playwright: Playwright, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Somebody at the window that luna opens; it has no screen."""
    person = person_at(playwright, monkeypatch)
    monkeypatch.setenv("LUNA_BROWSER_ARGS", browser_environment(person.port)["LUNA_BROWSER_ARGS"] + " --headless")
    return person


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name)


async def saved(visit: Visit, name: str) -> str:
    """An account of that user of the look-alike's; its id."""
    login = visit.luna.lookalike.login(name)
    credentials = {"token": login.token, "cookies": login.cookie_header}
    account = await visit.luna.house.accounts.save(credentials, label=name, new=True)
    return account.id


@pytest.mark.act
async def test_an_account_is_added_by_logging_in(visit: Visit, person: Person, tmp_path: Path) -> None:
    visit.luna.lookalike.state.user_named("anna")
    page = await visit.open("/accounts")
    await expect(card(page, "environment")).to_contain_text("QWEN_AI_TOKEN")
    await expect(card(page, "environment").get_by_role("button", name="Remove")).to_have_count(0)
    await page.get_by_role("button", name="Add an account").click()
    dialog = page.get_by_role("dialog")
    await check_accessibility(page)
    await visit.picture("accounts-add")
    await dialog.get_by_role("button", name="Open the browser").click()
    async with person.at_the_window() as window:
        await window.wait_for_url("**/auth*")
        now = dialog.locator('[aria-current="step"]')
        await expect(now).to_contain_text("You log in in its window")
        await visit.picture("accounts-login")
        await page.reload()
        await expect(now).to_contain_text("You log in in its window")
        await person.log_in(window, "anna")
        await expect(dialog.get_by_role("status")).to_contain_text("is logged in")
    await expect(dialog).to_contain_text("anna, a***@example.com")
    await check_accessibility(page)
    await dialog.get_by_role("button", name="Close").last.click()
    await expect(card(page, "anna")).to_contain_text("Ready")
    await expect(card(page, "anna")).to_contain_text("renewed by luna")
    account = next(one for one in visit.luna.house.accounts.all() if one.label == "anna")
    secrets = [secret for secret in account.authority.credentials.secrets() if len(secret) > 12]
    assert secrets
    answers = [await visit.luna.request("GET", f"/api/{path}", headers=ADMIN) for path in ("audit", "accounts")]
    logs = [recording.read_bytes() for recording in tmp_path.rglob("recordings/*")]
    for secret in secrets:
        assert not any(secret.encode() in answer.content for answer in answers)
        assert not any(secret.encode() in log for log in logs)
    assert b"/api/provider/oauth/capture" in answers[0].content


async def test_a_login_is_given_up(visit: Visit, person: Person) -> None:
    page = await visit.open("/accounts?add=browser")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Open the browser").click()
    async with person.at_the_window():
        await dialog.get_by_role("button", name="Cancel the login").click()
        await expect(dialog.get_by_role("status")).to_contain_text("The login was given up")
    await dialog.get_by_role("button", name="Try again").click()
    await expect(dialog.get_by_role("button", name="Open the browser")).to_be_enabled()


async def test_a_browser_that_cannot_be_opened_is_told(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNA_BROWSER", "/no/such/browser")
    visit.expected = {409}
    page = await visit.open("/accounts?add=browser")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Open the browser").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("LUNA_BROWSER names a browser that is not there")
    await expect(dialog.get_by_role("alert")).to_contain_text("paste")


async def test_logging_in_again_takes_one_click(visit: Visit, person: Person) -> None:
    visit.luna.lookalike.state.user_named("anna")
    account = await saved(visit, "anna")
    page = await visit.open("/accounts")
    visit.luna.house.accounts.require(account).failed(LunaError(Kind.UPSTREAM_LOGIN, "Qwen does not know it any more."))
    await expect(card(page, "anna")).to_contain_text("Needs a login")
    await expect(card(page, "anna")).to_contain_text("Qwen does not know it any more.")
    await card(page, "anna").get_by_role("button", name="Log in again").click()
    await page.get_by_role("button", name="Open the browser").click()
    async with person.at_the_window() as window:
        await window.wait_for_url("**/auth*")
        await person.log_in(window, "anna")
        await expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("is logged in")
    await page.keyboard.press("Escape")
    await expect(card(page, "anna")).to_contain_text("Ready")


async def test_logins_are_pasted_and_each_says_what_came_of_it(visit: Visit) -> None:
    anna, berta = visit.luna.lookalike.login("anna"), visit.luna.lookalike.login("berta")
    page_json = msgspec.json.encode(
        {"email": "berta@example.com", "token": berta.token, "cookies": berta.cookie_header}
    )
    page = await visit.open("/accounts?add=paste")
    dialog = page.get_by_role("dialog")
    text = "\n".join([anna.token, "hello", page_json.decode(), "eyJhbGciOiJIUzI1NiJ9.e30.nobody-knows-it"])
    await dialog.get_by_label("Login", exact=True).fill(text)
    rows = dialog.get_by_role("row")
    await expect(rows).to_have_count(5)
    await expect(rows.nth(2)).to_contain_text("not recognised")
    await expect(rows.nth(3)).to_contain_text("berta@example.com, token, 3 cookies")
    await dialog.get_by_role("button", name="Check and add 3 accounts").click()
    await expect(rows.nth(1)).to_contain_text("added as anna")
    await expect(rows.nth(3)).to_contain_text("added as berta@example.com")
    await expect(rows.nth(4)).to_contain_text("not kept")
    await expect(dialog.get_by_role("status")).to_contain_text("2 of 3 are in use now")
    await check_accessibility(page)
    await visit.picture("accounts-pasted")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("article")).to_have_count(3)
    await expect(card(page, "berta@example.com")).to_contain_text("Ready")
    again = visit.luna.lookalike.login("anna")
    await visit.open("/accounts?add=paste")
    await dialog.get_by_label("Login", exact=True).fill(again.cookie_header)
    visit.expected = {409}
    await dialog.get_by_role("button", name="Check and add 1 account").click()
    await expect(dialog.get_by_role("table")).to_contain_text("new login for anna")
    assert len(visit.luna.house.accounts.all()) == 3


async def test_states_are_seen_as_they_come(visit: Visit) -> None:
    account = visit.luna.house.accounts.require(await saved(visit, "anna"))
    page = await visit.open("/accounts")
    shown = card(page, "anna")
    await expect(shown).to_contain_text("Ready")
    account.failed(LunaError(Kind.RATE_LIMITED, "Too many requests.", retry_after=90))
    await expect(shown).to_contain_text("Resting")
    await expect(shown).to_contain_text("Too many requests.")
    await expect(shown.locator(".countdown").first).to_have_text(re.compile(r"1:\d\d"))
    await check_accessibility(page)
    await visit.picture("accounts-resting")
    await shown.get_by_role("button", name="Try again").click()
    await expect(shown).to_contain_text("Ready")
    account.failed(LunaError(Kind.RATE_LIMITED, "For a moment.", retry_after=5))
    await expect(shown).to_contain_text("Resting")
    await expect(shown).to_contain_text("Ready")
    await shown.get_by_role("button", name="Switch off").click()
    await expect(shown).to_contain_text("Switched off")
    assert account.enabled is False
    await page.get_by_role("combobox", name="Show").select_option("disabled")
    assert "state=disabled" in page.url
    await expect(page.get_by_role("article")).to_have_count(1)
    await shown.get_by_role("button", name="Switch on").click()
    await expect(page.get_by_role("heading", name="No account is in this state.")).to_be_visible()


async def test_a_run_shows_up_in_the_accounts_usage(visit: Visit) -> None:
    page = await visit.open("/accounts")
    await expect(card(page, "environment")).to_contain_text("No runs.")
    body = b'{"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "[[say:hello]]"}]}'
    assert (await visit.luna.request("POST", "/v1/chat/completions", body)).status == 200
    await expect(card(page, "environment")).to_contain_text("(1 answered, 0 failed)")
    await expect(card(page, "environment").get_by_role("link", name="1", exact=True)).to_have_attribute(
        "href", "/flows?filter=~a%20env"
    )
    refused = b'{"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "[[fault:rate-limit]]"}]}'
    assert (await visit.luna.request("POST", "/v1/chat/completions", refused)).status >= 400
    await expect(card(page, "environment")).to_contain_text("Last failure")


@pytest.mark.act
async def test_an_account_is_validated_edited_and_removed(visit: Visit) -> None:
    account = await saved(visit, "anna")
    page = await visit.open("/accounts")
    await card(page, "anna").get_by_role("button", name="Validate").click()
    await expect(card(page, "anna").get_by_role("status")).to_contain_text("Qwen knows this login: anna")
    visit.luna.lookalike.expire(visit.luna.house.accounts.require(account).authority.credentials.token)
    await page.get_by_role("button", name="Validate all").click()
    await expect(card(page, "environment").get_by_role("status")).to_contain_text("Qwen knows this login: test")
    await card(page, "anna").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog", name="Edit anna")
    await check_accessibility(page)
    await dialog.get_by_label("Name").fill("Anna at work")
    await dialog.get_by_label("Runs at once").select_option("own")
    await dialog.get_by_label("Limit").fill("zero")
    await expect(dialog.get_by_role("alert")).to_contain_text("whole number")
    await dialog.get_by_label("Limit").fill("7")
    await dialog.get_by_label("Network profile").select_option("direct")
    await dialog.get_by_role("button", name="Save").click()
    await expect(card(page, "Anna at work")).to_contain_text("0 of 7")
    changed = visit.luna.house.accounts.require(account)
    assert (changed.max_concurrent_runs, changed.network_profile) == (7, "direct")
    await card(page, "Anna at work").get_by_role("button", name="Remove").click()
    confirm = page.get_by_role("dialog", name="Remove Anna at work?")
    await expect(confirm).to_contain_text("token")
    await check_accessibility(page)
    await confirm.get_by_role("button", name="Cancel").click()
    await expect(confirm).to_have_count(0)
    await card(page, "Anna at work").get_by_role("button", name="Remove").click()
    await confirm.get_by_role("button", name="Remove the account").click()
    await expect(page.get_by_role("article")).to_have_count(1)
    assert visit.luna.house.accounts.find(account) is None


@pytest.mark.parametrize("language", ["vi", "zh"])
async def test_it_speaks_other_languages(visit: Visit, language: str) -> None:
    await saved(visit, "anna")
    await visit.dress("dark", language)
    page = await visit.open("/accounts")
    await expect(card(page, "anna").get_by_role("button")).to_have_count(5)
    assert not re.search(r"accounts\.[a-z]+", await page.inner_text("main"))
    await page.set_viewport_size({"width": 360, "height": 780})
    await expect(card(page, "anna")).to_be_visible()
    widths = "[document.documentElement, document.querySelector('main')].map((one) => one.scrollWidth)"
    assert all(width <= 360 for width in await page.evaluate(widths))
    await visit.picture(f"accounts-{language}-narrow")
