"""Calls that are written as JSON: one object, several in a list, in any of the spellings that models know.

Owns those spellings. Pure data in, pure data out.
"""

import re
from collections.abc import Iterator
from typing import Any

from luna.tools.json_text import NOTHING, repaired
from luna.tools.tags import Role, Tag, read_tag

_NAMES = ("name", "tool_name", "tool", "function_name", "function")
_ARGUMENTS = ("arguments", "parameters", "args", "params", "input")
_LISTS = ("tool_calls", "calls", "function_calls")
_CLOSING = re.compile(r"</|\[\s*/")
_MOST_TRIES = 4


def calls_in(document: Any) -> Iterator[tuple[str, Any]]:
    """(name, arguments) of each call. The name is "" where there is none; the arguments may be anything."""
    if isinstance(document, list):
        for each in document:
            yield from calls_in(each)
        return
    if not isinstance(document, dict):
        yield "", None
        return
    inside = next((document[key] for key in _LISTS if isinstance(document.get(key), list)), None)
    if inside is not None:
        yield from calls_in(inside)
        return
    if isinstance(document.get("function"), dict):
        document = document["function"]
    name = next((document[key] for key in _NAMES if isinstance(document.get(key), str)), "")
    yield name.strip(), next((document[key] for key in _ARGUMENTS if key in document), None)


def broken_off(text: str) -> tuple[Any, str] | None:
    """What a text says whose JSON does not end: up to a closing tag it may be readable after all. Returns the value
    (or NOTHING) and the text from the closing tag on; None when there is no closing tag: it was cut."""
    first: int | None = None
    for tries, found in enumerate(_CLOSING.finditer(text)):
        at = found.start()
        tag = read_tag(text, at)
        if not isinstance(tag, Tag) or tag.role not in (Role.CALL, Role.CALLS, Role.PARAMETERS):
            continue
        first = at if first is None else first
        value = repaired(text[:at].rstrip().rstrip("`"), close=True)
        if value is not NOTHING or tries >= _MOST_TRIES:
            return value, text[at:]
    return None if first is None else (NOTHING, text[first:])
