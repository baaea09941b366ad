"""`python -m tests.browser.report [folder]`: pictures of every page and the measured figures, for a person to look at.

Owns what is in the report: each page at each of SIZES in both themes, the measures of `measures.py`, and an `index.md`
over both. It goes to `build/ui-report` unless another folder is named. What goes wrong on a page stands in the report
too, and makes the exit code 1, as does a figure that is not kept. `--short` leaves the measures out.
"""

import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import anyio
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from luna.server import static
from tests.browser import measures
from tests.browser.asking import BASH, CALL, FAILS, chat, going_on, many_flows
from tests.browser.measures import Measure
from tests.browser.visit import ROOT, Visit, watch_policy
from tests.support import chromium
from tests.support.house import Running, running_luna

FOLDER = ROOT / "build" / "ui-report"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
THEMES = ("light", "dark")
TALLEST = 6000
"""Pixels of the longest picture."""
_LIES_STILL = """async () => {
  await document.fonts.ready;
  await Promise.all(document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity)
    .map((one) => one.finished.catch(() => null)));
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}"""


class Size(NamedTuple):
    """A window. `whole`: as high as the page is long."""

    name: str
    width: int
    height: int
    whole: bool


class Place(NamedTuple):
    """One page, or one state of a page, and what must be there before its picture is taken."""

    name: str
    path: str
    ready: str = "main h1"


SIZES = (Size("desktop", 1280, 800, False), Size("phone", 390, 844, True))
FACES = ("summary", "request", "qwen", "stream", "answer", "stages", "log", "inspect")


def places(flow: str, failed: str) -> list[Place]:
    """All there is to see. `flow` and `failed` are the ids of two flows."""
    return [
        Place("overview", "/", ".chart canvas"),
        Place("overview-week", "/?minutes=10080", ".chart canvas"),
        Place("flows", "/flows", ".table-row"),
        Place("flows-filtered", "/flows?filter=~e%20%26%20~d%20%3E2s", ".table-row"),
        Place("flows-no-match", "/flows?filter=~m%20nobody", ".empty"),
        *(Place(f"flow-{face}", f"/flows/{flow}?tab={face}", "[role=tabpanel][data-state=active] *") for face in FACES),
        Place("flow-failed", f"/flows/{failed}", ".flow-problem"),
        Place("breakpoints", "/breakpoints"),
        Place("pipelines", "/pipelines"),
        Place("accounts", "/accounts"),
        Place("sessions", "/sessions"),
        Place("models", "/models"),
        Place("network", "/network"),
        Place("prompts", "/prompts"),
        Place("settings", "/settings"),
        Place("settings-access", "/settings?tab=access"),
        Place("settings-storage", "/settings?tab=storage"),
        Place("settings-audit", "/settings?tab=audit"),
        Place("logs", "/logs"),
        Place("drift", "/drift"),
        Place("playground", "/playground"),
        Place("missing", "/nothing-here", "main .empty, main h1, main h2"),
    ]


