"""What the pages may cost, and how that is measured: a flow shows up, ten thousand are scrolled, a large body opens.

Other work on a machine only ever makes a page slower. So what is judged is the best of a few measurements, no more of
them than are needed; and where a stutter is concerned the processor's time, which other work leaves as it is.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from statistics import median

import anyio
from playwright.async_api import Browser, Page, expect

from tests.browser import stutter
from tests.browser.asking import PATIENCE, chat, many_flows
from tests.browser.visit import Visit, text_of
from tests.support.house import Running

MANY = 10_000
ROUNDS = 6
"""Measurements before a page is called slow."""
DETAIL = "Details of the flow"

_NEW_ROW = """(text) => new Promise((resolve) => {
  new MutationObserver((_, observer) => {
    if (!document.querySelector('.table-row[aria-rowindex="2"]')?.textContent.includes(text)) return;
    observer.disconnect();
    resolve(performance.timeOrigin + performance.now());
  }).observe(document.querySelector(".table-body"), {childList: true, subtree: true, characterData: true});
})"""
_SCROLL = """(element) => new Promise((resolve) => {
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
_OPEN = """() => new Promise((resolve) => {
  const begun = performance.now();
  new MutationObserver((_, observer) => {
    if (!document.querySelector(".body-line code")?.textContent) return;
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - begun));
  }).observe(document.body, {childList: true, subtree: true});
  [...document.querySelectorAll("[role=tab]")].find((tab) => tab.textContent === "Client request")
    .dispatchEvent(new MouseEvent("mousedown", {bubbles: true, button: 0}));
})"""


@dataclass
class Measure:
    """One figure of the requirements. `value` and `limit` in milliseconds; `detail` is for who wants to know more."""

    name: str
    value: float
    limit: float
    detail: str = ""

    @property
    def kept(self) -> bool:
        return self.value < self.limit

    def __str__(self) -> str:
        return f"{self.name}: {self.value:.0f} ms, may be {self.limit:.0f} ms. {self.detail}"


async def best(measure: Callable[[], Awaitable[Measure]], rounds: int = ROUNDS) -> Measure:
    """The best of up to so many measurements; the first one that is good enough will do."""
    found = await measure()
    for _ in range(rounds - 1):
        if found.kept:
            break
        found = min(found, await measure(), key=lambda each: each.value)
    return found


async def time_to_show(visit: Visit) -> Measure:
    """How long after its start a flow stands in the list; the list must be open and have a row."""

    words = (f"word-{number}" for number in count())

    async def once() -> Measure:
        delays = [await _delay(visit, next(words)) for _ in range(5)]
        detail = f"Median of {len(delays)} flows, {min(delays):.0f} to {max(delays):.0f} ms."
        return Measure("A flow shows up after its start", median(delays), 200, detail)

    return await best(once)


async def _delay(visit: Visit, word: str) -> float:
    seen: list[float] = []

    async def look() -> None:
        seen.append(await visit.page.evaluate(_NEW_ROW, word))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        await visit.page.evaluate("1")  # it looks by now
        flow = await chat(visit.luna, f"[[pace:5]] [[count:60]] {word}")
    record = await visit.luna.house.state.runs.get(flow)
    assert record is not None
    return seen[0] - record.created_at * 1000


async def fill(page: Page, luna: Running) -> None:
    """Many flows, and all of them in the list."""
    await many_flows(luna, MANY)
    await page.goto(f"{luna.url}/flows")
    await expect(page.get_by_text(f"{MANY} flows")).to_be_visible()
    body = page.locator(".table-body")
    with anyio.fail_after(2 * PATIENCE):
        while f"Task {MANY - 1}:" not in await body.inner_text():
            await body.evaluate("(element) => { element.scrollTop = element.scrollHeight; }")
            await page.wait_for_timeout(20)


async def time_of_scrolling(page: Page, chromium: Browser) -> Measure:
    """The longest task of the page while the whole list is scrolled, 1500 pixels a frame."""
    body = page.locator(".table-body")

    async def scrolled() -> list[float]:
        await body.evaluate("(element) => { element.scrollTop = 0; }")
        await expect(page.locator('.table-row[aria-rowindex="2"]')).to_be_visible()
        frames: list[float] = await body.evaluate(_SCROLL)
        return sorted(frames)

    async def once() -> Measure:
        await scrolled()
        await stutter.watch(page)
        frames = await scrolled()
        long = await stutter.long_tasks(page)
        name = f"{MANY:,} flows are scrolled: the longest task"
        detail = (
            f"{len(frames)} frames, median {frames[len(frames) // 2]:.1f} ms, 99 of 100 within"
            f" {frames[len(frames) * 99 // 100]:.1f} ms; {len(long)} long tasks by the clock."
        )
        return Measure(name, await stutter.busiest(chromium, page, scrolled), stutter.LONG, detail)

    return await best(once)


async def large_flow(luna: Running) -> str:
    """A flow whose request has five megabytes."""
    word = "The quick brown fox jumps over the lazy dog, line by line. "
    messages = [{"role": "user" if at % 2 else "assistant", "content": word * 200} for at in range(430)]
    flow = await chat(luna, "hi", messages=[*messages, {"role": "user", "content": "and now?"}])
    await luna.settled()
    return flow


async def time_to_open(visit: Visit, flow: str) -> Measure:
    """From the click until the body of a flow's request can be read."""

    async def once() -> Measure:
        page = await visit.open("/flows")
        await visit.open(f"/flows/{flow}")
        detail = page.get_by_role("region", name=DETAIL)
        await expect(detail.get_by_role("table", name="Where the time went")).to_be_visible()
        begun = anyio.current_time()
        shown = await page.evaluate(_OPEN)
        body = detail.get_by_role("region", name="Body")
        with anyio.fail_after(PATIENCE):
            while "and now?" not in await body.inner_text():
                await body.evaluate("(element) => { element.scrollTop = element.scrollHeight; }")
                await page.wait_for_timeout(20)
        size = await text_of(detail.locator(".body figcaption .soft").first)
        assert float(size.split()[0]) > 4.8, size
        whole = (anyio.current_time() - begun) * 1000
        return Measure("A body of 5 MB is opened", shown, 1000, f"{size}; scrolled to its end after {whole:.0f} ms.")

    return await best(once)
