"""The bodies that luna sends to Qwen.

Pure. Owns the newest web client's shape (wire document section 3): both spellings of every id, exactly one user
message, the previous answer as parent in four places.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from luna.model.chat import ThinkingMode

_FEATURES: dict[ThinkingMode, dict[str, Any]] = {
    "fast": {"thinking_enabled": False, "auto_thinking": False, "thinking_mode": "Fast"},
    "thinking": {
        "thinking_enabled": True,
        "auto_thinking": False,
        "thinking_mode": "Thinking",
        "thinking_format": "summary",
    },
    "auto": {
        "thinking_enabled": True,
        "auto_thinking": True,
        "thinking_mode": "Auto",
        "thinking_format": "summary",
    },
}


class Turn(msgspec.Struct, frozen=True):
    """One turn of one chat, ready to be sent."""

    chat_id: str
    model: str
    text: str
    timestamp: int
    """Seconds since the epoch."""
    message_id: str
    """`fid`: the id that the client gives the user's message."""
    answer_id: str
    """The placeholder that the web client puts into `childrenIds`."""
    parent: str | None = None
    """The response id of the previous answer; None begins the chat."""
    thinking: ThinkingMode = "fast"
    budget: int | None = None
    """Tokens of thinking, where the client asked for a number. The newest web client never sends one."""
    search: bool = False
    files: Sequence[dict[str, Any]] = ()
    """What is attached, as Qwen describes it (wire document section 6)."""


def completion_body(turn: Turn) -> bytes:
    """`POST /api/v2/chat/completions`."""
    message = {
        "id": None,
        "fid": turn.message_id,
        "parentId": turn.parent,
        "childrenIds": [turn.answer_id],
        "role": "user",
        "content": turn.text,
        "user_action": "chat",
        "files": list(turn.files),
        "timestamp": turn.timestamp,
        "models": [turn.model],
        "model": "",
        "chat_type": "t2t",
        "feature_config": _feature_config(turn),
        "extra": {"meta": {"subChatType": "t2t"}},
        "sub_chat_type": "t2t",
        "parent_id": turn.parent,
    }
    return msgspec.json.encode(
        {
            "stream": True,
            "version": "2.1",
            "incremental_output": True,
            "chatId": turn.chat_id,
            "parentId": turn.parent or "",
            "chat_id": turn.chat_id,
            "chat_mode": "normal",
            "model": turn.model,
            "parent_id": turn.parent,
            "messages": [message],
            "timestamp": turn.timestamp,
        }
    )


def _feature_config(turn: Turn) -> dict[str, Any]:
    """Without `output_schema` Qwen would leave out the phases. `auto_search` is the backend's own web search."""
    config = {
        **_FEATURES[turn.thinking],
        "output_schema": "phase",
        "research_mode": "normal",
        "auto_search": turn.search,
    }
    if turn.budget is not None and turn.thinking != "fast":
        config["thinking_budget"] = turn.budget
    return config


def new_chat_body(model: str, now: float, title: str = "") -> bytes:
    """`POST /api/v2/chats/new`. Without a title, as the newest web client sends it, Qwen finds one by itself. `now` in
    seconds since the epoch."""
    body = {
        "chatId": "",
        "models": [model],
        "chat_mode": "normal",
        "chat_type": "t2t",
        "timestamp": int(now * 1000),
        "project_id": "",
    }
    if title:
        body["title"] = title
    return msgspec.json.encode(body)


def stop_body(chat_id: str, response_id: str) -> bytes:
    """`POST /api/v2/chat/completions/stop`. Without a response id whatever runs in the chat is meant."""
    body = {"chat_id": chat_id}
    if response_id:
        body["response_id"] = response_id
    return msgspec.json.encode(body)
