"""The settings: what is changed there is in force at once, what is wrong is said beside its field, keys and files and
chats are dealt with, and every change stands in the audit."""

from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.visit import Visit, check_accessibility
from tests.support.house import Running

ENVIRONMENT_KEY = "a-key-of-the-environment"


async def ask(luna: Running, prompt: str = "[[count:60]]", key: str = "") -> tuple[int, dict[str, Any]]:
    body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": prompt}]}
    headers = {"authorization": f"Bearer {key}"} if key else {}
    response = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body), headers)
    return response.status, msgspec.json.decode(response.content)


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def field(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=name, exact=True)


async def saved(page: Page) -> None:
    await expect(page.get_by_role("status").filter(has_text="in force now")).to_be_visible()


@pytest.mark.act
async def test_a_changed_setting_is_in_force_for_the_next_answer(visit: Visit) -> None:
    page = await visit.open("/settings")
    limits = section(page, "Token limits")
    longest = limits.get_by_label("Longest answer")
    await expect(longest).to_have_value("")
    await longest.fill("7")
    await expect(limits.get_by_text("changed, not saved")).to_be_visible()
    await limits.get_by_role("button", name="Save 1 change").click()
    await saved(page)
    await expect(limits.get_by_text("from the file")).to_be_visible()
    status, answer = await ask(visit.luna)
    assert (status, answer["choices"][0]["finish_reason"]) == (200, "length")

    await limits.get_by_role("button", name="Back to the default: Longest answer").click()
    await limits.get_by_role("button", name="Save 1 change").click()
    await expect(limits.get_by_text("from the file")).to_have_count(0)
    _, answer = await ask(visit.luna)
    assert answer["choices"][0]["finish_reason"] == "stop"


async def test_what_is_wrong_stands_beside_its_field_and_nothing_changes(visit: Visit) -> None:
    visit.expected = {422}
    page = await visit.open("/settings?q=multiThread")
    queue = section(page, "Concurrency")
    await queue.get_by_label("Length of the queue").fill("many")
    await queue.get_by_label("Longest wait (ms)").fill("5000")
    await queue.get_by_role("button", name="Save 2 changes").click()
    await expect(queue.get_by_label("Length of the queue")).to_have_attribute("aria-invalid", "true")
    await expect(queue.get_by_role("alert")).to_contain_text("must be a whole number")
    assert visit.luna.house.state.preferences.live.current.multi_thread.queue_timeout_ms == 120_000
    await queue.get_by_label("Length of the queue").fill("12")
    await queue.get_by_role("button", name="Save 2 changes").click()
    await saved(page)
    now = visit.luna.house.state.preferences.live.current.multi_thread
    assert (now.queue_length, now.queue_timeout_ms) == (12, 5000)


async def test_finding_settings_by_words_and_by_what_was_changed(visit: Visit) -> None:
    await visit.luna.house.state.preferences.patch({"logging": {"maxRuns": 5}})
    page = await visit.open("/settings")
    await page.get_by_label("Find a setting").fill("queue length")
    await expect(field(page, "Length of the queue")).to_be_visible()
    await expect(field(page, "Runs kept")).to_have_count(0)
    await expect(page).to_have_url(f"{visit.luna.url}/settings?q=queue+length")
    await page.get_by_label("Find a setting").fill("")
    await page.get_by_label("Only what is not the default (1)").check()
    await expect(field(page, "Runs kept")).to_have_value("5")
    await expect(field(page, "Length of the queue")).to_have_count(0)
    await page.get_by_label("Find a setting").fill("nothing of that kind")
    await page.get_by_role("button", name="Clear the filter").click()
    await expect(field(page, "Length of the queue")).to_be_visible()


async def test_a_change_made_elsewhere_is_shown(visit: Visit) -> None:
    page = await visit.open("/settings?q=maxLogs")
    await expect(field(page, "Log lines kept")).to_have_value("20000")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await visit.luna.house.state.preferences.patch({"logging": {"maxLogs": 777}})
    await expect(field(page, "Log lines kept")).to_have_value("777")


