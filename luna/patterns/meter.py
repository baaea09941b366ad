"""How much work a check may take.

Owns the count. Work is counted and not timed, so that the same value gets the same verdict on a slow machine, under
load and in a replay.
"""


class SpentError(Exception):
    """The check would take more work than it may; what it has not said by now stays unsaid."""


class Meter:
    """A number of units of work, each a fraction of a microsecond, and how deep the work may go."""

    def __init__(self, units: int, levels: int = 0) -> None:
        self._left = units
        self._levels = levels

    def __repr__(self) -> str:
        return f"<Meter {self._left} left>"

    def spend(self, units: int) -> None:
        """Raises SpentError when there are fewer left."""
        self._left -= units
        if self._left < 0:
            raise SpentError

    def enter(self) -> None:
        """A level deeper; `leave` it. Raises SpentError when there is none."""
        if not self._levels:
            raise SpentError
        self._levels -= 1

    def leave(self) -> None:
        """Back from a level."""
        self._levels += 1
