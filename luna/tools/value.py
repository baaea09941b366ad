"""Follows one parameter's value and finds where it ends.

Owns that one question, which is hard because a value may hold any text, closing tags among it. A closing tag ends the
value only where the call can go on behind it: with the next parameter or with the end of parameters or call. In CDATA
it must also stand behind `]]>`; a `]]>` anywhere else is text.

A place that looks like the end but is not certain (`]]>` is missing, or something strange follows) becomes a doubt:
all that comes after it is kept back. The true end, when it comes, shows that it was text. When the stream is over
without one, the doubt was the end.

Fed pieces of any size; what is certain goes to a sink at once. Never looks at the same text twice.
"""

import enum
import re
from collections.abc import Callable
from typing import Protocol

from luna.tools.tags import LONGEST, MORE, ROLES, Role, Tag, known_name, read_tag

CDATA = "<![CDATA["
_STOP = re.compile(r"\]\]|</|[\]<]\Z")
_TAG = re.compile(r"</|<\Z")
_CLOSING = re.compile(r"<(?:/\s*([\w.:-]*)|\Z)")
_BLANKS = re.compile(r"\s*")
_JOINED = "]]>" + CDATA
_AROUND = (Role.CALLS, Role.CALL, Role.PARAMETERS)
Follows = Callable[[Tag, bool], bool]
"""Whether a call can go on with this tag behind a value; the flag says that the value stood in CDATA."""


class Sink(Protocol):
    """Takes one value: either only `literal` or only `plain`, then `end`."""

    def literal(self, text: str) -> None:
        """More of a value that stood in CDATA: it means what it says."""
        ...

    def plain(self, text: str) -> None:
        """More of a value that did not: it may be laid out, and hold references."""
        ...

    def end(self) -> None:
        """The value is complete."""
        ...


class _At(enum.Enum):
    TEXT = "no end here"
    MORE = "perhaps; more must come first"
    END = "the end"
    DOUBT = "the end if there is no better one"
    BEFORE = "the end was where the doubt began"


