"""The configuration at the pages: seen as compiled, edited with a mistake and without, tried, and put in force."""

import itertools
import shutil
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from playwright.async_api import Page, expect

from tests.browser.visit import Visit, check_accessibility, text_of
from tests.support.house import Running

ROOT = Path(__file__).parents[2]
CHAT = "/v1/chat/completions"
SHORT = "qwen3.7-max"
ASIDE = """\
  # Short answers for whoever asks for them.
  - name: short
    match: {method: POST, path: /v1/chat/completions, model: "qwen3.7-m*"}
    pipeline: chat
    with: {limit: {max-tokens: 3}}

"""


@pytest.fixture
def luna_environ(tmp_path: Path) -> dict[str, str]:
    """A configuration of the test's own."""
    folder = tmp_path / "conf"
    for name in ("pipelines", "prompts"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "routes.yaml", folder / "routes.yaml")
    return {"LUNA_RECORD": "all", "LUNA_ROUTES": str(folder / "routes.yaml")}


@pytest.fixture
def folder(luna_environ: dict[str, str]) -> Path:
    return Path(luna_environ["LUNA_ROUTES"]).parent


async def ask(luna: Running, *turns: str, model: str = "qwen3.7-plus") -> tuple[str, str]:
    """What the model says, and why it stopped. The turns are the user's and the model's by turns."""
    roles = itertools.cycle(("user", "assistant"))
    messages = [{"role": role, "content": words} for role, words in zip(roles, turns, strict=False)]
    body = msgspec.json.encode({"model": model, "messages": messages})
    answer = await luna.request("POST", CHAT, body)
    assert answer.status == 200, answer.content
    choice: dict[str, Any] = msgspec.json.decode(answer.content)["choices"][0]
    return choice["message"]["content"], choice["finish_reason"]


def version(luna: Running) -> int:
    return luna.house.config.cell.current.version


async def editor(page: Page, name: str) -> None:
    """Wait until the editor is there."""
    await expect(page.get_by_role("textbox", name=name)).to_be_visible()


async def insert(page: Page, name: str, before: str, text: str) -> None:
    """Put a text before another one that stands in the editor, by way of the clipboard: as a person would, typing of
    whom the editor would indent by itself."""
    box = page.get_by_role("textbox", name=name)
    await box.click()
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+c")
    whole: str = await page.evaluate("navigator.clipboard.readText()")
    assert before in whole
    await page.evaluate("text => navigator.clipboard.writeText(text)", whole.replace(before, text + before, 1))
    await page.keyboard.press("Control+v")


@pytest.mark.act
async def test_a_mistake_is_shown_at_its_place_and_mended_traffic_moves(visit: Visit, folder: Path) -> None:
    luna = visit.luna
    assert (await ask(luna, "[[count:40]]", model=SHORT))[1] == "stop"
    visit.expected = {422}
    before = version(luna)
    routes = (folder / "routes.yaml").read_text()
    page = await visit.open("/pipelines?view=files&file=routes.yaml")
    await editor(page, "Text of routes.yaml")
    await expect(page.get_by_text("It compiles.")).to_be_visible()

    wrong = ASIDE.replace("pipeline: chat", "pipeline: chta")
    await insert(page, "Text of routes.yaml", "  - name: models", wrong)
    line = routes[: routes.index("  - name: models")].count("\n") + 4
    problem = page.get_by_role("button", name=f"routes.yaml:{line}:15")
    await expect(problem).to_contain_text("pipeline 'chta' does not exist — did you mean 'chat'?")
    await expect(page.locator(".cm-lintRange-error")).to_have_text("chta")
    await check_accessibility(page)
    await visit.picture("pipelines-mistake")

    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".toast-bad")).to_contain_text(f"routes.yaml:{line}:15")
    assert (folder / "routes.yaml").read_text() == routes
    assert version(luna) == before

    # The mistake leads to its place, where it is mended.
    await problem.click()
    await expect(page.locator(".cm-activeLine")).to_contain_text("chta")
    await expect(page.get_by_role("textbox", name="Text of routes.yaml")).to_be_focused()
    await page.keyboard.press("Control+Shift+ArrowRight")
    await page.keyboard.type("chat")
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("It compiles.")).to_be_visible()
    await page.get_by_role("button", name="What would change?").click()
    plan = page.get_by_role("dialog")
    await expect(plan.get_by_role("row", name="new Route short")).to_be_visible()
    await expect(plan.get_by_role("row")).to_have_count(2)
    await plan.get_by_role("tab", name="Text").click()
    await expect(plan.locator(".cm-changedLine").first).to_contain_text("# Short answers")
    await visit.picture("pipelines-plan")
    await check_accessibility(page)
    await plan.get_by_role("button", name="Save").click()
    await expect(plan).to_be_hidden()
    await expect(page.get_by_text(f"routes.yaml is saved. Version {before + 1} is in force.")).to_be_visible()
    assert (folder / "routes.yaml").read_text() == routes.replace("  - name: models", ASIDE + "  - name: models", 1)

    assert (await ask(luna, "[[count:40]]", model=SHORT))[1] == "length"
    assert (await ask(luna, "[[count:40]]"))[1] == "stop"
    await page.get_by_role("tab", name="Routes").click()
    row = page.get_by_role("row", name="short")
    await expect(row).to_contain_text("model is qwen3.7-m*")
    await expect(row).to_contain_text("limit.max-tokens: 3")
    await expect(page.locator(".page-actions")).to_contain_text(f"Version {before + 1}")


