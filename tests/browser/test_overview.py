"""The overview: what happens makes its figures move, and a click on a figure leads to the flows that it counts."""

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.asking import BASH, CALL, FAILS, chat, going_on, many_flows
from tests.browser.visit import Visit, check_accessibility

FILTER = "Filter"
CHARTS = 7
"""With that of the accounts."""


def rows(page: Page) -> Locator:
    return page.get_by_role("grid", name="Flows").get_by_role("row").filter(has=page.get_by_role("gridcell"))


def figure(page: Page, text: str) -> Locator:
    return page.locator(".figures").get_by_role("link", name=re.compile(f"^{text}"))


async def leads_to(page: Page, link: Locator, filter: str | re.Pattern[str], count: int) -> None:
    """A click on it shows so many flows, by this filter; then back."""
    await link.click()
    await expect(page.get_by_label(FILTER, exact=True)).to_have_value(filter)
    await expect(rows(page)).to_have_count(count)
    await page.go_back()
    await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()


async def test_an_empty_one_says_what_to_do_next(visit: Visit) -> None:
    page = await visit.open("/")
    await expect(page.get_by_role("heading", name="Nothing was asked in this time")).to_be_visible()
    await expect(page.get_by_text("/v1/chat/completions")).to_be_visible()
    await check_accessibility(page)
    await page.get_by_role("link", name="Set up a client").click()
    await expect(page).to_have_url(re.compile("/settings"))
    await page.go_back()
    await page.get_by_role("link", name="Ask in the playground").click()
    await expect(page).to_have_url(re.compile("/playground"))


@pytest.mark.act
async def test_flows_make_the_figures_move(visit: Visit) -> None:
    page = await visit.open("/")
    await expect(figure(page, "Requests 0")).to_be_visible()
    for number in range(3):
        await chat(visit.luna, f"number {number}")
    await chat(visit.luna, CALL, tools=[BASH])
    await expect(figure(page, "Requests 4")).to_be_visible()
    await expect(figure(page, "Success 100%")).to_be_visible()
    await chat(visit.luna, FAILS)
    await expect(figure(page, "Requests 5")).to_be_visible()
    await expect(figure(page, "Success 80%")).to_be_visible()
    await expect(figure(page, r"First token \d+ ms")).to_be_visible()
    await expect(figure(page, r"Tokens [\d.]+K")).to_be_visible()
    await expect(figure(page, "Waiting 0")).to_be_visible()
    await expect(page.locator(".chart canvas")).to_have_count(CHARTS)
    await expect(page.get_by_role("table", name="Errors by kind")).to_contain_text("upstream-")
    accounts = page.get_by_role("region", name="Accounts")
    await expect(accounts.get_by_role("table").last).to_contain_text("Ready")
    await expect(accounts.get_by_role("row", name=re.compile("0 of 4 5 80%"))).to_be_visible()
    async with going_on(visit.luna):
        await expect(page.get_by_role("region", name="Going on now")).to_contain_text("streams")
        await expect(figure(page, "Going on 1")).to_be_visible()
        await check_accessibility(page)
        await visit.picture("overview-live")
    await expect(page.get_by_role("region", name="Going on now")).to_contain_text("Nothing goes on.")
    await expect(figure(page, "Going on 0")).to_be_visible()


async def test_a_click_leads_to_the_flows_that_are_counted(visit: Visit) -> None:
    for number in range(3):
        await chat(visit.luna, f"number {number}")
    await chat(visit.luna, FAILS)
    page = await visit.open("/")
    await leads_to(page, figure(page, "Requests 4"), "~b <1h", 4)
    await leads_to(page, figure(page, "Success 75%"), "~b <1h & ~o completed", 3)
    await leads_to(page, figure(page, "Errors 1"), "~b <1h & (~o failed | ~o interrupted)", 1)
    await leads_to(page, figure(page, "Going on 0"), "~o active", 0)
    errors = page.get_by_role("region", name="Errors by kind")
    await leads_to(page, errors.get_by_role("link").first, re.compile("^~b <1h & ~e upstream-"), 1)
    models = page.get_by_role("region", name="Models")
    await leads_to(page, models.get_by_role("link").first, re.compile("^~b <1h & ~m qwen"), 4)
    accounts = page.get_by_role("region", name="Accounts")
    await leads_to(page, accounts.get_by_role("link", name="4", exact=True), re.compile("^~b <1h & ~a "), 4)
    await accounts.get_by_role("table").last.get_by_role("link").first.click()
    await expect(page).to_have_url(re.compile(r"/accounts\?account="))


