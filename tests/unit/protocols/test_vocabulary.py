"""Qwen's vocabulary: found where it is installed, and a text is never cut where that would change its count."""

import base64
import sys
from importlib.machinery import ModuleSpec
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.protocols import vocabulary
from luna.protocols.vocabulary import Vocabulary, stretches
from tests.bench.bench_tokens import sample


class Encoding:
    """Stands in for tiktoken's: every word is a token. It remembers what it was made of."""

    def __init__(self, name: str, **made_of: Any) -> None:
        self.name = name
        self.made_of = made_of
        self.seen: list[str] = []

    def encode_ordinary(self, text: str) -> list[str]:
        self.seen.append(text)
        return text.split()


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was looked for yet, and nothing is installed."""
    monkeypatch.setattr(vocabulary, "_loaded", [])
    for name in ("dashscope", "tiktoken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(vocabulary, "find_spec", lambda name: None)


@pytest.fixture
def installed(forgotten: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A `dashscope` whose code must not run, a vocabulary of two entries, and a `tiktoken`."""
    package = tmp_path / "dashscope"
    (package / "resources").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    entries = [base64.b64encode(word) + b" %d\n" % rank for rank, word in enumerate((b"the", b" river"))]
    (package / "resources" / "qwen.tiktoken").write_bytes(b"".join(entries))
    module = ModuleType("tiktoken")
    module.Encoding = Encoding  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tiktoken", module)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(vocabulary, "find_spec", lambda name: _spec(name, package))
    return package


def _spec(name: str, package: Path) -> object:
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(package)]
    return spec


@pytest.mark.usefixtures("forgotten")
def test_without_the_extra_there_is_none() -> None:
    assert vocabulary.installed() is None
    assert vocabulary.installed() is None


@pytest.mark.usefixtures("installed")
def test_with_the_extra_it_is_read_once_and_only_read() -> None:
    words = vocabulary.installed()
    assert words is not None
    assert words is vocabulary.installed()
    assert repr(words) == "<Vocabulary qwen>"
    made_of = words._encoding.made_of
    assert made_of["mergeable_ranks"] == {b"the": 0, b" river": 1}
    assert made_of["special_tokens"] == {}
    assert "dashscope" not in sys.modules


def test_a_package_without_the_file_is_none(installed: Path) -> None:
    (installed / "resources" / "qwen.tiktoken").unlink()
    assert vocabulary.installed() is None


def test_a_text_is_counted_in_its_normal_form() -> None:
    encoding = Encoding("e")
    assert Vocabulary(encoding).count("cafe\u0301 au lait") == 3
    assert encoding.seen == ["café au lait"]


def test_a_long_text_is_counted_in_stretches() -> None:
    encoding = Encoding("e")
    assert Vocabulary(encoding).count("word " * 30_000) == 30_000
    assert len(encoding.seen) > 1
    assert max(map(len, encoding.seen)) <= 50_000


@given(st.text(st.sampled_from("ab 1\n.,'河"), max_size=200), st.integers(1, 40))
def test_stretches_are_the_text_and_end_with_words(text: str, size: int) -> None:
    found = stretches(text, size)
    assert "".join(found) == text
    assert max(map(len, found)) <= size
    for stretch, following in pairwise(found):
        assert len(stretch) == size or (stretch[-1].isalpha() and not following[0].isalpha())


def test_one_endless_word_is_cut_all_the_same() -> None:
    assert [len(stretch) for stretch in stretches("a" * 25, 10)] == [10, 10, 5]


def test_ordinary_text_is_cut_between_words() -> None:
    for kind in ("english", "chinese", "code", "json"):
        for stretch in stretches(sample(kind), 300)[:-1]:
            assert stretch[-1].isalpha()