async def test_keys_and_values_are_offered(visit: Visit) -> None:
    page = await visit.open("/pipelines?view=files&file=pipelines/models.yaml")
    await editor(page, "Text of pipelines/models.yaml")
    await page.get_by_role("textbox", name="Text of pipelines/models.yaml").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("  - us")
    offers = page.get_by_role("listbox", name="Completions")
    await expect(offers.get_by_role("option", name="use")).to_be_visible()
    await offers.get_by_role("option", name="use").click()
    await expect(offers).to_be_hidden()
    await page.keyboard.type("requ")
    await expect(offers.get_by_role("option", name="require-answer")).to_be_visible()
    await visit.picture("pipelines-completion")
    await check_accessibility(page)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox")).to_contain_text("- use: require-answer")
    # An answer stage needs no response stage: that is told, and leaving asks first.
    await expect(page.get_by_role("button", name="pipelines/models.yaml:7:10")).to_be_visible()
    await page.get_by_role("link", name="Accounts").click()
    leaving = page.get_by_role("dialog", name="Leave without saving?")
    await expect(leaving).to_be_visible()
    await leaving.get_by_role("button", name="Stay").click()
    await page.get_by_role("button", name="Discard").click()
    await page.get_by_role("link", name="Accounts").click()
    await expect(page.get_by_role("heading", level=1, name="Accounts")).to_be_visible()


async def test_what_breaks_on_disk_is_told_and_leads_to_its_line(visit: Visit, folder: Path) -> None:
    page = await visit.open("/pipelines")
    await expect(page.get_by_role("heading", level=1, name="Pipelines")).to_be_visible()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(visit.luna.house.config.watch)
        chat = (folder / "pipelines" / "chat.yaml").read_text()
        (folder / "pipelines" / "chat.yaml").write_text(chat.replace("- use: limit", "- use: limti"))
        alert = page.get_by_role("alert").filter(has_text="do not compile")
        await expect(alert).to_contain_text("one mistake")
        await visit.picture("pipelines-broken")
        await check_accessibility(page)
        await alert.get_by_role("button").first.click()
        await editor(page, "Text of pipelines/chat.yaml")
        await expect(page.locator(".cm-activeLine")).to_contain_text("limti")
        (folder / "pipelines" / "chat.yaml").write_text(chat)
        await expect(alert).to_be_hidden()
        await expect(page.get_by_role("textbox")).not_to_contain_text("limti")
        tasks.cancel_scope.cancel()


async def test_what_somebody_else_saved_is_not_written_over_unseen(visit: Visit, folder: Path) -> None:
    visit.expected = {409}
    page = await visit.open("/pipelines?view=files&file=routes.yaml")
    await editor(page, "Text of routes.yaml")
    await page.get_by_role("textbox").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("# mine")
    theirs = (folder / "routes.yaml").read_text() + "# theirs\n"
    (folder / "routes.yaml").write_text(theirs)
    await page.get_by_role("button", name="Save", exact=True).click()
    conflict = page.get_by_role("alert").filter(has_text="has been changed on disk")
    await expect(conflict).to_contain_text("# theirs")
    await visit.picture("pipelines-conflict")
    assert (folder / "routes.yaml").read_text() == theirs
    await conflict.get_by_role("button", name="Take the one on disk").click()
    await expect(conflict).to_be_hidden()
    await expect(page.get_by_role("textbox")).to_contain_text("# theirs")