async def test_a_file_that_is_wrong_is_told_of(visit: Visit, tmp_path: Path) -> None:
    broken = {"version": 1, "settings": {"logging": {"maxRuns": "lots"}}}
    file = visit.luna.house.state.preferences.path
    assert tmp_path in file.parents
    await anyio.Path(file).write_bytes(msgspec.json.encode(broken))
    page = await visit.open("/settings")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("not in force")
    await expect(alert).to_contain_text("logging.maxRuns must be a whole number")


async def test_what_is_not_saved_is_not_lost_without_asking(visit: Visit) -> None:
    page = await visit.open("/settings?q=maxRuns")
    await field(page, "Runs kept").fill("9")
    await page.get_by_role("link", name="Logs", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("button", name="Stay").click()
    await expect(field(page, "Runs kept")).to_have_value("9")
    await page.get_by_role("button", name="Discard").click()
    await expect(field(page, "Runs kept")).to_have_value("100000")
    await page.get_by_role("link", name="Logs", exact=True).click()
    await expect(page.get_by_role("heading", name="Logs")).to_be_visible()


class TestWithAKeyOfTheEnvironment:
    @pytest.fixture
    def luna_environ(self) -> dict[str, str]:
        return {"LUNA_PROXY_KEY": ENVIRONMENT_KEY}

    async def test_keys_are_made_shown_once_and_revoked(self, visit: Visit) -> None:
        page = await visit.open("/settings?tab=access")
        keys = page.get_by_role("table")
        await expect(keys.get_by_role("row").nth(1)).to_contain_text("environment")
        await expect(page.get_by_role("button", name="Revoke")).to_have_count(0)
        await page.get_by_label("Name of a new key").fill("ci")
        await page.get_by_role("button", name="Create a key").click()
        dialog = page.get_by_role("dialog", name="The key of ci")
        key = (await dialog.locator("pre").inner_text()).strip()
        await check_accessibility(page)
        await dialog.get_by_role("button", name="I have it").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
        assert key not in await page.content()
        assert (await ask(visit.luna, key=key))[0] == 200

        row = page.get_by_role("row").filter(has_text="created here")
        await row.get_by_role("button", name="Revoke").click()
        await expect(page.get_by_role("dialog")).to_contain_text("1 key")
        await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        await expect(row).to_have_count(0)
        assert (await ask(visit.luna, key=key))[0] == 401
        assert (await ask(visit.luna, key=ENVIRONMENT_KEY))[0] == 200

    async def test_a_key_that_cannot_be_made(self, visit: Visit) -> None:
        visit.expected = {400, 409}
        page = await visit.open("/settings?tab=access")
        await page.get_by_label("Name of a new key").fill("x" * 300)
        await page.get_by_role("button", name="Create a key").click()
        await expect(page.get_by_label("Name of a new key")).to_have_attribute("aria-invalid", "true")


async def test_clients_are_told_where_luna_is(visit: Visit) -> None:
    page = await visit.open("/settings?tab=access")
    await expect(page.get_by_text(f"{visit.luna.url}/v1", exact=True)).to_be_visible()
    await page.get_by_label("Client").select_option("claude-code")
    await page.get_by_label("Model").select_option("qwen3.8-max")
    text = page.locator("pre")
    await expect(text).to_contain_text(f"ANTHROPIC_BASE_URL={visit.luna.url}")
    await expect(text).to_contain_text("ANTHROPIC_MODEL=qwen3.8-max")
    await page.reload()
    await expect(text).to_contain_text("ANTHROPIC_MODEL=qwen3.8-max")
    await page.get_by_label("Client").select_option("codex")
    await expect(page.locator("pre").first).to_contain_text('wire_api = "responses"')


async def test_overflow_files_are_read_and_deleted(visit: Visit) -> None:
    files = visit.luna.house.state.overflow
    for name in ("one.txt", "two.txt", "three.txt"):
        await files.keep(name, f"What stands in {name}: <b>as it is</b>", run="flow_1", tokens=9)
    page = await visit.open("/settings?tab=storage")
    await expect(page.get_by_text("3 files,")).to_be_visible()
    await page.get_by_role("button", name="View one.txt").click()
    await expect(page.get_by_role("dialog")).to_contain_text("What stands in one.txt: <b>as it is</b>")
    await page.keyboard.press("Escape")
    row = page.get_by_role("row").filter(has_text="one.txt")
    await row.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("2 files,")).to_be_visible()
    await page.get_by_role("button", name="Delete all").click()
    await expect(page.get_by_role("dialog")).to_contain_text("2 files")
    await page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
    await expect(page.get_by_role("heading", name="No prompt was long enough for a file")).to_be_visible()
    assert len(files) == 0


