"""What a function made of a text or of bytes, remembered while it is among the latest.

Owns that this is bounded in bytes, and not in number alone: how long a text is, whoever sends it decides.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

K = TypeVar("K", str, bytes)
V = TypeVar("V")


def remembering(count: int, longest: int) -> Callable[[Callable[[K], V]], Callable[[K], V]]:
    """For a function whose answer follows from its one argument. The latest `count` are kept, of arguments that are no
    longer than `longest` (characters or bytes); for a longer one it is asked each time. What it raises is not kept."""

    def decorate(function: Callable[[K], V]) -> Callable[[K], V]:
        kept = lru_cache(maxsize=count)(function)

        @wraps(function)
        def asked(argument: K) -> V:
            return kept(argument) if len(argument) <= longest else function(argument)

        return asked

    return decorate
