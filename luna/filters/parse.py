"""From a filter's text to its condition. The grammar stands in `luna.filters.operators`."""

from collections.abc import Mapping

from luna.filters.conditions import Both, Condition, Either, Not
from luna.filters.operators import OPERATORS, Operator
from luna.filters.scan import FilterError, Piece, scan
from luna.filters.values import condition

DEEPEST = 30
"""Parentheses and negations within one another."""
_STARTS = frozenset({"not", "open", "operator", "value"})
_A_CONDITION = "a condition: ~ and a letter, a word, or ( … )"


def parse(text: str, now: float, operators: Mapping[str, Operator] = OPERATORS) -> Condition | None:
    """What the filter says; None for an empty one, which holds for all. `now`, in seconds since the epoch, is what
    ages are counted from. Raises FilterError."""
    parser = _Parser(scan(text), now, operators)
    if parser.peek().sort == "end":
        return None
    found = parser.either(0)
    if parser.peek().sort != "end":
        raise FilterError(parser.peek().column, "There is a ) without its (", "an operator, & or |, or the end")
    return found


class _Parser:
    """Goes through the pieces once."""

    def __init__(self, pieces: list[Piece], now: float, operators: Mapping[str, Operator]) -> None:
        self._pieces = pieces
        self._operators = operators
        self._at = 0
        self._now = now

    def peek(self) -> Piece:
        return self._pieces[self._at]

    def _take(self) -> Piece:
        piece = self.peek()
        self._at += 1
        return piece

    def either(self, depth: int) -> Condition:
        parts = [self._both(depth)]
        while self.peek().sort == "or":
            self._take()
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self.peek().sort == "and" or self.peek().sort in _STARTS:
            if self.peek().sort == "and":
                self._take()
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _one(self, depth: int) -> Condition:
        piece = self._take()
        if depth > DEEPEST:
            raise FilterError(piece.column, "Too many conditions within one another", f"at most {DEEPEST}")
        match piece.sort:
            case "not":
                return Not(self._one(depth + 1))
            case "open":
                inner = self.either(depth + 1)
                if self._take().sort != "close":
                    raise FilterError(
                        self._pieces[self._at - 1].column, "A ( is not closed", "a ) behind its conditions"
                    )
                return inner
            case "operator":
                return self._operator(piece)
            case "value":
                return condition(self._operators["q"], piece, piece.column, self._now)
            case _:
                what = "The filter ends too early" if piece.sort == "end" else f"{piece.text!r} stands alone"
                raise FilterError(piece.column, what, _A_CONDITION)

    def _operator(self, piece: Piece) -> Condition:
        operator = self._operators.get(piece.text)
        if operator is None:
            known = ", ".join(f"~{letter}" for letter in self._operators)
            raise FilterError(piece.column, f"There is no ~{piece.text[:20]}", f"one of {known}")
        value: Piece | None = None
        column = piece.column + 1 + len(piece.text)
        if operator.value != "nothing" and self.peek().sort == "value":
            value = self._take()
            column = value.column
            if value.text in ("<", "<=", ">", ">=", "=") and self.peek().sort == "value":  # `~d > 2s`
                value = Piece("value", value.text + self._take().text, column)
        return condition(operator, value, column, self._now)
