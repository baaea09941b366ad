"""What is around every page: the way in, navigation, theme, language, and no barrier in any of it."""

import pytest
from playwright.async_api import expect

from tests.browser.visit import Visit, check_accessibility
from tests.support.house import ADMIN_KEY

PAGES = (
    "/",
    "/flows",
    "/pipelines",
    "/accounts",
    "/sessions",
    "/models",
    "/network",
    "/prompts",
    "/settings",
    "/logs",
    "/playground",
)


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


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_page_has_a_barrier_or_a_problem(visit: Visit, theme: str) -> None:
    await visit.dress(theme)
    for path in PAGES:
        page = await visit.open(path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await check_accessibility(page)
        await visit.picture(f"{path.strip('/') or 'overview'}-{theme}")
    await visit.check()
