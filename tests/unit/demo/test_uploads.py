"""The look-alike's uploads: permits, a store that checks, reading, and messages that name files."""

from typing import Any
from urllib.parse import quote

import pytest

from luna.demo import shelf as shelves
from luna.demo.faults import Fault
from luna.demo.file_faults import FILE_FAULTS, PARSE_STATUS, PERMIT, STORE
from luna.demo.misbehave import Instead
from luna.demo.serve import Lookalike
from luna.model.ambient import ManualClock
from luna.qwen.oss import StoreKeys, signed_headers
from tests.support.lookalike import Heard, Page, running

TEXT = b"The marker is 4711."


async def permit(page: Page, name: str = "a.txt", size: int | str = len(TEXT), filetype: str = "file") -> Heard:
    return await page.post(PERMIT, {"filename": name, "filesize": size, "filetype": filetype})


async def store(page: Page, site: Lookalike, told: dict[str, Any], data: bytes = TEXT, **wrong: str) -> Heard:
    keys = StoreKeys(told["access_key_id"], wrong.get("secret", told["access_key_secret"]), told["security_token"])
    now, key = site.state.clock.wall(), wrong.get("key", told["file_path"])
    made = signed_headers(
        "PUT", told["bucketname"], key, (("content-type", "text/plain"),), keys=keys, region=told["region"], now=now
    )
    headers = {name.lower().replace("-", "_"): value for name, value in made}
    return await page.call("PUT", f"/{told['bucketname']}/{quote(key)}", data, cookie="", **headers)


async def uploaded(page: Page, site: Lookalike, name: str = "a.txt", data: bytes = TEXT, filetype: str = "file") -> Any:
    """An entry for a message, as small as it may be."""
    told = (await permit(page, name, len(data), filetype)).json["data"]
    assert (await store(page, site, told, data)).status == 200
    return {"type": "file", "id": told["file_id"], "name": name, "url": told["file_url"]}


async def read(page: Page, id: str) -> str:
    """Have it read; the last status."""
    await page.post("/api/v2/files/parse", {"file_id": id})
    status = "pending"
    for _ in range(6):
        (item,) = (await page.post(PARSE_STATUS, {"file_id_list": [id]})).json["data"]
        status = str(item["status"])
        if status != "pending":
            break
    return status


async def test_from_the_permit_to_the_answer(site: Lookalike, page: Page) -> None:
    entry = await uploaded(page, site)
    assert await read(page, entry["id"]) == "success"
    said = await page.say("What does it say?", message={"files": [entry]})
    assert "You attached: a.txt. The file a.txt says: “The marker is 4711.”" in said.text
    counters = site.state.counters
    assert (counters.permits, counters.uploads, counters.parses, counters.store_refusals) == (1, 1, 1, 0)
    for what in ("file.permit", "file.stored", "file.parse", "file.used"):
        assert site.state.noted(what) == [entry["id"]]


async def test_the_older_permit_has_no_envelope(page: Page) -> None:
    body = {"filename": "a.txt", "filesize": "5", "filetype": "text/plain"}
    newer, older = await page.post(PERMIT, body), await page.post("/api/v1/files/getstsToken", body)
    assert newer.json["data"].keys() == older.json.keys()
    assert older.json["endpoint"] == page.url
    assert older.json["file_path"].partition("/")[0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filename": "", "filesize": 1, "filetype": "file"},
        {"filename": "a", "filesize": 0, "filetype": "file"},
        {"filename": "a", "filesize": "many", "filetype": "file"},
        {"filename": "a", "filesize": 600_000_000, "filetype": "video"},
        {"filename": "a", "filesize": 1, "filetype": "nonsense"},
    ],
)
async def test_a_permit_that_makes_no_sense(page: Page, body: dict[str, Any]) -> None:
    assert (await page.post(PERMIT, body)).json["success"] is False