async def test_a_pipeline_is_made_and_deleted(visit: Visit, folder: Path) -> None:
    page = await visit.open("/pipelines?view=files")
    await page.get_by_role("button", name="New file").click()
    dialog = page.get_by_role("dialog", name="A new file")
    await dialog.get_by_label("Name").fill("a b")
    await expect(dialog.get_by_role("alert")).to_contain_text("Use letters")
    await dialog.get_by_label("Name").fill("aside")
    await check_accessibility(page)
    await dialog.get_by_role("button", name="Create").click()
    await editor(page, "Text of pipelines/aside.yaml")
    assert (folder / "pipelines" / "aside.yaml").read_bytes() == (folder / "pipelines" / "chat.yaml").read_bytes()
    await expect(page.get_by_role("button", name="no route uses pipeline 'aside'").first).to_be_visible()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("pipelines/aside.yaml is deleted.")).to_be_visible()
    await expect(page.get_by_role("link", name="aside.yaml")).to_have_count(0)
    assert not (folder / "pipelines" / "aside.yaml").exists()


async def test_the_graph_shows_every_stage_and_where_flows_are(visit: Visit) -> None:
    page = await visit.open("/pipelines")
    graph = page.get_by_role("region", name="Graph of pipeline chat")
    stages = [bound.name for bound in visit.luna.house.config.cell.current.pipelines["chat"].stages]
    for name in stages:
        await expect(graph.get_by_role("button", name=f"{name} ")).to_be_visible()
    listed = page.get_by_role("table", name="Stages of chat")
    await expect(listed.get_by_role("row")).to_have_count(len(stages) + 1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, visit.luna, "[[count:40]][[pace:60]]")
        await expect(graph.get_by_role("button", name="qwen far end 1 request now")).to_be_visible()
        await expect(listed.get_by_role("row", name="qwen")).to_contain_text("1")
        await visit.picture("pipelines-live")
    await expect(graph.get_by_role("button", name="qwen far end 0 requests now")).to_be_visible()

    await graph.get_by_role("button", name="protocol.encode ").click()
    detail = page.get_by_role("region", name="protocol.encode")
    await expect(detail).to_contain_text("heartbeat")
    await expect(page).to_have_url(f"{visit.luna.url}/pipelines?stage=protocol.encode")
    # The text beside the graph: what is chosen there is gone to here, and an edit moves the graph.
    await page.get_by_role("tab", name="Text").click()
    await editor(page, "Text of pipelines/chat.yaml")
    await graph.get_by_role("button", name="limit ").click()
    await expect(page.locator(".cm-activeLine")).to_contain_text("use: limit")
    await expect(page.get_by_role("textbox", name="Text of pipelines/chat.yaml")).to_be_focused()
    await page.keyboard.press("End")
    await page.keyboard.type("\nname: brake")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+s")
    await expect(graph.get_by_role("button", name="brake ")).to_be_visible()
    await visit.picture("pipelines-beside")
    await page.get_by_role("tab", name="Stages").click()
    await graph.get_by_role("button", name="protocol.encode ").click()
    await detail.get_by_role("link", name="pipelines/chat.yaml:").first.click()
    await editor(page, "Text of pipelines/chat.yaml")
    await expect(page.locator(".cm-activeLine")).to_contain_text("protocol.encode")


