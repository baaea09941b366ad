"""Reads one call, from behind its opening tag to its end, in whatever dialect.

Owns what stands inside a call, what may be missing or wrong there, and what ends it. A missing closing tag is no
error: whatever cannot stand inside a call ends it.

    nameless ──name──▶ name ──▶ named ──▶ parameters ◂──▸ value
       │  └─parameters─▶ late name          └──{──▶ json
       └─────{─▶ json

Values are read by `luna.tools.value`, JSON by `luna.tools.json_reader`; typing and writing are `luna.tools.arguments`'.
"""

import re
from collections.abc import Callable

from luna.model.events import Notice, StreamEvent
from luna.tools.call import BAD_JSON, NO_NAME, Call, Nowhere, invalid, truncated
from luna.tools.cursor import Cursor, Skipper
from luna.tools.documents import calls_in
from luna.tools.json_reader import JsonReader
from luna.tools.json_text import MISSING, NOTHING
from luna.tools.schema import Toolbox
from luna.tools.tags import LONGEST, Role, Tag, unescaped
from luna.tools.value import ValueReader

_NAME = re.compile(r"\s{0,64}(?:<!\[CDATA\[([^<>\n]{1,128})\]\]>\s{0,64}(?=<)|([^<\n]{0,128}?)\s{0,64}(?=<[^!]))")
_NAME_ELEMENT = re.compile(r"<\s*(?:ml_)?(?:tool_name|name)\s*>[^<]*</\s*(?:ml_)?(?:tool_name|name)\s*>", re.IGNORECASE)
_NAME_IN_JSON = re.compile(r"""["']name["']\s*:\s*["']([^"'\n]{1,200})["']""")
_STRAY = re.compile(r"(?:[^<\[\]{`]*[^<\[\]{`\s])?")
_AROUND = (Role.CALLS, Role.CALL, Role.PARAMETERS)
_NEXT = (Role.CALLS, Role.CALL, Role.RESULT)


