"""Chats and models: shapes as recorded, and what happens to what is not there."""

from typing import Any

import pytest

from luna.demo import conversation
from luna.demo.serve import Lookalike
from luna.model.ambient import ManualClock
from tests.support.lookalike import MODEL, Page, new_chat_body

REQUEST_ID = "44444444-dddd-4ddd-8ddd-000000000004"

LIST_ROW = {
    "id": "11111111-aaaa-4aaa-8aaa-000000000001",
    "title": "Hello",
    "updated_at": 1790400000,
    "created_at": 1790399990,
    "chat_type": "t2t",
    "project_id": None,
    "pinned": False,
    "content": None,
    "highlight_indexes": None,
    "message_id": None,
}
MODEL_ENTRY = {
    "id": "qwen3.7-plus",
    "name": "Qwen3.7-Plus",
    "object": "model",
    "owned_by": "qwen",
    "info": {
        "id": "qwen3.7-plus",
        "base_model_id": None,
        "name": "Qwen3.7-Plus",
        "meta": {
            "description": "...",
            "short_description": "...",
            "capabilities": {
                "vision": True,
                "document": True,
                "video": True,
                "audio": True,
                "thinking": True,
                "search": True,
            },
            "abilities": {
                "vision": 1,
                "document": 1,
                "video": 1,
                "audio": 1,
                "mcp": 1,
                "thinking": 3,
                "parse_url": 2,
            },
            "max_context_length": 1000000,
            "max_summary_generation_length": 65536,
            "auto_thinking": True,
            "auto_search": True,
            "thinking_format": "summary",
            "chat_type": ["t2t"],
            "mcp": ["image-generation"],
            "modality": ["text", "image", "video"],
            "think_skip": {"enable": True},
        },
        "is_active": True,
        "is_visitor_active": True,
    },
    "preset": True,
    "action_ids": [],
}
GONE = {"code": "CHAT_NOT_FOUND", "details": "This chat has been deleted. Please start a new chat to continue."}


def outline(document: Any) -> Any:
    """Keys in their order, and types."""
    match document:
        case dict():
            return [(key, outline(value)) for key, value in document.items()]
        case list():
            return [outline(document[0])] if document else []
        case _:
            return type(document).__name__


async def test_answers_have_the_envelope_and_the_headers_of_the_real_ones(page: Page) -> None:
    said = await page.post("/api/v2/chats/new", new_chat_body(), x_request_id=REQUEST_ID)
    assert said.headers == [
        ("content-type", "application/json"),
        ("cache-control", "no-cache"),
        ("x-request-id", REQUEST_ID),
        ("x-actual-status-code", "200"),
        ("ga-ap", "ap-southeast-1"),
        ("content-length", "121"),
        ("connection", "close"),
    ]
    start = b'{"success":true,"request_id":"44444444-dddd-4ddd-8ddd-000000000004","data":{"id":"'
    assert said.body.startswith(start)
    assert len(said.body) == 121


async def test_a_request_without_an_id_gets_one(page: Page) -> None:
    said = await page.get("/api/v2/models/")
    assert said.header("x-request-id") == said.json["request_id"]
    assert len(said.json["request_id"]) == 36


async def test_the_registry_lists_models_in_the_recorded_shape(page: Page) -> None:
    models = (await page.get("/api/v2/models/")).json["data"]["data"]
    assert len(models) >= 4
    assert all(outline(model) == outline(MODEL_ENTRY) for model in models)
    assert MODEL in [model["id"] for model in models]
    assert (await page.get("/api/models")).json == {"data": models}


@pytest.mark.parametrize(
    "change",
    [{"chatId": None}, {"title": "OpenAI_API_Chat", "chatId": None}, {"timestamp": 1790400000}],
    ids=["without chatId", "old form", "seconds"],
)
async def test_a_chat_is_made_from_old_and_new_bodies(site: Lookalike, page: Page, change: dict[str, Any]) -> None:
    body = {key: value for key, value in (new_chat_body() | change).items() if value is not None}
    said = await page.post("/api/v2/chats/new", body)
    assert site.state.noted("chat.created") == [said.json["data"]["id"]]
    assert site.state.counters.chats_created == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", {"timestamp": 1}, {"models": MODEL, "timestamp": 1}])
async def test_a_body_of_another_shape_is_refused(page: Page, body: Any) -> None:
    said = await page.post("/api/v2/chats/new", body)
    assert (said.status, said.actual, said.json["data"]["code"]) == (200, 400, "RequestValidationError")


async def test_a_chat_needs_a_model(page: Page) -> None:
    said = await page.post("/api/v2/chats/new", new_chat_body() | {"models": []})
    assert (said.actual, said.json["data"]["code"]) == (400, "Bad_Request")


async def test_the_list_has_the_recorded_shape_and_the_latest_first(page: Page, clock: ManualClock) -> None:
    first = await page.new_chat()
    clock.advance(5)
    second = await page.new_chat()
    rows = (await page.get("/api/v2/chats/?page=1&exclude_project=true")).json["data"]
    assert [row["id"] for row in rows] == [second, first]
    assert [list(row) for row in rows] == [list(LIST_ROW)] * 2
    clock.advance(5)
    await page.ask(first, "Hello")
    row = (await page.get("/api/v2/chats?limit=1")).json["data"][0]
    assert outline(row) == outline(LIST_ROW)
    assert (row["id"], row["title"], row["updated_at"] - row["created_at"]) == (first, "Hello", 10)


