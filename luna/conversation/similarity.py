"""How alike two texts are, whatever they are written in.

Owns what a word is. Scripts that put spaces between words are split there; those that do not (Chinese, Japanese, Thai,
Lao, Burmese, Khmer) give each pair of neighbouring characters as a word. Case, accents in their two spellings, signs
above and below letters, bare numbers and markup do not count.
"""

import re
import unicodedata

from luna.conversation.passages import without_blocks
from luna.model.late_pattern import LatePattern

ASIDE = ("think", "thinking", "thought", "task")
"""Tags whose content does not count: reasoning, and the task that an answer repeats."""

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_RUNS = LatePattern(rf"(?P<unspaced>[{_UNSPACED}]+)|[^\W_{_UNSPACED}]+")
_TAG = re.compile(r"</?[A-Za-z][\w.:-]*(?:\s[^<>]*)?>")


def words(text: str) -> frozenset[str]:
    """The words of a text, each once; a text without words is one word itself."""
    for tag in ASIDE:
        text = without_blocks(text, tag)
    plain = unicodedata.normalize("NFKC", _TAG.sub(" ", text)).casefold()
    if not plain.isascii():
        plain = "".join(letter for letter in plain if not unicodedata.category(letter).startswith("M"))
    found: set[str] = set()
    for run in _RUNS.finditer(plain):
        if run["unspaced"] is None:
            found.add(run[0])
        else:
            found.update(_pairs(run[0]))
    said = frozenset(word for word in found if not word.isdecimal())
    return said or frozenset((plain.strip(),))


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[n : n + 2] for n in range(len(run) - 1)]


def likeness(one: frozenset[str], other: frozenset[str], least: float = 0.0) -> float:
    """The words that both have, of those that either has (Jaccard): 1 for the same words, 0 for nothing in common or
    nothing to compare. Where it cannot reach `least`, that is seen from the lengths alone, and it is 0 too."""
    fewer, more = sorted((len(one), len(other)))
    if not fewer or fewer < least * more:
        return 0.0
    both = len(one & other)
    return both / (fewer + more - both)