async def test_a_moment_of_a_chart_leads_to_its_flows_by_pointer_and_by_keys(visit: Visit) -> None:
    await many_flows(visit.luna, 600)
    page = await visit.open("/")
    chart = page.locator(".chart").first
    await expect(page.locator(".chart canvas")).to_have_count(CHARTS)
    over = chart.locator(".u-over")
    box = await over.bounding_box()
    assert box is not None
    await over.hover(position={"x": box["width"] - 30, "y": 40})
    await expect(chart.locator(".chart-keys")).to_have_text(re.compile(r"^Requests \d+Errors \d+$"))
    await over.click(position={"x": box["width"] - 30, "y": 40})
    moment = re.compile(r"^~b \d{4}-\d\d-\d\dT\d\d:\d\d\.\.\d{4}-\d\d-\d\dT\d\d:\d\d$")
    await expect(page.get_by_label(FILTER, exact=True)).to_have_value(moment)
    await expect(rows(page).first).to_contain_text("Task")
    await page.go_back()

    walked = chart.get_by_role("slider", name="Requests")
    await walked.focus()
    for key in ("End", "ArrowLeft", "ArrowLeft"):
        await page.keyboard.press(key)
    await expect(walked).to_have_attribute("aria-valuenow", "57")
    await expect(walked).to_have_attribute("aria-valuetext", re.compile(r"^\d\d:\d\d: Requests 60, Errors \d+$"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_label(FILTER, exact=True)).to_have_value(moment)
    await expect(page.get_by_text("60 flows")).to_be_visible()


async def test_the_range_stands_in_the_address(visit: Visit) -> None:
    await chat(visit.luna, "hello")
    page = await visit.open("/?minutes=15")
    await expect(page.get_by_label("Of the last")).to_have_value("15")
    await page.get_by_label("Of the last").select_option("1440")
    await expect(page).to_have_url(re.compile("minutes=1440"))
    await page.reload()
    await leads_to(page, figure(page, "Requests 1"), "~b <1d", 1)
    await expect(page.get_by_label("Of the last")).to_have_value("1440")


class TestWithoutAnAccount:
    @pytest.fixture
    def luna_account(self) -> bool:
        return False

    async def test_it_leads_to_the_accounts(self, visit: Visit) -> None:
        page = await visit.open("/")
        await expect(page.get_by_role("heading", name="Nothing can be answered yet")).to_be_visible()
        await page.get_by_role("main").get_by_role("link", name="To the accounts").first.click()
        await expect(page).to_have_url(re.compile("/accounts$"))


@pytest.mark.parametrize(("theme", "width"), [("light", 1360), ("dark", 390), ("dark", 360)])
async def test_in_both_themes_and_on_a_phone(visit: Visit, theme: str, width: int) -> None:
    await many_flows(visit.luna, 3000)
    await chat(visit.luna, "hello")
    await visit.dress(theme)
    await visit.page.set_viewport_size({"width": width, "height": 844})
    page = await visit.open("/")
    await expect(page.locator(".chart canvas")).to_have_count(CHARTS)
    await check_accessibility(page)
    await visit.picture(f"overview-{theme}-{width}")
    assert not await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


@pytest.mark.parametrize(("language", "heading"), [("vi", "Tổng quan"), ("zh", "概览")])
async def test_in_other_languages(visit: Visit, language: str, heading: str) -> None:
    await chat(visit.luna, FAILS)
    await visit.dress(language=language)
    page = await visit.open("/")
    await expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
    await expect(page.locator(".chart canvas")).to_have_count(CHARTS)
    assert "overview." not in await page.locator("main").inner_text()
    await visit.picture(f"overview-{language}")
