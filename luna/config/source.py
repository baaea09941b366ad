"""YAML text → nodes with places, or diagnostics.

Owns the dialect of YAML that configuration files are written in: version 1.2, one document, unique
keys, no custom tags, no merge keys, timestamps and `yes` are text, aliases must not contain themselves
nor blow up. Reads events, ruamel's or those of plain files, and types scalars itself, so that a value filled in from
the environment is typed by the same rules. Pure: never raises on any input.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from luna.config.diagnostics import Place, Report
from luna.config.nodes import MappingNode, Node, ScalarNode, SequenceNode
from luna.config.plain_yaml import Event, plain_events
from luna.config.substitute import SubstitutionError, substitute
from luna.model.late_pattern import LatePattern

MAX_BYTES = 512 * 1024
MAX_NODES = 50_000
MAX_DEPTH = 50

_UNPRINTABLE = LatePattern("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BLANKS = str.maketrans("", "", "\t\n\r")
"""What may stand in a file and is nothing to be seen; a text that is printable without it needs no closer look."""
_ESCAPE = re.compile(r"\\U([0-9a-fA-F]{8})")
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,100}|0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS = {"str": str, "int": int, "float": float, "bool": bool, "null": type(None)}

_QUOTE = "inside it, quote text that holds '{', '[' or ','"
_IN_PLAIN_WORDS = (
    ("mapping values are not allowed here", "':' cannot stand here", "check the indentation, or quote the text"),
    ("found character '\\t'", "a tab cannot stand here", "indent with spaces"),
    ("found character", "", "quote the text"),
    ("expected <block end>", "", "check the indentation of this line and of those above it"),
    ("could not find expected ':'", "this key has no ':'", "write 'key: value'"),
    (
        "expected the node content, but found '<stream end>'",
        "the file ends where a value should stand",
        "close what is open",
    ),
    ("expected the node content", "a value should stand here", "quote the text"),
    ("expected '<document start>'", "this does not belong to what stands above it", "check the indentation"),
    ("found unexpected end of stream", "the file ends inside a quoted text", "close the quotes"),
    ("expected ',' or ']'", "the list is not closed: there should be a ',' or a ']' here", _QUOTE),
    ("expected ',' or '}'", "the mapping is not closed: there should be a ',' or a '}' here", _QUOTE),
)
"""How ruamel's message begins, what to say instead ("" keeps it), and what to do."""


