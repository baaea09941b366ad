"""What is around every page: the way in and out, navigation, theme, what the first page weighs, and no barrier."""

import gzip
import re
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Response, expect

from luna import __version__
from tests.browser.visit import Visit, check_accessibility
from tests.support.house import ADMIN_KEY

PAGES = (
    "/",
    "/flows",
    "/breakpoints",
    "/pipelines",
    "/accounts",
    "/sessions",
    "/models",
    "/network",
    "/prompts",
    "/settings",
    "/logs",
    "/playground",
    "/drift",
)
FIRST_LOAD = 350 * 1024
"""Bytes, gzipped, of all that comes before somebody sees the first page."""


@pytest.mark.act
async def test_a_stranger_signs_in(visit: Visit) -> None:
    visit.expected = {401}
    await visit.context.clear_cookies()
    page = await visit.open("/flows")
    key = page.get_by_label("Admin key")
    await expect(key).to_be_visible()
    await check_accessibility(page)
    await key.fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("not the admin key")
    await key.fill(ADMIN_KEY)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(key).to_be_visible()
    await page.reload()
    await expect(key).to_be_visible()


@pytest.mark.act
async def test_the_first_page_is_light(visit: Visit) -> None:
    came: list[Response] = []
    visit.page.on("response", lambda response: came.append(response))
    page = await visit.open("/")
    await expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    await page.wait_for_load_state("load")
    weights: dict[str, int] = {}
    for response in came:
        path = urlsplit(response.url).path
        if path.startswith("/api/"):
            continue
        body = await response.body()
        weights[path] = len(gzip.compress(body))
        if path.endswith((".js", ".css")):
            assert re.search(r"-[\w-]{8}\.\w+$", path), "a name that changes with what it names"
            assert "immutable" in response.headers["cache-control"]
            assert len(body) < 1024 or response.headers.get("content-encoding"), path
    assert {"/"} < weights.keys()
    assert sum(weights.values()) <= FIRST_LOAD, weights


async def test_the_frame_says_which_luna_it_is(visit: Visit) -> None:
    page = await visit.open("/")
    await expect(page.get_by_role("navigation", name="Pages")).to_contain_text(f"luna {__version__}")
    await visit.picture("frame")


async def test_a_dialog_begins_at_its_first_field_or_at_what_does_no_harm(visit: Visit) -> None:
    page = await visit.open("/network")
    await page.get_by_role("button", name="Add a worker").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator("input, select, textarea").first).to_be_focused()
    await visit.picture("dialog-form")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Add a worker")).to_be_focused()
    await visit.luna.request("GET", "/v1/models")
    page = await visit.open("/logs")
    await page.get_by_role("button", name="Delete all lines").click()
    await expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    await visit.picture("dialog-confirm")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_chosen_theme_stays(visit: Visit) -> None:
    page = await visit.open("/logs")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(ground)
    await page.get_by_label("Theme").select_option("dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert await page.evaluate(ground) != light
    await page.reload()
    await expect(page.get_by_label("Theme")).to_have_value("dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.get_by_label("Theme").select_option("system")
    assert await page.evaluate(ground) == light
    await page.emulate_media(color_scheme="dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_the_menu_of_a_narrow_window(visit: Visit) -> None:
    await visit.page.set_viewport_size({"width": 390, "height": 844})
    page = await visit.open("/logs")
    menu, pages = page.get_by_role("button", name="Menu"), page.get_by_role("navigation", name="Pages")
    await expect(pages).to_be_hidden()
    await menu.click()
    await expect(menu).to_have_attribute("aria-expanded", "true")
    await check_accessibility(page)
    await pages.get_by_role("link", name="Models").click()
    await expect(page.get_by_role("heading", level=1, name="Models")).to_be_visible()
    await expect(pages).to_be_hidden()


@pytest.mark.act
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_page_has_a_barrier_or_a_problem(visit: Visit, theme: str) -> None:
    await visit.dress(theme)
    for path in PAGES:
        page = await visit.open(path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await check_accessibility(page)
        await visit.picture(f"{path.strip('/') or 'overview'}-{theme}")
    await visit.check()
