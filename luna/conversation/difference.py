"""Where two histories part, for people to read.

Pure. Owns the comparison and the excerpts. Excerpts are a user's words: they belong into runs and recordings, never
into a log.
"""

from collections.abc import Sequence

import msgspec

from luna.conversation.stable import Turn, turns
from luna.model.chat import Message
from luna.tools.profiles import ClientProfile

EXCERPT = 80
"""Characters."""
_LEAD = 20
"""Characters of it that are still the same."""


class Difference(msgspec.Struct, frozen=True):
    """The first message that differs."""

    index: int
    """Of the message, as the client has sent it."""
    role: str
    before: str
    """An excerpt of what luna knew there; the assistant's words without white space."""
    now: str
    """An excerpt of what the client has sent there."""

    def __str__(self) -> str:
        return f"message {self.index} ({self.role}) differs"


def first_difference(
    common: Sequence[Message], before: Sequence[Message], now: Sequence[Message], profile: ClientProfile
) -> Difference | None:
    """The first turn of `now` that is not as in `before`; None where one is the beginning of the other. `common` are
    the messages that both follow."""
    ours = turns([*common, *before], profile)
    theirs = turns([*common, *now], profile)
    for one, other in zip(ours, theirs, strict=False):
        if (one.role, one.pieces) != (other.role, other.pieces):
            return _between(one, other)
    return None


def _between(one: Turn, other: Turn) -> Difference:
    if one.role != other.role:
        return Difference(other.begin, other.role, f"({one.role})", f"({other.role})")
    before, now = _words(one), _words(other)
    place = next((n for n, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
    begin = max(0, place - _LEAD)
    return Difference(other.begin, other.role, before[begin : begin + EXCERPT], now[begin : begin + EXCERPT])


def _words(turn: Turn) -> str:
    """Its pieces as one text: `call` and such words stay, since they may be what differs."""
    said = [piece.decode("utf-8", "replace") for piece in turn.pieces]
    return " ".join(
        told if kind == "text" else f"{kind} {told}" for kind, told in zip(said[::2], said[1::2], strict=False)
    )
