"""How often one may guess: wrong guesses are counted by where they come from.

Owns the counting, bounded. Knows nothing of what is guessed.
"""

import ipaddress
from collections import deque

from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError

SECONDS = 60.0
"""For which a wrong guess is remembered."""
PLACES = 1_000
"""Places that are remembered; beyond, the one that has been quiet for longest is forgotten."""


class Patience:
    """Bears `misses` wrong guesses a minute from one place: an address, or what one owner has of the sixth version. A
    right guess makes none undone: it may be another's."""

    def __init__(self, misses: int, clock: Clock) -> None:
        self._misses = misses
        self._clock = clock
        self._places: dict[str, deque[float]] = {}

    def __repr__(self) -> str:
        return f"<Patience {self._misses} a minute, {len(self._places)} places>"

    def check(self, remote: str) -> None:
        """Raises LunaError(RATE_LIMITED) where too many wrong ones have come from."""
        now = self._clock.monotonic()
        missed = self._places.get(_place(remote), deque())
        while missed and now - missed[0] >= SECONDS:
            missed.popleft()
        if len(missed) >= self._misses:
            raise LunaError(
                Kind.RATE_LIMITED,
                "Too many wrong keys came from there.",
                hint="Wait a minute; `luna key` prints the right one.",
                retry_after=missed[0] + SECONDS - now,
            )

    def missed(self, remote: str) -> None:
        """A wrong guess."""
        place = _place(remote)
        missed = self._places.pop(place, deque(maxlen=self._misses))
        missed.append(self._clock.monotonic())
        self._places[place] = missed
        if len(self._places) > PLACES:
            del self._places[next(iter(self._places))]


def _place(remote: str) -> str:
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        return remote
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return remote