class CallReader:
    """Reads one call; several when they are written as one JSON document. `name` is "" when its tag says none."""

    def __init__(self, cursor: Cursor, toolbox: Toolbox, out: list[StreamEvent], name: str = "") -> None:
        self.over = False
        self.documents = False
        """Its calls are JSON documents: another may follow behind."""
        self._cursor = cursor
        self._toolbox = toolbox
        self._out = out
        self._call: Call | None = None
        self._step: Callable[[], bool] = self._nameless
        self._value: ValueReader | None = None
        self._json = JsonReader(cursor)
        self._skipper = Skipper(Role.CALL, Role.CALLS)
        self._some = False
        if name:
            self._begin(name)

    def __repr__(self) -> str:
        state = "over" if self.over else self._step.__name__.strip("_").replace("_", " ")
        return f"<CallReader {state} {self._call!r}>"

    def read(self) -> None:
        """Read as far as the text goes. At the end of the stream the call is over in any case."""
        while not self.over and self._step():
            pass
        if self._call is not None:
            self._call.flush()

    def broken(self) -> Notice:
        """The notice of a call that breaks off here."""
        call = self._call
        return truncated(call.written if call else "", streamed=call is not None and call.streamed)

    def _goto(self, step: Callable[[], bool]) -> bool:
        self._step = step
        return True

    def _done(self) -> bool:
        self.over = True
        self._step, self._value = _nothing_more, None  # what has this reader is not to be had by it
        return False

    def _begin(self, name: str) -> bool:
        if not name:
            return self._give_up(NO_NAME, "The call has no name.")
        self._call = Call(name, self._toolbox, self._out)
        return self._goto(self._named)

    def _end(self) -> bool:
        if self._call is not None:
            self._call.end()
        return self._done()

    def _give_up(self, reason: str, text: str) -> bool:
        """Refuse the call and pass over what is left of it."""
        self._out.append(invalid(self._call.written if self._call else "", reason, text))
        self._call = None
        return self._goto(self._skip)

    def _skip(self) -> bool:
        rest = self._skipper.feed(self._cursor.rest())
        if rest is None:
            return self._cursor.final and self._done()
        self._cursor.back(rest)
        return self._done()

    # the name

    def _nameless(self) -> bool:
        match self._cursor.next(any_tag=False):
            case None:
                return self._cursor.final and self._cut()
            case Tag(role=Role.NAME, closing=False) as tag:
                self._cursor.take(tag)
                return self._goto(self._name)
            case Tag(role=Role.CALL, closing=False) as tag:
                self._cursor.take(tag)
                return self._begin(tag.says) if tag.says else True
            case Tag(role=Role.PARAMETERS, closing=False):
                return self._goto(self._late_name)
            case "{" | "[":
                self._cursor.take()
                return self._goto(self._document)
            case _:
                return self._give_up(NO_NAME, "The call has no name.")

    def _name(self) -> bool:
        found = self._cursor.match(_NAME)
        if found is None:
            if self._cursor.final:
                return self._cut()
            return self._cursor.waiting > LONGEST and self._give_up(NO_NAME, "The call has no name.")
        written = found[2] if found[1] is None else found[1]
        return self._begin(unescaped(written).strip().strip("\"'`"))

    def _late_name(self) -> bool:
        """The parameters came first: wait for the whole call and put its name where it belongs."""
        rest = self._skipper.feed(self._cursor.rest())
        if rest is None and not self._cursor.final:
            return False
        whole = "".join(self._skipper.passed)
        names = list(_NAME_ELEMENT.finditer(whole))
        self._cursor.back(rest or "")
        if not names:
            self._out.append(invalid("", NO_NAME, "The call has no name."))
            return self._done()
        at, behind = names[-1].span()
        self._cursor.back(names[-1][0] + whole[:at] + whole[behind:])
        return self._goto(self._nameless)

    # the parameters

    def _named(self) -> bool:
        match self._cursor.next(any_tag=True):
            case Tag(role=Role.PARAMETERS, closing=False) as tag:
                self._cursor.take(tag)
                return self._end() if tag.empty else self._goto(self._parameters)
            case Tag(closing=True) as tag if tag.role not in _AROUND:
                self._cursor.take(tag)
                return True
            case None:
                return self._wait()
            case Tag() | "{":
                return self._goto(self._parameters)
            case _:
                return self._end()

    def _parameters(self) -> bool:
        token = self._cursor.next(any_tag=True)
        match token:
            case None:
                self._cursor.drop_blanks()
                return self._wait()
            case Tag(closing=True):
                return self._closing(token)
            case Tag():
                return self._opening(token)
            case "{" if not self._some:
                self._cursor.take()
                return self._goto(self._object)
            case _:
                self._cursor.take_character()
                self._cursor.match(_STRAY)
                if self._call is not None:
                    self._call.strayed = True
                return True

    def _closing(self, tag: Tag) -> bool:
        if tag.role not in _AROUND:
            self._cursor.take(tag)
            return True
        if tag.role is Role.PARAMETERS:
            self._cursor.take(tag)
        return self._end()

    def _opening(self, tag: Tag) -> bool:
        if not self._declared(tag):
            if tag.role in _NEXT or (tag.role is Role.NAME and tag.ours):
                self._cursor.take()
                return self._end()
            if tag.role is Role.PARAMETERS and not self._some:
                self._cursor.take(tag)  # wrapped twice
                return True
        self._cursor.take(tag)
        self._some = True
        name = tag.says if tag.role is Role.PARAMETER else tag.name
        sink = self._call.parameter(name) if self._call is not None else Nowhere()
        if tag.empty:
            sink.end()
            return True
        self._value = ValueReader(tag, self._follows, sink)
        return self._goto(self._read_value)

    def _declared(self, tag: Tag) -> bool:
        if tag.role is Role.PARAMETER:
            return True
        return self._call is not None and self._call.declares(tag.name)

    def _follows(self, tag: Tag, quoted: bool) -> bool:
        """Whether the call can go on with this tag behind a value."""
        if tag.closing:
            return tag.role in _AROUND
        return quoted or self._declared(tag) or tag.ours or tag.role in _NEXT

    def _read_value(self) -> bool:
        if self._value is None:
            return self._goto(self._parameters)
        rest = self._value.feed(self._cursor.rest())
        if rest is None and self._cursor.final:
            rest = self._value.finish()
            if rest is None:
                return self._cut()
        if rest is None:
            return False
        self._value = None
        self._cursor.back(rest)
        return self._goto(self._parameters)

    # JSON

    def _object(self) -> bool:
        """The arguments are one object."""
        value = self._json.read()
        if value is MISSING:
            return self._cursor.final and self._cut()
        self._some = True
        if self._call is None or self._call.whole(value):
            return self._goto(self._behind_object)
        return self._give_up(BAD_JSON, "The arguments are no JSON object.")

    def _behind_object(self) -> bool:
        """Nothing but the end of the parameters belongs here."""
        match self._cursor.next(any_tag=True):
            case None:
                return self._wait()
            case Tag(closing=True) as tag if tag.role not in (Role.CALL, Role.CALLS):
                self._cursor.take(tag)
                return tag.role is not Role.PARAMETERS or self._end()
            case "}" | "]":
                self._cursor.take_character()
                return True
            case _:
                return self._end()

    def _document(self) -> bool:
        """The whole call is one document; it may be several calls."""
        value = self._json.read()
        if value is MISSING:
            return self._cursor.final and self._cut()
        self.documents = True
        if value is NOTHING:
            named = _NAME_IN_JSON.search(self._json.text)
            self._out.append(invalid(named[1] if named else "", BAD_JSON, "The call is not readable as JSON."))
            return self._done() if self._json.complete else self._goto(self._skip)
        for name, arguments in calls_in(value):
            call = Call(name, self._toolbox, self._out)
            if not name:
                call.refuse(NO_NAME, "The call has no name.")
            elif call.whole(arguments):
                call.end()
            else:
                call.refuse(BAD_JSON, "The arguments are no JSON object.")
        return self._done()

    # the end of the stream

    def _wait(self) -> bool:
        """More must come. If nothing will, the call is complete when nothing of it is missing."""
        if not self._cursor.final:
            return False
        if self._cursor.breaks_off or (self._call is not None and self._call.missing):
            return self._cut()
        self._cursor.rest()
        return self._end()

    def _cut(self) -> bool:
        self._cursor.rest()
        if self._call is not None:
            self._call.cut()
        else:
            self._out.append(truncated("", streamed=False))
        return self._done()


def _nothing_more() -> bool:
    return False
