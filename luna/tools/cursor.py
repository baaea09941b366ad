"""Where in a block its reader stands, and what it sees next.

Owns the text that has come and is not read yet, and what counts as noise between tags: blanks, comments, code fences,
the marks of CDATA sections that wrap more than a value. Knows no grammar.
"""

import re

from luna.tools.tags import LONGEST, MORE, Role, Tag, could_be_ours, read_tag
from luna.tools.value import CDATA

_NOISE = re.compile(r"(?:\s+|<!--.*?-->|<!\[CDATA\[|\]\]>|\]\](?=\s*<)|`{3,}[\w-]*)+", re.DOTALL)
_NOISE_BEGUN = re.compile(r"(?:`{1,2}|<!-?|<!--.*|\]|\]\]\s*)\Z", re.DOTALL)
_STOP = re.compile(r"<!\[CDATA\[|</|\[\s*/|<\Z|\[\s*\Z|<!.{0,7}\Z", re.DOTALL)


class Cursor:
    """A place in a text that is still coming."""

    def __init__(self) -> None:
        self.final = False
        """Nothing more comes."""
        self._text = ""
        self._pos = 0
        self._at = 0

    def __repr__(self) -> str:
        return f"<Cursor {self._text[self._pos : self._pos + 20]!r}{' final' if self.final else ''}>"

    def feed(self, text: str) -> None:
        """More has come."""
        self._text, self._pos = self._text[self._pos :] + text, 0

    def rest(self) -> str:
        """All that is not read yet; it is read by whoever asks."""
        rest, self._text, self._pos = self._text[self._pos :], "", 0
        return rest

    def back(self, rest: str) -> None:
        """Read on here."""
        self._text, self._pos = rest + self._text[self._pos :], 0

    def next(self, *, any_tag: bool) -> Tag | str | None:
        """The tag, or the character that begins no tag, that stands behind the noise; None when more must come
        first. `any_tag`: tags without a role count too, so they are waited for."""
        found = _NOISE.match(self._text, self._pos)
        self._at = at = found.end() if found else self._pos
        if at == len(self._text):
            return None
        if not self.final and self._noise_begins(at):
            return None
        if self._text[at] not in "<[":
            return self._text[at]
        tag = read_tag(self._text, at)
        if tag is MORE:
            return None if any_tag or could_be_ours(self._text, at) else self._text[at]
        return self._text[at] if tag is None else tag

    def _noise_begins(self, at: int) -> bool:
        if len(self._text) - at > LONGEST:
            return False
        if self._text[at] == "<" and CDATA.startswith(self._text[at : at + len(CDATA)]):
            return True
        return self._text[at] in "<`]" and _NOISE_BEGUN.match(self._text, at) is not None

    def take(self, tag: Tag | None = None) -> None:
        """Go behind this tag, which `next` returned; behind the noise only when there is none."""
        self._pos = self._at if tag is None else tag.end

    def drop_blanks(self) -> None:
        """Go behind blanks if there is nothing else."""
        if self._text[self._pos :].isspace():
            self._pos = len(self._text)

    def take_character(self) -> None:
        """Go behind the character that `next` returned."""
        self._pos = self._at + 1

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What stands here, if it matches; the cursor goes behind it."""
        found = pattern.match(self._text, self._pos)
        if found is not None:
            self._pos = found.end()
        return found

    @property
    def waiting(self) -> int:
        """How many characters are not read yet."""
        return len(self._text) - self._pos

    @property
    def breaks_off(self) -> bool:
        """What is left begins a tag that would have opened something."""
        left = self._text[self._pos :].lstrip()
        return len(left) > 1 and left[0] in "<[" and left[1] not in "/!"


class Skipper:
    """Passes over what cannot be read, CDATA sections as a whole, up to a closing tag of certain roles."""

    def __init__(self, *roles: Role) -> None:
        self._roles = roles
        self._tail = ""
        self._quoted = False
        self.passed: list[str] = []
        """What it passed over."""

    def __repr__(self) -> str:
        return f"<Skipper to {', '.join(role.name for role in self._roles)}>"

    def feed(self, text: str) -> str | None:
        """Take more. Returns the text from the closing tag on, or None when it has not come yet."""
        text, self._tail = self._tail + text, ""
        pos = 0
        while True:
            if self._quoted:
                end = text.find("]]>", pos)
                if end < 0:
                    self._keep(text, max(pos, len(text) - 2))
                    return None
                self._quoted, pos = False, end + 3
            found = _STOP.search(text, pos)
            if found is None:
                self._keep(text, len(text))
                return None
            at, pos = found.start(), found.end()
            if found[0] == CDATA:
                self._quoted = True
                continue
            tag = read_tag(text, at)
            if tag is MORE or text[at : at + 2] == "<!":
                self._keep(text, at)
                return None
            if isinstance(tag, Tag) and tag.closing and tag.role in self._roles:
                self.passed.append(text[:at])
                return text[at:]

    def _keep(self, text: str, at: int) -> None:
        self.passed.append(text[:at])
        self._tail = text[at:]
