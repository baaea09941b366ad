"""What of a conversation is the same whenever its client sends it again.

Pure. Owns what does not count, so that a history can be recognised by its content:

    everywhere      lines and blocks that the client's profile calls volatile; white space at the ends; reasoning;
                    whether content is a string or parts; messages of which nothing is left
    the assistant   which messages and blocks its turn is cut into, and all white space of its words: every client
                    joins and trims them in its own way
    calls           their ids, since some clients make their own: a result is known by the place of its call. The order
                    of members, spaces and the spelling of numbers and escapes in the arguments
    attachments     where they are when their bytes are there: those count
    system text     is no part of the history; what a chat was told of it is known by `system_marks`, which moments of
                    time do not change

Words are never cut. Knows nothing of digests of a history (`luna.conversation.digest`).
"""

import hashlib
import re
from codecs import readbuffer_encode
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from luna.model.chat import Attachment, Message, Role, Text, ToolCall, ToolResult
from luna.model.late_pattern import LatePattern
from luna.tools.profiles import ClientProfile

EXACT = 2**53
"""Beyond it JavaScript does not tell neighbouring whole numbers apart."""
DIGESTED = "digest:"
"""How an attachment begins whose bytes have been replaced by their digest."""

_sorted = msgspec.json.Encoder(order="sorted").encode
_Stable = Callable[[str], str]


class Turn(NamedTuple):
    """One turn as it counts."""

    begin: int
    """How many messages come before it."""
    end: int
    """How many have come with its last one."""
    role: Role
    pieces: tuple[bytes, ...]
    """Names of kinds, without figures in them, each followed by what is of that kind; no other turn has the same."""


def turns(messages: Sequence[Message], profile: ClientProfile) -> list[Turn]:
    """The turns of a conversation, without what the system says."""
    found: list[Turn] = []
    calls: dict[str, int] = {}
    run: list[Message] = []
    stable = profile.stabiliser
    for index, message in enumerate(messages):
        role = message.role
        if role == "assistant":
            run.append(message)
            continue
        if run:
            if pieces := _answered(run, stable, calls):
                found.append(Turn(index - len(run), index, "assistant", pieces))
            run = []
        if role != "system" and (pieces := _said(message, stable, calls)):
            found.append(Turn(index, index + 1, role, pieces))
    if run and (pieces := _answered(run, stable, calls)):
        found.append(Turn(len(messages) - len(run), len(messages), "assistant", pieces))
    return found


def answer_turn(answer: Message, profile: ClientProfile) -> Turn:
    """An answer as it will count when the client sends it back. Places are those of a conversation of its own."""
    return Turn(0, 1, "assistant", _answered((answer,), profile.stabiliser, {}))


def _answered(run: Sequence[Message], stable: _Stable | None, calls: dict[str, int]) -> tuple[bytes, ...]:
    """The assistant's turn, out of messages that follow one another."""
    words: list[bytes] = []
    rest: list[bytes] = []
    for message in run:
        for part in message.parts:
            if type(part) is Text:
                words.append(_squeezed(stable(part.text) if stable else part.text))
            elif type(part) is ToolCall:
                calls[part.id] = len(calls)
                rest += (b"call", _bytes(part.name), b"with", canonical(part.arguments))
            elif type(part) is Attachment:
                rest += (part.kind.encode(), _bytes(content_digest(part)))
    said = b"".join(words)
    return (b"text", said, *rest) if said else tuple(rest)


def system_marks(messages: Iterable[Message], profile: ClientProfile) -> tuple[str, ...]:
    """What the system says, each message by a short digest of what is stable in it; empty ones have none."""
    said = [message.text for message in messages if message.role == "system"]
    return tuple([mark for text in said if (mark := system_mark(text, profile))]) if said else ()


def system_mark(text: str, profile: ClientProfile) -> str:
    """16 hexadecimal digits of one system text, or "" when nothing is left of it. Days and clocks do not count."""
    raw = hashlib.blake2b(_bytes(text), digest_size=16, key=profile.name.encode()).digest()
    known = _MARKS.get(raw)
    if known is None:
        stable = timeless(profile.stable(text)).strip()
        known = hashlib.blake2b(_bytes(stable), digest_size=8).hexdigest() if stable else ""
        if len(_MARKS) >= _MOST_MARKS:
            del _MARKS[next(iter(_MARKS))]
        _MARKS[raw] = known
    return known


_MARKS: dict[bytes, str] = {}
"""Agents send the same 50 KB of system text with every request: they are read once."""
_MOST_MARKS = 512


