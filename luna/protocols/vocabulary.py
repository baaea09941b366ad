"""Counts tokens with Qwen's own vocabulary, where it is installed (`pip install luna-proxy[tokens]`).

Owns finding and loading it: the 151,643 entries that Qwen published with its open models, as they come in Alibaba's
package `dashscope`, and `tiktoken`, which applies them. Of `dashscope` only that file is read; its code is never
imported. Nothing is downloaded. Knows nothing of requests.

Newer closed models may use a larger vocabulary of which nothing is public; what the upstream itself reports for a
turn always wins over any count of luna's.
"""

import base64
import importlib
import threading
import unicodedata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_STRETCH = 50_000
"""Characters that tiktoken gets at a time: on very long runs of one kind it overflows its stack."""


class Vocabulary:
    """Qwen's vocabulary at work. May be used by several threads at once."""

    def __init__(self, encoding: Any) -> None:
        self._encoding = encoding

    def __repr__(self) -> str:
        return f"<Vocabulary {self._encoding.name}>"

    def count(self, text: str) -> int:
        """How many tokens the text is, as text: what looks like a control token is none."""
        text = unicodedata.normalize("NFC", text)
        return sum(len(self._encoding.encode_ordinary(stretch)) for stretch in stretches(text, _STRETCH))


def stretches(text: str, size: int) -> list[str]:
    """The text in stretches of at most `size` characters, cut at the end of a word: no token reaches across it.
    Where there is none, in the middle of whatever it is."""
    found: list[str] = []
    start = 0
    while len(text) - start > size:
        end = start + size
        while end > start and not (text[end - 1].isalpha() and not text[end].isalpha()):
            end -= 1
        end = end if end > start else start + size
        found.append(text[start:end])
        start = end
    return [*found, text[start:]]


_lock = threading.Lock()
_loaded: list[Vocabulary | None] = []


def installed() -> Vocabulary | None:
    """The vocabulary, or None where the extra is not installed. The first call reads 2.5 MB and takes about half a
    second; not for the event loop."""
    with _lock:
        if not _loaded:
            _loaded.append(_load())
        return _loaded[0]


def _load() -> Vocabulary | None:
    home = find_spec("dashscope")
    if home is None or not home.submodule_search_locations or find_spec("tiktoken") is None:
        return None
    file = Path(home.submodule_search_locations[0], "resources", "qwen.tiktoken")
    if not file.is_file():
        return None
    lines = (line.split() for line in file.read_bytes().splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    tiktoken = importlib.import_module("tiktoken")
    encoding = tiktoken.Encoding("qwen", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={})
    return Vocabulary(encoding)