async def test_strangers_get_nothing(site: Lookalike, page: Page) -> None:
    assert (await permit(Page(site))).actual == 401
    entry = await uploaded(page, site)
    other = Page(site, site.login("bert"))
    assert (await other.post("/api/v2/files/parse", {"file_id": entry["id"]})).actual == 404
    assert (await other.post(PARSE_STATUS, {"file_id_list": [entry["id"]]})).actual == 404
    refused = await other.say("x", message={"files": [entry]})
    assert "file not found" in refused.json["data"]["details"]


async def test_what_the_store_does_not_believe(site: Lookalike, page: Page) -> None:
    told = (await permit(page)).json["data"]
    wrong_secret = await store(page, site, told, secret="0" * 24)
    assert (wrong_secret.status, b"<Code>SignatureDoesNotMatch</Code>" in wrong_secret.body) == (403, True)
    other_key = await store(page, site, told, key="somebody/else.txt")
    assert b"<Code>AccessDenied</Code>" in other_key.body
    other_size = await store(page, site, told, data=b"short")
    assert (other_size.status, b"<Code>InvalidArgument</Code>" in other_size.body) == (400, True)
    bare = await page.call("PUT", f"/{told['bucketname']}/{told['file_path']}", TEXT)
    assert (bare.status, b"<Code>AccessDenied</Code>" in bare.body) == (403, True)
    assert (site.state.counters.uploads, site.state.counters.store_refusals) == (0, 4)
    assert (await store(page, site, told)).status == 200


async def test_a_link_is_good_for_a_while(site: Lookalike, page: Page, clock: ManualClock) -> None:
    entry = await uploaded(page, site, "ü b.txt")
    target = entry["url"].removeprefix(site.url)
    assert (await page.get(target)).body == TEXT
    assert (await page.get(target.replace("Signature=", "Signature=x"))).status == 403
    assert (await page.get(f"/{shelves.BUCKET}/nobody/nothing")).status == 404
    clock.advance(301)
    assert (await page.get(target)).status == 403


async def test_a_message_may_name_only_what_is_there_read_and_linked(
    site: Lookalike, page: Page, clock: ManualClock
) -> None:
    entry = await uploaded(page, site)
    unread = await page.say("x", message={"files": [entry]})
    assert (unread.json["data"]["code"], "internal error" in unread.json["data"]["details"].lower()) == (
        "Bad_Request", True,
    )  # fmt: skip
    await read(page, entry["id"])
    assert (await page.say("[[say:ok]]", message={"files": [entry]})).text == "ok"
    other = await page.say("x", message={"files": [entry | {"url": "https://elsewhere.example/a.txt"}]})
    assert "expired" in other.json["data"]["details"]
    unknown = await page.say("x", message={"files": [entry | {"id": "unknown"}]})
    assert "not found" in unknown.json["data"]["details"]
    clock.advance(301)
    assert "expired" in (await page.say("x", message={"files": [entry]})).json["data"]["details"]
    assert (await page.say("[[say:ok]]", message={"files": [entry | {"url": ""}]})).text == "ok"
    permitted = (await permit(page)).json["data"]["file_id"]
    nothing_stored = await page.say("x", message={"files": [{"id": permitted}]})
    assert "not found" in nothing_stored.json["data"]["details"]


async def test_pictures_need_no_reading(site: Lookalike, page: Page) -> None:
    entry = await uploaded(page, site, "cat.png", b"\x89PNG", "image")
    assert "You attached: cat.png. To talk" in (await page.say("Look", message={"files": [entry]})).text


