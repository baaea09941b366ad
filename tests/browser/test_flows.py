"""The pages of flows and the overview: what a person sees, does and finds there, as it happens."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import msgspec
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from luna.state.run import RunRecord, folded, lines
from luna.state.run_archive import RunFilter
from luna.state.store.tables import runs
from tests.browser import stutter
from tests.browser.visit import Visit, check_accessibility, text_of
from tests.support.house import Running

BASH = {"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}
CALL = '[[say:<tool_call>{"name": "Bash", "arguments": {}}</tool_call>]]'
SLOW = "[[pace:100]] [[count:200]]"
FAILS = "[[fault:internal]] please"
SHOWN_WITHIN = 200
"""Milliseconds from a flow's start to its row."""
OPEN_WITHIN = 1000
"""Milliseconds in which five megabytes are shown."""


async def chat(luna: Running, prompt: str, **more: object) -> str:
    """Ask a model; the flow's id."""
    body = {"model": "qwen3.7-plus", "stream": True, "messages": [{"role": "user", "content": prompt}], **more}
    response = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
    return dict(response.headers)[b"x-luna-flow"].decode()


@asynccontextmanager
async def going_on(luna: Running, prompt: str = SLOW) -> AsyncIterator[None]:
    """A flow that goes on as long as the block runs."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(chat, luna, prompt)
        with anyio.fail_after(5):
            while not any(run.status == "streaming" for run in luna.house.state.runs.active()):
                await anyio.sleep(0.01)
        yield
        tasks.cancel_scope.cancel()


def rows(page: Page) -> Locator:
    return page.get_by_role("grid", name="Flows").get_by_role("row").filter(has=page.get_by_role("gridcell"))


def filter_input(page: Page) -> Locator:
    return page.get_by_label("Filter", exact=True)


def filter_of(page: Page) -> str | None:
    """The filter in the address."""
    found = re.search(r"[?&]filter=([^&]*)", page.url)
    return found[1] if found else None


async def test_a_first_flow_shows_up_by_itself_and_quickly(visit: Visit) -> None:
    page = await visit.open("/flows")
    await expect(page.get_by_role("heading", name="No request has come yet")).to_be_visible()
    await expect(page.get_by_text("/v1/chat/completions")).to_be_visible()
    await check_accessibility(page)
    await chat(visit.luna, "The very first")
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page).first).to_contain_text("The very first")
    await expect(rows(page).first).to_contain_text("completed")

    delays = []
    for number in range(5):
        prompt = f"Number {number}"
        seen = page.evaluate(
            """() => new Promise((resolve) => {
              const before = document.querySelectorAll('[role=row]').length;
              new MutationObserver((_, observer) => {
                if (document.querySelectorAll('[role=row]').length === before) return;
                observer.disconnect();
                resolve(performance.timeOrigin + performance.now());
              }).observe(document.querySelector('.table-body'), {childList: true, subtree: true});
            })"""
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(chat, visit.luna, f"[[pace:5]] [[count:60]] {prompt}")
            shown = await seen
        (newest, *_) = (await visit.luna.house.state.runs.archive.find(RunFilter(), limit=1)).records
        delays.append(shown - newest.created_at * 1000)
        await expect(rows(page)).to_have_count(number + 2)
    print(f"\na new flow is on the page after {min(delays):.0f} to {max(delays):.0f} ms")
    assert max(delays) < SHOWN_WITHIN


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


async def many_flows(luna: Running, count: int) -> None:
    """Flows of the last hours, straight into the store."""
    store = luna.house.state.store
    newest = luna.house.state.runs._clock.wall()
    records = [
        RunRecord(
            id=f"flow_{number:06}",
            created_at=newest - number,
            status="failed" if number % 50 == 0 else "completed",
            error_kind="rate-limited" if number % 50 == 0 else "",
            model="qwen3-max" if number % 3 else "qwen-plus",
            target="qwen3-max",
            account_id=f"account-{number % 4}",
            session_id=f"sess_{number // 7}",
            agent="claude-code",
            preview=f"Task {number}: mend the thing that broke in module {number % 97}",
            preview_folded=folded(f"Task {number}: mend the thing that broke in module {number % 97}"),
            tools=lines(["Bash", "Read"][: number % 3]),
            queue_ms=1.0,
            first_event_ms=float(300 + number % 900),
            duration_ms=float(1000 + number % 9000),
            input_tokens=1000,
            output_tokens=200 + number % 100,
            bytes_in=4096,
            route="chat",
            protocol="openai-chat",
        )
        for number in range(count)
    ]
    store.write(store.upsert(runs), [msgspec.structs.asdict(record) for record in records])
    await store.commit()


async def scrolled(page: Page) -> list[float]:
    """From the top to the end, 1500 pixels a frame: how long each frame took, sorted, in milliseconds."""
    body = page.locator(".table-body")
    await body.evaluate("(element) => { element.scrollTop = 0; }")
    await page.wait_for_timeout(300)
    await stutter.watch(page)
    frames: list[float] = await body.evaluate(
        """(element) => new Promise((resolve) => {
          const times = [];
          let last = performance.now();
          const end = element.scrollHeight - element.clientHeight;
          function frame(now) {
            times.push(now - last);
            last = now;
            element.scrollTop += 1500;
            if (element.scrollTop >= end - 1) resolve(times);
            else requestAnimationFrame(frame);
          }
          requestAnimationFrame(frame);
        })"""
    )
    return sorted(frames)


async def test_ten_thousand_flows_are_scrolled_without_a_stutter(visit: Visit, chromium: Browser) -> None:
    await many_flows(visit.luna, 10_000)
    page = await visit.open("/flows")
    await expect(page.get_by_text("10000 flows")).to_be_visible()
    body = page.locator(".table-body")
    while "Task 9999:" not in await body.inner_text():  # every page of them
        await body.evaluate("(element) => { element.scrollTop = element.scrollHeight; }")
        await page.wait_for_timeout(20)
    frames = await scrolled(page)
    long = await stutter.long_tasks(page)
    most = await stutter.busiest(chromium, page, lambda: scrolled(page))
    print(f"\n10,000 flows scrolled in {len(frames)} frames, median {frames[len(frames) // 2]:.1f} ms,", end=" ")
    print(f"99 of 100 within {frames[len(frames) * 99 // 100]:.1f} ms; long tasks: {long};", end=" ")
    print(f"the longest took {most:.1f} ms of the processor")
    assert not long or most < stutter.LONG
    await expect(rows(page).last).to_contain_text("Task 9999:")

    # News at the top does not move what is being read.
    before = await text_of(rows(page).last)
    await chat(visit.luna, "news")
    await expect(page.get_by_text("10001 flows")).to_be_visible(timeout=40_000)
    assert await text_of(rows(page).last) == before


async def test_five_megabytes_open_at_once(visit: Visit) -> None:
    word = "The quick brown fox jumps over the lazy dog, line by line. "
    messages = [{"role": "user" if at % 2 else "assistant", "content": word * 200} for at in range(430)]
    flow = await chat(visit.luna, "hi", messages=[*messages, {"role": "user", "content": "and now?"}])
    await visit.luna.settled()
    page = await visit.open(f"/flows/{flow}")
    detail = page.get_by_role("region", name="Details of the flow")
    await expect(detail.get_by_role("table", name="Where the time went")).to_be_visible()
    await stutter.watch(page)
    shown = await page.evaluate(
        """() => new Promise((resolve) => {
          const begun = performance.now();
          new MutationObserver((_, observer) => {
            if (!document.querySelector('.body-line code')?.textContent) return;
            observer.disconnect();
            requestAnimationFrame(() => resolve(performance.now() - begun));
          }).observe(document.body, {childList: true, subtree: true});
          [...document.querySelectorAll('[role=tab]')].find((tab) => tab.textContent === 'Client request')
            .dispatchEvent(new MouseEvent('mousedown', {bubbles: true, button: 0}));
        })"""
    )
    body = detail.get_by_role("region", name="Body")
    begun = anyio.current_time()
    with anyio.fail_after(10):
        while "and now?" not in await body.inner_text():
            await body.evaluate("(element) => { element.scrollTop = element.scrollHeight; }")
            await page.wait_for_timeout(20)
    whole = (anyio.current_time() - begun) * 1000 + shown
    size = await text_of(detail.locator(".body figcaption .soft").first)
    long = await stutter.long_tasks(page)
    print(f"\na body of {size} is shown after {shown:.0f} ms, its end after {whole:.0f} ms; long tasks: {long}")
    assert shown < OPEN_WITHIN
    assert float(size.split()[0]) > 4.8


async def test_the_overview_leads_to_what_it_counts(visit: Visit) -> None:
    page = await visit.open("/")
    await expect(page.get_by_text("Nothing was asked in this time")).to_be_visible()
    for number in range(4):
        await chat(visit.luna, f"number {number}")
    await chat(visit.luna, FAILS)
    figures = page.locator(".figures")
    await expect(figures.get_by_role("link", name=re.compile("^Requests 5"))).to_be_visible()
    await expect(figures.get_by_role("link", name=re.compile("^Success 80%"))).to_be_visible()
    await expect(page.locator(".chart canvas")).to_have_count(3)
    await expect(page.get_by_role("region", name="Accounts")).to_contain_text("Ready")
    async with going_on(visit.luna):
        await expect(page.get_by_role("region", name="Going on now")).to_contain_text("streams")
        await expect(figures.get_by_role("link", name=re.compile("^Going on 1"))).to_be_visible()
        await check_accessibility(page)
        await visit.picture("overview-live")
    await page.get_by_role("region", name="Errors by kind").get_by_role("link").first.click()
    await expect(rows(page)).to_have_count(1)
    await page.go_back()
    await figures.get_by_role("link", name=re.compile("^Errors 1")).click()
    await expect(filter_input(page)).to_have_value("~b <1h & (~o failed | ~o interrupted)")
    await expect(rows(page)).to_have_count(1)
    await page.go_back()
    await page.locator(".chart").first.locator(".u-over").click(position={"x": 5, "y": 40})
    await expect(filter_input(page)).to_have_value(re.compile(r"^~b \d{4}-\d\d-\d\dT\d\d:\d\d\.\."))
    await page.go_back()
    await page.get_by_label("Of the last").select_option("1440")
    await expect(page).to_have_url(re.compile("minutes=1440"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
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
        await page.wait_for_timeout(150)
        await check_accessibility(page)
        await visit.picture(f"flow-{tab}-{theme}-{width}")
        wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, f"{tab} is wider than the window"
    await visit.open("/")
    await expect(page.locator(".chart canvas")).to_have_count(3)
    await check_accessibility(page)
    await visit.picture(f"overview-{theme}-{width}")


@pytest.mark.parametrize(("language", "heading"), [("vi", "Luồng"), ("zh", "请求流")])
async def test_in_other_languages(visit: Visit, language: str, heading: str) -> None:
    flow = await chat(visit.luna, FAILS)
    await visit.dress(language=language)
    page = await visit.open(f"/flows/{flow}?filter=~e%20%7C%20~d%20%3E2s")
    await expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
    await expect(page.get_by_role("tabpanel")).to_be_visible()
    await visit.picture(f"flows-{language}")
    assert "flows." not in await page.locator("main").inner_text()
    await visit.open("/")
    await expect(page.locator(".chart canvas")).to_have_count(3)
    assert "overview." not in await page.locator("main").inner_text()
    await visit.picture(f"overview-{language}")
