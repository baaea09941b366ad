"""The form that a client wants its answer to have.

Owns the neutral shape, which is the one most clients write: `{"type": "json_object"}`, or `{"type": "json_schema",
"json_schema": {"name", "schema", "strict"}}`; None is ordinary text.
"""

from typing import Any

from luna.protocols.body import bad_field


def response_format(wanted: dict[str, Any] | None, param: str) -> dict[str, Any] | None:
    """The client's `response_format`, checked. Raises LunaError(BAD_REQUEST)."""
    if wanted is None or wanted.get("type") == "text":
        return None
    if wanted.get("type") not in ("json_object", "json_schema"):
        raise bad_field(f"{param}.type", "must be text, json_object or json_schema.")
    return wanted


def by_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """An answer that is JSON and fits the schema."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
