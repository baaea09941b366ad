"""The request as it stands after each stage, as JSON without secrets.

Owns the memory of what was written before: a stage changes a message or two of a long conversation, and the others are
neither encoded nor searched again. Pure.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from luna.model.chat import ChatRequest, Message, Part, ToolResult
from luna.wire.redact import Redactor

_NO_MESSAGES = b'"messages":[]'
"""No text can hold it: there its quotes have backslashes before them."""


class _Written(NamedTuple):
    message: Message
    """Is held, so that no other message comes to stand where it stands in memory."""
    as_it_was: Message
    line: bytes


class Requests:
    """Of one flow."""

    def __init__(self, encode: Callable[[Any], bytes], redactor: Redactor) -> None:
        self._encode = encode
        self._redactor = redactor
        self._knew = redactor.knows
        self._written: dict[int, _Written] = {}
        self._rest = (b"", b"")
        """All but the messages, with secrets and without."""
        self._latest: list[bytes] = []

    def __repr__(self) -> str:
        return f"<Requests messages={len(self._written)}>"

    def changed(self, chat: ChatRequest) -> bytes | None:
        """The request as JSON; None when it is what it was the last time. A copy of every message is kept: stages may
        change them in their place."""
        if self._redactor.knows != self._knew:
            self._knew = self._redactor.knows
            self.forget()
        rest = self._encode(msgspec.structs.replace(chat, messages=[]))
        if rest != self._rest[0]:
            self._rest = (rest, self._redactor.body(rest))
        lines = [self._rest[1], *map(self._line, chat.messages)]
        if lines == self._latest:
            return None
        self._latest = lines
        return lines[0].replace(_NO_MESSAGES, b'"messages":[%b]' % b",".join(lines[1:]), 1)

    def forget(self) -> None:
        """There will be no more, or it begins anew."""
        self._written.clear()
        self._rest = (b"", b"")
        self._latest = []

    def _line(self, message: Message) -> bytes:
        written = self._written.get(id(message))
        if written is None or written.as_it_was != message:
            line = self._redactor.body(self._encode(message))
            written = self._written[id(message)] = _Written(message, _copied(message), line)
        return written.line


def _copied(message: Message) -> Message:
    return msgspec.structs.replace(message, parts=[_part(part) for part in message.parts])


def _part(part: Part) -> Part:
    if isinstance(part, ToolResult):
        return msgspec.structs.replace(part, parts=[msgspec.structs.replace(inner) for inner in part.parts])
    return msgspec.structs.replace(part)
