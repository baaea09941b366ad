"""How long a page keeps itself busy: tasks that Chromium calls long, and how much of the processor they really took.

A task counts as long by the clock (PerformanceObserver, `longtask`: over 50 ms), so that a machine that has other work
makes long tasks of short ones. What the page itself is to blame for is the processor's time, which a trace tells.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from playwright.async_api import Browser, Page

LONG = 50
"""Milliseconds."""
_CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
_WATCH = """
window.__long = [];
window.__watch?.disconnect();
window.__watch = new PerformanceObserver((list) =>
  window.__long.push(...list.getEntries().map((entry) => entry.duration)));
window.__watch.observe({entryTypes: ["longtask"]});
"""


async def watch(page: Page) -> None:
    """From now on long tasks are noted."""
    await page.evaluate(_WATCH)


async def long_tasks(page: Page) -> list[int]:
    """Those that were noted, in whole milliseconds."""
    await page.wait_for_timeout(200)
    return [round(each) for each in await page.evaluate("window.__long")]


async def busiest(browser: Browser, page: Page, act: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds of the processor that the longest task of the page's own thread took while `act` ran."""
    await browser.start_tracing(page=page, categories=_CATEGORIES)
    await act()
    events = msgspec.json.decode(await browser.stop_tracing())["traceEvents"]
    threads = {
        (event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"
    }
    longest: float = max(
        event["tdur"] / 1000
        for event in events
        if event["name"] == "RunTask"
        and "tdur" in event
        and threads.get((event["pid"], event["tid"])) == "CrRendererMain"
    )
    return longest
