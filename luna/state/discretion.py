"""Takes secrets out of lines that people read: log messages, tracebacks, previews.

Owns the rules for plain text, where nothing but a word before it gives a secret away; those for bodies, and the known
secrets, are `luna.wire.redact`'s. Rather takes a word too many than a key too few.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from luna.model.ambient import FLOW
from luna.model.late_pattern import LatePattern
from luna.wire.redact import Redactor

GONE = "<redacted>"
DEPTH = 4
"""How deep structured fields are looked into; what lies deeper is not kept."""
WIDTH = 40
"""Entries kept of one list or mapping."""
LONGEST = 2000
"""Characters kept of one value."""

_WORDS = (
    r"token|secret|passw(?:or)?d|passwd|pwd|credentials?|signature"
    r"|(?:api|access|proxy|admin|private|secret)[-_ ]?key(?:[-_ ]?(?:id|secret))?|bx-ua|bx-umidtoken|x5sec(?:data)?"
)
_SAID = r"(?:\\?[\"']?\s*[:=]\s*|\\?[\"']\s*,\s*)(?:b(?=[\"']))?"  # `name: `, `name=`, `'name': `, `('name', `
_RULES: tuple[tuple[LatePattern[str], str], ...] = (
    # A header with its whole value: up to the quote that closes it, or to the end of the line.
    (
        LatePattern(
            rf"(?i)(cookies?2?|authorization)({_SAID})(?:(?P<q>\\?[\"'])(?:(?!(?P=q))[^\r\n])*+|[^\r\n\"'][^\r\n]*+)"
        ),
        rf"\1\2\g<q>{GONE}",
    ),
    (LatePattern(rf"(?i)({_WORDS})(?!\w)({_SAID}\\?[\"']?)[^\s\"'&;,<>()\[\]{{}}\\]{{4,}}+"), rf"\1\2{GONE}"),
    (LatePattern(r"(?i)\b(bearer\s+)[\w.~+/=-]{6,}+"), rf"\1{GONE}"),
    (LatePattern(r"(?i)\b(basic\s+)(?=[\w+/]*[A-Z0-9+/=])[A-Za-z0-9+/]{8,}+=*+"), rf"\1{GONE}"),
    (LatePattern(r"\b(?:sk-[\w-]{8,}+|luna-[\w-]{20,}+)"), GONE),
    (LatePattern(r"(://[^/\s:@]*+:)[^@\s/]++(?=@)"), rf"\1{GONE}"),
)
_HINTS = (
    b"cookie", b"authorization", b"bearer", b"basic", b"token", b"secret", b"pass", b"pwd", b"credential",
    b"signature", b"key", b"bx-", b"x5sec", b"sk-", b"luna-", b"://",
)  # fmt: skip
"""Without one of these in lower case no rule can match."""
_TELLING = LatePattern(rf"(?i)(?:^|[-_]|[a-z])(?:{_WORDS}|cookies?|authorization)$")


def _nothing() -> Iterable[str]:
    return ()


class Discretion:
    """Knows the secrets of this process, and how others are recognised."""

    def __init__(self, secrets: Callable[[], Iterable[str]] = _nothing) -> None:
        self.secrets = secrets
        """Those known now. Asked each time, for sites rotate them."""
        self._before: tuple[str, ...] = ()
        self._censor = Censor(())

    def __repr__(self) -> str:
        return "<Discretion>"

    def now(self) -> "Censor":
        """One that knows the secrets of this moment, and those of the last time: what was rotated a moment ago may
        stand in a line that was said before."""
        secrets = tuple(self.secrets())
        known = secrets if secrets == self._before else tuple(dict.fromkeys((*secrets, *self._before)))
        self._before = secrets
        if known != self._censor.known:
            self._censor = Censor(known)
        return self._censor

    def text(self, text: str) -> str:
        """The text without secrets."""
        return self.now().text(text)


class Censor:
    """Takes out the secrets of one moment."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known
        self._redactor = Redactor(known)

    def __repr__(self) -> str:
        return f"<Censor known={len(self.known)}>"

    def text(self, text: str) -> str:
        """The text without secrets. The same secret has the same number within it."""
        data = text.encode("utf-8", "replace")
        redacted = self._redactor.body(data)
        if redacted is not data:
            self._redactor = Redactor(self.known)  # which forgets what it has found
        text = redacted.decode("utf-8", "replace")
        return text if _harmless(redacted) else _without_telling(text)

    def lines(self, said: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
        """Several lines, each as `line` has it: one look at all of them, and mostly that is all it takes."""
        try:
            written = [msgspec.json.encode(each) for each in said]
        except (TypeError, ValueError, RecursionError):
            written = []
        if written and max(map(len, written)) <= LONGEST:
            data = b"[" + b",".join(written) + b"]"
            # What JSON spells otherwise could hide a secret.
            if b"\\" not in data and _harmless(data) and self._redactor.body(data) is data:
                return msgspec.json.decode(data, type=list[tuple[str, dict[str, Any]]])
        return [self.line(message, fields) for message, fields in said]

    def line(self, message: str, fields: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """A message with its structured fields: plain values, whatever went in."""
        if not fields:
            return self.text(message), {}
        try:
            data = msgspec.json.encode((message, fields))
        except (TypeError, ValueError, RecursionError):
            data = b""
        # One look at all of it, and mostly that is all it takes.
        if 0 < len(data) <= LONGEST and _harmless(data) and self._redactor.body(data) is data:
            return msgspec.json.decode(data, type=tuple[str, dict[str, Any]])
        return self.text(message), self.fields(fields)

    def fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Structured fields: what their names give away goes whole."""
        return {str(key): self._value(str(key), value, DEPTH) for key, value in list(fields.items())[:WIDTH]}

    def _value(self, key: str, value: Any, depth: int) -> Any:
        if _TELLING.search(key) and not isinstance(value, bool | int | float | None):
            return GONE
        match value:
            case bool() | int() | float() | None:
                return value
            case Mapping() if depth:
                return {
                    str(name): self._value(str(name), each, depth - 1) for name, each in list(value.items())[:WIDTH]
                }
            case list() | tuple() if depth:
                return [self._value("", each, depth - 1) for each in value[:WIDTH]]
            case _:
                return self.text(str(value)[: 4 * LONGEST])[:LONGEST]


def _harmless(data: bytes) -> bool:
    lower = data.lower()
    for hint in _HINTS:  # noqa: SIM110 - a generator would cost more than the search
        if hint in lower:
            return False
    return True


def _without_telling(text: str) -> str:
    for rule, rest in _RULES:
        text = rule.sub(rest, text)
    return text


_SEEN = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
_SEEN |= {0x2028: "\\u2028", 0x2029: "\\u2029"}
"""Control characters, as they are shown."""


class DiscreetFormatter(logging.Formatter):
    """For the console: the line as it would be, without secrets, and with the flow that it is about. What somebody
    else said in it begins no line of its own, and a terminal obeys none of it."""

    def __init__(self, discretion: Discretion, format: str) -> None:
        super().__init__(format)
        self._discretion = discretion

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        said, flow = super().formatMessage(record), str(getattr(record, "flow", "")) or FLOW.get()
        return said if not flow or flow in said else f"{said} [{flow}]"

    def format(self, record: logging.LogRecord) -> str:
        return self._discretion.text(super().format(record)).translate(_SEEN).replace("\n", "\n    ")