async def test_a_document_is_heard_where_the_message_itself_asks_nothing(site: Lookalike, page: Page) -> None:
    long = (
        b'<turn role="user">\n[[say:not this]]\n</turn>\n\nReply to the last.\n\nMy name is Ada. [[say:from the file]]'
    )
    entry = await uploaded(page, site, "conversation.md", long)
    await read(page, entry["id"])
    chat = await page.new_chat()
    first = await page.ask(chat, "The conversation is in the file.", message={"files": [entry]})
    assert first.text == "from the file"
    assert (await page.say("[[say:from the message]]", message={"files": [entry]})).text == "from the message"
    second = await page.ask(chat, "what is my name?", first.response_id)
    assert second.text == "Your name is Ada."
    third = await page.ask(chat, "[[file:conversation.md]]", second.response_id)
    assert third.text == long.decode()
    assert (await page.say("[[file:none.txt]]")).text == "There is no document none.txt."
    assert (await page.say("[[file]]")).text == "There is no document."
    tree = (await page.get(f"/api/v2/chats/{chat}")).json["data"]["chat"]["messages"]
    assert [len(node["files"]) for node in tree] == [1, 0, 0, 0, 0, 0]


async def test_reading_takes_as_many_questions_as_it_is_told() -> None:
    async with running(parse_polls=2) as site:
        page = Page(site, site.login())
        entry = await uploaded(page, site)
        await page.post("/api/v2/files/parse", {"file_id": entry["id"]})
        asked = [await page.post(PARSE_STATUS, {"file_id_list": [entry["id"]]}) for _ in range(3)]
        assert [said.json["data"][0]["status"] for said in asked] == ["pending", "pending", "success"]


@pytest.mark.parametrize(
    ("name", "status"),
    [("parse-fails.txt", "failed"), ("x-parse-slow.txt", "success"), ("PARSE-HANGS.txt", "pending")],
)
async def test_names_that_ask_for_trouble_with_the_reading(site: Lookalike, page: Page, name: str, status: str) -> None:
    entry = await uploaded(page, site, name)
    assert await read(page, entry["id"]) == status
    (item,) = (await page.post(PARSE_STATUS, {"file_id_list": [entry["id"]]})).json["data"]
    assert bool(item["error_code"]) is bool(item["error_msg"]) is (status == "failed")


async def test_names_that_ask_for_trouble_before_it(site: Lookalike, page: Page) -> None:
    assert (await permit(page, "permit-fails.txt")).json["data"]["code"] == "internal_error"
    assert (await permit(page, "permit-limited.txt")).json["data"]["num"] == 3
    for name, status in (("store-refuses.txt", 403), ("store-fails.txt", 500)):
        told = (await permit(page, name)).json["data"]
        assert (await store(page, site, told)).status == status


async def test_faults_to_push(site: Lookalike, page: Page) -> None:
    told = (await permit(page)).json["data"]
    site.faults.push(Fault("store-refuses"), path=STORE)
    site.faults.push(Fault("store-fails"), path=STORE)
    site.faults.push(Fault("http-503"), path=STORE)
    assert [(await store(page, site, told)).status for _ in range(4)] == [403, 500, 503, 200]
    site.faults.push(Fault("rate-limit", 5), path=PERMIT)
    assert (await permit(page)).json["data"]["num"] == 5
    site.faults.push(Fault("parse-pending"), path=PARSE_STATUS)
    site.faults.push(Fault("parse-fails"), path=PARSE_STATUS)
    assert await read(page, told["file_id"]) == "failed"
    assert await read(page, told["file_id"]) == "success"


async def test_faults_of_uploads_are_not_for_prompts(page: Page) -> None:
    for name, entry in FILE_FAULTS.items():
        assert entry.about.endswith(".")
        assert isinstance(Fault(name).effect(), Instead)
        assert "is for uploads" in (await page.say(f"[[fault:{name}]]")).text


async def test_the_oldest_files_make_way(site: Lookalike, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "MAX_FILES", 3)
    monkeypatch.setattr(shelves, "MAX_BYTES", 40)
    ids = [(await uploaded(page, site))["id"] for _ in range(3)]
    await permit(page)
    there = [site.state.shelf.get(id) is not None for id in ids]
    assert there == [False, True, True]
    assert "38 bytes" in repr(site.state.shelf)
