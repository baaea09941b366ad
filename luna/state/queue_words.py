"""What is said to those who waited in vain.

Owns the words and hints of the queue's refusals. They are rate limits to a client: 429 and when to come back, which
every client repeats by itself.
"""

from collections.abc import Sequence

import msgspec

from luna.model.errors import Kind, LunaError
from luna.state.slots import SETTINGS, Slot

RETRY_AFTER = 5.0
"""Seconds after which to come back. Nobody knows how long others run; those who come back wait again."""


class Full(msgspec.Struct, frozen=True):
    """A slot of which all are taken."""

    slot: Slot
    active: int
    limit: int

    @property
    def told(self) -> str:
        """For people."""
        return self.slot.told(self.active, self.limit)


def told(full: Sequence[Full]) -> str:
    """What is full, in a few words."""
    return ", ".join(each.told for each in full) or "others came first"


def too_late(patience: float, full: Sequence[Full]) -> LunaError:
    """The queue timeout is over."""
    return _refusal(
        f"No place became free within {patience:g} s ({told(full)}).",
        f"Wait and send it again, or raise {_settings(full)} or settings.multiThread.queueTimeoutMs.",
        full,
    )


def queue_full(length: int, full: Sequence[Full]) -> LunaError:
    """Too many wait already."""
    return _refusal(
        f"{length} requests are waiting already ({told(full)}).",
        f"Wait and send it again, or raise {_settings(full)} or settings.multiThread.queueLength.",
        full,
    )


def _settings(full: Sequence[Full]) -> str:
    kinds = dict.fromkeys(each.slot.kind for each in full)
    return ", ".join(SETTINGS[kind] for kind in kinds) or "the limits in settings.multiThread"


def _refusal(message: str, hint: str, full: Sequence[Full]) -> LunaError:
    reasons = [each.slot.reason for each in full]
    return LunaError(Kind.RATE_LIMITED, message, hint=hint, retry_after=RETRY_AFTER, detail={"reasons": reasons})