@dataclass
class Report:
    """What was seen and measured so far. `pictures` by the name of the place."""

    folder: Path
    browser: str
    measures: list[Measure] = field(default_factory=list)
    pictures: dict[str, list[Path]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.problems and all(measure.kept for measure in self.measures)

    def write(self) -> Path:
        """The page over all of it."""
        load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
        text = [
            "# luna's pages",
            "",
            f"Chromium {self.browser}, {platform.system()} on {os.cpu_count()} processors, load {load}.",
            "",
        ]
        if self.measures:
            text += ["## Figures", "", "| What | Measured | May be | Kept | |", "|---|---:|---:|---|---|"]
            text += [
                f"| {one.name} | {one.value:.0f} ms | {one.limit:.0f} ms | {'yes' if one.kept else '**no**'}"
                f" | {one.detail} |"
                for one in self.measures
            ]
            text.append("")
        text += ["## Problems", "", *([f"- {problem}" for problem in self.problems] or ["None."]), "", "## Pages", ""]
        for name, paths in self.pictures.items():
            text += [f"### {name}", "", " ".join(_linked(path) for path in paths), ""]
        index = self.folder / "index.md"
        index.write_text("\n".join(text), encoding="utf-8")
        return index


def _linked(path: Path) -> str:
    return f'<a href="{path.name}"><img src="{path.name}" width="300" alt="{path.stem}"></a>'


async def picture(visit: Visit, place: Place, size: Size, path: Path) -> None:
    """Of a page that has come to rest."""
    await visit.page.set_viewport_size({"width": size.width, "height": size.height})
    page = await visit.open(place.path)
    await expect(page.locator(place.ready).first).to_be_visible()
    await expect(page.get_by_text("Loading …")).to_have_count(0)
    await page.evaluate(_LIES_STILL)
    if size.whole:
        long = await page.evaluate("document.querySelector('.shell-content, main').scrollHeight + 120")
        await page.set_viewport_size({"width": size.width, "height": min(TALLEST, max(size.height, long))})
        await page.evaluate(_LIES_STILL)
    await page.screenshot(path=path)


async def take_pictures(
    report: Report, visit: Visit, wanted: Sequence[Place], theme: str, sizes: Sequence[Size] = SIZES
) -> None:
    """Of these places in one theme, for which the visit must be dressed. Problems go to the report."""
    for place in wanted:
        for size in sizes:
            path = report.folder / f"{place.name}-{theme}-{size.name}.png"
            await picture(visit, place, size, path)
            report.pictures.setdefault(place.name, []).append(path)
        if await visit.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            report.problems.append(f"{place.name} is wider than a phone")
        try:
            await visit.check()
        except AssertionError as problem:
            report.problems.append(f"{place.name}, {theme}: {problem}")
            visit.problems.clear()


async def _take_all(report: Report, luna: Running, browser: Browser) -> None:
    await many_flows(luna, 3000)
    failed = await chat(luna, FAILS)
    flow = await chat(luna, CALL, tools=[BASH])
    async with going_on(luna):
        for theme in THEMES:
            context = await _context(browser)
            visit = Visit(luna, context, await context.new_page())
            await visit.dress(theme)
            visit.expected = {401}
            await take_pictures(report, visit, [Place("sign-in", "/", "form")], theme)
            visit.expected = set()
            await visit.sign_in()
            await take_pictures(report, visit, places(flow, failed), theme)
            await context.close()


async def _measure(report: Report, luna: Running, browser: Browser) -> None:
    context = await _context(browser)
    visit = Visit(luna, context, await context.new_page())
    await visit.sign_in()
    await measures.fill(visit.page, luna)
    report.measures.append(await measures.time_of_scrolling(visit.page, browser))
    await visit.open("/flows")
    await expect(visit.page.locator(".table-row").first).to_be_visible()
    report.measures.append(await measures.time_to_show(visit))
    report.measures.append(await measures.time_to_open(visit, await measures.large_flow(luna)))
    await context.close()


async def _context(browser: Browser) -> BrowserContext:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    await watch_policy(context)
    return context


async def make(folder: Path, *, short: bool = False) -> Report:
    """The whole report, or without the measures."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    expect.set_options(timeout=30_000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.chromium(), args=[*ARGUMENTS])
        report = Report(folder, browser.version)
        with tempfile.TemporaryDirectory() as data:
            if not short:
                async with running_luna(Path(data) / "measured", environ={"LUNA_RECORD": "all"}) as luna:
                    await _measure(report, luna, browser)
            async with running_luna(Path(data) / "seen", environ={"LUNA_RECORD": "all"}) as luna:
                await _take_all(report, luna, browser)
        await browser.close()
    return report


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    if other := os.environ.get("LUNA_TEST_PAGES"):
        static.pages_directory = lambda: Path(other)
    if static.pages_directory() is None:
        print("The pages are not built: cd ui && npm ci && npm run build.")
        return 2
    named = [argument for argument in arguments if not argument.startswith("-")]
    report = anyio.run(lambda: make(Path(named[0]) if named else FOLDER, short="--short" in arguments))
    for measure in report.measures:
        print(measure)
    for problem in report.problems:
        print(problem)
    print(report.write())
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
