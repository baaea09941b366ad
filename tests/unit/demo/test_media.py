"""Pictures can be fetched, films are tasks to ask after (wire document, section 1.5)."""

import struct

import pytest

from luna.demo.serve import Lookalike
from tests.support.lookalike import Page, completions, question


async def test_a_picture_is_where_the_stream_says(site: Lookalike, page: Page) -> None:
    said = await page.say("A cat", message={"chat_type": "t2i"}, size="9:16")
    pictures = [delta for delta in said.deltas if delta["phase"] == "image_gen" and delta["content"]]
    assert len(pictures) == 1
    path = pictures[0]["content"].removeprefix(site.url)
    fetched = await Page(site).get(path)
    assert (fetched.status, fetched.header("content-type")) == (200, "image/png")
    assert fetched.body.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", fetched.body[16:24])
    assert [[height, width]] == pictures[0]["extra"]["output_image_hw"]
    assert (await Page(site).get(path.partition("?")[0])).status == 403
    assert (await Page(site).get(path.partition("?")[0] + "?key=9999x9999")).status == 403


@pytest.mark.parametrize("kind", ["t2v", "i2v"])
async def test_a_film_is_a_task_that_runs_and_succeeds(site: Lookalike, page: Page, kind: str) -> None:
    chat = await page.new_chat()
    said = await page.post(
        completions(chat), question(chat, "A cat", stream=False, message={"chat_type": kind, "sub_chat_type": kind})
    )
    assert (said.status, said.actual, said.header("content-type")) == (200, 200, "application/json")
    data = said.json["data"]
    assert list(data) == ["chat_id", "parent_id", "message_id", "messages"]
    message = data["messages"][0]
    assert list(message) == ["role", "content", "extra", "done", "size"]
    task = message["extra"]["wanx"]["task_id"]

    running = (await page.get(f"/api/v2/task/status/{task}")).json["data"]
    assert list(running) == [
        *("chat_type", "task_status", "message", "content"),
        *("remaining_time", "sub_chat_type", "duration"),
    ]
    assert (running["chat_type"], running["task_status"], running["content"]) == (kind, "running", "")
    done = (await page.get(f"/api/v1/tasks/status/{task}")).json
    assert done["task_status"] == "success"
    fetched = await Page(site).get(done["content"].removeprefix(site.url))
    assert (fetched.status, fetched.header("content-type")) == (200, "video/mp4")
    assert (await page.ask(chat, "[[say:free]]", data["message_id"])).text == "free"


async def test_a_task_is_its_owners_alone(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    said = await page.post(
        completions(chat), question(chat, "A cat", stream=False, message={"chat_type": "t2v", "sub_chat_type": "t2v"})
    )
    task = said.json["data"]["messages"][0]["extra"]["wanx"]["task_id"]
    other = Page(site, site.login("berta"))
    for asked in (await other.get(f"/api/v2/task/status/{task}"), await page.get("/api/v2/task/status/none")):
        assert (asked.status, asked.actual, asked.json["data"]["code"]) == (200, 404, "Not_Found")
