"""Looks for answers that the sieve gets wrong: `python -m tests.fuzz.sieve --seconds 600`.

Each seed makes an answer of prose, code, quotations and calls in every dialect, and then a garbled one. What must hold:

    the answer as it was made   its calls and its text come out exactly, with no notice
    the garbled one             no error; events that obey the grammar; no tag of the contract in the text
    both                        the same events' sum, wherever the pieces end

A failure is cut down to a small list of pieces.
"""

import re
from random import Random

from tests.fuzz.search import command, smallest
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


if __name__ == "__main__":
    command(check, __doc__ or "", "answers")
