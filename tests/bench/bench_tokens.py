"""`python -m tests.bench.bench_tokens`: how far luna's token counts are from Qwen's own vocabulary.

With the extra (`pip install luna-proxy[tokens]`) every text is counted exactly, and the estimates are compared with
that; without it only the samples are, whose exact counts stand here. The larger texts are those that every Python
brings along. Exits with 1 when an estimate that `count_tokens` uses is off by more than 10 percent.
"""

import importlib.resources
import pydoc_data.topics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from luna.protocols import pieces, tokens, vocabulary

SAMPLES = Path(__file__).with_name("samples")

EXACT = {"english": 486, "chinese": 486, "code": 752, "json": 710}
"""Tokens of the samples, counted with dashscope 2.0.2 (the vocabulary of 151,643 entries) and tiktoken 0.14.0."""

TOLERANCE = 0.10


class Row(NamedTuple):
    """One text. `exact` is None where the vocabulary would be needed and is not installed."""

    name: str
    text: str
    exact: int | None


def sample(kind: str) -> str:
    """One of the four samples."""
    return (SAMPLES / f"{kind}.txt").read_text(encoding="utf-8")


def texts(words: vocabulary.Vocabulary | None) -> Iterator[Row]:
    """All texts with their exact counts, where they can be had."""
    for kind, exact in EXACT.items():
        text = sample(kind)
        yield Row(kind, text, exact if words is None else words.count(text))
    for name, text in large():
        yield Row(name, text, None if words is None else words.count(text))


def large() -> Iterator[tuple[str, str]]:
    """Texts that come with Python, and luna's own schemas."""
    yield "english: Python's reference", "\n".join(pydoc_data.topics.topics.values())
    for module in ("argparse", "dataclasses", "http.client", "json.decoder", "typing"):
        package, _, name = module.rpartition(".")
        home = importlib.resources.files(package) if package else Path(pydoc_data.__file__).parents[1]
        yield f"code: {module}", (home / f"{name}.py").read_text(encoding="utf-8")
    for schema in sorted((Path(__file__).parents[2] / "schemas").glob("*.json")):
        yield f"json: {schema.name}", schema.read_text(encoding="utf-8")


def main() -> int:
    """Print the table."""
    words = vocabulary.installed()
    if words is None:
        print("The extra `tokens` is not installed: only the samples' exact counts are known.\n")
    print(f"{'text':32} {'chars':>8} {'exact':>8} {'estimate':>9} {'':>7} {'linear':>8} {'':>7} {'us/kB':>7}")
    worst = 0.0
    for row in texts(words):
        began = time.perf_counter()
        guess = pieces.estimate(row.text)
        spent = (time.perf_counter() - began) * 1e6 / (len(row.text.encode()) / 1000)
        linear = tokens.estimate(row.text)
        off = _off(guess, row.exact)
        worst = max(worst, abs(off or 0.0))
        print(
            f"{row.name:32} {len(row.text):8} {row.exact or '':>8} {guess:9.0f} {_percent(off):>7}"
            f" {linear:8} {_percent(_off(linear, row.exact)):>7} {spent:7.0f}"
        )
    print(f"\nworst: {worst:.1%} (at most {TOLERANCE:.0%})")
    return 0 if worst <= TOLERANCE else 1


def _off(guess: float, exact: int | None) -> float | None:
    return None if exact is None else guess / exact - 1


def _percent(off: float | None) -> str:
    return "" if off is None else f"{off:+.1%}"


if __name__ == "__main__":
    sys.exit(main())
