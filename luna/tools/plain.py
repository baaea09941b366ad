"""What a text between two tags stands for when it is not in CDATA.

Owns three questions, and answers them while the text is still coming:

    layout      A line break behind the opening tag says that the value is laid out: it and the line break before the
                closing tag (with the indentation of that tag) are not the value's, nor is the indentation of a single
                line. Without it every blank is the value's.
    references  From the first `&` or `<` on the text is XML if it parses as text and nothing else (`&lt;` is `<`,
                CDATA sections are opened); otherwise it is taken as it stands.
    certainty   What comes before that first character, and is not a blank that could be layout, is certain at once.

Knows neither tags nor schemas.
"""

import enum
import re

from luna.tools.parse import text_of

_BREAK = re.compile(r"[ \t]*\r?\n")
_LAST_BREAK = re.compile(r"\r?\n[ \t]*\Z")
_MARK = re.compile(r"[&<]")


class _Stage(enum.Enum):
    BLANK = "nothing but blanks so far"
    EXACT = "not laid out: everything counts"
    LINE = "laid out, one line so far"
    LINES = "laid out, several lines"
    MARKED = "behind the first & or <"


class Plain:
    """One value. What `feed` returns and what `end` returns, put together, is the value."""

    def __init__(self) -> None:
        self._stage = _Stage.BLANK
        self._held: list[str] = []
        self._laid_out = False
        self._line_ended = False

    def __repr__(self) -> str:
        return f"<Plain {self._stage.value} held={sum(map(len, self._held))}>"

    def feed(self, text: str) -> str:
        """What is certain now."""
        if self._stage is _Stage.BLANK and text.strip():
            text = self._begin(text)
        if self._stage is _Stage.LINE and self._goes_on(text):
            text, self._stage = self._with_held(text), _Stage.LINES
        match self._stage:
            case _Stage.EXACT:
                return self._until_mark(text, "")
            case _Stage.LINES if not text.isspace():
                text = self._with_held(text)
                body = text.rstrip()
                return self._until_mark(body, text[len(body) :])
            case _:
                self._held.append(text)
                return ""

    def end(self) -> str:
        """The rest."""
        rest = self._with_held("")
        match self._stage:
            case _Stage.BLANK:
                return "" if "\n" in rest else rest
            case _Stage.LINE:
                return _resolved(rest.strip())
            case _Stage.LINES | _Stage.MARKED if self._laid_out:
                return _resolved(_LAST_BREAK.sub("", rest))
            case _:
                return _resolved(rest)

    def _begin(self, text: str) -> str:
        text = self._with_held(text)
        layout = _BREAK.match(text)
        self._laid_out = layout is not None
        self._stage = _Stage.LINE if layout else _Stage.EXACT
        return text[layout.end() :] if layout else text

    def _goes_on(self, text: str) -> bool:
        """Whether there is now a second line."""
        if not self._line_ended:
            start = text if self._held else text.lstrip()
            ended = start.find("\n")
            if ended < 0:
                return False
            self._line_ended = True
            text = start[ended:]
        return bool(text.strip())

    def _until_mark(self, text: str, blanks: str) -> str:
        found = _MARK.search(text)
        if found is None:
            self._held = [blanks] if blanks else []
            return text
        self._stage = _Stage.MARKED
        self._held = [text[found.start() :], blanks]
        return text[: found.start()]

    def _with_held(self, text: str) -> str:
        text = "".join([*self._held, text])
        self._held = []
        return text


def unlaid(text: str) -> str:
    """The value of a text whose references are resolved already."""
    layout = _BREAK.match(text)
    if layout is None:
        return text
    body = _LAST_BREAK.sub("", text[layout.end() :])
    return body if "\n" in body.strip() else body.strip()


def _resolved(text: str) -> str:
    found = _MARK.search(text)
    if found is None:
        return text
    resolved = text_of(text[found.start() :])
    return text if resolved is None else text[: found.start()] + resolved