class ValueReader:
    """Reads one value. `tag` opened it."""

    def __init__(self, tag: Tag, follows: Follows, sink: Sink) -> None:
        self._tag = tag
        self._name = tag.name.casefold()
        self._follows = follows
        self._sink = sink
        self._tail = ""
        self._blanks: list[str] = []
        self._begun = False
        self._quoted = False
        self._doubt: list[str] | None = None
        self._marked = False

    def __repr__(self) -> str:
        how = (" in CDATA" if self._quoted else "") + (" in doubt" if self._doubt is not None else "")
        return f"<ValueReader {self._tag.name}{how}>"

    def feed(self, text: str) -> str | None:
        """Take more. Returns what stands behind the closing tag once the value has ended, else None."""
        text, self._tail = self._tail + text, ""
        if not self._begun:
            start = text.lstrip()
            if not start:
                self._blanks.append(text)
                return None
            if len(start) < len(CDATA) and CDATA.startswith(start):
                self._tail = text
                return None
            self._begun, self._quoted = True, start.startswith(CDATA)
            text = start[len(CDATA) :] if self._quoted else "".join([*self._blanks, text])
        return self._read(text, final=False)

    def finish(self) -> str | None:
        """The stream is over. Returns what stands behind the value if it had ended, else None: it was cut."""
        text, self._tail = self._tail, ""
        rest = self._read(text, final=True) if self._begun else None
        if rest is None and self._doubt is not None:
            self._sink.end()
            rest = "".join(self._doubt)
        return rest

    def _read(self, text: str, *, final: bool) -> str | None:
        stop, look = (_STOP, self._look_quoted) if self._quoted else (_TAG, self._look_plain)
        pos = 0
        while found := stop.search(text, pos):
            at = found.start()
            if self._quoted and text.startswith(_JOINED, at):
                self._give(text[: at + len(_JOINED)] if self._doubt is not None else text[:at])
                text, pos = text[at + len(_JOINED) :], 0
                continue
            verdict, end = look(text, at, final)
            match verdict:
                case _At.TEXT:
                    pos = end
                case _At.MORE:
                    self._give(text[:at])
                    self._tail = text[at:]
                    return None
                case _At.END:
                    self._give(text[:at])
                    self._dispel()
                    self._sink.end()
                    return text[end:]
                case _At.BEFORE:
                    self._give(text[:at])
                    self._sink.end()
                    return "".join([*(self._doubt or ()), text[at:]])
                case _At.DOUBT:
                    self._give(text[:at])
                    self._dispel()
                    self._doubt = []
                    text, pos = text[at:], end - at
        self._give(text)
        return None

    def _give(self, text: str) -> None:
        if not text:
            return
        if self._doubt is not None:
            self._doubt.append(text)
        elif self._quoted:
            self._sink.literal(text)
        else:
            self._marked = self._marked or "<" in text
            self._sink.plain(text)

    def _dispel(self) -> None:
        """It was text after all."""
        if self._doubt is not None:
            text, self._doubt = "".join(self._doubt), None
            self._give(text.replace(_JOINED, "") if self._quoted else text)

    def _look_quoted(self, text: str, at: int, final: bool) -> tuple[_At, int]:
        """What the `]]`, the `</`, or the last character of the text that could begin one of them is."""
        if text.startswith("</", at):
            return self._unmarked(text, at, at, final)
        if not text.startswith("]]", at):
            return (_At.TEXT, len(text)) if final else (_At.MORE, at)
        marked = text.startswith("]]>", at)
        behind = at + (3 if marked else 2)
        start = _blanks(text, behind)
        if start == len(text):
            if final:
                return (_At.END if marked else _At.TEXT), behind
            return (_At.MORE, at) if start - behind < LONGEST else (_At.TEXT, behind)
        if not marked:
            return self._unmarked(text, at, start, final) if text[start] == "<" else (_At.TEXT, at + 1)
        if text[start] != "<":
            return _At.TEXT, behind
        if start == behind and len(text) - start < len(CDATA) and CDATA.startswith(text[start:]):
            return (_At.DOUBT, len(text)) if final else (_At.MORE, at)
        verdict, end = self._closing(text, start, final)
        return (_At.TEXT, behind) if verdict is _At.TEXT else (verdict, end)

    def _unmarked(self, text: str, at: int, start: int, final: bool) -> tuple[_At, int]:
        """What the closing tag at `start` is, with no `]]>` before it."""
        verdict, end = self._closing(text, start, final, certain=True)
        if verdict is _At.END and self._doubt is None:
            return _At.DOUBT, end
        return (_At.MORE, at) if verdict is _At.MORE else (_At.TEXT, start + 1)

    def _look_plain(self, text: str, at: int, final: bool) -> tuple[_At, int]:
        """What the closing tag is that begins here, or may begin with the last character. A wrong one ends the value
        too when nothing else in it looks like a tag; so does the end of the call when it cannot be text."""
        verdict, end = self._closing(text, at, final)
        if verdict is not _At.TEXT:
            return verdict, end
        tag = read_tag(text, at)
        if tag is None:
            return _At.TEXT, at + 1
        if tag is MORE:
            return self._wait(at, final)
        around = tag.role in _AROUND
        if not around and not self._alone(text, at):
            return _At.TEXT, at + 1
        return self._wrong(text, at, tag, final)

    def _wrong(self, text: str, at: int, tag: Tag, final: bool) -> tuple[_At, int]:
        """What a closing tag is that is not the value's."""
        alone = self._alone(text, at)
        if alone and tag.ours:
            return _At.END, at
        start = _blanks(text, tag.end)
        following = read_tag(text, start) if text.startswith("<", start) else None
        if following is MORE or (start == len(text) and start - tag.end < LONGEST):
            return (_At.END, at) if final and alone and tag.role in _AROUND else self._wait(at, final)
        if not isinstance(following, Tag):
            return _At.TEXT, at + 1
        if tag.role not in _AROUND:
            return (_At.END, tag.end) if self._follows(following, False) else (_At.TEXT, at + 1)
        over = following.closing and following.role in _AROUND and (alone or following.ours or self._doubt is not None)
        if not over:
            return _At.TEXT, at + 1
        return (_At.END, at) if self._doubt is None else (_At.BEFORE, at)

    def _closing(self, text: str, at: int, final: bool, certain: bool = False) -> tuple[_At, int]:
        """What the `<` at this place is, by what follows. `certain`: by nothing but the end of the call."""
        if not self._may_close(text, at):
            return _At.TEXT, at + 1
        tag = read_tag(text, at)
        if tag is MORE:
            return (_At.END, len(text)) if final and not certain and len(text) - at > 1 else self._wait(at, final)
        if tag is None:
            return _At.TEXT, at + 1
        start = _blanks(text, tag.end)
        if start - tag.end > LONGEST:
            return _At.DOUBT, tag.end
        if start == len(text):
            return (_At.END, tag.end) if final and not certain else self._wait(at, final)
        following = read_tag(text, start) if text[start] == "<" else None
        if following is MORE or (text[start] == "<" and "<!--".startswith(text[start:])):
            return (_At.END, tag.end) if final and not certain else self._wait(at, final)
        if isinstance(following, Tag):
            sure = not (self._quoted or following.closing) and self._alone(text, at)
            fits = (sure or self._follows(following, self._quoted)) and (following.closing or not certain)
        else:
            fits = text.startswith("<!--", start) and not certain
        return (_At.END if fits else _At.DOUBT), tag.end

    def _alone(self, text: str, at: int) -> bool:
        """Whether nothing in the value so far looks like a tag."""
        return not self._marked and self._doubt is None and "<" not in text[:at]

    def _wait(self, at: int, final: bool) -> tuple[_At, int]:
        return (_At.TEXT, at + 1) if final else (_At.MORE, at)

    def _may_close(self, text: str, at: int) -> bool:
        """Whether this is the closing tag of the value, as far as it goes."""
        found = _CLOSING.match(text, at, at + LONGEST)
        if found is None:
            return False
        name, whole = (found[1] or "").casefold(), found.end() < len(text)
        if self._tag.role is Role.PARAMETER:
            if whole:
                return ROLES.get(known_name(name)) is Role.PARAMETER
            return "parameter".startswith(name.removeprefix("ml_")) or "ml_".startswith(name)
        return name == self._name if whole else self._name.startswith(name)


def _blanks(text: str, at: int) -> int:
    """Where the text goes on after blanks."""
    found = _BLANKS.match(text, at)
    return found.end() if found else at
