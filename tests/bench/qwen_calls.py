"""Qwen's own two calls, as bytes: what the floor and the bare measurement send upstream (wire document 1.3, 3)."""

from typing import Any

import msgspec

MODEL = "qwen3.7-plus"

CREATE = msgspec.json.encode(
    {"chatId": "", "models": [MODEL], "chat_mode": "normal", "chat_type": "t2t", "timestamp": 1, "project_id": ""}
)


def request(path: str, port: int, token: str, body: bytes) -> bytes:
    """A whole POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\nversion: 0.3.11\r\n"
        f"source: web\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def create(port: int, token: str) -> bytes:
    """The call that makes a chat."""
    return request("/api/v2/chats/new", port, token, CREATE)


def created_id(reply: bytes) -> str:
    """The chat's id, once it is in the reply; "" before."""
    found = reply.partition(b'"id":')[2].split(b'"')
    return found[1].decode() if len(found) > 2 else ""


def complete(port: int, token: str, chat: str, content: str) -> bytes:
    """The call that gets an answer."""
    message: dict[str, Any] = {
        "id": None,
        "fid": "f",
        "parentId": None,
        "childrenIds": ["c"],
        "role": "user",
        "content": content,
        "user_action": "chat",
        "files": [],
        "timestamp": 1,
        "models": [MODEL],
        "chat_type": "t2t",
        "feature_config": {"output_schema": "phase", "thinking_enabled": False, "thinking_mode": "Fast"},
        "extra": {"meta": {"subChatType": "t2t"}},
        "sub_chat_type": "t2t",
        "parent_id": None,
    }
    body = {
        "stream": True,
        "version": "2.1",
        "incremental_output": True,
        "chatId": chat,
        "chat_id": chat,
        "parentId": "",
        "parent_id": None,
        "chat_mode": "normal",
        "model": MODEL,
        "messages": [message],
        "timestamp": 1,
    }
    return request(f"/api/v2/chat/completions?chat_id={chat}", port, token, msgspec.json.encode(body))
