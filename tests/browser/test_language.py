"""Which language the pages speak: the browser's, that of the settings, or the one that somebody chose in them."""

from playwright.async_api import Page, expect

from tests.browser.visit import Visit


async def speaks(page: Page, language: str, overview: str) -> None:
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect(page.get_by_role("link", name=overview)).to_be_visible()


async def test_the_language_of_the_settings_is_spoken_where_nobody_chose_another(visit: Visit) -> None:
    settings = visit.luna.house.state.preferences
    page = await visit.open("/")
    await speaks(page, "en", "Overview")
    await settings.patch({"ui": {"language": "vi"}})
    await speaks(page, "vi", "Tổng quan")
    page = await visit.open("/logs")
    await speaks(page, "vi", "Tổng quan")
    await page.get_by_label("Ngôn ngữ").select_option("zh")
    await speaks(page, "zh", "概览")
    page = await visit.open("/")
    await speaks(page, "zh", "概览")
    await settings.patch({"ui": {"language": "en"}})
    await page.reload()
    await speaks(page, "zh", "概览")


async def test_the_settings_page_sets_it(visit: Visit) -> None:
    page = await visit.open("/settings")
    section = page.get_by_role("region", name="These pages")
    await section.get_by_label("Language").select_option("vi")
    await section.get_by_role("button", name="Save").click()
    await speaks(page, "vi", "Tổng quan")
    assert visit.luna.house.state.preferences.live.current.ui.language == "vi"
