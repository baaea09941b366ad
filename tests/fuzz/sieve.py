"""Looks for answers that the sieve gets wrong: `python -m tests.fuzz.sieve --seconds 600`.

Each seed makes an answer of prose, code, quotations and calls in every dialect, and then a garbled one. What must hold:

    the answer as it was made   its calls and its text come out exactly, with no notice
    the garbled one             no error; events that obey the grammar; no tag of the contract in the text
    both                        the same events' sum, wherever the pieces end

A failure names its seed, with which it can be repeated (`--seed`), and is cut down to a small list of pieces.
"""

import argparse
import re
import time
from collections.abc import Callable
from random import Random

from tests.support.sifting import events_of, sifted, summed
from tests.support.transcripts import garbled, in_pieces, transcript

_NESTED = re.compile(r"<[^>\s]*[<\[]")
_OURS = re.compile(r"</?ml_(?:tool_calls|tool_call|tool_name|parameters|tool_result)>")


def check(seed: int) -> None:
    """Raises AssertionError, or whatever the sieve raises."""
    draw = Random(seed)
    made = transcript(draw)
    whole = sifted(made.written)
    assert whole.calls == made.calls, f"calls: {whole.calls} instead of {made.calls}"
    assert whole.text == made.text, f"text: {whole.text!r} instead of {made.text!r}"
    assert not whole.notices, f"notices: {whole.notices}"
    _check_pieces(in_pieces(draw, made.written))
    _check_pieces(in_pieces(draw, garbled(draw, made.written)))


def _check_pieces(pieces: list[str]) -> None:
    assert not differs(pieces), f"it matters where the pieces end: {smallest(pieces, differs)}"
    assert not leaks(pieces), f"a tag in the text: {smallest(pieces, leaks)}"
    summed(events_of(pieces, broken=True))


def differs(pieces: list[str]) -> bool:
    """Whether the pieces amount to something else than the whole."""
    return sifted(*pieces) != sifted("".join(pieces))


def leaks(pieces: list[str]) -> bool:
    """Whether a tag of the contract gets into the text, where nothing is quoted. A tag inside another one does not
    count: when it is taken out, what is left may look like one."""
    text = "".join(pieces)
    if "`" in text or "~" in text or _NESTED.search(text):
        return False
    return _OURS.search(sifted(*pieces).text) is not None


def smallest(pieces: list[str], wrong: Callable[[list[str]], bool]) -> list[str]:
    """Fewer and shorter pieces that are still wrong."""
    shrunk = True
    while shrunk:
        shrunk = False
        for smaller in _smaller(pieces):
            if wrong(smaller):
                pieces, shrunk = smaller, True
                break
    return pieces


def _smaller(pieces: list[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for at, piece in enumerate(pieces):
        before, after = pieces[:at], pieces[at + 1 :]
        found.append(before + after)
        if after:
            found.append([*before, piece + after[0], *after[1:]])
        half = len(piece) // 2
        found += [[*before, part, *after] for part in (piece[half:], piece[:half], piece[1:], piece[:-1]) if part]
    return [smaller for smaller in found if smaller != pieces]


def run(seconds: float, seed: int = 0) -> int:
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


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=0, help="where to begin")
    given = options.parse_args()
    print(f"{run(given.seconds, given.seed) - given.seed} answers, nothing found")


if __name__ == "__main__":
    main()
