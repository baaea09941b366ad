"""JSON Schema → the compact notation in which the model reads a tool's parameters.

Owns the notation. It looks like TypeScript, which models read well at a fraction of the tokens, and it loses nothing:

    Parameters: {
      path: string // Where to look.
      limit?: integer (>= 1, <= 50) = 20
      kind?: "file" | "folder" | null
      edits: Array<{old: string (length >= 1), all?: boolean = false}> (items >= 1)
    }

A keyword that has no notation stands in the comment as the JSON that it was. Left out is only what says nothing:
`$schema`, titles that repeat a name (the whole's repeats the tool's), and definitions once they stand where they are
needed. An object without `additionalProperties` is written like one that forbids them: to the model it is the same
advice.

Every rule takes the keywords that it writes out of a copy of the schema; what is left at the end goes to the comment.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from luna.tools import keywords
from luna.tools.markup import is_element_name

INLINE = 72
"""An object of at most so many characters, without comments, stands on one line."""

_LIMITS = {
    "minimum": ">= {}",
    "exclusiveMinimum": "> {}",
    "maximum": "<= {}",
    "exclusiveMaximum": "< {}",
    "multipleOf": "multiple of {}",
    "minLength": "length >= {}",
    "maxLength": "length <= {}",
    "minItems": "items >= {}",
    "maxItems": "items <= {}",
    "minProperties": "keys >= {}",
    "maxProperties": "keys <= {}",
}
_SAFE_INTEGERS: dict[int | float, str] = {2**53 - 1: "2^53-1", 1 - 2**53: "-2^53+1"}
"""Generators put them on every integer; in digits each would cost sixteen tokens."""
_DEFINITIONS = ("$defs", "definitions")
_OF_OBJECTS = ("properties", "patternProperties", "required", "additionalProperties")
_OF_ARRAYS = ("prefixItems", "items")
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


class _Piece(NamedTuple):
    """One schema, written."""

    type: str
    default: str = ""
    comment: str = ""
    compound: bool = False
    """True when the type has an operator at its top."""

    @property
    def grouped(self) -> str:
        """The type so that it holds together beside an operator."""
        return f"({self.type})" if self.compound else self.type

    @property
    def inline(self) -> str:
        """All of it, where it has no line of its own."""
        return f"{self.type}{self.default}{f' /* {self.comment} */' if self.comment else ''}"


def compact(schema: Mapping[str, Any]) -> str:
    """The notation of one tool's parameters. Raises RecursionError where the schema is nested some hundred levels
    deep."""
    return _Notation(schema).write()


class _Notation:
    """Writes one document; remembers which definitions it has to write out."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._uses = Counter(keywords.references(root))
        self._complete = all(keywords.resolve(root, pointer) is not None for pointer in self._uses)
        """Every reference can be followed, so that the definitions need not stand there as they are."""
        self._names = {"#": "Parameters"}
        """Pointer → the name by which its definition is called."""
        self._wanted: list[str] = []
        """Pointers whose definitions have yet to be written."""
        self._open: list[str] = []
        """Pointers that are being written in place, outermost first."""

    def write(self) -> str:
        root = dict(self._root)
        keywords.text(root, "title")  # the tool has a name already
        piece = self._piece(root, "", 0)
        if piece.type in ("object", "any") and "additionalProperties" not in self._root:
            piece = piece._replace(type="{}")  # a tool without parameters
        lines = [_row("Parameters: ", piece, "")]
        for pointer in self._wanted:  # grows meanwhile: a definition may call for further ones
            title = self._names[pointer]
            definition = self._piece(keywords.resolve(self._root, pointer), title, 0)
            lines.append(_row(f"type {title} = ", definition, ""))
        return "\n".join(lines)

    def _piece(self, schema: object, name: str, depth: int) -> _Piece:
        if isinstance(schema, bool):
            return _Piece("any" if schema else "never")
        if not isinstance(schema, Mapping):
            return _Piece("any", comment=_json(schema))
        rest = dict(schema)
        self._drop_noise(rest, name)
        referred = self._reference(rest, name, depth)
        factors = [referred] if referred.type else []
        factors += self._factors(rest, depth)
        limits = list(_limits(rest))
        default = f" = {_json(rest.pop('default'))}" if "default" in rest else referred.default
        description = keywords.text(rest, "description").strip()
        comment = _joined(description, referred.comment, _json(rest) if rest else "")
        whole = factors[0] if len(factors) == 1 else _Piece("any")
        if len(factors) > 1:
            whole = _Piece(" & ".join(factor.grouped for factor in factors), compound=True)
        if limits:
            whole = _Piece(f"{whole.grouped} ({', '.join(limits)})")
        return _Piece(whole.type, default, comment, whole.compound)

    def _drop_noise(self, rest: dict[str, Any], name: str) -> None:
        rest.pop("$schema", None)
        if isinstance(title := rest.get("title"), str) and _letters(title) == _letters(name):
            del rest["title"]
        for key in _DEFINITIONS if self._complete else ():
            keywords.members(rest, key)

    def _reference(self, rest: dict[str, Any], name: str, depth: int) -> _Piece:
        """What `$ref` says: in place when nothing else refers there, else by name. An unknown one stays as it is."""
        pointer = rest.get("$ref")
        if not isinstance(pointer, str) or (target := keywords.resolve(self._root, pointer)) is None:
            return _Piece("")
        del rest["$ref"]
        if pointer in self._names or self._uses[pointer] > 1 or pointer in self._open:
            return _Piece(self._named(pointer))
        self._open.append(pointer)
        piece = self._piece(target, _last(pointer) or name, depth)
        self._open.pop()
        return piece

    def _named(self, pointer: str) -> str:
        if pointer not in self._names:
            plain, taken = re.sub(r"\W", "_", _last(pointer)), set(self._names.values())
            tries = (plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3)))
            self._names[pointer] = next(each for each in tries if each not in taken)
            self._wanted.append(pointer)
        return self._names[pointer]

    def _factors(self, rest: dict[str, Any], depth: int) -> Iterator[_Piece]:
        """What a value must be, all at once."""
        types = keywords.types(rest)
        values = keywords.values(rest)
        if not values:
            yield from _union(self._kinds(rest, types, depth))
        elif types and not all(keywords.is_a(value, types) for value in values):
            yield from _union(types)
        yield from _union(_json(value) for value in values)
        yield from _union(self._piece(branch, "", depth).inline for branch in keywords.branches(rest, "anyOf"))
        for union in _union(self._piece(branch, "", depth).inline for branch in keywords.branches(rest, "oneOf")):
            yield _Piece(f"{union.grouped} (exactly one)") if union.compound else union
        for branch in keywords.branches(rest, "allOf"):
            piece = self._piece(branch, "", depth)
            yield _Piece(piece.inline, compound=piece.compound)
        if keywords.is_schema(rest.get("not")):
            piece = self._piece(rest.pop("not"), "", depth)
            yield _Piece(f"not {piece._replace(type=piece.grouped).inline}")

    def _kinds(self, rest: dict[str, Any], types: list[str], depth: int) -> Iterator[str]:
        """One expression for each JSON type that is allowed."""
        if not types and any(key in rest for key in _OF_OBJECTS):
            types = ["object"]
        elif not types and any(key in rest for key in _OF_ARRAYS):
            types = ["array"]
        for kind in types:
            match kind:
                case "object":
                    yield self._object(rest, depth)
                case "array":
                    yield self._array(rest, depth)
                case _:
                    yield kind

    def _object(self, rest: dict[str, Any], depth: int) -> str:
        known = keywords.members(rest, "properties")
        patterns = keywords.members(rest, "patternProperties")
        required = keywords.required(rest)
        rows = [
            (f"{_key(name)}{'' if name in required else '?'}: ", self._piece(schema, name, depth + 1))
            for name, schema in known.items()
        ]
        rows += [(f"{_key(name)}: ", _Piece("any")) for name in required if name not in known]
        rows += [(f"[key ~ {_json(regex)}]: ", self._piece(each, "", depth + 1)) for regex, each in patterns.items()]
        more = rest.pop("additionalProperties", None)
        if not rows and (more is None or more is True):
            return "object"
        if more is not None and more is not False:
            rows.append(("[key: string]: ", self._piece(more, "", depth + 1)))
        return _braces(rows, depth)

    def _array(self, rest: dict[str, Any], depth: int) -> str:
        first = keywords.branches(rest, "prefixItems")
        if not first and (first := keywords.branches(rest, "items")):  # before draft 2020-12
            more = rest.pop("additionalItems", True)
        else:
            more = rest.pop("items", True)
        each = self._piece(more, "", depth).inline
        many = f"{each}[]" if _WORD.fullmatch(each) else f"Array<{each}>"
        if not first:
            return "[]" if more is False else many
        places = [self._piece(place, "", depth).inline for place in first]
        closed = more is False or (more is True and rest.get("maxItems") == len(first))
        return f"[{', '.join(places if closed else [*places, f'...{many}'])}]"


