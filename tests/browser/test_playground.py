"""The playground: an answer as it comes, stopped half-way, with tools answered by hand, in both protocols, refused and
mended; and the same request as code."""

import re
import subprocess
from typing import Any

import anyio
import msgspec
import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.visit import Visit, check_accessibility

CALL = '[[say:<tool_call>{"name": "get_weather", "arguments": {"city": "Huế"}}</tool_call>]]'
SLOW = "[[pace:40]] [[count:300]]"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
KEY = "a-proxy-key"


def turns(page: Page) -> Locator:
    return page.get_by_role("region", name="Conversation").locator("ol > li")


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message").fill(text)
    await page.get_by_role("button", name="Send", exact=True).click()


async def state(page: Page, word: str) -> None:
    await expect(page.get_by_role("tabpanel").get_by_role("status")).to_contain_text(word)


@pytest.mark.act
async def test_an_answer_is_seen_while_it_comes_and_stands_with_its_figures(visit: Visit) -> None:
    page = await visit.open("/playground")
    await expect(page.get_by_label("Model")).to_have_value("qwen3.7-plus")
    await page.get_by_label("Thinking").select_option("thinking")
    await say(page, "[[pace:30]] [[think:Let me see.]] [[count:60]]")
    live = page.locator("[data-live]")
    await expect(live).to_contain_text("0 1 2 3")
    assert "50" not in await live.inner_text()
    await page.get_by_label("Mark the pieces").check()
    await expect(live.locator(".play-delta").nth(5)).to_be_visible()
    await state(page, "done")
    answer = turns(page).nth(1)
    await expect(answer).to_contain_text("57 58 59")
    await expect(answer.get_by_text(re.compile(r"Thinking, \d+ characters"))).to_be_visible()
    panel = page.get_by_role("tabpanel")
    await expect(panel).to_contain_text("First token after")
    await expect(panel).to_contain_text("x-luna-session-id")
    await expect(panel).to_contain_text("x-luna-account-id")
    await check_accessibility(page)
    await visit.picture("playground-answer")
    await page.get_by_role("tab", name="Raw stream").click()
    frames = page.get_by_role("grid", name="Raw stream")
    await frames.get_by_role("row").nth(2).click()
    await expect(page.locator("pre")).to_contain_text("chat.completion.chunk")
    await page.get_by_role("tab", name="Outcome").click()
    await page.get_by_role("link", name="The flow").click()
    await expect(page).to_have_url(re.compile(r"/flows/flow_"))


async def test_a_conversation_goes_on_in_its_session(visit: Visit) -> None:
    page = await visit.open("/playground")
    await say(page, "my name is Luna")
    await state(page, "done")
    await say(page, "what is my name")
    await expect(turns(page).nth(3)).to_contain_text("Your name is Luna.")
    assert len(visit.luna.lookalike.state.chats) == 1, "in the chat that it began in"
    await turns(page).nth(2).get_by_role("button", name="Go back to before this").click()
    await expect(turns(page)).to_have_count(2)
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.get_by_role("heading", name="Nothing has been said yet")).to_be_visible()


async def test_an_answer_is_stopped(visit: Visit) -> None:
    page = await visit.open("/playground")
    await say(page, SLOW)
    await expect(page.locator("[data-live]")).to_contain_text("0 1 2")
    await page.get_by_role("button", name="Stop").click()
    await state(page, "stopped")
    await expect(turns(page).nth(1)).to_contain_text("0 1 2")
    await visit.luna.settled()
    assert "299" not in await turns(page).nth(1).inner_text()
    await say(page, "[[say:and on]]")
    await expect(turns(page).nth(3)).to_contain_text("and on")


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
async def test_a_tool_is_called_and_answered_by_hand(visit: Visit, protocol: str) -> None:
    page = await visit.open(f"/playground?protocol={protocol}")
    await page.get_by_role("button", name="Add a tool").click()
    await expect(page.get_by_label("JSON Schema of the arguments of get_weather")).to_contain_text("city")
    await say(page, CALL)
    call = turns(page).nth(1)
    await expect(call).to_contain_text("get_weather")
    await expect(call).to_contain_text('"city": "Huế"')
    await page.get_by_label("What get_weather answers").fill("31 °C, [[say:It is hot in Huế.]]")
    await page.get_by_role("button", name="Send the answer").click()
    await expect(turns(page).nth(2)).to_contain_text("31 °C")
    await expect(turns(page).nth(3)).to_contain_text("It is hot in Huế.")
    await expect(page.get_by_role("tabpanel")).to_contain_text("HTTP 200")


async def test_what_is_wrong_with_the_options_is_said_before_anything_is_sent(visit: Visit) -> None:
    page = await visit.open("/playground")
    await page.get_by_label("Message").fill("hello")
    send = page.get_by_role("button", name="Send", exact=True)
    await expect(send).to_be_enabled()
    await page.get_by_label("Longest answer (tokens)").fill("many")
    await expect(page.get_by_role("alert")).to_have_text("Must be a whole number from 1.")
    await expect(send).to_be_disabled()
    await page.get_by_label("Longest answer (tokens)").fill("5")
    await page.get_by_role("button", name="Add a tool").click()
    schema = page.get_by_label("JSON Schema of the arguments of get_weather")
    await schema.click()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("oops")
    await expect(page.get_by_role("alert")).to_contain_text("This is no JSON")
    await expect(send).to_be_disabled()
    await page.get_by_role("button", name="Delete the tool get_weather").click()
    await say(page, "[[count:100]]")
    await expect(page.get_by_role("tabpanel")).to_contain_text("ended by length")


