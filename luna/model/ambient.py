"""Everything non-deterministic that a flow may touch: time and identity, both injectable.

A live flow draws its ids from a seed that is its time and chance; the seed and the time of birth stand in its
recording, so that a replay makes the same ids and the same timestamps, byte for byte.
"""

import os
import time
from contextvars import ContextVar
from hashlib import blake2b
from typing import Protocol

FLOW: ContextVar[str] = ContextVar("flow", default="")
"""The id of the flow on whose behalf something happens; "" for what luna does of its own accord."""
REPLAYING: ContextVar[bool] = ContextVar("replaying", default=False)
"""True within a replay: what is said there has been said before, and is not the log's business."""


class Clock(Protocol):
    """Where time comes from."""

    def wall(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    wall = staticmethod(time.time)  # noqa: TID251 - the one place
    monotonic = staticmethod(time.monotonic)


class ManualClock:
    """A clock that stands still until somebody advances it: for tests and replays."""

    def __init__(self, wall: float = 1_790_000_000.0) -> None:
        self._wall = wall
        self._monotonic = 0.0

    def __repr__(self) -> str:
        return f"<ManualClock {self._wall:.3f}>"

    def wall(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._wall += seconds
        self._monotonic += seconds


TIME = 6
"""Bytes of a new seed that are its time: milliseconds since the epoch, big endian."""
TIMED = TIME + 16
"""Bytes of a seed that begins with its time."""


class Ids:
    """An endless, reproducible supply of identifiers: the n-th is a function of the seed and n alone.

    A new seed begins with its time, and so do the ids that luna's own tables are in the order of (`token`, `ordered`):
    rows that are added stand at the end. Of any other seed, as recordings of before have them, ids are random all
    through."""

    def __init__(self, seed: bytes | None = None) -> None:
        self.seed = _new_seed() if seed is None else seed
        self._time = self.seed[:TIME].hex() if len(self.seed) == TIMED else ""
        self._drawn = 0

    def __repr__(self) -> str:
        return f"<Ids {self.seed.hex()[:8]} drawn={self._drawn}>"

    def _draw(self) -> str:
        """32 hexadecimal digits."""
        self._drawn += 1
        return blake2b(self._drawn.to_bytes(8, "big"), key=self.seed, digest_size=16).hexdigest()

    def uuid(self) -> str:
        """A version 4 UUID (RFC 9562, section 5.4)."""
        return _spelled(self._draw(), "4")

    def ordered(self) -> str:
        """A version 7 UUID (RFC 9562, section 5.7): it rises in time. Version 4 where the seed has none."""
        return _spelled(self._time + self._draw()[len(self._time) :], "7" if self._time else "4")

    def token(self, prefix: str) -> str:
        """`prefix` and 24 hexadecimal digits, for ids that clients see (`chatcmpl-…`). They rise in time, so the first
        twelve are no name for anything; twelve are random."""
        return prefix + (self._time + self._draw())[:24]


def _new_seed() -> bytes:
    return int(SystemClock.wall() * 1000).to_bytes(TIME, "big") + os.urandom(16)


def _spelled(digits: str, version: str) -> str:
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-{version}{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