async def test_a_request_is_explained(visit: Visit) -> None:
    page = await visit.open("/pipelines?view=explain")
    await page.get_by_label("Model").fill("gpt-5")
    await page.get_by_label("Body").fill('{"model": "x", "messages": []}')
    await page.get_by_label("Headers").fill("nothing")
    await expect(page.get_by_role("alert")).to_contain_text("Line 1")
    await page.get_by_label("Headers").fill("x-me: 1")
    await page.get_by_role("button", name="Explain").click()
    result = page.get_by_role("region", name="What luna would do")
    await expect(result.get_by_role("heading", name="Route chat, pipeline chat")).to_be_visible()
    await expect(result).to_contain_text("gpt-5 is answered by qwen3.6-plus.")
    await expect(result).to_contain_text("method POST is not GET")
    await visit.picture("pipelines-explain")
    await check_accessibility(page)
    # Whoever gets the address sees the same.
    shared = await visit.open(page.url.removeprefix(visit.luna.url))
    await expect(shared.get_by_role("heading", name="Route chat, pipeline chat")).to_be_visible()
    await page.get_by_label("Path").fill("/v1/nothing")
    await page.get_by_role("button", name="Explain").click()
    await expect(result).to_contain_text("No route takes this request")


@pytest.mark.act
async def test_a_prompt_that_is_set_is_used_by_the_next_request(visit: Visit, folder: Path) -> None:
    visit.expected = {422}
    page = await visit.open("/prompts?prompt=conversation")
    await editor(page, "Text of conversation")
    shipped = await text_of(page.get_by_role("textbox", name="Text of conversation"))
    assert "Below is the conversation so far" in shipped
    await page.get_by_role("textbox", name="Text of conversation").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type(" And mind {{ them }}.")
    await expect(page.get_by_role("status").filter(has_text="'them' is not declared")).to_be_visible()
    await expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    await visit.picture("prompts-mistake")
    await check_accessibility(page)
    for _ in range(len(" {{ them }}.")):
        await page.keyboard.press("Backspace")
    await page.keyboard.type(" the cat.")
    await page.get_by_role("tab", name="As the model gets it").click()
    await expect(page.get_by_label("conversation as the model gets it")).to_contain_text("And mind the cat.")
    await expect(page.get_by_label("conversation as the model gets it")).to_contain_text("capital of France")
    await visit.picture("prompts-preview")
    await check_accessibility(page)
    await page.get_by_role("tab", name="What was changed").click()
    await expect(page.locator(".cm-changedLine")).to_contain_text("And mind the cat.")
    await visit.picture("prompts-changes")
    await check_accessibility(page)
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("conversation is set.")).to_be_visible()
    await expect(page.get_by_role("link", name="conversation changed")).to_be_visible()

    said, _ = await ask(visit.luna, "Hi", "Yes?", "[[echo]]")
    assert "And mind the cat." in said

    await page.get_by_role("button", name="Reset the changed prompt").click()
    await expect(page.get_by_role("dialog")).to_contain_text("One text that was set is deleted")
    await page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    await expect(page.get_by_text("All prompts are as their files say again.")).to_be_visible()
    assert (folder / "prompts" / "conversation.md").read_text() == (ROOT / "prompts" / "conversation.md").read_text()
    await expect(page.get_by_text("This is the file's text.")).to_be_visible()


VIEWS = {
    "graph": "/pipelines/chat?stage=protocol.encode",
    "routes": "/pipelines?view=routes",
    "files": "/pipelines?view=files&file=pipelines/chat.yaml",
    "explain": "/pipelines?view=explain&method=POST&path=/v1/chat/completions&model=gpt-5",
    "prompts": "/prompts?prompt=tools/contract",
    "prompt-preview": "/prompts?prompt=tools/contract&view=preview",
}


@pytest.mark.parametrize(
    ("theme", "language", "width"),
    [("light", "en", 1360), ("dark", "vi", 1360), ("light", "zh", 390), ("dark", "en", 360)],
)
async def test_every_view_has_its_place(visit: Visit, theme: str, language: str, width: int) -> None:
    """In both themes, all languages and on a telephone: no barrier, and nothing that makes the page scroll sideways."""
    await visit.dress(theme, language)
    await visit.page.set_viewport_size({"width": width, "height": 860})
    for name, path in VIEWS.items():
        page = await visit.open(path)
        shown = {"graph": ".graph-box", "files": ".cm-line", "prompts": ".cm-line"}.get(
            name, ".card, .plain-table, .block"
        )
        await expect(page.locator(shown).first).to_be_visible()
        await check_accessibility(page)
        await visit.picture(f"{name}-{theme}-{language}-{width}")
        content = page.locator("#content")
        sideways = await content.evaluate("box => box.scrollWidth - box.clientWidth")
        assert sideways <= 0, f"{name} is {sideways} px too wide at {width}"
