"""The log as it is written: what appears by itself, what stands still, what is found again, and what is deleted."""

import re

import anyio
import msgspec
import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.visit import Visit, check_accessibility
from tests.support.house import Running


async def chat(luna: Running, prompt: str = "Hello") -> str:
    """Ask a model; the flow's id."""
    body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": prompt}]}
    response = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
    return dict(response.headers)[b"x-luna-flow"].decode()


def say(luna: Running, *messages: str, level: str = "info", flow: str = "") -> None:
    for message in messages:
        luna.house.state.logs.note(level, message, flow=flow, logger="luna.test", fields={"n": 1})


def rows(page: Page) -> Locator:
    return page.get_by_role("grid", name="Log").get_by_role("row").filter(has=page.get_by_role("gridcell"))


def row(page: Page, message: str) -> Locator:
    return rows(page).filter(has_text=re.compile(rf"{re.escape(message)}$"))


async def live(page: Page) -> None:
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()


@pytest.mark.act
async def test_a_line_appears_by_itself_and_leads_to_its_flow(visit: Visit) -> None:
    page = await visit.open("/logs")
    await expect(page.get_by_role("heading", name="luna has said nothing yet")).to_be_visible()
    await live(page)
    flow = await chat(visit.luna)
    line = rows(page).filter(has_text="POST /v1/chat/completions completed")
    await line.click()
    detail = page.get_by_role("dialog", name="Log line")
    await expect(detail).to_contain_text(flow)
    await expect(detail).to_contain_text("luna.flow")
    assert re.search(r"[?&]line=\d+", page.url)
    await check_accessibility(page)
    await detail.get_by_role("button", name="Only lines of this flow").click()
    await expect(page.get_by_label("Flow", exact=True)).to_have_value(flow)
    await line.click()
    await page.get_by_role("link", name=flow).click()
    await expect(page).to_have_url(re.compile(rf"/flows/{flow}"))


async def test_levels_and_words_stand_in_the_address(visit: Visit) -> None:
    say(visit.luna, "all is well", "so far")
    say(visit.luna, "this is odd", level="warning")
    say(visit.luna, "it broke", level="error", flow="flow_1")
    page = await visit.open("/logs")
    await expect(rows(page)).to_have_count(4)
    for level in ("debug", "info"):
        await page.get_by_role("button", name=level).click()
    await expect(rows(page)).to_have_count(2)
    assert "level=warning%2Cerror" in page.url
    await page.get_by_label("Words").fill("ODD")
    await expect(rows(page)).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"q=ODD"))
    await page.reload()
    await expect(row(page, "this is odd")).to_be_visible()
    await expect(rows(page)).to_have_count(1)
    await live(page)
    say(visit.luna, "nothing odd", level="info")
    say(visit.luna, "odd again", level="error")
    await expect(row(page, "odd again")).to_be_visible()
    await expect(rows(page)).to_have_count(2)
    await page.get_by_label("Words").fill("nobody says that")
    await page.get_by_role("button", name="Clear the filter").click()
    await expect(rows(page)).to_have_count(6)


async def test_a_pause_counts_what_it_keeps_back(visit: Visit) -> None:
    say(visit.luna, "before")
    page = await visit.open("/logs")
    await expect(row(page, "before")).to_be_visible()
    await live(page)
    await page.get_by_role("button", name="Pause").click()
    say(visit.luna, "one", "two")
    await expect(page.get_by_text("Paused, 2 new lines")).to_be_visible()
    await expect(rows(page)).to_have_count(1)
    await page.get_by_role("button", name="Go on").click()
    await expect(row(page, "two")).to_be_visible()
    await expect(rows(page)).to_have_count(3)


async def test_the_view_follows_new_lines_only_from_the_end(visit: Visit) -> None:
    say(visit.luna, *(f"line {number}" for number in range(150)))
    page = await visit.open("/logs")
    await expect(row(page, "line 149")).to_be_visible()
    await live(page)
    say(visit.luna, "at the end")
    await expect(row(page, "at the end")).to_be_visible()
    body = page.get_by_role("grid", name="Log")
    to_end = page.get_by_role("button", name="To the newest")
    with anyio.fail_after(30):
        while not await to_end.is_visible():  # a line that comes in the same frame takes the view to the end once more
            await body.evaluate("box => box.scrollTop = 400")
    say(visit.luna, "unseen")
    await expect(page.get_by_text("152 lines")).to_be_visible()
    assert await body.evaluate("box => box.scrollTop") == 400
    await to_end.click()
    await expect(row(page, "unseen")).to_be_visible()
    await expect(to_end).to_have_count(0)


async def test_older_lines_come_when_they_are_wanted_and_nothing_jumps(visit: Visit) -> None:
    say(visit.luna, *(f"line {number}" for number in range(450)))
    page = await visit.open("/logs")
    await expect(page.get_by_text("200 lines")).to_be_visible()
    await live(page)
    body = page.get_by_role("grid", name="Log")
    await body.evaluate("box => box.scrollTop = 0")
    await expect(page.get_by_text("400 lines")).to_be_visible()
    await expect(row(page, "line 250")).to_be_in_viewport()
    await page.get_by_role("button", name="Show older lines").click()
    await expect(page.get_by_text("450 lines")).to_be_visible()
    await expect(page.get_by_role("button", name="Show older lines")).to_have_count(0)
    await body.evaluate("box => box.scrollTop = 0")
    await expect(row(page, "line 0")).to_be_visible()
    assert await rows(page).count() < 100, "only what can be seen is in the page"


async def test_the_keyboard_moves_through_the_lines(visit: Visit) -> None:
    say(visit.luna, *(f"line {number}" for number in range(100)))
    page = await visit.open("/logs")
    await expect(row(page, "line 99")).to_be_visible()
    await live(page)
    await page.get_by_role("grid", name="Log").focus()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(row(page, "line 98")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    detail = page.get_by_role("dialog", name="Log line")
    await expect(detail).to_contain_text("line 98")
    await expect(detail).to_be_focused()  # only then does it hear the keyboard
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("grid", name="Log")).to_be_focused()
    await page.keyboard.press("Home")
    await expect(row(page, "line 0")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Log line")).to_contain_text("line 0")


async def test_deleting_says_what_goes_and_takes_nothing_else(visit: Visit) -> None:
    flow = await chat(visit.luna)
    say(visit.luna, "one", "two")
    page = await visit.open("/logs")
    await expect(rows(page)).to_have_count(3)
    await page.get_by_role("button", name="Delete all lines").click()
    dialog = page.get_by_role("dialog", name="Delete all log lines?")
    await expect(dialog).to_contain_text("3 log lines are deleted. Only log lines go")
    await dialog.get_by_role("button", name="Delete all lines").click()
    await expect(page.get_by_role("heading", name="luna has said nothing yet")).to_be_visible()
    assert await visit.luna.house.state.runs.get(flow) is not None
    say(visit.luna, "afterwards")
    await expect(row(page, "afterwards")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_barrier_and_no_scrolling_sideways(visit: Visit, theme: str) -> None:
    await visit.dress(theme)
    for level in ("debug", "info", "warning", "error"):
        say(visit.luna, f"{level}: " + "a long line of many words " * 12, level=level)
    page = await visit.open("/logs")
    await expect(rows(page)).to_have_count(4)
    await check_accessibility(page)
    await visit.picture(f"logs-{theme}")
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await visit.picture(f"logs-{theme}-narrow")
