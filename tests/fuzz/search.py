"""What all long searches share: seeds one after the other until time is up, and a failure that is cut down to little.

A failure names its seed, with which it can be repeated (`--seed`).
"""

import argparse
import time
from collections.abc import Callable
from typing import AnyStr

Check = Callable[[int], None]
"""Makes something of a seed and looks at it. Raises AssertionError, or whatever the code under test raises."""


def search(check: Check, seconds: float, seed: int = 0) -> int:
    """Check seeds for so long; returns the next one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            check(seed)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        seed += 1
    return seed


def command(check: Check, about: str, checked: str) -> None:
    """The command line of a search. `checked`: what each seed makes, in the plural."""
    options = argparse.ArgumentParser(description=about.splitlines()[0])
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=0, help="where to begin")
    given = options.parse_args()
    after = search(check, given.seconds, given.seed)
    print(f"{after - given.seed} {checked}, seeds {given.seed} to {after - 1}: nothing found")


def smallest(pieces: list[AnyStr], wrong: Callable[[list[AnyStr]], bool]) -> list[AnyStr]:
    """Fewer and shorter pieces that are still wrong."""
    shrunk = True
    while shrunk:
        shrunk = False
        for smaller in _smaller(pieces):
            if wrong(smaller):
                pieces, shrunk = smaller, True
                break
    return pieces


def _smaller(pieces: list[AnyStr]) -> list[list[AnyStr]]:
    found: list[list[AnyStr]] = []
    for at, piece in enumerate(pieces):
        half = len(piece) // 2
        shorter = [part for part in (piece[half:], piece[:half], piece[1:], piece[:-1]) if part]
        found.append(_instead(pieces, at, at + 1))
        if at + 1 < len(pieces):
            found.append(_instead(pieces, at, at + 2, piece + pieces[at + 1]))
        found += [_instead(pieces, at, at + 1, part) for part in shorter]
    return [smaller for smaller in found if smaller != pieces]


def _instead(pieces: list[AnyStr], start: int, end: int, *new: AnyStr) -> list[AnyStr]:
    replaced = pieces.copy()
    replaced[start:end] = new
    return replaced
