"""Follows the members of a JSON object that comes in pieces.

Owns which members are complete and which is coming. Trusts the text to be JSON: it is written by `luna.tools`.
"""

import re

from luna.tools.json_text import NOTHING, decode

_STOP = re.compile(r'["{}\[\],:]')
_IN_STRING = re.compile(r'["\\]')


class Members:
    """The members so far. Never looks at the same text twice."""

    def __init__(self) -> None:
        self.complete: dict[str, object] = {}
        """The values that have come, by name."""
        self.text = ""
        """The name of the member whose value is a string that is still coming; "" when there is none."""
        self._key: str | None = None
        self._kept: list[str] = []
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def __repr__(self) -> str:
        return f"<Members {', '.join(self.complete)}{f' {self.text}…' if self.text else ''}>"

    def feed(self, json: str) -> None:
        """Take more."""
        pos = start = 0
        if self._escaped and json:
            pos, self._escaped = 1, False
        while found := (_IN_STRING if self._in_string else _STOP).search(json, pos):
            pos, mark = found.end(), found[0]
            if mark == "\\":
                self._escaped = pos == len(json)
                pos += 1
            elif mark == '"':
                self._quote()
            elif mark in "{[":
                self._depth += 1
                start = pos if self._depth == 1 else start
            elif self._depth == 1 and mark in ":,}":
                self._kept.append(json[start : found.start()])
                self._take(mark)
                start = pos
                self._depth -= mark == "}"
            else:
                self._depth -= mark in "}]"
        self._kept.append(json[start:])

    def _quote(self) -> None:
        self._in_string = not self._in_string
        begins = self._in_string and self._depth == 1 and self._key is not None
        if self._depth == 1:
            self.text = (self._key or "") if begins else ""

    def _take(self, mark: str) -> None:
        """What was kept is a name, or the value of the last name."""
        value = decode("".join(self._kept))
        self._kept.clear()
        if mark == ":":
            self._key = value if isinstance(value, str) else ""
        elif self._key is not None:
            if value is not NOTHING:
                self.complete[self._key] = value
            self._key = None
