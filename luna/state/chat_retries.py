"""What a failed call about a chat means for the next try.

Pure. Owns which errors pass by themselves, which speak of the account and not of the chat, and how long to wait.
"""

from luna.model.errors import Kind, LunaError

BACK_OFF = (5.0, 30.0, 120.0, 600.0, 3600.0)
"""Seconds before each further try; then it is given up."""

_PASSING = frozenset(
    {Kind.UPSTREAM_TRANSIENT, Kind.UPSTREAM_BROKEN, Kind.TIMEOUT, Kind.CHAT_BUSY, Kind.OVERLOADED, Kind.DRAINING}
)
_ACCOUNT = frozenset(
    {Kind.UPSTREAM_LOGIN, Kind.UPSTREAM_BLOCKED, Kind.RATE_LIMITED, Kind.QUOTA_EXHAUSTED, Kind.NO_ACCOUNT}
)


def speaks_of_account(error: LunaError) -> bool:
    """Whether any other call of the account would have met the same: then this one has not been tried yet."""
    return error.kind in _ACCOUNT


def pause_after(error: LunaError, attempts: int) -> float | None:
    """Seconds until the next try makes sense, after that many; None for never."""
    if error.kind not in _PASSING or attempts > len(BACK_OFF):
        return None
    return BACK_OFF[max(attempts, 1) - 1]
