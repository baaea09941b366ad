"""Sifts the calls out of an answer's text while it is still coming.

Owns what is text and what is not, and how long text must wait. Text goes on untouched; it waits only while it could be
the beginning of a call. Where calls may be quoted (Markdown's code), it decides between call and quotation:

    inline code    is a quotation, if it ends on its line
    a code fence   is a quotation, unless it holds nothing but calls (`luna.tools.fenced`)
    elsewhere      a call is a call

Behind a block, closing tags that are left over are dropped, and so are blanks unless more text follows. A block that
cannot be delivered becomes a notice, never text. How a block is read is `luna.tools.block`'s business.

How the text is cut into pieces never matters.
"""

import re
from collections.abc import Iterable, Sequence

from luna.model.events import StreamEvent, TextDelta
from luna.tools.block import Block
from luna.tools.call import truncated
from luna.tools.fenced import FENCE, FENCE_BEGUN, Fenced
from luna.tools.markdown import Markdown
from luna.tools.numbering import Numbering
from luna.tools.opening import PATIENCE, Opening, closer, opening
from luna.tools.schema import Toolbox
from luna.tools.tags import MORE, Role, Tag, read_tag

_LOOK = re.compile(r"</?(?=[tfima]|\Z)|\[(?=[\s/fc]|\Z)|`{3,}|~{3,}|[`~]{1,2}\Z", re.IGNORECASE)
"""What is worth a look: the first letters are those of the tags that may begin a block, or be left over in text."""
_RUN = re.compile(r"`+|~+")
_BLANKS = re.compile(r"\s*")
_CODE_END = re.compile(r"`+|\n")
_LONGEST_CODE = 4096
_PIECE = 4096