_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]*\.?"
_DAY = r"(?:Mon|Tue|Tues|Wed|Wednes|Thu|Thur|Thurs|Fri|Sat|Satur|Sun)(?:day)?"
_MOMENT = LatePattern(
    rf"\b(?:{_DAY},? )?(?:"
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?Z|[+-]\d\d:?\d\d)?)?"
    r"|\d{1,2}/\d{1,2}/\d{2,4}|\d{4}/\d{1,2}/\d{1,2}|\d{1,2}\.\d{1,2}\.\d{4}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?|\d{{1,2}}(?:st|nd|rd|th)? {_MONTH}(?:,? \d{{4}})?"
    r"|\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\b\.?)?"
    r"|1[6-9]\d{8}(?:\d{3})?"
    r")(?!\w)"
    r"|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
)
_FIGURES = re.compile(r"\d[\d:/.-]")


def timeless(text: str) -> str:
    """The text without days and clocks. Linear in time."""
    lines = text.splitlines(keepends=True)
    return "".join(_MOMENT.sub("", line) if _FIGURES.search(line) or "day" in line else line for line in lines)


def content_digest(attachment: Attachment) -> str:
    """What an attachment is known by: its bytes where it brings them, else its id or address."""
    if attachment.url[: len(DIGESTED)] == DIGESTED:
        return attachment.url
    if attachment.url[:5].lower() == "data:":
        return DIGESTED + hashlib.blake2b(_bytes(attachment.url), digest_size=16).hexdigest()
    return attachment.id or attachment.url


def canonical(arguments: str) -> bytes:
    """Arguments as every client writes them that reads and writes JSON; text that is none without white space."""
    if not arguments.strip():
        return b"{}"
    try:
        return _sorted(_plain(msgspec.json.decode(arguments)))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _squeezed(arguments)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case list():
            return [_plain(member) for member in value]
        case bool() | str() | None:
            return value
        case _:
            return _number_of(value)


def _number_of(value: float) -> float | str:
    try:
        double = float(value)
    except OverflowError:
        return str(value)
    return int(double) if double.is_integer() and abs(double) < EXACT else double


def _said(message: Message, stable: _Stable | None, calls: dict[str, int]) -> tuple[bytes, ...]:
    """A turn of the user's, or what tools gave."""
    pieces: list[bytes] = []
    for part in message.parts:
        if type(part) is Text or type(part) is Attachment:
            _add(pieces, part, stable)
        elif type(part) is ToolResult:
            place = calls.get(part.call_id)
            pieces += (b"error" if part.error else b"result", b"?" if place is None else b"%d" % place)
            for inner in part.parts:
                _add(pieces, inner, stable)
            pieces += (b"end", b"")
        elif type(part) is ToolCall:
            pieces += (b"call", _bytes(part.name), b"with", canonical(part.arguments))
    return (*pieces, b"name", _bytes(message.name)) if pieces and message.name else tuple(pieces)


def _add(pieces: list[bytes], part: Text | Attachment, stable: _Stable | None) -> None:
    if type(part) is Attachment:
        pieces += (part.kind.encode(), _bytes(content_digest(part)))
    elif type(part) is Text and (text := _stripped(stable(part.text) if stable else part.text)):
        if pieces and pieces[-2] == b"text":
            pieces[-1] += b"\n" + text
        else:
            pieces += (b"text", text)


_WHITE = b" \t\n\r\v\f\x1c\x1d\x1e\x1f"
_WIDE_WHITE = tuple(
    (sign, re.compile(expression))
    for sign, expression in (
        (b"\xc2", rb"\xc2[\x85\xa0]"),
        (b"\x9a", rb"\xe1\x9a\x80"),
        (b"\xe2", rb"\xe2(?:\x80[\x80-\x8a\xa8\xa9\xaf]|\x81\x9f)"),
        (b"\xe3", rb"\xe3\x80\x80"),
        (b"\xef", rb"\xef\xbb\xbf"),
    )
)
"""White space beyond ASCII in UTF-8, and the byte order mark, which JavaScript trims as well; each with a byte without
which it is not there: texts are searched for one byte ten times as fast."""


def _squeezed(text: str) -> bytes:
    """Without any white space."""
    if text.isascii():
        return text.encode().translate(None, _WHITE)
    data = _bytes(text).translate(None, _WHITE)
    for sign, expression in _WIDE_WHITE:
        if sign in data:
            data = expression.sub(b"", data)
    return data


def _bytes(text: str) -> bytes:
    if text.isascii():
        return text.encode()
    try:
        # As `encode` does it, but the text keeps its bytes: whoever writes it down, or hashes it, needs them again.
        return readbuffer_encode(text)[0]
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _stripped(text: str) -> bytes:
    """Without white space at the ends."""
    stripped = text.strip()
    if text.isascii():
        return stripped.encode()
    if len(stripped) == len(text) or not stripped:
        return _bytes(stripped)
    before = len(text) - len(text.lstrip())
    begin, end = len(_bytes(text[:before])), len(_bytes(text[before + len(stripped) :]))
    return _bytes(text)[begin : -end if end else None]
