"""What a regular expression is once it is read: steps, and how the steps of its parts make those of the whole.

Owns the steps, and the bound on how many there are. Does not know how an expression is written.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

Holds = Callable[[str], bool]
Place = Literal["start", "end", "edge", "inside"]


class UnreadablePatternError(ValueError):
    """A pattern that is none, or one that cannot be looked for in a bounded time."""


class Eat(msgspec.Struct, frozen=True):
    """One character that it holds; then the next step."""

    holds: Holds


class Go(msgspec.Struct, frozen=True):
    """Any of these steps next."""

    to: tuple[int, ...]


class At(msgspec.Struct, frozen=True):
    """A place between characters; then the next step."""

    place: Place


class Look(msgspec.Struct, frozen=True):
    """Whether other steps succeed from here, or do not; then the next step."""

    steps: "Steps"
    behind: bool
    wanted: bool


Step = Eat | Go | At | Look
Steps = tuple[Step, ...]
"""Success is to come to the end of them."""

Write = Callable[["Writer"], None]
"""A part of a pattern, as that which writes its steps."""


class Writer:
    """Writes steps one after the other, so many at most. `backwards`: what is looked for lies behind, its end first."""

    def __init__(self, most: int, *, backwards: bool) -> None:
        self.backwards = backwards
        self.steps: list[Step] = []
        self._most = most

    def add(self, step: Step) -> int:
        """Its number."""
        if len(self.steps) >= self._most:
            raise UnreadablePatternError("It is too large.")
        self.steps.append(step)
        return len(self.steps) - 1

    def fork(self, at: int, *to: int) -> None:
        """Where the step with this number goes; it was left open."""
        self.steps[at] = Go(to)


_OPEN = Go(())


def one(step: Step) -> Write:
    """That step."""

    def write(writer: Writer) -> None:
        writer.add(step)

    return write


def all_of(parts: Sequence[Write]) -> Write:
    """One part after the other."""

    def write(writer: Writer) -> None:
        for part in reversed(parts) if writer.backwards else parts:
            part(writer)
        if not parts:
            _pass(writer)

    return write


def _pass(writer: Writer) -> None:
    """Nothing, which is a step too: else repetitions of nothing would cost nothing and take for ever."""
    at = writer.add(_OPEN)
    writer.fork(at, at + 1)


def one_of(branches: Sequence[Write]) -> Write:
    """Any of them."""

    def write(writer: Writer) -> None:
        fork = writer.add(_OPEN)
        starts, ends = [], []
        for branch in branches:
            starts.append(len(writer.steps))
            branch(writer)
            ends.append(writer.add(_OPEN))
        writer.fork(fork, *starts)
        for end in ends:
            writer.fork(end, len(writer.steps))

    return write


def times(part: Write, low: int, high: int | None) -> Write:
    """So often at least and at most; None: without end. Written out, for steps cannot count."""

    def write(writer: Writer) -> None:
        _pass(writer)
        for _ in range(low):
            part(writer)
        forks = []
        for _ in range(1 if high is None else high - low):
            forks.append(writer.add(_OPEN))
            part(writer)
        if high is None:
            again = writer.add(_OPEN)
            writer.fork(again, forks[0])
        for fork in forks:
            writer.fork(fork, fork + 1, len(writer.steps))

    return write
