"""What a history is known by: a chain of digests, one link for each turn.

Pure. Owns the chain. It begins with a scope (whose conversation it is), and each link holds the one before it and all
of its turn, so that two histories have the same digest where, and only where, everything up to there is the same in
what counts (`luna.conversation.stable`). Nothing is ever cut.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import get_args

import msgspec

from luna.conversation.stable import Turn, answer_turn, turns
from luna.model.chat import Message, Role
from luna.tools.profiles import ClientProfile

SIZE = 16
"""Bytes of a digest."""
_ROLES = {role: role.encode() for role in get_args(Role)}
SHORT = 2_000
"""Bytes of words that are put together before they are digested: longer ones are not copied for that."""


@lru_cache(maxsize=1024)
def root(*scope: str) -> bytes:
    """Where the histories of one scope begin."""
    said = [part.encode("utf-8", "surrogatepass") for part in scope]
    framed = [b"%d:%b" % (len(part), part) for part in said]
    return sha256(b"".join(framed)).digest()[:SIZE]


def link(before: bytes, turn: Turn) -> bytes:
    """The digest of a history after one more turn."""
    _, _, role, pieces = turn
    if len(pieces) == 2 and (size := len(pieces[1])) < SHORT:  # nothing but words, as nearly always
        said = b"%b%b %b%d:%b" % (before, _ROLES[role], pieces[0], size, pieces[1])
        return sha256(said).digest()[:SIZE]
    chain = sha256(b"%b%b " % (before, _ROLES[role]))
    for kind, piece in zip(pieces[::2], pieces[1::2], strict=True):
        if len(piece) < SHORT:
            chain.update(b"%b%d:%b" % (kind, len(piece), piece))
        else:
            chain.update(b"%b%d:" % (kind, len(piece)))
            chain.update(piece)
    return chain.digest()[:SIZE]


class History(msgspec.Struct, frozen=True):
    """A conversation as a client has sent it, with its digests."""

    messages: Sequence[Message]
    profile: ClientProfile
    turns: Sequence[Turn]
    root: bytes
    digests: Sequence[bytes]
    """One for each turn: the history up to and with it."""
    digest: bytes
    """Of all of it."""
    answered: bool
    """Whether the assistant has spoken in it."""
    prefilled: bool
    """Whether the assistant has the last word, for the answer to go on from."""

    @classmethod
    def of(cls, messages: Sequence[Message], profile: ClientProfile, *scope: str) -> "History":
        """Read it."""
        found = turns(messages, profile)
        first = last = root(*scope)
        digests: list[bytes] = []
        answered = prefilled = False
        for turn in found:
            last = link(last, turn)
            digests.append(last)
            prefilled = turn.role == "assistant"
            answered = answered or prefilled
        return cls(messages, profile, found, first, digests, last, answered, prefilled)

    def prefixes(self) -> Iterator[tuple[bytes, int]]:
        """The parts of it that end with the assistant and leave something to be answered, the longest first: digest
        and number of messages."""
        for turn, digest in zip(reversed(self.turns), reversed(self.digests), strict=True):
            if turn.role == "assistant" and turn.end < len(self.messages):
                yield digest, turn.end

    def answered_with(self, answer: Message) -> bytes:
        """The digest of the conversation after this answer."""
        return link(self.digest, answer_turn(answer, self.profile))
