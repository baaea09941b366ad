"""Whether an account is worth trying after failures that are nobody's fault.

Owns the breaker: so many passing failures in a row open it, each opening lasts longer than the one before, and after
it one trial at a time decides whether it closes. Knows neither accounts nor what failed. Pure: it is told the time.

    closed ──FAILURES in a row──▶ open ──its time is over──▶ half-open ──success──▶ closed
                                   ▲                              │
                                   └──────────failure─────────────┘
"""

FAILURES = 5
"""Failures in a row that open it."""
SHORTEST = 5.0
LONGEST = 300.0
"""Seconds that it stays open: the first time, and at most; each opening doubles them."""
FORGET = 600.0
"""Seconds after its time was over in which nobody tried: then it is closed again, and what was is forgotten."""


class Circuit:
    """One breaker. Times are seconds of one clock, whichever it is."""

    def __init__(self) -> None:
        self.failures = 0
        """In a row, so far."""
        self.reason = ""
        """What the last of them was."""
        self.until: float | None = None
        """When the last opening ends, or ended; None when it is closed."""
        self._openings = 0

    def __repr__(self) -> str:
        return f"<Circuit failures={self.failures}{'' if self.until is None else f' open until {self.until:.1f}'}>"

    def left(self, now: float) -> float:
        """Seconds that it is still open; 0 when it is not."""
        return 0.0 if self.until is None else max(0.0, self.until - now)

    def half_open(self, now: float) -> bool:
        """Its time is over, and nothing has shown yet that all is well."""
        if self.until is not None and now - self.until >= FORGET:
            self.close()
        return self.until is not None and now >= self.until

    def failed(self, now: float, reason: str) -> bool:
        """One more failure. True when it opened the circuit."""
        if self.left(now):
            return False  # a run of before it opened
        self.failures += 1
        self.reason = reason
        if self.until is None and self.failures < FAILURES:
            return False
        self.until = now + min(SHORTEST * 2 ** min(self._openings, 10), LONGEST)
        self._openings += 1
        return True

    def close(self) -> None:
        """All is well."""
        self.failures, self.reason, self.until, self._openings = 0, "", None, 0
