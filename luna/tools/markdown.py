"""Knows where in a Markdown text one stands: in a code fence, in inline code, or neither.

Owns those two questions (CommonMark 0.31, sections 4.5 and 6.1), answered while the text is still coming. Kept simple
where models are: a fence may be indented as far as it likes, and inline code ends with its line.
"""

import re

_MARKS = re.compile(r"[`~\n]")
_TOKEN = re.compile(r"`+|~+|\n|[^`~\n]+")
_MARGIN = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?[ \t>]*")
_MARGIN_BEGUN = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)]?)(?:[ \t][ \t>]*)?)?")
_LONGEST_MARGIN = 64


class Markdown:
    """A place in a text."""

    def __init__(self) -> None:
        self.fence = ""
        """The run of marks that opened the fence, outside of one ""."""
        self._margin: str | None = ""
        """The line so far, as long as a fence could begin or end on it."""
        self._code = 0
        self._run = ""
        self._run_at_margin = False
        self._opening = ""
        self._closing = False

    def __repr__(self) -> str:
        return f"<Markdown {f'in {self.fence}' if self.fence else 'in code' if self._code else 'in text'}>"

    @property
    def code(self) -> int:
        """How many backticks opened the inline code; 0 outside of it."""
        if self._run:
            self._settle()
        return self._code or len(self._opening)

    @property
    def at_margin(self) -> bool:
        """Nothing stands on the line so far before which a fence could not begin."""
        return not self._run and not self._opening and self._is_margin()

    def _is_margin(self) -> bool:
        return self._margin is not None and _MARGIN.fullmatch(self._margin) is not None

    def advance(self, text: str) -> None:
        """Go on behind this text."""
        if not self._run and _MARKS.search(text) is None:
            if self._margin is not None or self._closing:
                self._words(text)
            return
        for found in _TOKEN.finditer(text):
            part = found[0]
            if part[0] in "`~":
                self._marks(part)
                continue
            if self._run:
                self._settle()
            if part == "\n":
                self._newline()
            else:
                self._words(part)

    def leave_code(self) -> None:
        """The inline code is none: its end does not come."""
        self._code, self._opening = 0, ""

    def _marks(self, run: str) -> None:
        if self._run and self._run[0] != run[0]:
            self._settle()
        if not self._run:
            self._run_at_margin = self._is_margin()
        self._run += run

    def _settle(self) -> None:
        """The run of marks has ended."""
        run, self._run = self._run, ""
        at_margin = self._run_at_margin
        self._margin = None
        if self.fence:
            self._closing = at_margin and run[0] == self.fence[0] and len(run) >= len(self.fence)
        elif at_margin and len(run) >= 3:
            self._opening = run
        elif run[0] == "`":
            if self._opening and self._opening[0] == "`":
                self._code, self._opening = len(self._opening), ""  # it opened inline code
            self._code = 0 if self._code == len(run) else self._code or len(run)

    def _words(self, text: str) -> None:
        if self._closing and not text.isspace():
            self._closing = False
        if self._margin is not None:
            margin = self._margin + text
            self._margin = margin if len(margin) < _LONGEST_MARGIN and _MARGIN_BEGUN.fullmatch(margin) else None

    def _newline(self) -> None:
        if self._opening:
            self.fence, self._opening = self._opening, ""
        elif self._closing:
            self.fence = ""
        self._code, self._closing, self._margin = 0, False, ""