async def test_chats_are_deleted_after_a_look_at_which(visit: Visit) -> None:
    for number in range(2):
        await ask(visit.luna, f"chat {number}")
    await visit.luna.settled()
    page = await visit.open("/settings?tab=storage")
    await expect(page.get_by_role("button", name="Delete now")).to_be_disabled()
    await page.get_by_label("Unused for at least (hours)").fill("0")
    await page.get_by_role("button", name="What would go?").click()
    await expect(page.get_by_text("2 chats would go")).to_be_visible()
    assert len(visit.luna.lookalike.state.chats) == 2
    await page.get_by_role("button", name="Delete now").click()
    await expect(page.get_by_role("dialog")).to_contain_text("2 chats are deleted from your Qwen account")
    await page.get_by_role("dialog").get_by_role("button", name="Delete now").click()
    await expect(page.get_by_role("heading", name="luna has made no such chat")).to_be_visible()
    assert len(visit.luna.lookalike.state.chats) == 0
    await page.get_by_label("State").select_option("deleted")
    await expect(page.get_by_role("row").filter(has_text="deleted")).to_have_count(2)


async def test_every_change_stands_in_the_audit_without_secrets(visit: Visit) -> None:
    page = await visit.open("/settings?tab=access")
    await page.get_by_label("Name of a new key").fill("ci")
    await page.get_by_role("button", name="Create a key").click()
    key = (await page.get_by_role("dialog").locator("pre").inner_text()).strip()
    page = await visit.open("/settings?q=maxRuns")
    await field(page, "Runs kept").fill("11")
    await page.get_by_role("button", name="Save 1 change").click()
    await saved(page)
    await page.get_by_role("tab", name="Audit").click()
    newest = page.get_by_role("row").nth(1)
    await expect(newest).to_contain_text("PATCH /api/config")
    await expect(newest).to_contain_text('{"settings":{"logging":{"maxRuns":11}}}')
    await expect(newest).to_contain_text("200 done")
    await expect(page.get_by_role("row").nth(2)).to_contain_text("POST /api/keys")
    assert key not in await page.content()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_part_has_a_barrier(visit: Visit, theme: str) -> None:
    await visit.luna.house.state.overflow.keep("one.txt", "text")
    await ask(visit.luna)
    await visit.dress(theme)
    page = visit.page
    for tab in ("settings", "access", "storage", "audit"):
        page = await visit.open(f"/settings?tab={tab}")
        await expect(page.get_by_role("tabpanel")).to_be_visible()
        await expect(page.get_by_text("Loading …")).to_have_count(0)
        await check_accessibility(page)
        await visit.picture(f"settings-{tab}-{theme}")
    await page.set_viewport_size({"width": 360, "height": 740})
    for tab in ("settings", "access", "storage", "audit"):
        page = await visit.open(f"/settings?tab={tab}")
        await expect(page.get_by_role("tabpanel")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
