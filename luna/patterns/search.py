"""Looks for a regular expression in a text, in a time that can be told beforehand.

Owns the walk: all places of the expression that the text so far leads to are followed at once, character by character,
so there is nothing to go back to. A look ahead or behind begins a walk of its own; that these cannot add up either is
the meter's business.
"""

from luna.patterns.characters import is_word
from luna.patterns.meter import Meter
from luna.patterns.read import steps_of
from luna.patterns.steps import At, Eat, Go, Place, Steps


def found(pattern: str, text: str, meter: Meter) -> bool | None:
    """Whether the pattern is somewhere in the text; None when the pattern cannot be read. Raises SpentError."""
    steps = steps_of(pattern)
    if steps is None:
        return None
    meter.spend(len(steps))  # for reading it
    return _walk(steps, text, 0, meter, anywhere=True)


def _walk(steps: Steps, text: str, at: int, meter: Meter, *, anywhere: bool = False, behind: bool = False) -> bool:
    """Whether the steps succeed from this place on (or, backwards, up to it), or from any place after it."""
    reached = [0]
    while True:
        eaters = _eaters(steps, reached, text, at, meter)
        if eaters is None:
            return True
        if at == (0 if behind else len(text)):
            return False
        char = text[at - 1 if behind else at]
        at += -1 if behind else 1
        reached = [number + 1 for number, eat in eaters if eat.holds(char)]
        if anywhere:
            reached.append(0)
        elif not reached:
            return False


def _eaters(steps: Steps, reached: list[int], text: str, at: int, meter: Meter) -> list[tuple[int, Eat]] | None:
    """The steps that wait for a character, once all others from those reached are taken; None for success."""
    seen: set[int] = set()
    eaters: list[tuple[int, Eat]] = []
    while reached:
        number = reached.pop()
        if number in seen:
            continue
        seen.add(number)
        if number == len(steps):
            return None
        match steps[number]:
            case Eat() as eat:
                eaters.append((number, eat))
            case Go(to):
                reached.extend(to)
            case At(place):
                if _is_at(place, text, at):
                    reached.append(number + 1)
            case look:
                if _walk(look.steps, text, at, meter, behind=look.behind) is look.wanted:
                    reached.append(number + 1)
    meter.spend(1 + len(seen))
    return eaters


def _is_at(place: Place, text: str, at: int) -> bool:
    match place:
        case "start":
            return at == 0
        case "end":
            return at == len(text)
        case "edge" | "inside":
            before = at > 0 and is_word(text[at - 1])
            after = at < len(text) and is_word(text[at])
            return (before != after) is (place == "edge")