async def test_a_refusal_is_told_with_what_to_do(visit: Visit) -> None:
    visit.expected = {404}
    page = await visit.open("/playground?model=qwen3.7-plsu")
    await say(page, "hello")
    alert = page.get_by_role("tabpanel").get_by_role("alert")
    await expect(alert).to_contain_text("There is no model")
    await expect(alert).to_contain_text("qwen3.7-plus")
    await expect(page.get_by_role("tabpanel")).to_contain_text("HTTP 404")
    await page.get_by_label("Model").fill("qwen3.7-plus")
    await page.get_by_role("button", name="Send again").click()
    await state(page, "done")
    await expect(turns(page)).to_have_count(2)


async def test_an_answer_that_breaks_keeps_what_came(visit: Visit) -> None:
    page = await visit.open("/playground")
    await say(page, "[[fault:content-filter]] [[count:40]]")
    await state(page, "failed")
    await expect(page.locator("[data-live]")).to_contain_text("0 1 2")
    await expect(page.get_by_role("tabpanel").get_by_role("alert")).to_contain_text("[flow flow_")


async def test_a_way_of_ones_own_choice(visit: Visit) -> None:
    page = await visit.open("/playground")
    await page.get_by_label("Way").select_option("pipeline chat")
    await say(page, "[[say:this way]]")
    await expect(turns(page).nth(1)).to_contain_text("this way")
    await visit.luna.settled()
    flow = await page.get_by_role("link", name="The flow").get_attribute("href")
    record = await visit.luna.house.state.runs.get((flow or "").rpartition("/")[2])
    assert record is not None
    assert (record.route, record.pipeline) == ("(chosen)", "chat")


class TestWithAKey:
    @pytest.fixture
    def luna_environ(self) -> dict[str, str]:
        return {"LUNA_PROXY_KEY": KEY}

    async def test_the_key_is_asked_for_and_kept_nowhere(self, visit: Visit) -> None:
        visit.expected = {401}
        page = await visit.open("/playground")
        await say(page, "hello")
        await expect(page.get_by_role("tabpanel").get_by_role("alert")).to_contain_text("Put a proxy key")
        await page.get_by_label("Proxy key").fill(KEY)
        await page.get_by_role("button", name="Send again").click()
        await state(page, "done")
        await page.get_by_role("tab", name="As code").click()
        await expect(page.locator("pre").first).to_contain_text("YOUR_KEY")
        kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])")
        assert KEY not in kept
        await page.reload()
        await expect(page.get_by_label("Proxy key")).to_have_value("")


async def test_a_picture_goes_along(visit: Visit) -> None:
    page = await visit.open("/playground")
    await page.get_by_text("Pictures (0)").click()
    await page.get_by_label("From an address").fill(PIXEL)
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("img", name="Picture 1")).to_be_visible()
    await say(page, "What is this?")
    await expect(turns(page).nth(1)).to_contain_text("You attached:")
    await expect(turns(page).nth(0).get_by_role("img", name="Picture 1")).to_be_visible()


async def test_an_answer_in_a_form(visit: Visit) -> None:
    page = await visit.open("/playground")
    await page.get_by_label("Form of the answer").select_option("schema")
    await expect(page.get_by_label("JSON Schema of the answer")).to_contain_text("answer")
    await page.get_by_label("Stream the answer").uncheck()
    await say(page, '[[say:{"answer": "yes"}]]')
    await expect(turns(page).nth(1)).to_contain_text('{"answer": "yes"}')


async def test_the_same_request_as_code_does_the_same(visit: Visit) -> None:
    page = await visit.open("/playground?view=code")
    await page.get_by_label("Stream the answer").uncheck()
    await say(page, "[[say:It's “me”]]")
    await expect(turns(page).nth(1)).to_contain_text("It's “me”")
    curl = await page.locator("pre").first.inner_text()
    said = await run(curl)
    assert said["choices"][0]["message"]["content"] == "It's “me”"
    await page.get_by_label("Protocol").last.select_option("anthropic")
    await expect(page.locator("pre").first).to_contain_text("/v1/messages")
    curl = await page.locator("pre").first.inner_text()
    assert (await run(curl))["content"][0]["text"] == "It's “me”"
    python = await page.locator("pre").nth(1).inner_text()
    compile(python, "snippet", "exec")


async def run(command: str) -> Any:
    """What a command in a terminal is answered."""
    done = await anyio.run_process(["bash", "-c", command], check=True, stderr=subprocess.STDOUT)
    return msgspec.json.decode(done.stdout)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_barrier_and_no_scrolling_sideways(visit: Visit, theme: str) -> None:
    await visit.dress(theme)
    page = await visit.open("/playground")
    await page.get_by_role("button", name="Add a tool").click()
    await expect(page.get_by_label("JSON Schema of the arguments of get_weather")).to_be_visible()
    await say(page, CALL)
    await expect(page.get_by_label("What get_weather answers")).to_be_visible()
    await check_accessibility(page)
    await visit.picture(f"playground-tools-{theme}")
    await page.get_by_role("tab", name="As code").click()
    await check_accessibility(page)
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await visit.picture(f"playground-{theme}-narrow")
