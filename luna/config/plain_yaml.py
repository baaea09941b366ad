"""The plain part of YAML, read quickly: what luna's own files, and most people's, are written in.

Block mappings and lists, one-line values (bare, or quoted without an escape, or lists and mappings in brackets),
comments. Gives the events that ruamel would give, or nothing: whatever is not surely plain is ruamel's, errors and all.
It is there because ruamel takes longer to import, and to read these files, than anything else at luna's start. Pure.
"""

import re
from typing import NamedTuple


class Event(NamedTuple):
    """Something of the text. `kind`: scalar, alias, document, or the bracket that it is, `[` `]` `{` `}`. `line` and
    `column` count from 0."""

    kind: str
    line: int
    column: int
    value: str = ""
    style: str | None = None
    """How a scalar is quoted; None for a bare one."""
    tag: str | None = None
    anchor: str | None = None


DEPTH = 8
"""Brackets within brackets, beyond which it is not plain."""
_STRANGE = re.compile("[\t\r\x85\u2028\u2029\ufeff]")
_KEY = re.compile(r"([A-Za-z_][\w.-]*):(?: +|$)", re.ASCII)
_BEGINS_BARE = re.compile(r"[\w./$~]", re.ASCII)
_WORD = re.compile(r"[A-Za-z_/][\w./-]*", re.ASCII)
_IN_BRACES = re.compile(r"([A-Za-z_][\w.-]*): +", re.ASCII)
_COMMA = re.compile(r", *")
_END = {"[": "]", "{": "}"}


class _NotPlain(Exception):
    """Whatever it is, ruamel knows."""


def plain_events(text: str) -> list[Event] | None:
    """The events of a whole document; None when it is not surely plain."""
    if _STRANGE.search(text) or not text.replace("\n", "").isprintable():
        return None
    reader = _Reader()
    try:
        for number, line in enumerate(text.split("\n")):
            reader.take(number, line)
        return reader.whole()
    except _NotPlain:
        return None


class _Reader:
    """Takes one line after the other."""

    def __init__(self) -> None:
        self._events = [Event("document", 0, 0)]
        self._open: list[tuple[str, int]] = []
        """What goes on: mappings and lists, by their kind and column."""
        self._beyond: int | None = -1
        """The next line opens something, further to the right than this; None where nothing can be opened."""

    def whole(self) -> list[Event]:
        """All events. Raises _NotPlain."""
        if self._beyond is not None:
            raise _NotPlain
        return [*self._events, *(Event(_END[kind], 0, 0) for kind, _ in reversed(self._open))]

    def take(self, number: int, line: str) -> None:
        """The next line. Raises _NotPlain."""
        column = len(line) - len(line.lstrip(" "))
        if line[column : column + 1] in ("", "#"):
            return
        while self._beyond is None and self._open and self._open[-1][1] > column:
            self._events.append(Event(_END[self._open.pop()[0]], number, column))
        dash = line.startswith("- ", column)
        if dash:
            self._enter("[", number, column)
            column = len(line) - len(line[column + 1 :].lstrip(" "))
        key = _KEY.match(line, column)
        if key is not None:
            self._enter("{", number, column)
            self._events.append(Event("scalar", number, column, key[1]))
            if line[key.end() : key.end() + 1] in ("", "#"):
                return
            column = key.end()
        elif not dash:
            raise _NotPlain
        self._value(number, line, column)
        self._beyond = None

    def _enter(self, kind: str, number: int, column: int) -> None:
        """An entry of a mapping or a list: of the one that goes on, or the first of a new one."""
        if self._beyond is None:
            if not self._open or self._open[-1] != (kind, column):
                raise _NotPlain
        else:
            if column <= self._beyond:
                raise _NotPlain
            self._open.append((kind, column))
            self._events.append(Event(kind, number, column))
        self._beyond = column

    def _value(self, number: int, line: str, begin: int) -> None:
        """What stands behind a key or a dash, to the end of the line."""
        if line[begin : begin + 1] in ('"', "'", "[", "{"):
            behind = line[self._enclosed(number, line, begin, 0) :]
            if behind.strip(" ") and not (behind[0] == " " and behind.lstrip(" ")[0] == "#"):
                raise _NotPlain
            return
        remark = line.find(" #", begin)
        bare = (line[begin:] if remark < 0 else line[begin:remark]).rstrip(" ")
        if not _BEGINS_BARE.match(bare) or ": " in bare or bare.endswith(":") or bare.startswith("..."):
            raise _NotPlain
        self._events.append(Event("scalar", number, begin, bare))

    def _enclosed(self, number: int, line: str, at: int, depth: int) -> int:
        """A value in quotes or brackets, or a word within brackets. Gives where it ends."""
        first = line[at : at + 1]
        if first in ("[", "{"):
            return self._brackets(number, line, at, depth)
        if first in ('"', "'"):
            end = line.find(first, at + 1)
            if end < 0 or "\\" in line[at:end] or line[end + 1 : end + 2] == first:
                raise _NotPlain
            self._events.append(Event("scalar", number, at, line[at + 1 : end], first))
            return end + 1
        word = _WORD.match(line, at)
        if word is None:
            raise _NotPlain
        self._events.append(Event("scalar", number, at, word[0]))
        return word.end()

    def _brackets(self, number: int, line: str, at: int, depth: int) -> int:
        kind = line[at]
        if depth >= DEPTH:
            raise _NotPlain
        self._events.append(Event(kind, number, at))
        at += 1
        while True:
            if kind == "{":
                key = _IN_BRACES.match(line, at)
                if key is None:
                    raise _NotPlain
                self._events.append(Event("scalar", number, at, key[1]))
                at = key.end()
            at = self._enclosed(number, line, at, depth + 1)
            if line[at : at + 1] == _END[kind]:
                self._events.append(Event(_END[kind], number, at))
                return at + 1
            comma = _COMMA.match(line, at)
            if comma is None:
                raise _NotPlain
            at = comma.end()
