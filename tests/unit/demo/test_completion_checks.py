"""Every check that stands before an answer, in the site's own words (wire document, sections 3 and 4.6)."""

from typing import Any

import pytest

from luna.demo.serve import Lookalike
from tests.support.lookalike import MODEL, Page, completions, question

UNKNOWN = "99999999-1111-4111-8111-000000000009"
MESSAGE = question("", "Hello")["messages"][0]

REFUSED: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("two messages", {"messages": [MESSAGE, MESSAGE]}, 400, "Bad_Request", "Invalid input too many messages."),
    ("no message", {"messages": []}, 400, "Bad_Request", "Invalid input too few messages."),
    ("assistant", {"message": {"role": "assistant"}}, 400, "Bad_Request", "Something wrong with request!"),
    ("function", {"message": {"role": "function"}}, 400, "Bad_Request", "Something wrong with request!"),
    ("not streamed", {"stream": False}, 400, "Bad_Request", "Something wrong with request!"),
    ("retired model", {"model": "qwen2-72b"}, 404, "Not_Found", "Model not found"),
    (
        "unknown parent",
        {"parent_id": UNKNOWN, "parentId": UNKNOWN},
        400,
        "PARENT_NOT_FOUND",
        f"Invalid input chat parent_id {UNKNOWN} is not exist.",
    ),
    (
        "two parents",
        {"parent_id": UNKNOWN, "parentId": MODEL},
        400,
        "Bad_Request",
        "The parent ids of the body are not the same.",
    ),
    (
        "two chats",
        {"chatId": UNKNOWN},
        400,
        "Bad_Request",
        "The chat_id of the query and of the body are not the same.",
    ),
    (
        "no chat in the body",
        {"chatId": "", "chat_id": None},
        400,
        "Bad_Request",
        "The chat_id of the query and of the body are not the same.",
    ),
]


@pytest.mark.parametrize(
    ("changes", "actual", "code", "details"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_a_wrong_question_is_refused(
    site: Lookalike, page: Page, changes: dict[str, Any], actual: int, code: str, details: str
) -> None:
    said = await page.say("Hello", **changes)
    assert (said.status, said.actual, said.header("content-type")) == (200, actual, "application/json")
    assert said.json["success"] is False
    assert said.json["data"] == {"code": code, "details": details}
    assert site.state.counters.completions == 0
    assert site.state.counters.refused == 1


async def test_a_missing_version_header_is_a_misleading_bad_request(page: Page) -> None:
    chat = await page.new_chat()
    said = await page.post(completions(chat), question(chat, "Hello"), version="")
    assert (said.status, said.actual, said.json["data"]["code"]) == (200, 400, "Bad_Request")
    assert (await page.post(completions(chat), question(chat, "[[say:ok]]"), version="anything")).text == "ok"


@pytest.mark.parametrize("body", [b"", b"{", b'{"model": 1, "messages": []}', b'{"messages": []}', b"\xff"])
async def test_a_body_that_is_no_question_is_refused(page: Page, body: bytes) -> None:
    said = await page.post(completions(await page.new_chat()), body)
    assert (said.status, said.actual, said.json["data"]["code"]) == (200, 400, "RequestValidationError")


async def test_a_chat_that_is_not_there(page: Page) -> None:
    said = await page.ask(UNKNOWN, "Hello")
    assert (said.actual, said.json["data"]["code"]) == (404, "CHAT_NOT_FOUND")


async def test_the_query_names_the_chat(page: Page) -> None:
    chat, other = await page.new_chat(), await page.new_chat()
    said = await page.post(completions(other), question(chat, "Hello"))
    assert (said.actual, said.json["data"]["code"]) == (400, "Bad_Request")


async def test_only_an_answer_can_be_a_parent(page: Page) -> None:
    chat = await page.new_chat()
    first = await page.ask(chat, "Hello")
    own = first.frames[0]["response.created"]["parent_id"]
    said = await page.ask(chat, "Again", own)
    assert (said.actual, said.json["data"]["code"]) == (400, "PARENT_NOT_FOUND")
    other_chat = await page.say("Again", parent_id=first.response_id, parentId="")
    assert other_chat.json["data"]["code"] == "PARENT_NOT_FOUND"


@pytest.mark.parametrize("spelling", ["chat_id", "chatId"])
async def test_either_spelling_of_the_chat_will_do(page: Page, spelling: str) -> None:
    missing = {"chat_id": "chatId", "chatId": "chat_id"}[spelling]
    chat = await page.new_chat()
    body = question(chat, "[[say:ok]]")
    del body[missing]
    assert (await page.post(completions(chat), body)).text == "ok"


@pytest.mark.parametrize("place", ["parent_id", "parentId", "message.parent_id", "message.parentId"])
async def test_any_spelling_of_the_parent_will_do(page: Page, place: str) -> None:
    chat = await page.new_chat()
    first = await page.ask(chat, "My name is Bob.")
    outer, _, inner = place.rpartition(".")
    changes = {"message": {inner: first.response_id}} if outer else {inner: first.response_id}
    said = await page.ask(chat, "What is my name?", **changes)
    assert said.text == "Your name is Bob."


async def test_a_system_message_opens_a_stream_that_says_nothing(page: Page) -> None:
    said = await page.say("Be brief.", message={"role": "system"})
    assert said.header("content-type") == "text/event-stream; charset=utf-8"
    assert said.complete
    assert [list(frame) for frame in said.frames] == [["response.created"]]


async def test_content_may_be_a_list(page: Page) -> None:
    parts = [
        {"type": "text", "text": "[[say:one]]"},
        {"type": "image", "image": "https://example.org/a.png"},
        {"type": "text", "text": "[[say: two]]"},
    ]
    assert (await page.say("", message={"content": parts})).text == "one two"


async def test_who_asks_is_checked_first(site: Lookalike) -> None:
    said = await Page(site).post(completions(UNKNOWN), b"{", version="")
    assert said.json["data"] == {"code": "Unauthorized", "details": "401 Unauthorized"}
