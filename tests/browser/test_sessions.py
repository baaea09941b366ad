"""The page of sessions: what was said is found, renamed, and forgotten."""

import re

import msgspec
import pytest
from playwright.async_api import expect

from tests.browser.visit import Visit, check_accessibility


async def talk(visit: Visit, *said: str) -> None:
    """A conversation of so many turns."""
    messages: list[dict[str, str]] = []
    for text in said:
        messages.append({"role": "user", "content": f"{text} [[say:an answer to {text}]]"})
        body = msgspec.json.encode({"model": "qwen3.7-plus", "messages": messages})
        response = await visit.luna.request("POST", "/v1/chat/completions", body)
        assert response.status == 200, response.content
        answer = msgspec.json.decode(response.content)["choices"][0]["message"]["content"]
        messages.append({"role": "assistant", "content": answer})


@pytest.mark.act
async def test_a_conversation_is_found_renamed_and_deleted(visit: Visit) -> None:
    await talk(visit, "the colour of the sea", "and of the sky")
    await talk(visit, "how to bake bread")
    page = await visit.open("/sessions")
    rows = page.get_by_role("grid").get_by_role("row").filter(has=page.get_by_role("gridcell"))
    await expect(rows).to_have_count(2)
    await page.get_by_role("searchbox").fill("sea")
    await expect(rows).to_have_count(1)
    assert "q=sea" in page.url
    await rows.first.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("an answer to and of the sky").last).to_be_visible()
    await visit.picture("session")
    await check_accessibility(page)
    await dialog.get_by_label("Title").fill("Colours")
    await dialog.get_by_role("button", name="Rename").click()
    await expect(dialog.get_by_role("heading", name="Colours")).to_be_visible()
    await dialog.get_by_role("button", name="Delete", exact=True).click()
    await page.get_by_role("button", name="Delete the session").click()
    await expect(page).to_have_url(re.compile("/sessions[?]q=sea$"))
    await expect(page.get_by_text("Nothing matches")).to_be_visible()
    await page.get_by_role("button", name="Clear the filter").click()
    await expect(rows).to_have_count(1)


async def test_an_empty_page_says_what_to_do(visit: Visit) -> None:
    await visit.dress("dark", "zh")
    page = await visit.open("/sessions")
    await expect(page.get_by_role("heading", name="还没有对话")).to_be_visible()
    await visit.picture("sessions-empty-dark")
    await check_accessibility(page)
