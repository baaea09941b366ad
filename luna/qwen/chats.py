"""Reads what Qwen tells about a chat.

Pure. Owns the two forms in which a chat's messages come (wire document section 1.3): a list, and a tree of nodes
with the place where it grows.
"""

from collections.abc import Mapping
from typing import Any


def current_answer(document: object) -> str | None:
    """The response id that the next turn must follow, out of the reply of `GET /api/v2/chats/{id}`; None when the
    chat has no answer yet."""
    data = _mapping(_mapping(document).get("data"))
    chat = _mapping(data.get("chat")) or data
    history = _mapping(chat.get("history"))
    nodes = _mapping(history.get("messages"))
    responses = history.get("currentResponseIds")
    if isinstance(responses, list) and responses and isinstance(responses[-1], str):
        return responses[-1]
    current = history.get("currentId")
    if isinstance(current, str) and current:
        found = _answer_at(nodes, current)
        if found is not None:
            return found
    listed = chat.get("messages")
    for node in reversed(listed if isinstance(listed, list) else list(nodes.values())):
        node = _mapping(node)
        if node.get("role") == "assistant" and isinstance(node.get("id"), str):
            answer: str = node["id"]
            return answer
    return None


def said_in(document: object, answer: str | None) -> tuple[str, list[dict[str, Any]]]:
    """The words of that answer as the chat keeps them, and the parts that they are made of (`content_list`); out of the
    same reply."""
    data = _mapping(_mapping(document).get("data"))
    chat = _mapping(data.get("chat")) or data
    nodes = list(_mapping(_mapping(chat.get("history")).get("messages")).values())
    listed = chat.get("messages")
    nodes += listed if isinstance(listed, list) else []
    node = next((one for one in map(_mapping, nodes) if answer is not None and one.get("id") == answer), {})
    listed = node.get("content_list")
    parts = [dict(part) for part in listed if isinstance(part, Mapping)] if isinstance(listed, list) else []
    words = node.get("content")
    if not isinstance(words, str) or not words:
        words = "".join(str(part.get("content") or "") for part in parts if part.get("phase") == "answer")
    return words, parts


def _answer_at(nodes: Mapping[str, Any], current: str) -> str | None:
    """The assistant's node at the current place, or the nearest one above it."""
    seen: set[str] = set()
    place: object = current
    while isinstance(place, str) and place and place not in seen:
        seen.add(place)
        node = _mapping(nodes.get(place))
        if node.get("role") == "assistant" or not node:
            return place
        place = node.get("parentId") or node.get("parent_id")
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
