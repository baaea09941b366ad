"""The notice of what is new in Qwen's traffic: it comes by itself, leads to the flow, and goes when it is known."""

import re

import msgspec
from playwright.async_api import expect

from luna.demo.faults import Fault
from tests.browser.visit import Visit, check_accessibility


async def test_a_notice_comes_by_itself_and_goes_when_it_is_known(visit: Visit) -> None:
    page = await visit.open("/drift")
    await expect(page.get_by_role("heading", name="Nothing new")).to_be_visible()
    await check_accessibility(page)
    visit.luna.lookalike.faults.push(Fault("unknown-phase"))
    body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    response = await visit.luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
    flow = dict(response.headers)[b"x-luna-flow"].decode()
    notice = page.get_by_text("Qwen sends 1 thing that luna did not know.")
    await expect(notice).to_be_visible()
    row = page.get_by_role("row").filter(has_text="research_notes")
    await expect(row.get_by_role("link", name=flow)).to_be_visible()
    await check_accessibility(page)
    await visit.picture("drift")
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": 390, "height": 800})
    await check_accessibility(page)
    await visit.picture("drift-narrow")
    await page.get_by_role("link", name="The flow that saw it first").click()
    await expect(page).to_have_url(re.compile(rf"/flows/{flow}"))
    await page.get_by_role("link", name="What is new").click()
    await row.get_by_role("button", name="Mark as known: research_notes").click()
    await expect(row.get_by_role("cell", name="Known", exact=True)).to_be_visible()
    await expect(notice).to_have_count(0)
