"""The models: where the list comes from, finding one, what leads to it, and whether it answers."""

import re

import msgspec
import pytest
from playwright.async_api import Locator, Page, expect

from luna.demo.faults import Fault
from tests.browser.visit import Visit, check_accessibility


def models(page: Page) -> Locator:
    return page.get_by_role("table", name="Models").get_by_role("row").filter(has=page.get_by_role("rowheader"))


def model(page: Page, name: str) -> Locator:
    return models(page).filter(has=page.get_by_text(name, exact=True))


async def test_the_live_list_and_what_was_used_of_it(visit: Visit) -> None:
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hello"}]}
    await visit.luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
    page = await visit.open("/models")
    await expect(page.get_by_text("as Qwen says")).to_be_visible()
    await expect(models(page)).to_have_count(6)
    used = model(page, "qwen3.6-plus")
    await expect(used).to_contain_text("1M")
    await used.get_by_role("link", name="1", exact=True).click()
    await expect(page).to_have_url(re.compile(r"/flows\?filter=~m"))
    await expect(page.get_by_role("grid", name="Flows").get_by_role("row")).to_have_count(2)


async def test_finding_one_and_looking_at_it(visit: Visit) -> None:
    page = await visit.open("/models")
    await page.get_by_role("button", name="sound").click()
    await expect(models(page)).to_have_count(1)
    await page.get_by_role("button", name="sound").click()
    await page.get_by_label("Search").fill("claude")
    await expect(models(page)).to_have_count(1)
    assert "q=claude" in page.url
    await page.get_by_role("button", name="Qwen3.6-Plus", exact=True).click()
    detail = page.get_by_role("dialog", name="Qwen3.6-Plus")
    await expect(detail).to_contain_text("1,000,000 tokens")
    await expect(detail).to_contain_text("claude-*")
    await check_accessibility(page)
    await detail.get_by_role("link", name="Talk to it in the playground").click()
    await expect(page.get_by_label("Model", exact=True)).to_have_value("qwen3.6-plus")


async def test_a_model_is_tested(visit: Visit) -> None:
    visit.expected = {502}
    page = await visit.open("/models")
    row = model(page, "qwen3.8-max")
    await row.get_by_role("button", name="Test qwen3.8-max").click()
    await expect(row).to_contain_text("to the first token")
    await expect(row.get_by_role("link", name="The flow")).to_be_visible()
    visit.luna.lookalike.faults.push(Fault("http-500"), times=9)
    row = model(page, "qwen3.7-max")
    await row.get_by_role("button", name="Test qwen3.7-max").click()
    await expect(row).to_contain_text("no answer")


async def test_asking_again(visit: Visit) -> None:
    visit.expected = {502}
    page = await visit.open("/models")
    await expect(models(page)).to_have_count(6)
    await page.get_by_role("button", name="Ask Qwen again").click()
    await expect(page.get_by_text("Qwen offers 6 models")).to_be_visible()
    visit.luna.lookalike.faults.push(Fault("http-500"), times=9, path="/api/*models*")
    await page.get_by_role("button", name="Ask Qwen again").click()
    await expect(page.get_by_role("status").filter(has_text="Qwen failed internally")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("It is not fresher because:")
    await expect(models(page)).to_have_count(6)


async def test_aliases_lead_to_their_place_in_the_routes(visit: Visit) -> None:
    page = await visit.open("/models")
    aliases = page.get_by_role("table", name="Aliases")
    line = aliases.get_by_role("row").filter(has_text="claude-*haiku*")
    await expect(line).to_contain_text("qwen3.5-plus")
    await page.get_by_role("link", name="Edit them in routes.yaml").click()
    await expect(page).to_have_url(re.compile(r"/pipelines\?view=files&file=routes.yaml"))
    await expect(page.get_by_text("aliases:").first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_barrier_and_no_scrolling_sideways(visit: Visit, theme: str) -> None:
    await visit.dress(theme)
    page = await visit.open("/models")
    await expect(models(page)).to_have_count(6)
    await check_accessibility(page)
    await visit.picture(f"models-{theme}")
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
