"""Reads the keywords of a JSON Schema, malformed ones included.

Owns what a keyword's value must look like to mean what the specification says. The functions that are named after
what they give take their keywords out of the mapping, and leave there what they cannot make sense of. Knows no
notation.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard
from urllib.parse import unquote

JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}


def types(rest: dict[str, Any]) -> list[str]:
    """The types that `type` names; none when it is absent or no type of JSON Schema's."""
    kind = rest.get("type")
    kinds = [kind] if isinstance(kind, str) else kind
    if not are_names(kinds) or not all(each in JSON_TYPES for each in kinds):
        return []
    rest.pop("type", None)
    return list(dict.fromkeys(kinds))


def values(rest: dict[str, Any]) -> list[Any]:
    """The values that `const` or else `enum` allows; none when there is neither."""
    if "const" in rest:
        return [rest.pop("const")]
    return branches(rest, "enum")


def branches(rest: dict[str, Any], keyword: str) -> list[Any]:
    """The list behind a keyword, if it is one and not empty."""
    found = rest.get(keyword)
    return rest.pop(keyword) if isinstance(found, list) and found else []


def members(rest: dict[str, Any], keyword: str) -> Mapping[str, Any]:
    """The mapping behind a keyword, if it is one."""
    return rest.pop(keyword) if isinstance(rest.get(keyword), Mapping) else {}


def required(rest: dict[str, Any]) -> list[str]:
    """The names of the properties that must be there."""
    found = rest.get("required")
    return rest.pop("required") if found == [] or are_names(found) else []


def number(rest: dict[str, Any], keyword: str) -> int | float | None:
    """The number behind a keyword, if it is one."""
    found = rest.get(keyword)
    return rest.pop(keyword) if isinstance(found, int | float) and not isinstance(found, bool) else None


def text(rest: dict[str, Any], keyword: str) -> str:
    """The words behind a keyword, if there are any."""
    return rest.pop(keyword) if isinstance(rest.get(keyword), str) else ""


def is_schema(found: object) -> bool:
    """True for what may stand where a schema is expected."""
    return isinstance(found, Mapping | bool)


def is_a(value: object, kinds: Iterable[str]) -> bool:
    """True when the value is of one of the types."""
    if isinstance(value, bool):
        return "boolean" in kinds
    return any(isinstance(value, JSON_TYPES[kind]) for kind in kinds)


def are_names(found: object) -> TypeGuard[list[str]]:
    """True for a list of strings that is not empty."""
    return isinstance(found, list) and bool(found) and all(isinstance(each, str) for each in found)


def references(schema: object) -> Iterator[str]:
    """Every `$ref` of a document, as often as it stands there."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def resolve(root: Mapping[str, Any], pointer: str) -> Any:
    """The schema that a pointer into the document (RFC 6901, section 6) points at, or None."""
    if pointer != "#" and not pointer.startswith("#/"):
        return None
    found: Any = root
    for step in steps(pointer):
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found if is_schema(found) else None


def steps(pointer: str) -> list[str]:
    """The keys along a pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in unquote(pointer).split("/")[1:]]
