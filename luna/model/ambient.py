"""Everything non-deterministic that a flow may touch: time and identity, both injectable.

A live flow draws its ids from a random seed; the seed and the time of birth stand in its
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


class Ids:
    """An endless, reproducible supply of identifiers: the n-th is a function of the seed and n alone."""

    def __init__(self, seed: bytes | None = None) -> None:
        self.seed = os.urandom(16) if seed is None else seed
        self._drawn = 0

    def __repr__(self) -> str:
        return f"<Ids {self.seed.hex()[:8]} drawn={self._drawn}>"

    def uuid(self) -> str:
        """A version 4 UUID (RFC 9562)."""
        self._drawn += 1
        digits = blake2b(self._drawn.to_bytes(8, "big"), key=self.seed, digest_size=16).hexdigest()
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def token(self, prefix: str) -> str:
        """`prefix` and 24 hexadecimal digits, for ids that clients see (`chatcmpl-…`)."""
        self._drawn += 1
        return prefix + blake2b(self._drawn.to_bytes(8, "big"), key=self.seed, digest_size=16).hexdigest()[:24]
