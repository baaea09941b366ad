"""No regular expression of luna's takes more than its share of time, whatever it is given: up to 4096 characters, none
takes longer than a moment and grows faster than what it reads.

Time is told by the processor's clock of this thread, the best of several tries; and what grew too fast is looked at
again before it counts. Where a text is bounded before an expression sees it, its bound stands here, and twice the
longest such text is tried.
"""

import re
import time
from dataclasses import replace

import pytest

from tests.security.expressions import Expression, expressions, hostile

LADDER = (16, 20, 25, 32, 64, 512, 4096)
LITTLE = 0.02
"""Seconds of work below which nothing is said of growth: what grows quadratically needs more for the last length."""
FACTOR = 3.0
"""Twice the text takes twice the time; quadratic growth would be four times."""
BOUNDED = {
    "luna.tools.markdown._MARGIN": 64,  # _LONGEST_MARGIN
    "luna.wire.scan._TOKEN_BEGUN": 96,  # _TAIL
}
"""Expressions that only ever see texts of so many characters."""
MATCHED = {"luna.conversation.patterns.CALLS", "luna.conversation.patterns.RESULT"}
"""Tried where a line begins, and nowhere else: luna.conversation.classify."""

ALL = [replace(one, uses=frozenset({"match"})) if one.where in MATCHED else one for one in expressions()]


def cost(one: Expression, text: str, tries: int = 1) -> float:
    """Seconds of this thread's work, the best of some tries."""
    given: str | bytes = text if isinstance(one.pattern.pattern, str) else text.encode()
    best = float("inf")
    for _ in range(tries):
        begun = time.thread_time()
        one.run(given)
        best = min(best, time.thread_time() - begun)
    return best


def grows(one: Expression, number: int, length: int) -> bool:
    """Whether twice that text takes much more than twice the time, each time that it is looked at."""
    for _ in range(3):
        texts = [list(hostile(one.pattern, size))[number] for size in (length // 2, length)]
        half, whole = (cost(one, text, 3) for text in texts)
        if whole < LITTLE or whole < FACTOR * half:
            return False
    return True


def too_slow(one: Expression) -> str | None:
    """A text for which it takes more than its share, shortened."""
    most = BOUNDED.get(one.where)
    ladder = [size for size in LADDER if most is None or size <= 2 * most]
    for size in ladder:
        for number, text in enumerate(hostile(one.pattern, size)):
            if cost(one, text) > LITTLE and cost(one, text, 3) > LITTLE and grows(one, number, size):
                return f"{len(text)} characters like {text[:30]!r}…{text[-10:]!r} took {cost(one, text):.3f} s"
    return None


def test_they_are_found() -> None:
    assert len(ALL) > 150
    known = {"luna.wire.scan._FIELD", "luna.tools.tags._XML", "luna.state.discretion._RULES", *BOUNDED, *MATCHED}
    assert known <= {one.where for one in ALL}


@pytest.mark.parametrize("one", ALL, ids=str)
def test_it_grows_no_faster_than_what_it_reads(one: Expression) -> None:
    assert too_slow(one) is None


@pytest.mark.parametrize("careless", [r"(a+)+\Z", r"(?:a|a)*b", r"\s+\Z", r"(\w+\s?)*;"])
def test_a_careless_one_would_be_found(careless: str) -> None:
    assert too_slow(Expression("careless", re.compile(careless))) is not None
