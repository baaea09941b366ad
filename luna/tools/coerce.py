"""Gives values the types that the client's schema asks for.

Owns the reading of a value whose writer could not say, or did not mind, which type it has. The schema decides; where
it leaves a choice, this does:

    text where only strings may be          stays text, `42` and `null` included
    text in CDATA where a string may be     stays text, unless it is an object or a list that may be there too
    other text                              is read as JSON if the JSON is of an allowed type
    text where no string may be             is forgiven for what can only mean one thing: `True`, `5.0`, `a` for `["a"]`
    null in a member that may be missing    is a missing member, unless it may be null
    what fits nothing                       stays as it is, for the verifier to see
"""

from collections.abc import Sequence
from typing import Any

from luna.tools.json_text import NOTHING, Decoded, decode, encode, repaired
from luna.tools.parse import Node, tree_of
from luna.tools.plain import unlaid
from luna.tools.schema import ARRAY, BOOLEAN, INTEGER, NULL, NUMBER, OBJECT, STRING, Shape, type_of

_DEEPEST = 48


def from_text(text: str, shape: Shape, *, quoted: bool = False, raw: str = "") -> Any:
    """The value that a parameter's text stands for. `quoted`: it stood in CDATA. `raw`: the text with its
    references unresolved, when it did not."""
    if shape.choices:
        return _chosen(text, shape)
    if shape.types == {STRING}:
        return text
    tree = _tree(raw or text, shape)
    if tree is not NOTHING:
        return tree
    may_be_text = not shape.types or STRING in shape.types
    value = decode(text)
    if value is NOTHING and not may_be_text:
        value = repaired(text, close=False)
    is_json = value is not NOTHING and not isinstance(value, str) and _allows(shape, value)
    if is_json and (not may_be_text or not quoted or isinstance(value, dict | list)):
        return fitted(value, shape)
    if may_be_text:
        return text
    return fitted(text if value is NOTHING else value, shape)


def from_texts(texts: Sequence[tuple[str, bool, str]], shape: Shape) -> Any:
    """The value of a parameter that may be a list and came once or more: (text, in CDATA, raw) each time."""
    if len(texts) == 1:
        text, quoted, raw = texts[0]
        return from_text(text, shape, quoted=quoted, raw=raw)
    items: list[Any] = []
    for text, quoted, raw in texts:
        item = from_text(text, shape.items, quoted=quoted, raw=raw)
        items += item if isinstance(item, list) and ARRAY not in shape.items.types else [item]
    return items


def fitted(value: Any, shape: Shape, depth: int = 0) -> Any:
    """A JSON value with its types put right where that is possible without a guess; members' names too."""
    if depth > _DEEPEST:
        return value
    if shape.choices:
        return _chosen(value, shape)
    if shape.types and not _allows(shape, value):
        value = _converted(value, shape)
    if isinstance(value, dict) and (OBJECT in shape.types or not shape.types):
        return _members(value, shape, depth)
    if isinstance(value, list) and ARRAY in shape.types:
        return [fitted(item, shape.items, depth + 1) for item in value]
    return int(value) if isinstance(value, float) and shape.types == {INTEGER} and value.is_integer() else value


def _allows(shape: Shape, value: object) -> bool:
    kind = type_of(value)
    if not shape.types or kind in shape.types:
        return True
    if kind == INTEGER:
        return NUMBER in shape.types
    return isinstance(value, float) and value.is_integer() and INTEGER in shape.types


def _members(value: dict[str, Any], shape: Shape, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, member in value.items():
        name = shape.names.find(key) or key
        name = key if name != key and (name in value or name in found) else name
        made = fitted(member, shape.member(name), depth + 1)
        if not shape.means_absent(name, made):
            found[name] = made
    return found


def _chosen(value: Any, shape: Shape) -> Any:
    """The choice that is meant; the value itself when none is, or several are."""
    if value in shape.choices or not isinstance(value, str):
        return value
    said = value.strip()
    written = {choice if isinstance(choice, str) else encode(choice): choice for choice in shape.choices}
    if said in written:
        return written[said]
    meant = [choice for text, choice in written.items() if text.casefold() == said.casefold()]
    return meant[0] if len(meant) == 1 else value


def _converted(value: Any, shape: Shape) -> Any:
    """A value of a type that is not allowed, as one that is; itself when there is no such thing."""
    types = shape.types
    if isinstance(value, str):
        found = _from_string(value.strip(), shape)
        if found is not NOTHING:
            return found
    if STRING in types and not isinstance(value, dict | list) and value is not None:
        return encode(value)
    if ARRAY in types and not isinstance(value, list) and value is not None and _allows(shape.items, value):
        return [value]
    return value


def _from_string(text: str, shape: Shape) -> Decoded:
    types, word = shape.types, text.casefold()
    if word in ("true", "false") and BOOLEAN in types:
        return word == "true"
    if NULL in types and word in ("", "null", "none"):
        return None
    if not text:
        return [] if ARRAY in types else {} if OBJECT in types else NOTHING
    value = repaired(text.removeprefix("+"), close=False)
    if value is NOTHING or isinstance(value, str) or not _allows(shape, value):
        return NOTHING
    return value


class _Unfit(Exception):
    """Elements where the schema wants text."""


def _tree(raw: str, shape: Shape) -> Decoded:
    """Elements instead of JSON, where an object or a list may be."""
    if not shape.types & {OBJECT, ARRAY} or not raw.lstrip().startswith("<"):
        return NOTHING
    nodes = tree_of(raw)
    try:
        return NOTHING if nodes is None else _from_nodes(nodes, shape)
    except (_Unfit, RecursionError):
        return NOTHING


def _from_nodes(nodes: Sequence[Node], shape: Shape) -> Any:
    alike = len({node.tag for node in nodes}) == 1
    if ARRAY in shape.types and (OBJECT not in shape.types or (alike and len(nodes) > 1)):
        if not alike and OBJECT in shape.items.types:
            return [_from_nodes(nodes, shape.items)]  # the members of the only item
        return [_from_node(node, shape.items) for node in nodes]
    found: dict[str, list[Node]] = {}
    for node in nodes:
        found.setdefault(shape.names.find(node.tag) or node.tag, []).append(node)
    made = {name: _repeated(same, shape.member(name)) for name, same in found.items()}
    return {name: value for name, value in made.items() if not shape.means_absent(name, value)}


def _repeated(nodes: Sequence[Node], shape: Shape) -> Any:
    if len(nodes) == 1:
        return _from_node(nodes[0], shape)
    return [_from_node(node, shape.items if ARRAY in shape.types else shape) for node in nodes]


def _from_node(node: Node, shape: Shape) -> Any:
    if not node.children:
        return from_text(unlaid(node.text), shape)
    if shape.types and not shape.types & {OBJECT, ARRAY}:
        raise _Unfit
    return _from_nodes(node.children, shape)