class Sieve:
    """One answer."""

    def __init__(self, toolbox: Toolbox, numbering: Numbering) -> None:
        self._toolbox = toolbox
        self._numbering = numbering
        self._place = Markdown()
        self._held = ""
        self._block: Block | None = None
        self._fenced: Fenced | None = None
        self._behind = False
        self._wrapped = False
        self._quoting = False
        self._out: list[StreamEvent] = []

    def __repr__(self) -> str:
        state = self._block or self._fenced or f"held={len(self._held)}"
        return f"<Sieve {self._place!r} {state!r}>"

    def passes(self, text: str) -> bool:
        """Whether this piece goes on as it is, and nothing before it waits; if so, it counts as fed."""
        if self._held or self._behind or self._block or self._fenced or _LOOK.search(text) is not None:
            return False
        self._place.advance(text)
        return True

    def feed(self, text: str) -> Sequence[StreamEvent]:
        """What becomes of this piece."""
        if self.passes(text):
            return (TextDelta(text),)
        for start in range(0, len(text), _PIECE):
            self._read(text[start : start + _PIECE], final=False)
        return self._give()

    def finish(self) -> Sequence[StreamEvent]:
        """The text is complete: what was waiting."""
        self._read("", final=True)
        return self._give()

    def flush(self) -> Sequence[StreamEvent]:
        """The text breaks off in the middle, and the client will be told so: what was waiting, but no more calls."""
        if self._block is not None:
            self._out += self._block.broken()
        elif self._fenced is not None:
            self._say(self._fenced.raw)
        elif not self._held.lstrip().startswith(("<ml_", "</ml_")):
            self._say(self._held)
        self._held, self._block, self._fenced = "", None, None
        return self._give()

    def _give(self) -> Sequence[StreamEvent]:
        out, self._out = self._out, []
        return out

    def _read(self, text: str, *, final: bool) -> None:
        more: str | None = self._held + text
        self._held = ""
        while more is not None:
            if self._block is not None:
                more = self._read_block(self._block, more, final)
            elif self._fenced is not None:
                more = self._read_fenced(self._fenced, more, final)
            elif self._behind:
                more = self._read_behind(more, final)
            else:
                more = self._read_text(more, final)

    # what the text consists of; each returns what is still to be read, None when all is

    def _read_block(self, block: Block, text: str, final: bool) -> str | None:
        self._deliver(block.feed(text))
        if final and not block.done:
            self._deliver(block.finish())
        if not block.done:
            return None
        self._block, self._behind, self._wrapped = None, True, block.open
        return block.rest

    def _read_fenced(self, fenced: Fenced, text: str, final: bool) -> str | None:
        quotation = fenced.feed(text, final=final)
        if quotation is not None:
            self._fenced, self._quoting = None, True
            self._say(quotation[0])
            return quotation[1]
        if final:
            self._fenced = None
            self._deliver(fenced.events)
        return None

    def _read_behind(self, text: str, final: bool) -> str | None:
        found = _BLANKS.match(text)
        at = found.end() if found else 0
        if at == len(text) and (final or at < PATIENCE):
            self._held = "" if final else text
            return None
        if at < len(text) and text[at] in "<[":
            tag = closer(text, at)
            if isinstance(tag, Tag):
                return text[tag.end :]
            verdict, end = opening(text, at, self._toolbox)
            if verdict is Opening.LEFTOVER:
                return text[end:]
            if tag is MORE or verdict is Opening.MORE:
                if not final:
                    self._held = text
                    return None
                if text.startswith("</", at):
                    return None  # a closing tag that breaks off
            if verdict is Opening.BLOCK:
                text = text[at:]
        self._behind = False
        return text

    def _read_text(self, text: str, final: bool) -> str | None:
        pos = read = 0
        while found := _LOOK.search(text, pos):
            at = found.start()
            self._place.advance(text[read:at])
            read = at
            verdict, end = self._look(text, at, final)
            if verdict is Opening.TEXT:
                pos = end
                continue
            self._tell(text[:at])
            if verdict is Opening.LEFTOVER:
                tag = read_tag(text, at)
                self._wrapped = self._wrapped and not (isinstance(tag, Tag) and tag.role is Role.CALLS)
                return text[end:]
            if verdict is Opening.BLOCK:
                return self._begin(text, at)
            if not final:
                self._held = text[at:]
                return None
            return self._break_off(text, at)
        self._place.advance(text[read:])
        self._tell(text)
        return None

    def _look(self, text: str, at: int, final: bool) -> tuple[Opening, int]:
        """What the mark at this place is, and where to look on if it is text."""
        if text[at] in "`~":
            run = _RUN.match(text, at)
            end = run.end() if run else at + 1
            if self._place.fence or not self._place.at_margin:
                return Opening.TEXT, end
            self._quoting = False
            return self._fence(text, at), end
        verdict, end = opening(text, at, self._toolbox)
        if verdict is Opening.TEXT and self._wrapped and not self._place.fence:
            verdict, end = self._left_over(text, at)
        if verdict is Opening.TEXT:
            return verdict, at + 1
        if self._place.fence:
            possible = verdict in (Opening.BLOCK, Opening.MORE) and self._place.at_margin and not self._quoting
            return (verdict, end) if possible else (Opening.TEXT, at + 1)
        if self._place.code:
            return self._in_code(text, at, verdict, end, final)
        return verdict, end

    def _left_over(self, text: str, at: int) -> tuple[Opening, int]:
        """The closing tag of a wrapper that was left open."""
        tag = closer(text, at)
        if tag is MORE:
            return Opening.MORE, at
        if tag is None or tag.role is not Role.CALLS:
            return Opening.TEXT, at
        return Opening.LEFTOVER, tag.end

    def _fence(self, text: str, at: int) -> Opening:
        """Whether a fence that holds calls begins here."""
        line = FENCE.match(text, at)
        if line is None:
            return Opening.MORE if FENCE_BEGUN.match(text, at) else Opening.TEXT
        blanks = _BLANKS.match(text, line.end())
        inside = blanks.end() if blanks else line.end()
        if inside == len(text):
            return Opening.MORE if inside - at < PATIENCE else Opening.TEXT
        if text[inside] not in "<[":
            return Opening.TEXT
        verdict, _ = opening(text, inside, self._toolbox)
        return Opening.TEXT if verdict is Opening.LEFTOVER else verdict

    def _in_code(self, text: str, at: int, verdict: Opening, end: int, final: bool) -> tuple[Opening, int]:
        """Inline code counts as such if it ends on its line."""
        for found in _CODE_END.finditer(text, at, at + _LONGEST_CODE):
            if found[0] == "\n":
                break
            if found.end() == len(text) and not final:
                return Opening.MORE, at
            if len(found[0]) == self._place.code:
                return Opening.TEXT, at + 1
        else:
            if len(text) - at < _LONGEST_CODE and not final:
                return Opening.MORE, at
        self._place.leave_code()
        return verdict, end

    def _begin(self, text: str, at: int) -> str:
        """A block or a fence with one begins here."""
        line = FENCE.match(text, at)
        if line is not None:
            self._fenced = Fenced(self._toolbox, line[0], line[1])
            return text[line.end() :]
        if self._place.fence:
            self._fenced = Fenced(self._toolbox, "", self._place.fence)
        else:
            self._block = Block(self._toolbox)
        return text[at:]

    def _break_off(self, text: str, at: int) -> str | None:
        """The text ends in the middle of what could have become a call."""
        tag = read_tag(text, at) if text[at] in "<[" and not self._place.fence else None
        if isinstance(tag, Tag) and text[tag.end :].strip():
            if tag.role is Role.NAME:
                return text[tag.end :]
            self._block = Block(self._toolbox)
            return text[at:]
        if tag is None or not text.startswith(("<ml_", "</ml_"), at):
            self._say(text[at])
            return text[at + 1 :]
        self._out.append(truncated("", streamed=False))
        return None

    # what goes out

    def _say(self, text: str) -> None:
        """This is text; nothing in it is a call."""
        self._place.advance(text)
        self._tell(text)

    def _tell(self, text: str) -> None:
        if not text:
            return
        last = self._out[-1] if self._out else None
        if isinstance(last, TextDelta):
            self._out[-1] = TextDelta(last.text + text)
        else:
            self._out.append(TextDelta(text))

    def _deliver(self, events: Iterable[StreamEvent]) -> None:
        self._out += map(self._numbering.number, events)
