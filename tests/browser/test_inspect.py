"""The inspector: a recorded flow at any moment, by pointer and by keyboard, and run again."""

import re
import time

import msgspec
import pytest
from playwright.async_api import Locator, Page, Response, expect

from luna.replay.rerun import replay
from luna.wire.reader import Chunk, read
from luna.wire.store import Recordings
from tests.browser.visit import Visit, check_accessibility
from tests.support.house import Running

BASH = {"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}
CALL = '[[say:Here it comes. <tool_call>{"name": "Bash", "arguments": {}}</tool_call>]]'
SIX = "[[say:one two three four five six]]"
MANY = 20_000
WORK = 3.0
"""Seconds of work, of this process, for which twenty thousand deltas open; the clock on the wall says how busy the
machine is."""
FETCHED = 300_000
"""Bytes that the page fetches for it."""


async def chat(luna: Running, prompt: str, **more: object) -> str:
    """Ask a model; the flow's id."""
    body = {"model": "qwen3.7-plus", "stream": True, "messages": [{"role": "user", "content": prompt}], **more}
    response = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
    await luna.settled()
    return dict(response.headers)[b"x-luna-flow"].decode()


async def many_deltas(luna: Running, flow: str) -> None:
    """Put in the place of a flow's recording one of so many deltas, each of which was read by itself."""
    recordings = luna.house.services[Recordings]
    recordings.flush()
    path = recordings.path(flow)
    with path.open("rb") as lines:
        recording = read(lines)
    answer = next(exchange for exchange in recording.exchanges if "/chat/completions?" in exchange.opened.url)
    frames = [frame + b"\n\n" for frame in answer.body.split(b"\n\n") if frame]
    said = next(at for at, frame in enumerate(frames) if b'"content": "one' in frame or b'"content":"one' in frame)
    reads = [*frames[:said], *[frames[said]] * MANY, *frames[-2:]]
    answer.chunks[:] = [Chunk(at, frame) for at, frame in enumerate(reads)]
    done = await replay(recording, luna.house.config.cell.current)
    path.write_bytes(b"".join(line + b"\n" for line in done.lines))


async def inspected(visit: Visit, flow: str, **spot: object) -> Page:
    """The inspector of a flow."""
    where = "".join(f"&{name}={value}" for name, value in spot.items())
    page = await visit.open(f"/flows/{flow}?tab=inspect{where}")
    await expect(page.get_by_role("group", name="Time axis")).to_be_visible()
    return page


def position(page: Page) -> Locator:
    return page.get_by_role("group", name="Step by step").get_by_role("status")


def chosen(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Boundaries").locator("[aria-current=step] code")


@pytest.mark.act
async def test_it_opens_at_the_first_change_and_goes_step_by_step(visit: Visit) -> None:
    flow = await chat(visit.luna, CALL, tools=[BASH])
    page = await inspected(visit, flow)
    await expect(chosen(page)).to_have_text("session.bind")
    await expect(page.get_by_role("heading", name="What session.bind changed")).to_be_visible()
    await check_accessibility(page, within=".inspect")
    await page.get_by_role("button", name="tools.contract").click()
    await page.keyboard.press("ArrowRight")
    await expect(chosen(page)).to_have_text("format.contract")
    await expect(page.get_by_text("It left the request as it was.")).to_be_visible()
    await page.get_by_role("navigation", name="Boundaries").get_by_role("button", name="tools.intercept").click()
    story = page.get_by_role("region", name=re.compile("Batch [0-9]+"))
    await expect(story).to_contain_text("Bytes that caused it")
    await page.keyboard.press("ArrowDown")
    await expect(position(page)).to_have_text(re.compile("tools.intercept, batch 2 of [0-9]+"))
    await expect(page).to_have_url(re.compile("at=tools.intercept.*n=2"))
    await page.get_by_role("button", name="First change").click()
    await expect(chosen(page)).to_have_text("session.bind")
    await page.get_by_role("navigation", name="Boundaries").get_by_role("button", name="tools.intercept").click()
    await visit.picture("inspect-light")


async def test_a_batch_shows_the_bytes_that_caused_it_and_those_that_it_became(visit: Visit) -> None:
    flow = await chat(visit.luna, SIX)
    page = await inspected(visit, flow, at="qwen", n=2)
    await expect(page.get_by_role("region", name="Bytes that caused it")).to_contain_text('"content"')
    await expect(page.get_by_role("region", name="Bytes that it became")).to_contain_text("chat.completion.chunk")
    slider = page.get_by_role("slider", name="Batch")
    await slider.focus()
    await page.keyboard.press("Home")
    await expect(position(page)).to_have_text(re.compile("batch 1 of"))
    await expect(page.get_by_role("region", name="Bytes that caused it")).to_contain_text("response.created")
    axis = page.get_by_role("tabpanel", name="Inspect")
    await axis.get_by_role("button", name="Closer").click()
    await axis.get_by_role("button", name="All", exact=True).click()
    await check_accessibility(page, within=".inspect")


async def test_a_replay_is_compared_and_opens_in_the_same_view(visit: Visit) -> None:
    flow = await chat(visit.luna, SIX)
    page = await inspected(visit, flow)
    await page.get_by_role("button", name="Replay …").click()
    await check_accessibility(page, within="[role=dialog]")
    await page.get_by_role("button", name="Run it").click()
    await expect(page.get_by_text("Identical at every boundary")).to_be_visible()
    await page.get_by_role("button", name="Replay …").click()
    visit.expected.add(400)
    await page.get_by_label("Options").fill("limit.max-tokns=3")
    await page.get_by_role("button", name="Run it").click()
    await expect(page.get_by_role("alert")).to_contain_text("max-tokns")
    await page.get_by_label("Options").fill("limit.max-tokens=3")
    await page.get_by_role("button", name="Run it").click()
    result = page.get_by_role("region", name="Result of the replay")
    await expect(result).to_contain_text("First difference: events limit")
    await expect(result.locator(".diff").first).to_contain_text('"reason":"length"')
    await visit.picture("inspect-replay")
    await check_accessibility(page, within=".inspect")
    await result.get_by_role("button", name="Inspect the replay").click()
    await expect(page.get_by_text("This is a replay.")).to_be_visible()
    await page.get_by_role("navigation", name="Boundaries").get_by_role("button", name="limit").click()
    await expect(chosen(page)).to_have_text("limit")
    await page.get_by_role("button", name="Back to the flow").click()
    await expect(page.get_by_role("navigation", name="Boundaries").get_by_text("limit")).to_have_count(0)


async def test_a_request_is_sent_again_as_a_flow_of_its_own(visit: Visit) -> None:
    flow = await chat(visit.luna, SIX)
    page = await inspected(visit, flow)
    await page.get_by_role("button", name="Replay …").click()
    await page.get_by_label("What is repeated").select_option("request")
    await page.get_by_role("button", name="Run it").click()
    await page.get_by_role("link", name="Open the new flow").click()
    await expect(page).not_to_have_url(re.compile(flow))
    await expect(page.get_by_role("group", name="Time axis")).to_be_visible()


async def test_twenty_thousand_deltas_open_at_once(visit: Visit) -> None:
    flow = await chat(visit.luna, SIX)
    await many_deltas(visit.luna, flow)
    page = await visit.open("/flows")
    await expect(page.get_by_role("grid")).to_be_visible()
    told: list[Response] = []
    page.on("response", lambda response: told.append(response) if f"/api/flows/{flow}/" in response.url else None)
    begun, worked = time.perf_counter(), time.process_time()
    page = await inspected(visit, flow, at="qwen", n=1)
    await expect(page.get_by_role("region", name="Bytes that caused it")).to_be_visible()
    took, work = time.perf_counter() - begun, time.process_time() - worked
    fetched = sum([len(await response.body()) for response in told])
    print(f"\n{MANY} deltas are open after {took:.2f} s, for {work:.2f} s of work and {fetched} bytes")
    await expect(position(page)).to_have_text(re.compile(f"qwen, batch 1 of {MANY + 1}"))
    await page.get_by_role("slider", name="Batch").focus()
    await page.keyboard.press("End")
    await expect(page.get_by_role("region", name=re.compile("Batch [0-9]+"))).to_contain_text("finish")
    assert await page.get_by_role("row").count() < 200
    assert 0 < fetched < FETCHED
    assert work < WORK


async def test_it_speaks_all_languages_in_the_dark_and_on_a_telephone(visit: Visit) -> None:
    flow = await chat(visit.luna, CALL, tools=[BASH])
    await visit.dress("dark", "vi")
    await visit.page.set_viewport_size({"width": 390, "height": 844})
    page = await visit.open(f"/flows/{flow}?tab=inspect&at=qwen&n=2")
    await expect(page.get_by_role("group", name="Trục thời gian")).to_be_visible()
    await expect(page.get_by_role("heading", name="Lô 2")).to_be_visible()
    await check_accessibility(page, within=".inspect")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await visit.picture("inspect-dark-390")
