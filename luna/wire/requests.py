"""The request as it stands after each stage, as JSON without secrets.

Owns the memory of what was written before: a stage changes a message or two of a long conversation, and the others are
neither encoded nor searched nor written again (`luna.wire.references`). Pure.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from luna.model.chat import ChatRequest, Message, Part, ToolResult
from luna.wire.redact import Redactor
from luna.wire.references import referring

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
        self._messages: list[bytes] = []
        """Of the last document."""

    def __repr__(self) -> str:
        return f"<Requests messages={len(self._written)}>"

    def changed(self, chat: ChatRequest) -> bytes | None:
        """The request as JSON, with references to messages of the last time; None when it is what it was then. A copy
        of every message is kept: stages may change them in their place."""
        if self._redactor.knows != self._knew:
            self._knew = self._redactor.knows
            self.forget()
        rest = self._encode(msgspec.structs.replace(chat, messages=[]))
        messages, before = self._lines(chat.messages), self._messages
        if rest != self._rest[0]:
            self._rest = (rest, self._redactor.body(rest))
        elif messages == before:
            return None
        self._messages = messages
        return self._rest[1].replace(_NO_MESSAGES, b'"messages":[%b]' % b",".join(referring(before, messages)), 1)

    def forget(self) -> None:
        """There will be no more, or it begins anew."""
        self._written.clear()
        self._rest = (b"", b"")
        self._messages = []

    def _lines(self, messages: list[Message]) -> list[bytes]:
        written = self._written
        changed = [
            message for message in messages if (known := written.get(id(message))) is None or known.as_it_was != message
        ]
        if changed:
            lines = self._redactor.texts([self._encode(message) for message in changed], fields=True)
            for message, line in zip(changed, lines, strict=True):
                written[id(message)] = _Written(message, _copied(message), line)
        return [written[id(message)].line for message in messages]


def _copied(message: Message) -> Message:
    return msgspec.structs.replace(message, parts=[_part(part) for part in message.parts])


def _part(part: Part) -> Part:
    if isinstance(part, ToolResult):
        return msgspec.structs.replace(part, parts=[msgspec.structs.replace(inner) for inner in part.parts])
    return msgspec.structs.replace(part)
