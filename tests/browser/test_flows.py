"""The page of flows: what a person sees, does and finds there, as it happens."""

import re

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser import measures
from tests.browser.asking import BASH, CALL, FAILS, chat, going_on, many_flows
from tests.browser.visit import Visit, check_accessibility, text_of


def rows(page: Page) -> Locator:
    return page.get_by_role("grid", name="Flows").get_by_role("row").filter(has=page.get_by_role("gridcell"))


def filter_input(page: Page) -> Locator:
    return page.get_by_label("Filter", exact=True)


def filter_of(page: Page) -> str | None:
    """The filter in the address."""
    found = re.search(r"[?&]filter=([^&]*)", page.url)
    return found[1] if found else None


@pytest.mark.act
async def test_a_first_flow_shows_up_by_itself_and_quickly(visit: Visit) -> None:
    page = await visit.open("/flows")
    await expect(page.get_by_role("heading", name="No request has come yet")).to_be_visible()
    await expect(page.get_by_text("/v1/chat/completions")).to_be_visible()
    await check_accessibility(page)
    await chat(visit.luna, "The very first")
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page).first).to_contain_text("The very first")
    await expect(rows(page).first).to_contain_text("completed")

    measured = await measures.time_to_show(visit)
    print(f"\n{measured}")
    assert measured.kept, measured


@pytest.mark.act
async def test_a_filter_is_checked_while_it_is_written_and_stands_in_the_address(visit: Visit) -> None:
    for prompt in ("Fix the parser", "Say hello", FAILS):
        await chat(visit.luna, prompt)
    await chat(visit.luna, CALL, tools=[BASH])
    page = await visit.open("/flows")
    await expect(rows(page)).to_have_count(4)
    field = filter_input(page)

    await page.keyboard.press("/")
    await expect(field).to_be_focused()
    await field.fill("~e")
    await expect(page.get_by_text("there is an error")).to_be_visible()
    await expect(rows(page)).to_have_count(1)
    assert filter_of(page) == "%7Ee"

    await field.fill("~e & ~z")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_text("Column 6: There is no ~z")).to_be_visible()
    await expect(page.get_by_text("The list still shows the last filter that was right.")).to_be_visible()
    await expect(rows(page)).to_have_count(1)
    await check_accessibility(page)

    await field.fill("~t bash | parser")
    await expect(page.get_by_text("a called tool is bash")).to_be_visible()
    await expect(rows(page)).to_have_count(2)
    await page.reload()
    await expect(field).to_have_value("~t bash | parser")
    await expect(rows(page)).to_have_count(2)

    await page.get_by_role("button", name="Clear the filter").click()
    await expect(rows(page)).to_have_count(4)
    assert filter_of(page) is None
    await page.get_by_role("button", name="How to filter").click()
    await check_accessibility(page)
    await page.get_by_role("button", name="~m qwen*").click()
    await expect(field).to_be_focused()
    await expect(field).to_have_value("~m ")
    await page.keyboard.type("nobody*")
    await expect(page.get_by_role("heading", name="No flow matches this filter")).to_be_visible()
    await page.get_by_role("main").get_by_role("button", name="Clear the filter").last.click()
    await expect(field).to_have_value("")
    await expect(rows(page)).to_have_count(4)
    await page.get_by_role("button", name="Errors").click()
    await expect(rows(page)).to_have_count(1)
    await page.go_back()
    await expect(page).to_have_url("about:blank")


async def test_news_is_filtered_by_luna(visit: Visit) -> None:
    await chat(visit.luna, "apples one")
    page = await visit.open("/flows?filter=apples")
    await expect(rows(page)).to_have_count(1)
    await chat(visit.luna, "pears")
    await chat(visit.luna, "apples two")
    await expect(rows(page)).to_have_count(2)
    await expect(rows(page).first).to_contain_text("apples two")
    await page.get_by_role("button", name="Going on").click()
    await expect(page.get_by_role("heading", name="No flow matches this filter")).to_be_visible()
    async with going_on(visit.luna):
        await expect(rows(page)).to_have_count(1)
        await expect(rows(page).first).to_contain_text("streams")
    await expect(page.get_by_role("heading", name="No flow matches this filter")).to_be_visible()


async def test_a_paused_list_waits_and_counts(visit: Visit) -> None:
    await chat(visit.luna, "before")
    page = await visit.open("/flows")
    await expect(rows(page)).to_have_count(1)
    await page.keyboard.press("p")
    await expect(page.get_by_role("button", name="Go on")).to_be_visible()
    await chat(visit.luna, "meanwhile one")
    await chat(visit.luna, "meanwhile two")
    await expect(page.get_by_text("2 changes wait")).to_be_visible()
    await expect(rows(page)).to_have_count(1)
    await page.get_by_role("button", name="Go on").click()
    await expect(rows(page)).to_have_count(3)
    await expect(page.get_by_text("changes wait")).to_have_count(0)


