"""The list of chats, and chats that hold nothing."""

from typing import Any

import pytest

from luna.model.ambient import Ids, ManualClock
from luna.model.errors import Kind, LunaError
from luna.qwen.authority import Authority
from luna.qwen.chat_list import ListedChat, holds_nothing, read_chats
from luna.qwen.client import QwenClient
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from tests.support.scripted import ScriptedBackend, body_of, success

ROW = {
    "id": "c1",
    "title": "luna · 7f3k2m9q",
    "updated_at": 1_790_400_100,
    "created_at": 1_790_400_000,
    "chat_type": "t2t",
    "project_id": None,
    "pinned": False,
    "content": None,
    "highlight_indexes": None,
    "message_id": None,
}
CHAT = ListedChat("c1", "luna · 7f3k2m9q", 1_790_400_000.0, 1_790_400_100.0)


@pytest.mark.parametrize(
    ("data", "chats"),
    [
        ([ROW], [CHAT]),
        ({"data": [ROW]}, [CHAT]),
        ([], []),
        ([{**ROW, "created_at": 1_790_400_000_000, "updated_at": 1_790_400_100_000}], [CHAT]),
        ([{"id": "c1"}], [ListedChat("c1", "")]),
        ([{"id": "c1", "title": None, "created_at": "today", "updated_at": True}], [ListedChat("c1", "")]),
        ([{"title": "no id"}, {"id": ""}, {"id": 5}, "what?", None, ROW], [CHAT]),
    ],
)
def test_rows(data: Any, chats: list[ListedChat]) -> None:
    assert read_chats({"success": True, "data": data}) == chats


@pytest.mark.parametrize("document", [{"data": None}, {"data": {"list": []}}, {"data": "none"}, {}, [], None])
def test_no_list_is_not_an_empty_one(document: Any) -> None:
    with pytest.raises(LunaError) as caught:
        read_chats(document)
    assert caught.value.kind is Kind.UPSTREAM_BROKEN


@pytest.mark.parametrize(
    ("chat", "empty"),
    [
        ({"history": {"messages": {}, "currentId": None}, "messages": []}, True),
        ({"history": {"messages": {}}}, True),
        ({"messages": []}, True),
        ({"messages": None}, True),
        ({"messages": [{"id": "m"}]}, False),
        ({"history": {"messages": {"m": {}}}, "messages": []}, False),
        ({"history": {"messages": {}}, "messages": [{"id": "m"}]}, False),
        ({"history": {}}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_chat_that_holds_nothing(chat: Any, empty: bool) -> None:
    assert holds_nothing({"data": {"id": "c1", "chat": chat}}) is empty


def test_a_chat_told_without_its_inner_wrapping() -> None:
    assert holds_nothing({"data": {"id": "c1", "messages": []}})
    assert not holds_nothing({"data": {"id": "c1", "messages": [{}]}})


def client(backend: ScriptedBackend) -> QwenClient:
    credentials = Credentials.read({"cookies": "token=s"})
    authority = Authority(credentials, site=Site(), backend=backend, clock=ManualClock())
    return QwenClient(authority, 1_790_400_000.0, Ids(b"test"))


async def test_the_call_for_a_page() -> None:
    backend = ScriptedBackend().on("GET", "/api/v2/chats/", success([ROW]))
    assert await client(backend).chats(3) == [CHAT]
    (request,) = backend.requests
    assert request.url == "https://chat.qwen.ai/api/v2/chats/?page=3&exclude_project=true"
    assert request.body == b""


async def test_the_call_for_one_chat() -> None:
    backend = ScriptedBackend().on("GET", "/api/v2/chats/c1", success({"chat": {"messages": []}}))
    assert await client(backend).holds_nothing("c1")


@pytest.mark.parametrize(("title", "fields"), [("luna · x", {"title": "luna · x"}), ("", {})])
async def test_a_chat_with_a_title(title: str, fields: dict[str, str]) -> None:
    backend = ScriptedBackend().on("POST", "/api/v2/chats/new", success({"id": "c1"}))
    assert await client(backend).create_chat("m", title) == "c1"
    assert body_of(backend.requests[0]) == {
        "chatId": "",
        "models": ["m"],
        "chat_mode": "normal",
        "chat_type": "t2t",
        "timestamp": 1_790_400_000_000,
        "project_id": "",
        **fields,
    }
