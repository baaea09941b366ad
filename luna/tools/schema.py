"""A client's JSON Schema, as far as the reading of a call needs it.

Owns which JSON types a schema allows, which values it lists, and what it says of members and items; `$ref` within
the document, `allOf`, `anyOf` and `oneOf` are looked through. Validates nothing: that is not this file's business.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

from luna.model.chat import Tool
from luna.tools.json_text import encode
from luna.tools.names import Names

STRING, NUMBER, INTEGER, BOOLEAN, NULL, ARRAY, OBJECT = (
    "string",
    "number",
    "integer",
    "boolean",
    "null",
    "array",
    "object",
)
TYPES = frozenset({STRING, NUMBER, INTEGER, BOOLEAN, NULL, ARRAY, OBJECT})
_DEEPEST = 32
_ANYTHING: Mapping[str, Any] = {}


class Shape:
    """What one value may be."""

    def __init__(self, schema: object, root: object, *, above: "Shape | None" = None) -> None:
        self._root = root
        self._depth: int = 0 if above is None else above._depth + 1
        known: WeakValueDictionary[tuple[int, ...], Shape] | None = None if above is None else above._known
        self._known: WeakValueDictionary[tuple[int, ...], Shape] = WeakValueDictionary() if known is None else known
        """All shapes of this schema, by what they are made of: what is referred to twice is looked through once. Those
        above keep them; kept here, they would keep themselves."""
        self._schemas = _parts(schema, root) if self._depth < _DEEPEST else []

    def __repr__(self) -> str:
        return f"<Shape {' | '.join(sorted(self.types)) or 'anything'}>"

    @cached_property
    def branches(self) -> "tuple[Shape, ...]":
        """The alternatives of `anyOf` or `oneOf`; empty where there are none."""
        for schema in self._schemas:
            for key in ("anyOf", "oneOf"):
                if isinstance(schema.get(key), list):
                    return tuple(self._below(each) for each in schema[key])
        return ()

    @cached_property
    def types(self) -> frozenset[str]:
        """The types it allows; empty when it does not say."""
        said = [types for schema in self._schemas if (types := _types(schema))]
        if self.branches and all(branch.types for branch in self.branches):
            said.append(frozenset().union(*(branch.types for branch in self.branches)))
        if not said:
            return frozenset()
        common = said[0]
        for types in said[1:]:
            common = _both(common, types)
        return common or said[0]

    @cached_property
    def choices(self) -> tuple[Any, ...]:
        """The values that `enum` or `const` lists; empty when any value of the types will do."""
        for schema in self._schemas:
            if isinstance(schema.get("enum"), list):
                return tuple(schema["enum"])
            if "const" in schema:
                return (schema["const"],)
        if self.branches and all(branch.choices for branch in self.branches):
            listed = {encode(choice): choice for branch in self.branches for choice in branch.choices}
            return tuple(listed.values())
        return ()

    @property
    def nullable(self) -> bool:
        """Whether `null` may be what is meant: it is allowed, or nothing is said of types."""
        return not self.types or NULL in self.types or None in self.choices

    @cached_property
    def members(self) -> "dict[str, Shape]":
        """What an object's members may be, by name."""
        found: dict[str, Shape] = {}
        for schema in self._schemas:
            properties = schema.get("properties")
            for name, below in properties.items() if isinstance(properties, Mapping) else ():
                found.setdefault(name, self._below(below))
        for branch in self.branches:
            for name, shape in branch.members.items():
                found.setdefault(name, shape)
        return found

    @cached_property
    def names(self) -> Names:
        """The names of the members."""
        return Names(self.members)

    @cached_property
    def required(self) -> frozenset[str]:
        """The members that must be there, whichever alternative holds."""
        listed = [schema.get("required") for schema in self._schemas]
        return frozenset(name for names in listed if isinstance(names, list) for name in names if isinstance(name, str))

    def member(self, name: str) -> "Shape":
        """What the member of this name may be, listed or not."""
        if name in self.members:
            return self.members[name]
        others: list[object] = [s["additionalProperties"] for s in self._schemas if "additionalProperties" in s]
        return self._below(others[0] if others else _ANYTHING)

    def means_absent(self, name: str, value: object) -> bool:
        """Whether this member, with this value, is one that is left out: `null`, where it may be missing and `null` is
        nothing that it may be. Models fill in all that they were told of."""
        return value is None and name not in self.required and not self.member(name).nullable

    @cached_property
    def items(self) -> "Shape":
        """What an array's items may be."""
        for schema in self._schemas:
            if isinstance(schema.get("items"), Mapping):
                return self._below(schema["items"])
        arrays = [branch for branch in self.branches if ARRAY in branch.types]
        return arrays[0].items if len(arrays) == 1 else self._below(_ANYTHING)

    def _below(self, schema: object) -> "Shape":
        made = Shape(schema, self._root, above=self)
        return self._known.setdefault((made._depth, *map(id, made._schemas)), made)