async def test_the_detail_shows_every_face_of_a_flow(visit: Visit) -> None:
    await chat(visit.luna, "[[pace:5]] [[count:15]] first", tools=[BASH])
    flow = await chat(visit.luna, "[[pace:5]] [[count:15]] second", tools=[BASH])
    page = await visit.open("/flows")
    await rows(page).first.click()
    await expect(page).to_have_url(re.compile(f"/flows/{flow}$"))
    detail = page.get_by_role("region", name="Details of the flow")
    await expect(detail.get_by_role("heading", name=flow)).to_be_visible()
    await expect(detail.get_by_role("table", name="Where the time went")).to_contain_text(
        "POST /api/v2/chat/completions"
    )
    await expect(detail.get_by_role("table", name="Where the time went")).to_contain_text("protocol.decode")
    await check_accessibility(page)

    await detail.get_by_role("tab", name="Client request").click()
    await expect(page).to_have_url(re.compile("tab=request"))
    await expect(detail.get_by_role("region", name="Body")).to_contain_text(
        '"content": "[[pace:5]] [[count:15]] second"'
    )
    await detail.get_by_text(re.compile(r"\d+ headers?")).click()
    await expect(detail.get_by_text("content-type")).to_be_visible()
    await detail.get_by_role("button", name="Copy all").click()
    await expect(detail.get_by_role("button", name="Copied")).to_be_visible()
    assert '"content":"[[pace:5]] [[count:15]] second"' in await page.evaluate("navigator.clipboard.readText()")

    await detail.get_by_role("tab", name="To Qwen").click()
    await expect(detail.locator(".face-line")).to_contain_text("/api/v2/chat/completions")
    await expect(detail.get_by_role("region", name="Body")).to_contain_text('"stream": true')
    await check_accessibility(page)

    await detail.get_by_role("tab", name="Raw stream").click()
    pieces = detail.get_by_role("region", name="Piece by piece")
    await expect(pieces).to_contain_text("Piece 2")
    await expect(pieces).to_contain_text("response.created")
    await detail.get_by_role("button", name="As a whole").click()
    await expect(detail.get_by_role("region", name="Body")).to_contain_text("response.created")

    await detail.get_by_role("tab", name="To the client").click()
    await expect(detail.get_by_role("region", name="Piece by piece")).to_contain_text("chat.completion.chunk")
    await check_accessibility(page)

    await detail.get_by_role("tab", name="Stages").click()
    await detail.get_by_role("button", name="Show what tools.contract changed").click()
    await expect(detail.get_by_text(re.compile(r"^messages\[0\]")).first).to_be_visible()
    await check_accessibility(page)

    await detail.get_by_role("tab", name="Log", exact=True).click()
    await expect(detail.get_by_text("POST /v1/chat/completions completed")).to_be_visible()

    # Another flow keeps the tab; keys move, and lead back.
    await page.locator("body").click(position={"x": 700, "y": 70})
    await page.keyboard.press("j")
    await expect(page).not_to_have_url(re.compile(flow))
    await expect(page).to_have_url(re.compile("tab=log"))
    await page.keyboard.press("k")
    await expect(page).to_have_url(re.compile(flow))
    await page.keyboard.press("Enter")
    await expect(detail).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile(r"/flows(\?|$)"))
    await expect(detail).to_have_count(0)


async def test_what_went_wrong_is_told_with_what_to_do(visit: Visit) -> None:
    flow = await chat(visit.luna, FAILS)
    page = await visit.open(f"/flows/{flow}")
    detail = page.get_by_role("region", name="Details of the flow")
    problem = detail.get_by_role("region", name="What went wrong")
    await expect(problem).to_contain_text("upstream-")
    await detail.get_by_role("link", name="error", exact=True).click()
    await expect(filter_input(page)).to_have_value(re.compile("~e upstream-"))
    await expect(rows(page)).to_have_count(1)
    await check_accessibility(page)
    await visit.picture("flows-error")


@pytest.mark.act
async def test_a_running_flow_is_cancelled_after_one_question(visit: Visit) -> None:
    page = await visit.open("/flows")
    async with going_on(visit.luna):
        await rows(page).first.click()
        detail = page.get_by_role("region", name="Details of the flow")
        await expect(detail.get_by_text("streams").first).to_be_visible()
        await detail.get_by_role("tab", name="Raw stream").click()
        await expect(detail.get_by_role("heading", name="It goes on")).to_be_visible()
        await detail.get_by_role("button", name="Cancel it").click()
        dialog = page.get_by_role("dialog", name="Cancel this flow?")
        await expect(dialog).to_contain_text("1 request is ended")
        await check_accessibility(page)
        await dialog.get_by_role("button", name="Cancel it").click()
        await expect(page.get_by_text("The flow was cancelled")).to_be_visible()
        await expect(rows(page).first).to_contain_text("cancelled")
        await expect(detail.get_by_role("region", name="Piece by piece")).to_contain_text("response.created")


