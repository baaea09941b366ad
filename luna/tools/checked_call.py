"""Checks one call while it passes, and says how much of it may go on.

Owns when a call cannot turn out wrong any more. What is with the client cannot be taken back, so a call waits until
its schema can no longer be broken by what is still to come: all required parameters are there, those that are complete
are valid, and the one that is coming may be any string. That is where the long ones (a file's content, a command)
begin, so they flow. A schema that ties parameters to one another makes the call wait for its end.

Unknown are then only optional parameters that follow, and whether the call ends at all.
"""

from collections.abc import Mapping
from typing import Any, Literal

from luna.tools.json_text import NOTHING, decode
from luna.tools.members import Members
from luna.tools.schema_check import problems

Hold = Literal["safe", "all", "none"]

_NOTES = frozenset(("title", "description", "$comment", "examples", "default", "deprecated"))
_PLAIN_OBJECT = _NOTES | {"type", "properties", "required", "additionalProperties", "$schema", "$id", "$defs"}
_PLAIN_OBJECT |= {"definitions", "strict"}
_ANY_STRING = _NOTES | {"type", "nullable", "format"}


class CheckedCall:
    """One call. Feed its fragments; what `feed` returns may go on."""

    def __init__(self, name: str, schema: Mapping[str, Any], hold: Hold) -> None:
        self.name = name
        self.released = False
        """Its beginning has gone on: it cannot be taken back."""
        self._schema = schema
        self._hold = hold
        self._members = Members()
        self._pieces: list[str] = []
        self._asked = ""
        self._plain = _PLAIN_OBJECT.issuperset(schema)
        if hold == "none":
            self.released = True

    def __repr__(self) -> str:
        return f"<CheckedCall {self.name}{' released' if self.released else ''}>"

    @property
    def arguments(self) -> str:
        """What has come of them, as JSON text."""
        return "".join(self._pieces)

    def feed(self, json: str) -> str:
        """What may go on now, "" for nothing."""
        self._pieces.append(json)
        if self.released:
            return json
        if self._hold == "safe" and self._plain:
            self._members.feed(json)
            self.released = self._is_safe()
        return self.arguments if self.released else ""

    def close(self) -> list[str] | None:
        """What is wrong with the whole call; None when it breaks off."""
        value = decode(self.arguments) if self._pieces else {}
        return None if value is NOTHING else problems(value, self._schema, "The call")

    def _is_safe(self) -> bool:
        coming = self._members.text
        if not coming or coming == self._asked:
            return False
        self._asked = coming
        return self._may_be_any_string(coming) and not problems(
            {**self._members.complete, coming: ""}, self._schema, "The call"
        )

    def _may_be_any_string(self, name: str) -> bool:
        properties = self._schema.get("properties")
        schema = properties.get(name) if isinstance(properties, Mapping) else None
        if not isinstance(schema, Mapping) or not _ANY_STRING.issuperset(schema):
            return False
        kind = schema.get("type")
        return kind == "string" or (isinstance(kind, list) and "string" in kind)
