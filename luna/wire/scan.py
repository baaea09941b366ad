"""Finds secrets in bytes: known ones, and values that their surroundings give away.

Owns the rules. Pure: data may come in pieces, and whoever feeds pieces learns how much of the end
must be kept back because a secret may go on in the next one. What becomes of a find is
`luna.wire.redact`.

    literal   a known secret, wherever it stands, or where it stands in a known text
    token     a JSON web token, wherever it stands
    param     the value of a telling query parameter: `?key=…`, `&x5secdata=…`
    field     the string value of a telling JSON field: `"access_token": "…"`, also one level of
              escaping down, where JSON stands in a JSON string. An e-mail address loses what
              stands before its `@`
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from luna.model.late_pattern import LatePattern

MINIMUM = 8
"""Known secrets shorter than this would match by accident."""

_FIELDS = (
    ("token",), ("access", "token"), ("refresh", "token"), ("id", "token"), ("session", "token"), ("auth", "token"),
    ("security", "token"), ("bearer", "token"), ("password",), ("passwd",), ("pwd",), ("secret",), ("client", "secret"),
    ("app", "secret"), ("secret", "key"), ("access", "key", "secret"), ("access", "key", "id"), ("access", "key"),
    ("api", "key"), ("private", "key"), ("authorization",), ("cookie",), ("cookies",), ("set", "cookie"), ("bx", "ua"),
    ("bx", "umidtoken"), ("email",),
)  # fmt: skip
_PARAMS = (
    ("x5secdata",), ("x5sec",), ("key",), ("auth", "key"), ("api", "key"), ("token",), ("access", "token"),
    ("refresh", "token"), ("security", "token"), ("x", "oss", "security", "token"), ("signature",), ("password",),
    ("x", "oss", "signature"), ("x", "oss", "credential"), ("OSSAccessKeyId",), ("secret",),
)  # fmt: skip


def _spellings(names: Iterable[tuple[str, ...]]) -> frozenset[bytes]:
    """Every way people write these words: snake, kebab, camel and run together, in either case."""
    found: set[str] = set()
    for words in names:
        capitals = tuple(word[0].upper() + word[1:] for word in words)
        for mark in ("_", "-", ""):
            found |= {mark.join(words), mark.join(capitals), mark.join(words).upper()}
        found.add(words[0] + "".join(capitals[1:]))
    return frozenset(name.encode() for name in found)


def _trie(names: Iterable[bytes]) -> bytes:
    """A pattern for any of the names that decides at each letter: a plain alternation costs ten times as much."""
    branches: dict[bytes, list[bytes]] = {}
    for name in sorted(names):
        branches.setdefault(name[:1], []).append(name[1:])
    ends = branches.pop(b"", None) is not None
    inner = b"|".join(re.escape(letter) + _trie(rests) for letter, rests in branches.items())
    return b"(?:%b)%b" % (inner, b"?" * ends) if inner else b""


_FIELD_NAMES = _spellings(_FIELDS)
_PARAM_NAMES = _spellings(_PARAMS)
_FIELD_BEGINNINGS = frozenset(name[:size] for name in _FIELD_NAMES for size in range(len(name) + 1))
_PARAM_BEGINNINGS = frozenset((name + b"=")[:size] for name in _PARAM_NAMES for size in range(len(name) + 2))

# The leading quote lets the search jump from quote to quote; the trie leaves most of them after one letter.
_FIELD = LatePattern(
    lambda: (
        rb'"(?P<name>%b)(?:' % _trie(_FIELD_NAMES)
        + rb'"\s*:\s*"(?P<plain>[^"\\]*+(?:\\.[^"\\]*+)*+)(?P<end>"|\\?\Z)'
        + rb'|\\"\s*:\s*\\"(?P<escaped>[^"\\]*+(?:\\\\(?:\\\\|\\"|[^"\\])[^"\\]*+)*+)(?P<escaped_end>\\"|\\{0,3}\Z))'
    ),
    re.DOTALL,
)
_FIELD_BEGUN = LatePattern(lambda: rb'"%b\\?(?:"\s*(?::\s*\\?)?)?\Z' % _trie(_FIELD_NAMES))


def _param_after(begin: bytes) -> LatePattern[bytes]:
    # A bracket ends a value: links stand in brackets in Markdown.
    return LatePattern(lambda: begin + _trie(_PARAM_NAMES) + rb"=(?P<value>[^&\s\"'<>\\#)\]]*+)(?P<end>\Z)?")


# Each begins with what is rare, and can be looked for first.
_PARAMS_AFTER = tuple(
    (mark, _param_after(begin)) for mark, begin in ((b"?", rb"\?"), (b"&", rb"&(?:amp;)?"), (b"\\", rb"\\u0026"))
)
_PARAM_BEGUN = re.compile(rb"(?:\\u0026|&amp;|[?&])(?=([\w-]{0,24}=?)\Z)")
_MARK_BEGUN = re.compile(rb"(?:\\(?:u(?:0(?:0(?:2)?)?)?)?|&(?:a(?:m(?:p)?)?)?)\Z")
_TOKEN = re.compile(rb"eyJ[\w-]{8,}+(?:\.[\w-]*+){0,2}+")
_TOKEN_WHOLE = re.compile(rb"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
_TOKEN_BEGUN = re.compile(rb"e(?:y(?:J[\w.-]*)?)?\Z")
_TAIL = 96
_NEEDLE = 48
_NEWLINE = 10


class Find(NamedTuple):
    """`data[start:end]` belongs together, `data[first:last]` of it is the secret (which may be empty)."""

    start: int
    end: int
    first: int
    last: int


class _Known(NamedTuple):
    """A secret stands at `[first:last]` of what is looked for; `needle` is how that begins."""

    needle: bytes
    first: int
    last: int


class Scanner:
    """The rules, with the secrets that are known so far."""

    def __init__(self) -> None:
        self._literals: dict[bytes, _Known] = {}
        self._inside: set[int] = set()

    def __repr__(self) -> str:
        return f"<Scanner literals={len(self._literals)}>"

    @property
    def literals(self) -> int:
        """How many are known."""
        return len(self._literals)

    def add(self, secret: bytes) -> None:
        """Make a secret known. One shorter than MINIMUM is not."""
        self.add_within(secret, 0, len(secret))

    def add_within(self, text: bytes, first: int, last: int) -> None:
        """Make a secret known where it stands in this text, at `[first:last]`: by itself it may be anything. A text
        shorter than MINIMUM is not looked for."""
        if len(text) >= MINIMUM and text not in self._literals:
            self._literals[text] = _Known(text[:_NEEDLE], first, last)
            self._inside.update(text)

    def copy(self) -> "Scanner":
        """One that knows the same and learns on its own."""
        twin = Scanner()
        twin._literals, twin._inside = self._literals.copy(), self._inside.copy()
        return twin

    def scan(self, data: bytes, *, fields: bool, final: bool) -> tuple[list[Find], int]:
        """The finds in order of their start, and how much of `data` is settled: `data[settled:]` must be scanned
        again with what follows it. With `final` nothing follows, and everything is settled."""
        if not fields and self._nothing_in(data, final):
            return [], len(data)
        finds: list[Find] = []
        open_: list[int] = []
        for text, known in self._literals.items():
            if known.needle in data:
                _find_literal(data, text, known, finds)
        if b"=" in data:
            self._find_params(data, finds, open_)
        if _may_hold_token(data):
            self._find_tokens(data, finds, open_)
        closed = self._find_fields(data, finds, open_) if fields and b'"' in data else 0
        finds.sort()
        if final or not data:
            return finds, len(data)
        self._begun(data, open_)
        if fields:
            self._begun_field(data, closed, open_)
        if not open_:
            return finds, len(data)
        settled = min(open_)
        for find in reversed(finds):
            if find.start < settled < find.end:
                settled = find.start
        return [find for find in finds if find.end <= settled], settled

    def _nothing_in(self, data: bytes, final: bool) -> bool:
        """Certain at a glance, which it is of most pieces of a stream: no rule but those for fields finds anything in
        it, and nothing begins at its end."""
        if b"=" in data or _may_hold_token(data):
            return False
        if not final and (data[-1:] != b"\n" or _NEWLINE in self._inside):
            return False
        for known in self._literals.values():  # noqa: SIM110 - a generator would cost more than the search
            if known.needle in data:
                return False
        return True

    def find_cut(self, data: bytes) -> list[Find]:
        """A body may end in the middle of a known secret: most of one is one too."""
        end = len(data)
        sizes = [size for secret in self._literals if (size := _overlap(data, secret)) >= MINIMUM]
        return [Find(end - size, end, end - size, end) for size in sizes]

    def _find_params(self, data: bytes, finds: list[Find], open_: list[int]) -> None:
        for mark, after in _PARAMS_AFTER:
            for found in after.finditer(data) if mark in data else ():
                finds.append(Find(found.start(), found.end(), *found.span("value")))
                if found["end"] is not None:
                    open_.append(found.start())

    def _find_tokens(self, data: bytes, finds: list[Find], open_: list[int]) -> None:
        for found in _TOKEN.finditer(data):
            start, end = found.span()
            if _TOKEN_WHOLE.match(data, start):
                finds.append(Find(start, end, start, end))
            if end == len(data):
                open_.append(start)

    def _find_fields(self, data: bytes, finds: list[Find], open_: list[int]) -> int:
        """Gives where the last whole field ends: its closing quote opens nothing."""
        closed = 0
        for found in _FIELD.finditer(data):
            kind = "plain" if found["plain"] is not None else "escaped"
            first, last = found.span(kind)
            ending = found["end" if kind == "plain" else "escaped_end"]
            if ending.endswith(b'"'):
                closed = found.end()
            else:
                last = found.end()
                open_.append(found.start())
            if found["name"].lower() == b"email":
                last = max(first, data.rfind(b"@", first, last))
            finds.append(Find(found.start(), found.end(), first, last))
        return closed

    def _begun(self, data: bytes, open_: list[int]) -> None:
        """Where something begins at the very end that may turn out to be a secret."""
        if data[-1] in self._inside:
            open_.extend(len(data) - size for secret in self._literals if (size := _overlap(data, secret)))
        if data[-1] == _NEWLINE:
            return
        offset = max(0, len(data) - _TAIL)
        tail = data[offset:]
        open_.extend(offset + begun.start() for begun in _PARAM_BEGUN.finditer(tail) if begun[1] in _PARAM_BEGINNINGS)
        begun_marks = (_MARK_BEGUN.search(tail), _TOKEN_BEGUN.search(tail))
        open_.extend(offset + begun.start() for begun in begun_marks if begun is not None)

    def _begun_field(self, data: bytes, closed: int, open_: list[int]) -> None:
        offset = max(closed, len(data) - _TAIL)
        tail = data[offset:]
        quote = tail.rfind(b'"')
        if quote >= 0 and tail[quote + 1 :] in _FIELD_BEGINNINGS:
            open_.append(offset + quote)
        if field := _FIELD_BEGUN.search(tail):
            open_.append(offset + field.start())


def _find_literal(data: bytes, text: bytes, known: _Known, finds: list[Find]) -> None:
    start = data.find(known.needle)
    while start >= 0:
        if data.startswith(text, start):
            finds.append(Find(start, start + len(text), start + known.first, start + known.last))
        start = data.find(known.needle, start + 1)


def _may_hold_token(data: bytes) -> bool:
    """Whether `eyJ` stands in it. A single letter that is rare is found many times as fast as three."""
    return any(before.endswith(b"ey") for before in data.split(b"J")[:-1]) if b"J" in data else False


def _overlap(data: bytes, secret: bytes) -> int:
    """How many bytes at the end of `data` are the beginning of `secret`, and not yet all of it."""
    start = data.find(secret[:1], max(0, len(data) - len(secret) + 1))
    while start >= 0 and not secret.startswith(data[start:]):
        start = data.find(secret[:1], start + 1)
    return len(data) - start if start >= 0 else 0