class _Broken(Exception):
    """The text cannot be read any further."""

    def __init__(self, place: Place, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


class _Unfit(Exception):
    """A scalar that cannot have a value; the rest of the text can be read."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def parse(data: bytes, file: str, report: Report, environ: Mapping[str, str] | None = None) -> Node | None:
    """The document in `data`, a null scalar when it is empty, or None when it cannot be read as YAML (then the
    report says why). With `environ`, references to the environment are filled in, in values."""
    try:
        return _Builder(_decode(data, file), file, report, environ).document()
    except _Broken as broken:
        report.error(broken.place, broken.message, broken.hint)
    return None


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise _Broken(Place(file), f"the file has {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        raise _Broken(_place_after(before, file), "this byte is not UTF-8", "save the file as UTF-8") from None
    unprintable = None if text.translate(_BLANKS).isprintable() else _UNPRINTABLE.search(text)
    if unprintable is not None:
        character = f"U+{ord(unprintable[0]):04X}"
        raise _Broken(_place_after(text[: unprintable.start()], file), f"the character {character} is not allowed")
    return text


def _place_after(before: str, file: str) -> Place:
    return Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


class _Builder:
    """Builds the tree of one document."""

    def __init__(self, text: str, file: str, report: Report, environ: Mapping[str, str] | None) -> None:
        self._text = text
        self._file = file
        self._report = report
        self._environ = environ
        self._anchors: dict[str, Node | None] = {}
        """None while the anchored node is still being built."""

    def document(self) -> Node:
        """Read the text. Raises _Broken."""
        root: Node | None = None
        events = self._events()
        for event in events:
            if root is not None:
                raise _Broken(self._place(event), "a second document begins here", "one file holds one document")
            root = self._node(next(events), events, 1)
        return root if root is not None else ScalarNode(Place(self._file), None, "")

    def _events(self) -> Iterator[Event]:
        plain = plain_events(self._text)
        if plain is not None:
            yield from plain
            return
        from ruamel.yaml import YAML  # for what is not plain
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            yield from events_of(YAML(typ="safe", pure=True).parse(self._text))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Place(self._file, mark.line + 1, mark.column + 1) if mark else Place(self._file)
            raise _Broken(place, *_in_plain_words(error.problem or error.context or "this is not YAML")) from None
        except (ValueError, OverflowError):  # from chr()
            beyond = [each for each in _ESCAPE.finditer(self._text) if int(each[1], 16) > 0x10FFFF]
            place = _place_after(self._text[: beyond[0].start()], self._file) if beyond else Place(self._file)
            raise _Broken(place, f"{beyond[0][0] if beyond else 'an escape'} is no character") from None
        except YAMLError as error:
            raise _Broken(Place(self._file), f"this is not YAML: {str(error) or type(error).__name__}") from None

    def _place(self, event: Event) -> Place:
        return Place(self._file, event.line + 1, event.column + 1)

    def _node(self, event: Event, events: Iterator[Event], depth: int, *, fill: bool = True) -> Node:
        if event.kind == "alias":
            return self._alias(event)
        if depth > MAX_DEPTH:
            raise _Broken(self._place(event), f"the document is nested deeper than {MAX_DEPTH} levels")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node: Node
        match event.kind:
            case "scalar":
                node = self._scalar(event, fill=fill)
            case "[":
                node = self._sequence(event, events, depth)
            case _:
                node = self._mapping(event, events, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Event) -> Node:
        if event.anchor is None or event.anchor not in self._anchors:
            raise _Broken(self._place(event), f"there is no anchor '&{event.anchor}' above")
        node = self._anchors[event.anchor]
        if node is None:
            raise _Broken(self._place(event), f"the alias '*{event.anchor}' stands inside what it repeats")
        return node

    def _sequence(self, event: Event, events: Iterator[Event], depth: int) -> SequenceNode:
        self._check_tag(event, "seq")
        node = SequenceNode(self._place(event))
        for inner in events:
            if inner.kind == "]":
                break
            node.append(self._node(inner, events, depth + 1))
            self._check_size(node, inner, depth)
        return node

    def _mapping(self, event: Event, events: Iterator[Event], depth: int) -> MappingNode:
        self._check_tag(event, "map")
        node = MappingNode(self._place(event))
        for inner in events:
            if inner.kind == "}":
                break
            key = self._node(inner, events, depth + 1, fill=False)
            at = self._place(inner)
            value = self._node(next(events), events, depth + 1)
            if not isinstance(key, ScalarNode):
                self._report.error(at, "a key must be a word, not a list or a mapping")
            elif key.text == "<<" and inner.kind == "scalar" and inner.style is None:
                self._report.error(at, "merge keys ('<<') are not supported", "write the fields out")
            elif key.text in node.entries:
                first = node.keys[key.text]
                self._report.error(at, f"'{key.text}' stands here twice", f"the first is in line {first.line}")
            else:
                node.put(key.text, at, value)
            self._check_size(node, inner, depth)
        return node

    def _check_size(self, node: Node, event: Event, depth: int) -> None:
        if node.weight > MAX_NODES:
            raise _Broken(self._place(event), f"the document has more than {MAX_NODES} values, aliases counted")
        if depth + node.height > MAX_DEPTH:
            raise _Broken(self._place(event), f"the document is nested deeper than {MAX_DEPTH} levels")

    def _check_tag(self, event: Event, expected: str) -> None:
        tag = event.tag
        if tag is not None and tag not in ("!", _CORE + expected):
            self._report.error(self._place(event), f"the tag {_short(tag)} is not supported", "leave it out")

    def _scalar(self, event: Event, *, fill: bool) -> ScalarNode:
        place, text = self._place(event), event.value
        filled_text, filled = text, False
        try:
            if fill and self._environ is not None:
                filled_text, filled = substitute(text, self._environ)
            value = self._value(event, filled_text)
        except (SubstitutionError, _Unfit) as error:
            self._report.error(place, error.message, error.hint)
        else:
            return ScalarNode(place, value, text, filled=filled)
        return ScalarNode(place, None, text, broken=True)

    def _value(self, event: Event, text: str) -> object:
        """Raises _Unfit."""
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise _Unfit("this text holds half of a UTF-16 pair", "write the character itself")
        if event.tag is None:
            return typed(text) if event.style is None else text
        tag = event.tag
        if tag == "!":
            return text
        kind = _SCALAR_TAGS.get(tag.removeprefix(_CORE)) if tag.startswith(_CORE) else None
        if kind is None:
            raise _Unfit(f"the tag {_short(tag)} is not supported", "leave it out")
        value = text if kind is str else typed(text)
        if type(value) is not kind:
            raise _Unfit(f"what follows {_short(tag)} is something else")
        return value


_KINDS = {
    "ScalarEvent": "scalar",
    "AliasEvent": "alias",
    "SequenceStartEvent": "[",
    "SequenceEndEvent": "]",
    "MappingStartEvent": "{",
    "MappingEndEvent": "}",
    "DocumentStartEvent": "document",
}


def events_of(events: Iterable[Any]) -> Iterator[Event]:
    """ruamel's events as our own, without those that say nothing."""
    for event in events:
        kind = _KINDS.get(type(event).__name__)
        if kind is not None:
            mark, tag = event.start_mark, getattr(event, "tag", None)
            value, style = getattr(event, "value", ""), getattr(event, "style", None)
            anchor = getattr(event, "anchor", None)
            yield Event(kind, mark.line, mark.column, value, style, None if tag is None else str(tag), anchor)


def typed(text: str) -> object:
    """What an unquoted scalar means in YAML 1.2 (core schema, specification section 10.3.2)."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    special = _NOT_FINITE.fullmatch(text)
    if special is not None:
        return float(text.replace(".", "").lower())
    return text


def _short(tag: str) -> str:
    return "'!!" + tag.removeprefix(_CORE) + "'" if tag.startswith(_CORE) else f"'{tag}'"


def _in_plain_words(problem: str) -> tuple[str, str]:
    for beginning, message, hint in _IN_PLAIN_WORDS:
        if problem.startswith(beginning):
            return message or problem, hint
    return problem, ""
