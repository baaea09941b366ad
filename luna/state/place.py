"""Where a conversation stands upstream.

Owns the shape alone: which account, which chat, which answer comes next after, and what the chat was told.
"""

import msgspec


class Place(msgspec.Struct, frozen=True):
    """One answer in one chat of one account."""

    account: str
    chat: str
    response: str
    """Upstream's id of the answer: the parent of the turn that goes on from it."""
    model: str = ""
    """Upstream's id of the model that the chat was last told to use."""
    system: str = ""
    """Digest of the system text that the chat was told; "" when it was told none."""


def nowhere(place: Place) -> Place:
    """What is left of a place when its chat is no more: whose it was, and which model answered."""
    return Place(place.account, "", "", place.model)