def _union(alternatives: Iterable[str]) -> Iterator[_Piece]:
    """One piece, or none where there are no alternatives."""
    listed = list(alternatives)
    if listed:
        yield _Piece(" | ".join(listed), compound=len(listed) > 1)


def _row(label: str, piece: _Piece, indent: str) -> str:
    """A line with its comment behind it, or above it when either has several lines."""
    line = f"{indent}{label}{piece.type}{piece.default}"
    if not piece.comment:
        return line
    if "\n" in piece.comment or "\n" in piece.type:
        return "".join(f"{indent}// {said}\n" for said in piece.comment.split("\n")) + line
    return f"{line} // {piece.comment}"


def _braces(rows: list[tuple[str, _Piece]], depth: int) -> str:
    short = "{" + ", ".join(f"{label}{piece.type}{piece.default}" for label, piece in rows) + "}"
    fits = "\n" not in short and len(short) <= INLINE and not any(piece.comment for _, piece in rows)
    if not rows or (depth and fits):
        return short
    indent = "  " * depth
    return "\n".join(("{", *(_row(label, piece, f"{indent}  ") for label, piece in rows), f"{indent}}}"))


def _limits(rest: dict[str, Any]) -> Iterator[str]:
    """Takes the limits that have a notation."""
    for keyword, notation in _LIMITS.items():
        limit = keywords.number(rest, keyword)
        if limit is not None:
            yield notation.format(_SAFE_INTEGERS.get(limit, _json(limit)))
    for keyword in ("pattern", "format"):
        if said := keywords.text(rest, keyword):
            yield f"{keyword} {_json(said)}"
    if rest.get("uniqueItems") is True:
        del rest["uniqueItems"]
        yield "unique"


def _key(name: str) -> str:
    """In quotes exactly where the call's markup cannot use the name as a tag."""
    return name if is_element_name(name) else _json(name)


def _joined(*comments: str) -> str:
    said = [comment for comment in comments if comment]
    return ("\n" if any("\n" in comment for comment in said) else " ").join(said)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text).lower()


def _last(pointer: str) -> str:
    return (keywords.steps(pointer) or [""])[-1]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
