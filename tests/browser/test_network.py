"""The page of the network: profiles and workers, their checks, and what every page says of isolation."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec
import pytest
from playwright.async_api import Locator, Page, expect

from luna.state.network import Network
from tests.browser.visit import Visit, check_accessibility
from tests.support.house import ADMIN_KEY, Running, running_luna

JSON = {"content-type": "application/json", "authorization": f"Bearer {ADMIN_KEY}"}


@asynccontextmanager
async def address_service(ip: str) -> AsyncIterator[str]:
    """Somebody who tells everybody that their address is this one; its URL."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    body = f'{{"ip": "{ip}"}}'.encode()
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    async def serve(socket: anyio.abc.SocketStream) -> None:
        async with socket:
            seen = b""
            while not seen.endswith(b"\r\n\r\n"):
                seen += await socket.receive()
            await socket.send(answer)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield f"http://127.0.0.1:{port}/"
        tasks.cancel_scope.cancel()
    await listener.aclose()


def network(visit: Visit) -> Network:
    return visit.luna.house.state.network


def row(page: Page, name: str, table: str) -> Locator:
    return (
        page.get_by_role("region", name=table, exact=True)
        .get_by_role("row")
        .filter(has=page.get_by_role("rowheader", name=name))
    )


async def settings(luna: Running, **isolation: object) -> None:
    body = msgspec.json.encode({"settings": {"egressIsolation": isolation}})
    answer = await luna.request("PATCH", "/api/config", body, JSON)
    assert answer.status == 200, answer.content


@pytest.mark.act
async def test_a_profile_is_added_checked_changed_and_deleted(visit: Visit) -> None:
    page = await visit.open("/network")
    await expect(row(page, "direct", "Network profiles")).to_contain_text("accounts without another one")
    await expect(row(page, "direct", "Network profiles").get_by_role("button", name="Delete")).to_have_count(0)
    await page.get_by_role("button", name="Add a profile").click()
    assert "profile=new" in page.url
    dialog = page.get_by_role("dialog")
    await check_accessibility(page)
    await dialog.get_by_label("Id").fill("home")
    await dialog.get_by_label("Name").fill("At home")
    visit.expected = {400}
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("proxyUrl")
    await dialog.get_by_label("Address of the proxy").fill("http://me:s3cret@127.0.0.1:9")
    await dialog.get_by_label("Expected address").fill("nowhere")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("no IP address")
    await dialog.get_by_label("Expected address").fill("203.0.113.7")
    await dialog.get_by_role("button", name="Save").click()
    shown = row(page, "home", "Network profiles")
    await expect(shown).to_contain_text("http://127.0.0.1:9")
    await expect(shown).to_contain_text("not checked")
    assert "s3cret" not in await page.content()
    await shown.get_by_role("button", name="Check").click()
    await expect(shown).to_contain_text("does not answer")
    await shown.get_by_role("button", name="Edit").click()
    await expect(dialog.get_by_label("Address of the proxy")).to_have_value("")
    await dialog.get_by_label("Name").fill("Elsewhere")
    await dialog.get_by_role("button", name="Save").click()
    await expect(shown).to_contain_text("Elsewhere")
    assert network(visit).profile("home").proxy_url == "http://me:s3cret@127.0.0.1:9", "it was kept"
    await visit.luna.house.accounts.edit("env", network_profile="home")
    await expect(shown).to_contain_text("1 account")
    await shown.get_by_role("button", name="Delete").click()
    confirm = page.get_by_role("dialog", name="Delete profile home?")
    await expect(confirm).to_contain_text("1 account has it and cannot leave")
    await check_accessibility(page)
    await confirm.get_by_role("button", name="Delete").click()
    await expect(shown).to_have_count(0)
    await expect(page.get_by_text("Nothing may leave for 1 account.")).to_be_visible()


async def test_every_mode_can_be_chosen(visit: Visit) -> None:
    page = await visit.open("/network?profile=new")
    dialog = page.get_by_role("dialog")
    fields = {
        "direct": ["Expected address"],
        "worker-managed": [],
        "http-proxy": ["Address of the proxy", "Expected address"],
        "https-proxy": ["Address of the proxy", "Expected address"],
        "socks5": ["Address of the proxy", "Expected address"],
        "local-address": ["Address of this machine", "Expected address"],
    }
    for mode, there in fields.items():
        await dialog.get_by_label("Way", exact=True).select_option(mode)
        for label in ("Address of the proxy", "Address of this machine", "Expected address"):
            await expect(dialog.get_by_label(label)).to_have_count(1 if label in there else 0)
    await dialog.get_by_label("Id").fill("here")
    await dialog.get_by_label("Address of this machine").fill("127.0.0.2")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row(page, "here", "Network profiles")).to_contain_text("127.0.0.2")
    assert network(visit).profile("here").mode == "local-address"
    await page.get_by_role("button", name="Add a profile").click()
    await dialog.get_by_label("Id").fill("here")
    await expect(dialog.get_by_role("alert")).to_contain_text("There is a profile of that id.")
    await expect(dialog.get_by_role("button", name="Save")).to_be_disabled()