async def test_the_list_has_pages_and_can_leave_projects_out(page: Page) -> None:
    for _ in range(51):
        await page.new_chat()
    await page.post("/api/v2/chats/new", new_chat_body() | {"project_id": "p"})
    counts = [len((await page.get(f"/api/v2/chats/?page={number}")).json["data"]) for number in (1, 2, 3)]
    assert counts == [50, 2, 0]
    rest = (await page.get("/api/v2/chats/?page=2&exclude_project=true")).json["data"]
    assert len(rest) == 1


async def test_a_chat_is_read_as_a_tree(page: Page) -> None:
    chat = await page.new_chat()
    first = await page.ask(chat, "[[say:One]]")
    await page.ask(chat, "[[say:Two]]", first.response_id)
    other = await page.ask(chat, "[[say:Three]]", first.response_id)
    data = (await page.get(f"/api/v2/chats/{chat}")).json["data"]
    history = data["chat"]["history"]
    nodes = history["messages"]
    assert history["currentId"] == other.response_id
    assert history["currentResponseIds"] == [other.response_id]
    assert [node["content"] for node in data["chat"]["messages"]] == [
        *("[[say:One]]", "One"),
        *("[[say:Two]]", "Two"),
        *("[[say:Three]]", "Three"),
    ]
    answer = nodes[first.response_id]
    assert (answer["role"], len(answer["childrenIds"])) == ("assistant", 2)
    assert answer["content_list"] == [{"phase": "answer", "content": "One", "status": "finished"}]
    question = nodes[answer["parentId"]]
    assert (question["role"], question["parentId"]) == ("user", None)
    assert question["fid"] == "77777777-1111-4111-8111-000000000007"
    assert question["id"] == first.frames[0]["response.created"]["parent_id"]


async def test_a_chat_can_be_renamed(page: Page) -> None:
    chat = await page.new_chat()
    assert (await page.post(f"/api/v2/chats/{chat}/title", {"title": "New name"})).json["data"] == {"status": True}
    assert (await page.get(f"/api/v2/chats/{chat}")).json["data"]["title"] == "New name"


async def test_deleted_chats_are_gone(site: Lookalike, page: Page) -> None:
    chats = [await page.new_chat() for _ in range(4)]
    said = await page.call("DELETE", f"/api/v2/chats/{chats[0]}")
    assert said.json["data"] == {"status": True}
    assert (await page.post("/api/v2/chats/batch_delete", {"ids": [chats[1], "x"]})).json["data"] == {"status": True}
    assert site.state.noted("chat.deleted") == chats[:2]
    assert site.state.noted("chats.wiped") == []
    again = await page.call("DELETE", f"/api/v2/chats/{chats[0]}")
    assert (again.status, again.actual, again.json["data"]) == (200, 404, GONE)
    assert (await page.call("DELETE", "/api/v2/chats/")).json["success"] is True
    assert len(site.state.noted("chats.wiped")) == 1
    assert len(site.state.chats) == 0
    assert site.state.counters.chats_deleted == 4


async def test_a_chat_is_its_owners_alone(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    other = Page(site, site.login("berta"))
    for said in (
        await other.get(f"/api/v2/chats/{chat}"),
        await other.call("DELETE", f"/api/v2/chats/{chat}"),
        await other.post(f"/api/v2/chats/{chat}/title", {"title": "x"}),
        await other.ask(chat, "Hello"),
    ):
        assert said.json["data"] == GONE
    assert (await other.get("/api/v2/chats/?page=1")).json["data"] == []
    assert (await page.get(f"/api/v2/chats/{chat}")).json["success"] is True


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api/v2/nothing"),
        ("GET", "/c/"),
        ("PUT", "/api/v2/chats/new"),
        ("DELETE", "/api/v2/models/"),
        ("POST", "/api/v2/auths/refresh"),
    ],
)
async def test_an_unknown_route_is_refused_with_the_envelope(page: Page, method: str, target: str) -> None:
    said = await page.call(method, target)
    assert (said.status, said.actual) == (404, 404)
    assert (said.json["success"], said.json["data"]["code"]) == (False, "Not_Found")


async def test_the_oldest_chats_make_way(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MAX_CHATS", 10)
    chats = [await page.new_chat() for _ in range(11)]
    assert (await page.get(f"/api/v2/chats/{chats[0]}")).json["data"] == GONE
    assert (await page.get(f"/api/v2/chats/{chats[-1]}")).json["success"] is True
    monkeypatch.setattr(conversation, "MAX_CHARACTERS", 1000)
    for chat in chats[5:8]:
        await page.ask(chat, "x" * 400)
    assert (await page.get(f"/api/v2/chats/{chats[5]}")).json["data"] == GONE
    assert (await page.ask(chats[-1], "[[say:still here]]")).text == "still here"
