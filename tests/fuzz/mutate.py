"""Makes new inputs out of known ones.

Owns the ways: bytes, lines, and JSON where a line holds some. Deterministic by the `Random` that it is given. Knows
nothing of what the inputs are for.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

Way = Callable[[bytes], bytes]

_BYTES = (
    b"\0",
    b"\n",
    b"\r",
    b"\r\n",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b" ",
    b"\t",
    b"\xef\xbb\xbf",
)
_NUMBERS = (0, 1, -1, 2, 255, 256, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 2**64, 10**12, 10**30)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    "",
    " ",
    "x",
    "\0",
    "\ud7ff",
    "\U0001f600",
    [],
    {},
    [[]],
    [None],
    {"": None},
    0.5,
    -0.0,
    1e308,
    1e-9,
    *_NUMBERS,
)
_REPEATS = (2, 3, 10, 60, 300, 2000, 20000)


class Mutator:
    """`words` are what the readers compare with; `pool` gives other inputs to take parts from."""

    def __init__(self, draw: Random, words: Sequence[bytes], largest: int) -> None:
        self._draw = draw
        self._words = [*words] or [b"x"]
        self._largest = largest
        self._texts = [word.decode("utf-8", "replace") for word in self._words]
        self._ways: tuple[tuple[Way, int], ...] = (
            (self._put_word, 6),
            (self._over, 3),
            (self._flip, 3),
            (self._cut_out, 4),
            (self._double, 3),
            (self._odd_bytes, 2),
            (self._number, 3),
            (self._break_off, 2),
            (self._repeat, 1),
            (self._lines, 5),
            (self._json, 9),
        )
        self._pool: Sequence[bytes] = ()

    def __repr__(self) -> str:
        return f"<Mutator words={len(self._words)}>"

    def mutated(self, data: bytes, pool: Sequence[bytes]) -> bytes:
        """Another input, not longer than the largest."""
        self._pool = pool
        ways, weights = zip(*self._ways, strict=True)
        for _ in range(1 << self._draw.choice((0, 0, 0, 1, 1, 2, 3))):
            data = self._draw.choices(ways, weights)[0](data)[: self._largest]
        return data

    # bytes

    def _place(self, data: bytes) -> tuple[int, int]:
        """A part, mostly a short one."""
        start = self._draw.randint(0, len(data))
        return start, min(len(data), start + int(self._draw.expovariate(1 / 12)))

    def _put_word(self, data: bytes) -> bytes:
        at = self._draw.randint(0, len(data))
        return data[:at] + self._draw.choice(self._words) + data[at:]

    def _over(self, data: bytes) -> bytes:
        """A word instead of a part."""
        start, end = self._place(data)
        return data[:start] + self._draw.choice(self._words) + data[end:]

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return data
        at = self._draw.randrange(len(data))
        return data[:at] + bytes([data[at] ^ (1 << self._draw.randrange(8))]) + data[at + 1 :]

    def _cut_out(self, data: bytes) -> bytes:
        start, end = self._place(data)
        return data[:start] + data[end:]

    def _double(self, data: bytes) -> bytes:
        """A part of this or another input, somewhere else."""
        source = self._draw.choice(self._pool) if self._pool and self._draw.random() < 0.5 else data
        start = self._draw.randint(0, len(source))
        part = source[start : start + int(self._draw.expovariate(1 / 60)) + 1]
        at = self._draw.randint(0, len(data))
        return data[:at] + part + data[at:]

    def _odd_bytes(self, data: bytes) -> bytes:
        start, end = self._place(data)
        return data[:start] + self._draw.choice(_BYTES) + (data[end:] if self._draw.random() < 0.3 else data[start:])

    def _number(self, data: bytes) -> bytes:
        """Another number instead of one."""
        digits = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
        if not digits:
            return data
        start = end = self._draw.choice(digits)
        while end < len(data) and 48 <= data[end] <= 57:
            end += 1
        return data[:start] + str(self._draw.choice(_NUMBERS)).encode() + data[end:]

    def _break_off(self, data: bytes) -> bytes:
        at = self._draw.randint(0, len(data))
        return data[:at] if self._draw.random() < 0.7 else data[at:]

    def _repeat(self, data: bytes) -> bytes:
        """A part many times: what is deep or long."""
        start, end = self._place(data)
        part = data[start:end] or self._draw.choice(self._words)
        times = min(self._draw.choice(_REPEATS), self._largest // len(part))
        return data[:start] + part * times + data[end:]

    # lines

    def _lines(self, data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        if len(lines) < 2:
            return self._double(data)
        at, other = self._draw.randrange(len(lines)), self._draw.randrange(len(lines))
        match self._draw.randrange(5):
            case 0:
                del lines[at]
            case 1:
                lines.insert(other, lines[at])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3 if self._pool:
                lines.insert(at, self._draw.choice(self._draw.choice(self._pool).splitlines(keepends=True) or [b"\n"]))
            case _:
                lines[at] = self._draw.choice((b"  ", b"\t", b" ", b"")) + lines[at].lstrip(b" ")
        return b"".join(lines)

    # JSON

    def _json(self, data: bytes) -> bytes:
        """Changes the document, or that of one line."""
        whole = _decoded(data)
        if whole is not _NONE:
            return _encoded(self._grown(whole), data)
        lines = data.splitlines(keepends=True)
        for _ in range(3):
            at = self._draw.randrange(len(lines)) if lines else 0
            start = (
                min((place for mark in (b"{", b"[") if (place := lines[at].find(mark)) >= 0), default=-1)
                if lines
                else -1
            )
            if start >= 0 and (found := _decoded(lines[at][start:])) is not _NONE:
                end = lines[at][len(lines[at].rstrip(b"\r\n")) :]
                lines[at] = lines[at][:start] + _encoded(self._grown(found), lines[at]) + end
                return b"".join(lines)
        return self._put_word(data)

    def _grown(self, document: Any) -> Any:
        """The document with one place changed."""
        places = list(_places(document))
        if not places:
            return self._value(document)
        parent, key = self._draw.choice(places)
        match self._draw.randrange(8):
            case 0 if isinstance(parent, dict):
                parent[self._draw.choice(self._texts)] = parent.pop(key)
            case 1:
                del parent[key]
            case 2:
                parent[key] = (
                    [parent[key]] if self._draw.random() < 0.5 else {self._draw.choice(self._texts): parent[key]}
                )
            case 3:
                other, where = self._draw.choice(places)
                if where in (other if isinstance(other, dict) else range(len(other))):
                    parent[key] = msgspec.json.decode(msgspec.json.encode(other[where]))
            case 4 if isinstance(parent, list):
                parent.insert(key, self._value(parent[key]))
            case 4:
                parent[self._draw.choice(self._texts)] = self._value(parent[key])
            case 5 if isinstance(parent[key], str):
                parent[key] = self._text(parent[key])
            case _:
                parent[key] = self._value(parent[key])
        return document

    def _value(self, instead: Any) -> Any:
        chance = self._draw.random()
        if chance < 0.45:
            return self._draw.choice(_VALUES)
        if chance < 0.8 or not self._pool:
            return self._draw.choice(self._texts)
        other = _decoded(self._draw.choice(self._pool))
        places = list(_places(other)) if other is not _NONE else []
        if not places:
            return [instead]
        parent, key = self._draw.choice(places)
        return parent[key]

    def _text(self, text: str) -> str:
        data = self._draw.choice((self._put_word, self._over, self._cut_out, self._number))(
            text.encode("utf-8", "replace")
        )
        return data.decode("utf-8", "replace")


_NONE = object()


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NONE


def _encoded(document: Any, before: bytes) -> bytes:
    try:
        return msgspec.json.encode(document)
    except (RecursionError, UnicodeEncodeError, OverflowError, ValueError):
        return before


def _places(document: Any) -> "list[tuple[Any, Any]]":
    """(parent, key) of everything in it."""
    found: list[tuple[Any, Any]] = []
    left = [document]
    while left:
        parent = left.pop()
        keys = list(parent) if isinstance(parent, dict) else range(len(parent)) if isinstance(parent, list) else ()
        for key in keys:
            found.append((parent, key))
            left.append(parent[key])
    return found
