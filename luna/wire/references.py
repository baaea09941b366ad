"""Messages that a document has from the one before it: how they are written down, and found again.

Owns the form: in the place of messages, `[FIRST, COUNT]` stands for so many of the document before, from its message
number FIRST (from 0) on. References only go forward, so that a document never has more messages than were written down.
Pure.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from luna.model.chat import ChatRequest, Message

_Run = tuple[int, int]
_WRITTEN: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    msgspec.defstruct("WrittenRequest", [("messages", list[Message | _Run])], bases=(ChatRequest,), kw_only=True)
)


def referring(before: Sequence[bytes], now: Sequence[bytes]) -> list[bytes]:
    """What is written down of a document whose messages are `now`, each as JSON: those that are the same objects as in
    `before` are referred to."""
    places = {id(before[place]): place for place in reversed(range(len(before)))}
    written: list[bytes] = []
    first = behind = 0  # of the run that may go on: it is empty where they are equal
    for message in now:
        if first < behind < len(before) and before[behind] is message:
            behind += 1
            continue
        written += _run(first, behind)
        place = places.get(id(message), -1)
        if place >= behind:
            first, behind = place, place + 1
        else:
            first = behind
            written.append(message)
    return [*written, *_run(first, behind)]


def _run(first: int, behind: int) -> tuple[bytes, ...]:
    return (b"[%d,%d]" % (first, behind - first),) if first < behind else ()


def resolved(document: bytes, before: ChatRequest | None) -> ChatRequest:
    """The request that a document is, after that one. Raises ValueError for what is none, and for what refers to
    messages that are not there."""
    written = _WRITTEN.decode(document)
    known = before.messages if before is not None else []
    messages: list[Message] = []
    behind = 0
    for entry in written.messages:
        if isinstance(entry, Message):
            messages.append(entry)
            continue
        first, count = entry
        if not (behind <= first and 0 < count <= len(known) - first):
            raise ValueError(f"the document refers to messages [{first},{count}], which it cannot have")
        behind = first + count
        messages += known[first:behind]
    return ChatRequest(**msgspec.structs.asdict(written) | {"messages": messages})
