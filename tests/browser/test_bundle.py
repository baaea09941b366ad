"""A flow kept and handed on from its page; a bundle opened in the same pages; what a change would do to real flows."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import msgspec
import pytest
from playwright.async_api import Browser, expect

from luna.replay.unpack import unpack
from luna.server.embedded import embedded_server
from luna.server.opened import opened
from luna.state.run_archive import RunFilter
from tests.browser.test_pipelines import ask, folder, insert, luna_environ  # noqa: F401 - fixtures
from tests.browser.visit import Visit, check_accessibility, pictures, watch_policy
from tests.support.house import Running

SAY = "[[say:one two three four five six seven]]"


async def newest(luna: Running) -> str:
    page = await luna.house.state.runs.archive.find(RunFilter(), limit=1)
    return page.records[0].id


async def test_a_flow_is_kept_and_handed_on(visit: Visit, folder: Path, tmp_path: Path) -> None:  # noqa: F811
    await ask(visit.luna, SAY)
    await visit.luna.settled()
    flow = await newest(visit.luna)
    page = await visit.open(f"/flows/{flow}")
    await page.get_by_role("button", name="Keep as a fixture").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("seven-words")
    await visit.picture("keep-as-a-fixture")
    await dialog.get_by_role("button", name="Keep it").click()
    await expect(dialog.get_by_text("It is in fixtures/wire/seven-words.")).to_be_visible(timeout=60_000)
    assert (folder / "fixtures" / "wire" / "seven-words" / "recording.jsonl").is_file()
    await check_accessibility(page, within="[role=dialog]")
    await dialog.get_by_role("button", name="Close").last.click()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Bundle").click()
    path = tmp_path / "x.zip"
    await (await download.value).save_as(path)
    assert unpack(path).about.flow == flow


async def test_a_change_is_tried_on_real_flows(visit: Visit, folder: Path) -> None:  # noqa: F811
    await ask(visit.luna, SAY)
    await visit.luna.settled()
    page = await visit.open("/pipelines?view=files&file=pipelines/chat.yaml")
    rest = (folder / "pipelines" / "chat.yaml").read_text().partition("- use: limit\n")[2]
    following = next(line for line in rest.split("\n") if line.strip())
    await insert(page, "Text of pipelines/chat.yaml", following, "    max-tokens: 3\n\n")
    await page.get_by_role("button", name="What would change?").click()
    await page.get_by_role("tab", name="Real flows").click()
    panel = page.get_by_role("dialog")
    await expect(panel.get_by_text("One of 1 flows and fixtures would come out differently.")).to_be_visible(
        timeout=60_000
    )
    await panel.get_by_role("button", name="Show the first difference").click()
    await expect(panel.get_by_text('"reason":"length"')).to_be_visible()
    await visit.picture("what-a-change-does")
    await check_accessibility(page, within="[role=dialog]")


@pytest.fixture
async def bundle(visit: Visit, tmp_path: Path) -> Path:
    await ask(visit.luna, SAY)
    await visit.luna.settled()
    flow = await newest(visit.luna)
    answer = await visit.context.request.get(f"{visit.luna.url}/api/flows/{flow}/bundle")
    path = tmp_path / "x.luna.zip"
    path.write_bytes(await answer.body())
    return path


@pytest.fixture
async def elsewhere(bundle: Path) -> AsyncIterator[tuple[str, str, str]]:
    """A luna that shows the bundle: its origin, its key, the flow."""
    found = unpack(bundle)
    async with opened(found) as house, anyio.create_task_group() as tasks:
        server = embedded_server(house.app, "127.0.0.1", house.settings.port)
        tasks.start_soon(server.serve)
        yield f"http://127.0.0.1:{house.settings.port}", house.admin_key, found.about.flow
        house.hang_up()
        server.stop()  # type: ignore[no-untyped-call]


async def test_a_bundle_is_shown_and_nothing_can_be_changed(
    visit: Visit, chromium: Browser, elsewhere: tuple[str, str, str]
) -> None:
    origin, key, flow = elsewhere
    context = await chromium.new_context(locale="en-GB")
    await watch_policy(context)
    page = await context.new_page()
    for _ in range(200):
        try:
            await page.goto(f"{origin}/login?key={key}")
            break
        except Exception:
            await anyio.sleep(0.05)
    await page.goto(f"{origin}/flows/{flow}")
    await expect(page.get_by_text("This is a bundle of another machine")).to_be_visible()
    await expect(page.get_by_role("heading", name=flow)).to_be_visible()
    await expect(page.get_by_role("link", name="Accounts")).to_have_count(0)
    await expect(page.get_by_role("button", name="Keep as a fixture")).to_have_count(0)
    await page.get_by_role("tab", name="To the client").click()
    await expect(page.get_by_text("one two three").first).to_be_visible()
    await page.screenshot(path=pictures() / "bundle-open.png")
    await expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    await page.get_by_role("tab", name="Inspect").click()
    await page.get_by_role("button", name="Replay …").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("What is repeated").locator("option")).to_have_count(2)  # nobody answers a request
    await page.screenshot(path=pictures() / "bundle-replay.png")
    await dialog.get_by_role("button", name="Run it").click()
    await expect(page.get_by_text("Identical at every boundary")).to_be_visible(timeout=60_000)
    await page.screenshot(path=pictures() / "bundle-replayed.png")
    for path, gone in (("/logs", "Delete all lines"), ("/pipelines?view=files", "Save"), ("/prompts", "Save")):
        await page.goto(f"{origin}{path}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.get_by_text("This is a bundle of another machine")).to_be_visible()
        await expect(page.get_by_role("button", name=gone)).to_have_count(0)
    again = {"level": "request"}
    asked = await context.request.post(f"{origin}/api/flows/{flow}/replay", data=again)
    assert asked.status == 403 and "nobody answers" in await asked.text()
    refused = await context.request.delete(f"{origin}/api/flows/{flow}", headers={"content-type": "application/json"})
    assert refused.status == 403
    assert "This luna shows a bundle" in msgspec.json.decode(await refused.body())["error"]["message"]
    await check_accessibility(page)
    await context.close()