async def test_flows_are_deleted_counted(visit: Visit) -> None:
    for number in range(3):
        await chat(visit.luna, f"number {number}")
    page = await visit.open("/flows?filter=%22number%201%22")
    await expect(rows(page)).to_have_count(1)
    await page.get_by_role("button", name="Delete …").click()
    dialog = page.get_by_role("dialog", name="Delete flows?")
    await expect(dialog).to_contain_text("1 flow that the filter wants")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="No flow matches this filter")).to_be_visible()

    page = await visit.open("/flows")
    await expect(rows(page)).to_have_count(2)
    await rows(page).last.click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog", name="Delete this flow?")
    await expect(dialog).to_contain_text("1 flow will be deleted")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page).first).to_contain_text("number 2")
    await page.get_by_role("button", name="Delete …").click()
    await expect(page.get_by_role("dialog")).to_contain_text("1 flow that is over")
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="No request has come yet")).to_be_visible()
    assert not [*(visit.luna.house.settings.data_dir / "recordings").glob("*.jsonl")]


async def test_columns_are_chosen_and_stay(visit: Visit) -> None:
    await chat(visit.luna, "hello")
    page = await visit.open("/flows")
    grid = page.get_by_role("grid", name="Flows")
    await expect(grid.get_by_role("columnheader", name="Tools")).to_be_visible()
    await page.get_by_role("button", name="Columns").click()
    await page.get_by_role("checkbox", name="Tools").uncheck()
    await page.get_by_role("checkbox", name="Protocol").check()
    await check_accessibility(page)
    await page.keyboard.press("Escape")
    await page.reload()
    await expect(grid.get_by_role("columnheader", name="Protocol")).to_be_visible()
    await expect(grid.get_by_role("columnheader", name="Tools")).to_have_count(0)
    await expect(rows(page).first).to_contain_text("openai-chat")


@pytest.mark.act
async def test_ten_thousand_flows_are_scrolled_without_a_stutter(visit: Visit, chromium: Browser) -> None:
    page = visit.page
    await measures.fill(page, visit.luna)
    measured = await measures.time_of_scrolling(page, chromium)
    print(f"\n{measured}")
    assert measured.kept, measured
    await expect(rows(page).last).to_contain_text("Task 9999:")

    # News at the top does not move what is being read.
    before = await text_of(rows(page).last)
    await chat(visit.luna, "news")
    await expect(page.get_by_text("10001 flows")).to_be_visible(timeout=40_000)
    assert await text_of(rows(page).last) == before


@pytest.mark.act
async def test_five_megabytes_open_at_once(visit: Visit) -> None:
    measured = await measures.time_to_open(visit, await measures.large_flow(visit.luna))
    print(f"\n{measured}")
    assert measured.kept, measured


@pytest.mark.parametrize(("theme", "width"), [("light", 1360), ("dark", 390)])
async def test_in_both_themes_and_on_a_phone(visit: Visit, theme: str, width: int) -> None:
    await many_flows(visit.luna, 300)
    flow = await chat(visit.luna, CALL, tools=[BASH])
    await visit.dress(theme)
    await visit.page.set_viewport_size({"width": width, "height": 844})
    page = await visit.open("/flows")
    await expect(rows(page).first).to_be_visible()
    await check_accessibility(page)
    await visit.picture(f"flows-{theme}-{width}")
    for tab in ("summary", "request", "qwen", "stream", "answer", "stages", "log"):
        await visit.open(f"/flows/{flow}?tab={tab}")
        await expect(page.get_by_role("tabpanel")).to_be_visible()
        await expect(page.get_by_text("Loading …")).to_have_count(0)
        await expect(page.get_by_role("region", name="Details of the flow")).to_have_attribute("aria-busy", "false")
        await check_accessibility(page)
        await visit.picture(f"flow-{tab}-{theme}-{width}")
        wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, f"{tab} is wider than the window"


@pytest.mark.parametrize(("language", "heading"), [("vi", "Luồng"), ("zh", "请求流")])
async def test_in_other_languages(visit: Visit, language: str, heading: str) -> None:
    flow = await chat(visit.luna, FAILS)
    await visit.dress(language=language)
    page = await visit.open(f"/flows/{flow}?filter=~e%20%7C%20~d%20%3E2s")
    await expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
    await expect(page.get_by_role("tabpanel")).to_be_visible()
    await visit.picture(f"flows-{language}")
    assert "flows." not in await page.locator("main").inner_text()
