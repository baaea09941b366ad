"""Reads the list of an account's chats, and whether a chat holds anything.

Pure. Owns the shape of one row of the list (wire document section 1.3). Where a chat grows is `luna.qwen.chats`'
business; what luna does about a chat that it finds is nobody's here.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from luna.model.errors import Kind, LunaError

_MILLISECONDS = 1e11
"""A time beyond this is told in milliseconds: in seconds it would be the year 5138."""
_NEVER = 1e15
"""No moment is later, in whichever unit."""


class ListedChat(msgspec.Struct, frozen=True):
    """One chat as the list shows it. Times are seconds since the epoch, None where Qwen tells none."""

    id: str
    title: str
    created_at: float | None = None
    updated_at: float | None = None


def read_chats(document: object) -> list[ListedChat]:
    """The rows of one page, out of the reply of `GET /api/v2/chats/?page=N`; `data` may be the list or hold it.
    What has no id is left out. Raises LunaError(UPSTREAM_BROKEN) when there is no list: that is not an empty one."""
    data = _mapping(document).get("data")
    rows = data if isinstance(data, list) else _mapping(data).get("data")
    if not isinstance(rows, list):
        raise LunaError(
            Kind.UPSTREAM_BROKEN, "Qwen's list of chats is not in a form that luna knows.", hint="Try again later."
        )
    found: list[ListedChat] = []
    for row in map(_mapping, rows):
        id, title = row.get("id"), row.get("title")
        if isinstance(id, str) and id:
            words = title if isinstance(title, str) else ""
            found.append(ListedChat(id, words, _time(row.get("created_at")), _time(row.get("updated_at"))))
    return found


def holds_nothing(document: object) -> bool:
    """Whether nobody has said anything in the chat, out of the reply of `GET /api/v2/chats/{id}`. A reply that does
    not even name its messages proves nothing: False."""
    data = _mapping(_mapping(document).get("data"))
    chat = _mapping(data.get("chat")) or data
    named = [place["messages"] for place in (chat, _mapping(chat.get("history"))) if "messages" in place]
    return bool(named) and not any(named)


def _time(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _NEVER:
        return None
    return value / 1000 if value > _MILLISECONDS else float(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
