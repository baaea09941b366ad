"""The list of models in Anthropic's shape, for clients that send `anthropic-version`.

Owns the shape and its paging (`limit`, `after_id`, `before_id`). Which models there are is not known here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from luna.protocols.body import bad_field

MAX_PAGE = 1000


class ListedModel(NamedTuple):
    """One model. `created` in seconds since the epoch, limits in tokens; 0 where nobody knows."""

    id: str
    name: str = ""
    created: int = 0
    context: int = 0
    max_output: int = 0


def model_document(model: ListedModel) -> dict[str, Any]:
    """One model: what `GET /v1/models/{id}` answers. An unknown date is the epoch, as the protocol has it."""
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.name or model.id,
        "created_at": datetime.fromtimestamp(model.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
        "max_input_tokens": model.context or None,
        "max_tokens": model.max_output or None,
    }


def models_document(models: Sequence[ListedModel], query: str = "") -> dict[str, Any]:
    """The page that the query asks for; without `limit` that is all of them, so that clients which never ask for a
    second page miss none. An `after_id` or `before_id` that no model has says nothing.
    Raises LunaError(BAD_REQUEST)."""
    asked = parse_qs(query)
    ids = [model.id for model in models]
    before, after = _first(asked, "before_id"), _first(asked, "after_id")
    end = ids.index(before) if before in ids else len(ids)
    start = ids.index(after) + 1 if after in ids else 0
    size = _limit(_first(asked, "limit"))
    page = range(start, end)
    if size is not None:
        page = page[-size:] if before and not after else page[:size]
    more = bool(page) and (page[0] > start if before and not after else page[-1] + 1 < end)
    return {
        "data": [model_document(models[index]) for index in page],
        "has_more": more,
        "first_id": ids[page[0]] if page else None,
        "last_id": ids[page[-1]] if page else None,
    }


def _first(asked: dict[str, list[str]], name: str) -> str:
    return asked.get(name, [""])[0]


def _limit(said: str) -> int | None:
    if not said:
        return None
    if not said.isascii() or not said.isdecimal() or not 1 <= int(said[:9]) <= MAX_PAGE:
        raise bad_field("limit", f"must be a number from 1 to {MAX_PAGE}.")
    return int(said)