async def test_this_machines_own_address_is_asked_for(visit: Visit) -> None:
    async with address_service("198.51.100.7") as service:
        await settings(visit.luna, verifyIpUrl=service)
        page = await visit.open("/network")
        await page.get_by_role("button", name="Ask for it").click()
        await expect(page.get_by_text("The direct way shows 198.51.100.7.")).to_be_visible()
        await expect(row(page, "direct", "Network profiles")).to_contain_text("198.51.100.7")
        await page.get_by_role("button", name="Check all").first.click()
        await expect(page.get_by_text("direct shows 198.51.100.7.")).to_be_visible()


async def test_a_worker_is_added_with_a_key_that_is_shown_once(visit: Visit, tmp_path: Path) -> None:
    page = await visit.open("/network")
    await page.get_by_text("How to start a worker").click()
    await expect(page.get_by_text("LUNA_WORKER_KEY='…'")).to_be_visible()
    await page.get_by_role("button", name="Add a worker").click()
    dialog = page.get_by_role("dialog", name="Add a worker")
    await check_accessibility(page)
    await dialog.get_by_label("Id").fill("w1")
    visit.expected = {400}
    await dialog.get_by_label("Where it is").fill("http://worker.example.org")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("https")
    await dialog.get_by_label("Where it is").fill("http://127.0.0.1:9")
    await dialog.get_by_label("Runs at once").fill("many")
    await expect(dialog.get_by_role("alert").filter(has_text="whole number")).to_be_visible()
    await dialog.get_by_label("Runs at once").fill("3")
    await dialog.get_by_role("button", name="Save").click()
    once = page.get_by_role("dialog", name="The key of worker w1")
    await expect(once).to_contain_text("LUNA_WORKER_KEY")
    key = network(visit).worker("w1").key
    assert len(key) > 20
    await expect(once).to_contain_text(key)
    await check_accessibility(page)
    await visit.picture("network-key")
    await once.get_by_role("button", name="Copy").first.click()
    assert await page.evaluate("navigator.clipboard.readText()") == key
    await once.get_by_role("button", name="I have it").click()
    shown = row(page, "w1", "Workers")
    await expect(shown).to_contain_text("every account")
    assert key not in await page.content()
    await shown.get_by_role("button", name="Check").click()
    await expect(shown).to_contain_text("does not answer")
    await shown.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog", name="Delete worker w1?").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="No worker")).to_be_visible()


async def test_a_worker_that_runs_is_good_and_the_banner_says_who_forwards(visit: Visit, tmp_path: Path) -> None:
    async with address_service("203.0.113.9") as service:
        environ = {"LUNA_WORKER_KEY": "key-of-the-worker"}
        async with running_luna(tmp_path / "other", environ=environ, account=False) as other:
            await settings(other, verifyIpUrl=service)
            page = await visit.open("/network?worker=new")
            dialog = page.get_by_role("dialog")
            await dialog.get_by_label("Id").fill("w1")
            await dialog.get_by_label("Where it is").fill(other.url)
            await dialog.get_by_label("Its key").fill("key-of-the-worker")
            await dialog.get_by_role("button", name="Save").click()
            await expect(page.get_by_role("dialog")).to_have_count(0)  # a key of one's own is not shown again
            shown = row(page, "w1", "Workers")
            await page.get_by_role("button", name="Check all").last.click()
            await expect(shown).to_contain_text("203.0.113.9")
            await expect(shown).to_contain_text("good")
            await expect(page.locator(".banner")).to_have_count(0)
            await settings(visit.luna, enabled=True, strict=False)
            await expect(page.locator(".banner")).to_contain_text("Isolation is on")
            await expect(page.locator(".banner")).to_contain_text("Prompts of 1 account are forwarded by w1.")
            await expect(row(page, "env", "How accounts leave")).to_contain_text("worker w1")
            await check_accessibility(page)
            await visit.picture("network-isolated")
            page = await visit.open("/accounts")
            await expect(page.locator(".banner")).to_contain_text("forwarded by w1")
            await settings(visit.luna, enabled=False)
            await expect(page.locator(".banner")).to_have_count(0)


async def test_isolation_without_a_way_is_told_on_every_page(visit: Visit) -> None:
    page = await visit.open("/accounts")
    await settings(visit.luna, enabled=True)
    await expect(page.locator(".banner")).to_contain_text("Nothing may leave for 1 account.")
    await expect(page.get_by_role("article", name="environment")).to_contain_text("Held back")
    await expect(page.get_by_role("article", name="environment")).to_contain_text("closed")
    await expect(page.get_by_text("1 account, 0 ready")).to_be_visible()
    await check_accessibility(page)
    await visit.picture("network-closed")
    await page.get_by_role("link", name="Look at the network").click()
    await expect(row(page, "env", "How accounts leave")).to_contain_text("there is no enabled worker for it")
    await expect(page.get_by_text("Strict: a way that shows")).to_be_visible()
    await page.get_by_role("link", name="Change it in the settings").click()
    await expect(page).to_have_url(re.compile("/settings$"))


@pytest.mark.parametrize("language", ["vi", "zh"])
async def test_it_fits_a_narrow_window_in_every_language(visit: Visit, language: str) -> None:
    await visit.dress("dark", language)
    page = await visit.open("/network")
    await page.set_viewport_size({"width": 360, "height": 780})
    await expect(page.get_by_role("table").last).to_be_visible()
    widths = "[document.documentElement, document.querySelector('main')].map((one) => one.scrollWidth)"
    assert all(width <= 360 for width in await page.evaluate(widths))
    assert "network." not in await page.inner_text("main")
    await visit.picture(f"network-{language}-narrow")
