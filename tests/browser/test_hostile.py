"""What clients, Qwen and the model say is shown, and nothing of it runs; and no secret stands on any page."""

import re
from typing import Any

import msgspec
import pytest
from playwright.async_api import Error, Response, expect

from tests.browser.test_frame import PAGES
from tests.browser.visit import Visit
from tests.support.house import ADMIN_KEY
from tests.support.samples import data_url

RUN = "window.__ran = (window.__ran || 0) + 1"
SCRIPTS = (
    f"<script>{RUN}</script>",
    f'<img src=x onerror="{RUN}">',
    f'<svg onload="{RUN}"><use href="data:,x#a"/></svg>',
    f'"><iframe srcdoc="<script>{RUN.replace("window", "top")}</script>"></iframe>',
    f"[click](javascript:{RUN})",
    f'</script></style></title></textarea><details open ontoggle="{RUN}">',
    f"<style>@import 'javascript:{RUN}';</style>",
    "{{constructor.constructor('" + RUN + "')()}}",
)
HOSTILE = " ".join(SCRIPTS)
CANARY = "canary-on-no-page-7Kq2mX9z"


@pytest.fixture
def luna_environ() -> dict[str, str]:
    return {"LUNA_RECORD": "all", "LUNA_WORKER_KEY": f"{CANARY}-worker"}


async def said(visit: Visit, body: dict[str, Any]) -> str:
    """The flow's id."""
    headers = {"x-api-key": f"{CANARY}-header", "cookie": f"session={CANARY}-cookie"}
    asked = {"model": "qwen3.7-plus", "metadata": {"password": f"{CANARY}-field"}, **body}
    path = f"/v1/chat/completions?token={CANARY}-parameter"
    answer = await visit.luna.request("POST", path, msgspec.json.encode(asked), headers)
    return dict(answer.headers)[b"x-luna-flow"].decode()


async def hostile_flows(visit: Visit) -> list[str]:
    """Answered, refused, and with a file, each with script in it; a session by such a name, and one of each page."""
    file = {"filename": f"{SCRIPTS[1]}.txt", "file_data": data_url(HOSTILE.encode(), "text/plain")}
    words = [{"type": "text", "text": f"[[say:{HOSTILE}]]"}, {"type": "file", "file": file}]
    flows = [
        await said(visit, {"messages": [{"role": "user", "content": f"[[echo]] {HOSTILE}"}]}),
        await said(visit, {"messages": [{"role": "user", "content": words}], "session_id": SCRIPTS[1]}),
        await said(visit, {"messages": [{"role": "user", "content": HOSTILE}], "model": HOSTILE[:200]}),
    ]
    key = {"authorization": f"Bearer {ADMIN_KEY}"}
    for path, body in (
        ("/api/keys", {"name": SCRIPTS[1]}),
        ("/api/network-profiles", {"id": "p", "name": HOSTILE, "mode": "http-proxy", "proxyUrl": f"http://me:{CANARY}@127.0.0.1:9"}),
        ("/api/workers", {"id": "w", "name": SCRIPTS[1], "baseUrl": "http://127.0.0.1:9", "key": f"{CANARY}-key"}),
        ("/api/login", {"key": CANARY}),
    ):  # fmt: skip
        await visit.luna.request("POST", path, msgspec.json.encode(body), key)
    return flows


@pytest.mark.act
async def test_nothing_that_was_said_runs(visit: Visit) -> None:
    """The walk goes over every page and every view of each flow, and reads both what is shown and what was sent."""
    flows = await hostile_flows(visit)
    secrets = [CANARY, ADMIN_KEY, *visit.luna.house.accounts.secrets()]
    came: list[Response] = []
    visit.page.on("response", lambda response: came.append(response))
    shown = ""
    for path in [*PAGES, *(f"/flows/{flow}" for flow in flows)]:
        page = await visit.open(path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        tabs = page.get_by_role("tablist").first.get_by_role("tab")
        for number in range(await tabs.count()):
            await tabs.nth(number).click()
            await expect(tabs.nth(number)).to_have_attribute("aria-selected", "true")
            shown += await page.content()
        shown += await page.content()
        assert await page.evaluate("window.__ran") is None, path
    assert re.search(r"&lt;script&gt;|&lt;img src=x", shown), "it is shown, as text"
    for response in came:
        if response.request.resource_type in ("fetch", "xhr", "document"):
            try:
                shown += await response.text()
            except Error:  # a stream, or a body that went with its page
                continue
    for secret in secrets:
        assert secret not in shown, shown[max(0, shown.find(secret) - 200) : shown.find(secret) + 40]
    await visit.check()