class Signature:
    """One tool: its name, and its parameters as a shape."""

    def __init__(self, tool: Tool) -> None:
        self.name = tool.name
        self.parameters = Shape(tool.parameters, tool.parameters)

    def __repr__(self) -> str:
        return f"<Signature {self.name}({', '.join(self.parameters.members)})>"

    def parameter(self, written: str) -> tuple[str, Shape]:
        """The parameter that is meant, and what it may be."""
        name = self.parameters.names.find(written) or written
        return name, self.parameters.member(name)


class Toolbox:
    """The client's tools, by any name that can only mean one of them."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._signatures: dict[str, Signature] = {}
        """Of those that were asked for: most answers call none of many."""

    def __repr__(self) -> str:
        return f"<Toolbox {', '.join(self._tools)}>"

    @cached_property
    def _names(self) -> Names:
        return Names(self._tools)

    def find(self, name: str) -> Signature | None:
        """The tool that is meant, or None."""
        found = name if name in self._tools else self._names.find(name)
        if found is None:
            return None
        signature = self._signatures.get(found)
        if signature is None:
            signature = self._signatures[found] = Signature(self._tools[found])
        return signature


def _parts(schema: object, root: object) -> list[Mapping[str, Any]]:
    """The schema and all that holds along with it: the targets of `$ref` and the parts of `allOf`."""
    found: list[Mapping[str, Any]] = []
    seen: set[int] = set()
    waiting = deque([schema])
    while waiting:
        part = waiting.popleft()
        if not isinstance(part, Mapping) or id(part) in seen:
            continue
        seen.add(id(part))
        found.append(part)
        if isinstance(part.get("$ref"), str):
            waiting.append(_target(part["$ref"], root))
        if isinstance(part.get("allOf"), list):
            waiting += part["allOf"]
    return found


def _target(reference: str, root: object) -> object:
    """What a reference within the document (RFC 6901 after `#`) points to; None when to nothing."""
    if not reference.startswith("#"):
        return None
    place = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, Mapping):
            place = place.get(key)
        elif isinstance(place, list) and key.isdigit() and int(key) < len(place):
            place = place[int(key)]
        else:
            return None
    return place


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    """The types that this schema itself names or implies."""
    said = schema.get("type")
    if isinstance(said, str | list):
        named = frozenset([said] if isinstance(said, str) else (each for each in said if isinstance(each, str)))
        return (named & TYPES) | ({NULL} if schema.get("nullable") is True else frozenset())
    if isinstance(schema.get("enum"), list):
        return frozenset(type_of(value) for value in schema["enum"])
    if "const" in schema:
        return frozenset({type_of(schema["const"])})
    if isinstance(schema.get("properties"), Mapping):
        return frozenset({OBJECT})
    return frozenset({ARRAY}) if isinstance(schema.get("items"), Mapping) else frozenset()


def _both(a: frozenset[str], b: frozenset[str]) -> frozenset[str]:
    """What both allow; a number that must also be an integer is an integer."""
    whole = {INTEGER} if (NUMBER in a and INTEGER in b) or (INTEGER in a and NUMBER in b) else set()
    return (a & b) | whole


def type_of(value: object) -> str:
    """The JSON type of a value; whole numbers are integers."""
    match value:
        case None:
            return NULL
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case float():
            return NUMBER
        case str():
            return STRING
        case list():
            return ARRAY
        case _:
            return OBJECT
