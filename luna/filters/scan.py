"""From a filter's text to its pieces, each with the column at which it begins."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from luna.model.errors import Kind, LunaError

LONGEST = 1000
"""Characters of a filter."""

_SIGNS = {"&": "and", "|": "or", "(": "open", ")": "close"}
_ENDS = frozenset(_SIGNS)
_QUOTES = "'\""
_CLOSING = "&|()!~'\"<>="
"""What ends an operator's letters, beside a space."""

Sort = Literal["and", "or", "not", "open", "close", "operator", "value", "end"]


class Piece(msgspec.Struct, frozen=True):
    """`text` is an operator's letters, or a value without its quotes. `column` counts from 1."""

    sort: Sort
    text: str
    column: int


class FilterError(LunaError):
    """The filter says nothing that can be understood: where, and what was expected there."""

    def __init__(self, column: int, problem: str, expected: str) -> None:
        super().__init__(
            Kind.BAD_REQUEST,
            f"{problem} at column {column}.",
            hint=f"Expected {expected}.",
            param="filter",
            detail={"column": column, "expected": expected},
        )
        self.column = column
        self.problem = problem
        self.expected = expected


def scan(text: str) -> list[Piece]:
    """The pieces, with one of the sort `end` at their end. Raises FilterError."""
    if len(text) > LONGEST:
        raise FilterError(LONGEST + 1, "The filter is too long", f"at most {LONGEST} characters")
    return [*_pieces(text), Piece("end", "", len(text) + 1)]


def _pieces(text: str) -> Iterator[Piece]:
    at = 0
    while at < len(text):
        sign = text[at]
        column = at + 1
        if sign.isspace():
            at += 1
        elif sign in _SIGNS:
            yield Piece(_SIGNS[sign], sign, column)  # type: ignore[arg-type]
            at += 1
        elif sign == "!":
            yield Piece("not", sign, column)
            at += 1
        elif sign == "~":
            letters = _letters(text, at)
            yield Piece("operator", _printable(letters, column + 1), column)
            at += 1 + len(letters)
        elif sign in _QUOTES:
            end = text.find(sign, at + 1)
            if end < 0:
                raise FilterError(column, "A quote is not closed", f"another {sign} behind the text")
            yield Piece("value", _printable(text[at + 1 : end], column + 1), column)
            at = end + 1
        else:
            end = next((i for i in range(at, len(text)) if text[i].isspace() or text[i] in _ENDS), len(text))
            yield Piece("value", _printable(text[at:end], column), column)
            at = end


def _letters(text: str, at: int) -> str:
    end = next((i for i in range(at + 1, len(text)) if text[i].isspace() or text[i] in _CLOSING), len(text))
    letters = text[at + 1 : end]
    if not letters:
        raise FilterError(at + 1, "A ~ begins an operator", "one letter or one word behind the ~, then a space")
    return letters


def _printable(text: str, column: int) -> str:
    for offset, sign in enumerate(text):
        if not sign.isprintable() and not sign.isspace():
            raise FilterError(column + offset, "A character cannot be shown", "letters, digits and signs")
    return text
