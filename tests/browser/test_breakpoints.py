"""Breakpoints in the browser: a running flow is stopped, an argument changed, and the client runs what it gets."""

import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam
from playwright.async_api import Page, expect

from tests.browser.visit import Visit, check_accessibility
from tests.support.halting import BASH, Debugger, calling

MODEL = "qwen3.7-plus"


async def arm(page: Page, filter: str) -> None:
    form = page.get_by_role("region", name="Arm a breakpoint")
    await form.get_by_label("Filter", exact=True).fill(filter)
    await expect(form.get_by_role("status")).not_to_contain_text("All flows")
    await expect(form.get_by_role("button", name="Arm")).to_be_enabled()
    await form.get_by_role("button", name="Arm").click()


async def call_a_tool(visit: Visit, prompt: str, folder: Path) -> list[str]:
    """An agent of the shortest kind: asks, runs what it is told to, and says what came of it. Gives the commands."""
    ran: list[str] = []
    turns: list[ChatCompletionMessageParam] = [{"role": "user", "content": prompt}]
    async with AsyncOpenAI(base_url=f"{visit.luna.url}/v1", api_key="any", max_retries=0) as client:
        async with client.chat.completions.stream(model=MODEL, messages=turns, tools=[BASH]) as stream:  # type: ignore[list-item]
            message = (await stream.get_final_completion()).choices[0].message
        for call in message.tool_calls or []:
            command = msgspec.json.decode(call.function.arguments)["command"]
            await anyio.run_process(shlex.split(command), cwd=folder)
            ran.append(command)
    return ran


@asynccontextmanager
async def asking(visit: Visit, prompt: str, **more: object) -> AsyncIterator[None]:
    """Somebody asks, for as long as the block runs."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: Debugger(visit.luna).chat(prompt, **more))
        await Debugger(visit.luna).halted()
        yield
        tasks.cancel_scope.cancel()


@pytest.mark.act
async def test_a_changed_argument_is_what_the_client_runs(visit: Visit, tmp_path: Path) -> None:
    page = await visit.open("/breakpoints")
    await expect(page.get_by_role("heading", name="No breakpoint is armed")).to_be_visible()
    await check_accessibility(page)
    await arm(page, '~t Bash & ~args "touch wrong"')
    await expect(page.get_by_text("1 breakpoint is armed.")).to_be_visible()
    await visit.open("/models")
    banner = page.get_by_role("status").filter(has_text="1 breakpoint is armed.")
    await expect(banner).to_be_visible()

    ran: list[str] = []

    async def agent() -> None:
        ran.extend(await call_a_tool(visit, calling("touch wrong"), tmp_path))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(agent)
        await expect(page.get_by_text("1 flow waits at a breakpoint.")).to_be_visible(timeout=20_000)
        await page.get_by_role("link", name="To the breakpoints").click()
        await expect(page.get_by_text("with a call of Bash")).to_be_visible()
        await check_accessibility(page)
        await page.get_by_role("button", name="Look at it").click()
        editor = page.get_by_label("The events, as JSON")
        await expect(editor).to_contain_text("touch wrong")
        await check_accessibility(page)
        await visit.picture("breakpoints-edit")
        await editor.click()
        await page.keyboard.press("Control+a")
        await page.keyboard.insert_text("[{]")
        await page.get_by_role("button", name="Go on with this").click()
        await expect(page.get_by_text("That is not JSON")).to_be_visible()
        held = await Debugger(visit.luna).halted()
        opened, *_, closed = held["events"]
        changed = [opened, {"t": "tool.delta", "index": opened["index"], "json": '{"command": "touch right"}'}, closed]
        for text in (changed[:-1], changed):
            await editor.click()
            await page.keyboard.press("Control+a")
            await page.keyboard.insert_text(msgspec.json.encode(text).decode())
            visit.expected.add(400)
            await page.get_by_role("button", name="Go on with this").click()
            if text is not changed:
                await expect(page.get_by_text(re.compile("must end where"))).to_be_visible()
        await expect(page.get_by_text("The flow goes on with your changes")).to_be_visible()
    assert ran == ["touch right"]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["right"]
    await expect(page.get_by_text("No flow waits.")).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="waits at")).to_have_count(0)


async def test_a_request_is_answered_by_hand_and_another_aborted(visit: Visit) -> None:
    debugger = Debugger(visit.luna)
    await debugger.arm(boundary="session.bind", repeated=True)
    page = await visit.open("/breakpoints")
    answers: list[bytes] = []

    async def ask() -> None:
        answers.append((await debugger.chat("[[say:by the model]]")).content)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await page.get_by_role("button", name="Look at it").click()
        await page.get_by_role("tab", name="Answer by hand").click()
        await check_accessibility(page)
        await page.get_by_label("Text", exact=True).fill("By a person.")
        await page.get_by_role("button", name="Send this answer").click()
    await expect(page.get_by_text("No flow waits.")).to_be_visible()  # or the next one to look at were the last one
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await page.get_by_role("button", name="Look at it").click()
        await page.get_by_role("button", name="Abort …").click()
        await page.get_by_label("Reason, for the client").fill("not today")
        await check_accessibility(page)
        await page.get_by_role("dialog").get_by_role("button", name="Abort …").click()
    assert b"By a person." in answers[0]
    assert b"not today" in answers[1]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await page.get_by_role("button", name="Go on as it is").click()
    assert b"by the model" in answers[2]
    await page.get_by_role("button", name="Disarm").click()
    await expect(page.get_by_role("heading", name="No breakpoint is armed")).to_be_visible()


async def test_what_does_not_wait_any_more_says_so(visit: Visit) -> None:
    visit.expected.add(404)
    page = await visit.open("/breakpoints/halt_none")
    await expect(page.get_by_role("heading", name="This flow does not wait any more")).to_be_visible()
    await check_accessibility(page)


@pytest.mark.parametrize("language", ["en", "vi", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_it_can_be_read_in_every_language_and_theme(visit: Visit, theme: str, language: str) -> None:
    debugger = Debugger(visit.luna)
    await debugger.arm(boundary="session.bind")
    await debugger.arm(filter='~t Bash & ~args "rm -rf"', repeated=True, whole=True)
    await visit.dress(theme, language)
    async with asking(visit, "Fix the test in the parser"):
        halted = await debugger.halted()
        page = await visit.open(f"/breakpoints/{halted['id']}")
        await expect(page.locator(".cm-content")).to_contain_text("Fix the test")
        await check_accessibility(page)
        await visit.picture(f"breakpoints-{theme}-{language}")
        await page.set_viewport_size({"width": 390, "height": 844})
        for inside in ("html", "main", ".decide-card"):
            fits = await page.locator(inside).evaluate("(element) => element.scrollWidth <= element.clientWidth")
            assert fits, inside
        await visit.picture(f"breakpoints-{theme}-{language}-narrow")
