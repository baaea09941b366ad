"""The report over all pages: a short form of it, so that the long one can be made whenever somebody wants it."""

from pathlib import Path

from playwright.async_api import Browser

from tests.browser.asking import chat
from tests.browser.measures import Measure
from tests.browser.report import SIZES, Place, Report, take_pictures
from tests.browser.visit import Visit


async def test_pictures_and_figures_stand_in_it(visit: Visit, chromium: Browser, tmp_path: Path) -> None:
    await chat(visit.luna, "hello")
    await visit.dress("dark")
    report = Report(tmp_path, chromium.version)
    await take_pictures(report, visit, [Place("overview", "/", ".chart canvas"), Place("logs", "/logs")], "dark")
    report.measures += [Measure("A thing", 12.3, 50, "Of three."), Measure("Another", 51, 50)]
    text = report.write().read_text(encoding="utf-8")
    assert report.problems == []
    assert "| A thing | 12 ms | 50 ms | yes | Of three. |" in text
    assert "| Another | 51 ms | 50 ms | **no** |" in text
    assert not report.good
    names = [f"{page}-dark-{size.name}.png" for page in ("overview", "logs") for size in SIZES]
    assert sorted(names) == sorted(path.name for path in tmp_path.glob("*.png"))
    for name in names:
        assert f'src="{name}"' in text
        assert (tmp_path / name).stat().st_size > 5_000


async def test_what_goes_wrong_on_a_page_stands_in_it(visit: Visit, tmp_path: Path) -> None:
    report = Report(tmp_path, "1")
    await visit.page.add_init_script("setTimeout(() => { throw new Error('a thing broke'); })")
    await take_pictures(report, visit, [Place("logs", "/logs")], "light", SIZES[:1])
    assert len(report.problems) == 1
    assert "a thing broke" in report.write().read_text(encoding="utf-8")
