"""How many answers are being given at this moment, in all and to each user.

Owns the counts and the one limit that the site has on them. Knows no HTTP.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from luna.demo.refusal import Refusal


@dataclass
class Streams:
    """Open answers."""

    now: int = 0
    peak: int = 0
    """The most that there ever were."""

    def add(self, count: int) -> None:
        """So many more are open, or fewer."""
        self.now += count
        self.peak = max(self.peak, self.now)


class AllStreams(Streams):
    """Those of everybody. `limit`: how many one user may have at a time; None for any number."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        self.limit = limit
        self._of: defaultdict[str, Streams] = defaultdict(Streams)

    def __repr__(self) -> str:
        limit = "" if self.limit is None else f" of {self.limit} for each user"
        return f"<AllStreams now={self.now} peak={self.peak}{limit}>"

    def of(self, user: str) -> Streams:
        """Those of one user, by id."""
        return self._of[user]

    def check(self, user: str) -> None:
        """Raises Refusal when the user has as many as are allowed (wire document, sections 4.6 and 5)."""
        if self.limit is not None and self.of(user).now >= self.limit:
            raise Refusal("ParallelLimited", "Too many requests, please try again later.", 429)

    @contextmanager
    def opened(self, user: str) -> Iterator[None]:
        """While one more answer is given to the user."""
        both = (self, self.of(user))
        for streams in both:
            streams.add(1)
        try:
            yield
        finally:
            for streams in both:
                streams.add(-1)
