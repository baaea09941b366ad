"""Reads a regular expression, so that looking for it takes a bounded time.

Owns the grammar: that of ECMA-262, which JSON Schema names, along with what Python's and Rust's writers use of their
own (`(?P<name>…)`, `\\A`, `\\Z`, `\\z`). Back references and flags are not read: with the former no bound can be given.
"""

import sys
from functools import lru_cache

from luna.patterns.characters import CLASSES, CONTROLS, any_of, category, is_in_line, only
from luna.patterns.steps import (
    At,
    Eat,
    Holds,
    Look,
    Steps,
    UnreadablePatternError,
    Write,
    Writer,
    all_of,
    one,
    one_of,
    times,
)

LONGEST = 4096
"""Characters of a pattern."""
MOST_STEPS = 4096
"""Steps that a pattern may come to: repetitions with a count are written out."""
_DEEPEST = 64
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_HALVES = range(0xD800, 0xE000)
"""Half a character each, in UTF-16; no text has one by itself."""


@lru_cache(maxsize=512)
def steps_of(pattern: str) -> Steps | None:
    """The steps; None when the pattern cannot be read."""
    try:
        return _Reader(pattern).read()
    except (UnreadablePatternError, RecursionError):
        return None


class _Reader:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST:
            raise UnreadablePatternError("It is too long.")
        self._pattern = pattern
        self._at = 0
        self._depth = 0
        self._room = MOST_STEPS

    def read(self) -> Steps:
        """All of it."""
        whole = self._choice()
        if self._at < len(self._pattern):
            raise UnreadablePatternError("A `)` too many.")
        return self._written(whole, backwards=False)

    def _written(self, part: Write, *, backwards: bool) -> Steps:
        writer = Writer(self._room, backwards=backwards)
        part(writer)
        self._room -= len(writer.steps)
        return tuple(writer.steps)

    def _choice(self) -> Write:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UnreadablePatternError("It is nested too deeply.")
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        self._depth -= 1
        return branches[0] if len(branches) == 1 else one_of(branches)

    def _sequence(self) -> Write:
        parts: list[Write] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return all_of(parts)

    def _repeated(self, part: Write) -> Write:
        if self._take("*"):
            low, high = 0, None
        elif self._take("+"):
            low, high = 1, None
        elif self._take("?"):
            low, high = 0, 1
        else:
            counts = self._counts()
            if counts is None:
                return part
            low, high = counts
        self._take("?")
        if self._sees("*+?") or self._counts() is not None:
            raise UnreadablePatternError("A repetition of a repetition.")
        if high is not None and high < low:
            raise UnreadablePatternError("More at least than at most.")
        return times(part, low, high)

    def _counts(self) -> tuple[int, int | None] | None:
        """`{2}`, `{2,}` or `{2,5}`; a brace that begins none of them is a character."""
        end = self._pattern.find("}", self._at)
        if not self._sees("{") or end < 0:
            return None
        low, comma, high = self._pattern[self._at + 1 : end].partition(",")
        if not _is_count(low) or (high and not _is_count(high)):
            return None
        self._at = end + 1
        return int(low), int(high) if high else None if comma else int(low)

    def _atom(self) -> Write:
        char = self._next()
        match char:
            case "^":
                return one(At("start"))
            case "$":
                return one(At("end"))
            case ".":
                return one(Eat(is_in_line))
            case "(":
                return self._group()
            case "[":
                return one(Eat(self._set()))
            case "\\":
                return self._escaped()
            case "*" | "+" | "?":
                raise UnreadablePatternError("Nothing is repeated.")
            case _:
                return one(Eat(only(char)))

    def _group(self) -> Write:
        if not self._take("?"):
            return self._closed()
        for mark, behind, wanted in (("=", False, True), ("!", False, False), ("<=", True, True), ("<!", True, False)):
            if self._take(mark):
                steps = self._written(self._closed(), backwards=behind)
                return one(Look(steps, behind, wanted))
        if self._take("<") or self._take("P<"):
            end = self._pattern.find(">", self._at)
            if not self._pattern[self._at : end].isidentifier():
                raise UnreadablePatternError("A name that is none.")
            self._at = end + 1
        elif not self._take(":"):
            raise UnreadablePatternError("Flags.")
        return self._closed()

    def _closed(self) -> Write:
        inner = self._choice()
        if not self._take(")"):
            raise UnreadablePatternError("A `(` too many.")
        return inner

    def _escaped(self) -> Write:
        char = self._next()
        match char:
            case "b":
                return one(At("edge"))
            case "B":
                return one(At("inside"))
            case "A":
                return one(At("start"))
            case "z" | "Z":
                return one(At("end"))
            case _:
                named = self._named(char)
                return one(Eat(only(named) if isinstance(named, str) else named))

    def _set(self) -> Holds:
        wanted = not self._take("^")
        members: list[str | tuple[str, str] | Holds] = []
        while not self._take("]"):
            first = self._member()
            if not self._sees("-") or self._pattern.startswith("-]", self._at):
                members.append(first)
                continue
            self._at += 1
            last = self._member()
            if isinstance(first, str) and isinstance(last, str):
                members.append((first, last))
            else:
                members += [first, "-", last]
        return any_of(members, wanted=wanted)

    def _member(self) -> "str | Holds":
        """One character of a set, or several by one name."""
        char = self._next()
        if char != "\\":
            return char
        named = self._next()
        return "\b" if named == "b" else self._named(named)

    def _named(self, char: str) -> "str | Holds":
        """What the letter after a backslash stands for."""
        if char in CLASSES:
            return CLASSES[char]
        if char in CONTROLS:
            return CONTROLS[char]
        match char:
            case "p" | "P":
                return self._category(wanted=char == "p")
            case "x":
                return self._code(2)
            case "u" if self._take("{"):
                return self._code(self._pattern.find("}", self._at) - self._at, 1)
            case "u":
                return self._code(4)
            case "c":
                return chr(ord(self._next()) % 32)
            case "0" if not self._sees("0123456789"):
                return "\0"
            case _ if char.isascii() and char.isalnum():
                raise UnreadablePatternError("A back reference, or nothing that is known.")
            case _:
                return char

    def _category(self, *, wanted: bool) -> Holds:
        end = self._pattern.find("}", self._at)
        if not self._take("{") or end < 0:
            raise UnreadablePatternError("A property without its name.")
        name, self._at = self._pattern[self._at : end], end + 1
        return category(name, wanted=wanted)

    def _code(self, digits: int, closing: int = 0) -> str:
        written = self._pattern[self._at : self._at + digits]
        self._at += digits + closing
        complete = 0 < len(written) == digits <= 6 and _HEXADECIMAL.issuperset(written)
        number = int(written, 16) if complete else -1
        if not 0 <= number <= sys.maxunicode or number in _HALVES:
            raise UnreadablePatternError("The number of no character.")
        return chr(number)

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            raise UnreadablePatternError("It breaks off.")
        self._at += 1
        return self._pattern[self._at - 1]

    def _sees(self, chars: str) -> bool:
        return self._at < len(self._pattern) and self._pattern[self._at] in chars

    def _take(self, mark: str) -> bool:
        if not self._pattern.startswith(mark, self._at):
            return False
        self._at += len(mark)
        return True


def _is_count(written: str) -> bool:
    return written.isascii() and written.isdecimal() and len(written) <= 4
