"""JSON as models write it.

Owns where a JSON value ends in a text that is still coming, how one is read that is nearly JSON, and how pieces of a
string are written. What the values mean is not its business.
"""

import enum
import re
from typing import Any, Final

import msgspec


class _No(enum.Enum):
    NOTHING = "no JSON"
    MISSING = "not all of it has come"


NOTHING: Final = _No.NOTHING
MISSING: Final = _No.MISSING
Decoded = Any
"""A JSON value, or NOTHING (which no JSON value is), or MISSING."""

_HALVES = re.compile("[\ud800-\udfff]")
_STOP = re.compile(r'["{}\[\]<]')
_IN_STRING = re.compile(r'["\\]')
_TOKEN = re.compile(
    r"""\s+|[{}\[\],:]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s{}\[\],:"']+""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_RIGHT_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_ESCAPE_OR_QUOTE = re.compile(r"""\\.|\"""", re.DOTALL)
_REQUOTED = {"\\'": "'", '"': '\\"'}
_CONTROL = re.compile(r"[\x00-\x1f]")
_WORD = re.compile(r"[A-Za-z_$][\w$-]*")
_WORDS = {"true": "true", "false": "false", "null": "null", "none": "null", "undefined": "null"}
_COLON = re.compile(r"\s*:")
_PAIRS = {"}": "{", "]": "["}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def encode(value: object) -> str:
    """The value as JSON text."""
    return _encode(value).decode()


def escape(text: str) -> str:
    """The text as it stands between the quotes of a JSON string. Halves of UTF-16 pairs become U+FFFD."""
    try:
        return _encode(text)[1:-1].decode()
    except UnicodeEncodeError:
        return _encode(_HALVES.sub("\ufffd", text))[1:-1].decode()


def decode(text: str) -> Decoded:
    """The value, or NOTHING."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return NOTHING


def repaired(text: str, *, close: bool) -> Decoded:
    """The value of a text that is nearly JSON, or NOTHING. Forgiven is what can only mean one thing: line breaks and
    stray backslashes in strings, single quotes, Python's words, bare keys, commas too many, and with `close` missing
    brackets at the end. A string without its end is not forgiven."""
    value = decode(text)
    if value is not NOTHING:
        return value
    written: list[str] = []
    opened: list[str] = []
    pos = 0
    while pos < len(text):
        found = _TOKEN.match(text, pos)
        if found is None:
            return NOTHING
        pos, part = found.end(), found[0]
        if part in _PAIRS:
            if not opened or opened.pop() != _PAIRS[part]:
                return NOTHING
            if written[-1] == ",":
                written.pop()
        elif part in "{[":
            opened.append(part)
        if not part.isspace():
            written.append(_corrected(part, is_key=_COLON.match(text, pos) is not None))
    if opened and not close:
        return NOTHING
    if written and written[-1] == ",":
        written.pop()
    written += ["}" if opener == "{" else "]" for opener in reversed(opened)]
    return decode(" ".join(written))


def _corrected(token: str, *, is_key: bool) -> str:
    if token[0] in "\"'":
        inside = token[1:-1]
        if token[0] == "'":
            inside = _ESCAPE_OR_QUOTE.sub(lambda found: _REQUOTED.get(found[0], found[0]), inside)
        inside = _ESCAPE.sub(
            lambda found: found[0] if _RIGHT_ESCAPE.match(inside, found.start()) else "\\" + found[0], inside
        )
        return f'"{_CONTROL.sub(lambda found: escape(found[0]), inside)}"'
    if is_key and _WORD.fullmatch(token):
        return f'"{token}"'
    return _WORDS.get(token.lower(), token)


class JsonEnd:
    """Finds the end of the first JSON object or list of a text that comes in pieces. A `<` outside strings, or a `[`
    before `/`, is no JSON: the value ends there, incomplete."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self.complete = False

    def __repr__(self) -> str:
        return f"<JsonEnd depth={self._depth}{' in a string' if self._in_string else ''}>"

    def feed(self, text: str) -> int | None:
        """Where in this piece the value ends, or None."""
        pos = 0
        if self._escaped and text:
            pos, self._escaped = 1, False
        while found := (_IN_STRING if self._in_string else _STOP).search(text, pos):
            pos = found.end()
            match found[0]:
                case '"':
                    self._in_string = not self._in_string
                case "\\":
                    self._escaped = pos == len(text)
                    pos += 1
                case "<":
                    return found.start()
                case "[" if text.startswith("/", pos):
                    return found.start()
                case "{" | "[":
                    self._depth += 1
                case _:
                    self._depth -= 1
                    if self._depth <= 0:
                        self.complete = True
                        return pos
        return None
