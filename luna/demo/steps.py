"""What an answer consists of, before anything is said about frames or bytes.

Owns the steps and how text is cut into deltas. Which prompt gets which steps is `luna.demo.answers`,
how steps look on the wire is `luna.demo.frames`.
"""

import re
from dataclasses import dataclass

MAX_PIECES = 2_000
MAX_COUNT = 20_000

_PIECE = re.compile(r"\s*\S+|\s+")
_SENTENCE = re.compile(r"[^.!?\n]*[.!?\n]+|[^.!?\n]+")


@dataclass(frozen=True)
class Say:
    """Text, word by word."""

    text: str


@dataclass(frozen=True)
class Count:
    """The numbers from 0, one delta each (`0 `, `1 `, …)."""

    deltas: int


@dataclass(frozen=True)
class Think:
    """Reasoning, sentence by sentence. Left out where the request does not let the model think."""

    text: str


@dataclass(frozen=True)
class Search:
    """A call to the site's own web search, and what it found."""

    query: str


@dataclass(frozen=True)
class NativeCall:
    """A call to a tool that the site does not have, and the site's own answer to it (wire document, section 4.4)."""

    name: str
    arguments: str
    """JSON text."""


@dataclass(frozen=True)
class Pictures:
    """Pictures; they end the turn."""

    count: int


Step = Say | Count | Think | Search | NativeCall | Pictures


@dataclass(frozen=True)
class Answer:
    """A whole answer, and how it is to be given."""

    steps: tuple[Step, ...]
    pace: float | None = None
    """Seconds between two frames; None for the site's own pace."""
    faults: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """(name, arguments) of what goes wrong on the way."""
    replay: str = ""
    """A fixture to play instead of the steps."""


def pieces(text: str, most: int = MAX_PIECES) -> list[str]:
    """The text cut into deltas: its words with the space before each, or `most` equal parts if those were more."""
    if len(text) <= most * 64:
        found = _PIECE.findall(text)
        if len(found) <= most:
            return found
    size = -(-len(text) // most)
    return [text[start : start + size] for start in range(0, len(text), size)]


def sentences(text: str) -> list[str]:
    """The text cut into sentences; joined they are the text."""
    return _SENTENCE.findall(text) or [text]


def tokens(text: str) -> int:
    """A rough count of tokens, four characters each."""
    return -(-len(text) // 4)
