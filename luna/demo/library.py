"""The user's chats: new, list, read, rename, delete. The wire document, section 1.3."""

from typing import Any

import msgspec

from luna.demo.conversation import Chat, Node
from luna.demo.envelope import Call
from luna.demo.http import Reply
from luna.demo.misbehave import GONE
from luna.demo.refusal import Refusal

PAGE = 50


class NewChat(msgspec.Struct):
    """`timestamp` is in milliseconds; seconds are accepted too."""

    models: list[str]
    timestamp: int
    chat_mode: str = "normal"
    chat_type: str = "t2t"
    title: str = ""
    project_id: str = ""


class Ids(msgspec.Struct):
    """Which chats."""

    ids: list[str]


class Title(msgspec.Struct):
    """The new title."""

    title: str


async def new(call: Call) -> Reply:
    """Begin a chat."""
    user = call.user()
    asked = call.body(NewChat)
    if not asked.models:
        raise Refusal("Bad_Request", "Invalid input models.", 400)
    state = call.state
    chat = Chat(state.ids.uuid(), user.id, asked.title, asked.models, asked.chat_type, int(state.clock.wall()))
    chat.chat_mode = asked.chat_mode
    chat.project_id = asked.project_id or None
    state.chats.add(chat)
    state.counters.chats_created += 1
    state.note("chat.created", user.id, chat.id)
    return call.success({"id": chat.id})


async def listing(call: Call) -> Reply:
    """One page of the user's chats, the latest first."""
    user = call.user()
    query = call.request.query
    chats = call.state.chats.of(user.id)
    if query.get("exclude_project") == "true":
        chats = [chat for chat in chats if chat.project_id is None]
    if "page" in query:
        start = (max(1, _whole(query["page"])) - 1) * PAGE
        chats = chats[start : start + PAGE]
    else:
        chats = chats[: _whole(query.get("limit", str(PAGE)))]
    return call.success([_row(chat) for chat in chats])


async def read(call: Call) -> Reply:
    """A chat with its whole tree."""
    chat = _chat(call)
    nodes = [_node(chat, node) for node in chat.nodes.values()]
    current = chat.nodes[chat.current] if chat.current else None
    history = {
        "messages": {node["id"]: node for node in nodes},
        "currentId": chat.current,
        "currentResponseIds": [current.id] if current and current.role == "assistant" else [],
    }
    return call.success(
        {
            **_row(chat),
            "user_id": chat.user,
            "chat_mode": chat.chat_mode,
            "models": chat.models,
            "currentId": chat.current,
            "chat": {"history": history, "models": chat.models, "messages": nodes},
        }
    )


async def rename(call: Call) -> Reply:
    """Give a chat another title."""
    chat = _chat(call)
    chat.title = call.body(Title).title
    return call.success({"status": True})


async def delete(call: Call) -> Reply:
    """Delete a chat."""
    _delete(call, _chat(call))
    return call.success({"status": True})


async def delete_some(call: Call) -> Reply:
    """Delete several chats; ids that are not there are skipped."""
    user = call.user()
    for id in call.body(Ids).ids:
        chat = call.state.chats.get(user.id, id)
        if chat is not None:
            _delete(call, chat)
    return call.success({"status": True})


async def delete_all(call: Call) -> Reply:
    """Delete the user's whole history. Stands in the ledger as `chats.wiped`: luna must never do that."""
    user = call.user()
    call.state.note("chats.wiped", user.id, "")
    for chat in call.state.chats.of(user.id):
        _delete(call, chat)
    return call.success({"status": True})


def _chat(call: Call) -> Chat:
    chat = call.state.chats.get(call.user().id, call.params[0])
    if chat is None:
        raise Refusal("CHAT_NOT_FOUND", GONE, 404)
    return chat


def _delete(call: Call, chat: Chat) -> None:
    call.state.chats.remove(chat)
    call.state.counters.chats_deleted += 1
    call.state.note("chat.deleted", chat.user, chat.id)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _row(chat: Chat) -> dict[str, Any]:
    return {
        "id": chat.id,
        "title": chat.title or "New Chat",
        "updated_at": chat.updated_at,
        "created_at": chat.created_at,
        "chat_type": chat.chat_type,
        "project_id": chat.project_id,
        "pinned": False,
        "content": None,
        "highlight_indexes": None,
        "message_id": None,
    }


def _node(chat: Chat, node: Node) -> dict[str, Any]:
    answer = node.role == "assistant"
    return {
        "id": node.id,
        "fid": node.fid,
        "role": node.role,
        "parentId": node.parent,
        "childrenIds": node.children,
        "content": node.content,
        "content_list": [{"phase": "answer", "content": node.content, "status": "finished"}] if answer else [],
        "timestamp": node.timestamp,
        "model": node.model if answer else "",
        "models": [node.model],
        "chat_type": chat.chat_type,
        "done": node.done,
        "files": node.files,
        "extra": {},
    }
