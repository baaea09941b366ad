"""Reads one JSON value off a block that is still coming.

Owns what happens when the value does not end as JSON should: at a tag, or with the stream. What the value means is
its reader's business.
"""

from luna.tools.cursor import Cursor
from luna.tools.documents import broken_off
from luna.tools.json_text import MISSING, Decoded, JsonEnd, repaired


class JsonReader:
    """Reads the value at which the cursor stands."""

    def __init__(self, cursor: Cursor) -> None:
        self.text = ""
        """The value as it is written, once it has been read."""
        self._cursor = cursor
        self._end = JsonEnd()
        self._kept: list[str] = []

    def __repr__(self) -> str:
        return f"<JsonReader {self._end!r}>"

    @property
    def complete(self) -> bool:
        """All its brackets are closed."""
        return self._end.complete

    def read(self) -> Decoded:
        """The value; MISSING when more must come, or was cut; NOTHING when it is not readable."""
        text = self._cursor.rest()
        if text.endswith("[") and not self._cursor.final:
            text = text[:-1]
            self._cursor.back("[")  # a list, or `[/call]`
        end = self._end.feed(text)
        self._kept.append(text if end is None else text[:end])
        if end is None and not self._cursor.final:
            return MISSING
        self.text = "".join(self._kept)
        if end is not None:
            self._cursor.back(text[end:])
            return repaired(self.text, close=not self._end.complete)
        broken = broken_off(self.text)
        if broken is None:
            return MISSING
        value, rest = broken
        self._cursor.back(rest)
        return value
