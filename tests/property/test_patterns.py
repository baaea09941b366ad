"""A regular expression finds here what Python's own engine finds, where both mean the same."""

import re

from hypothesis import given
from hypothesis import strategies as st

from luna.patterns.meter import Meter
from luna.patterns.read import steps_of
from luna.patterns.search import found

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "c",
        ".",
        r"\d",
        r"\w",
        r"\S",
        "[ab]",
        "[^a]",
        "[a-c]",
        r"[\d-]",
        "^",
        "$(?!\n)",
        r"\b",
        r"\.",
        "1",
        " ",
    ]
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    counts = st.sampled_from(["*", "+", "?", "*?", "+?", "{2}", "{1,3}", "{2,}", "{0}", "{0,1}"])
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, counts).map(lambda two: f"(?:{two[0]}){two[1]}"),
        inner.map(lambda one: f"(?={one})"),
        inner.map(lambda one: f"(?!{one})"),
    )


PATTERNS = st.recursive(ATOMS, _grown, max_leaves=8)
TEXTS = st.text("abc1. -é", max_size=9)


@given(PATTERNS, TEXTS)
def test_it_finds_what_pythons_engine_finds(pattern: str, text: str) -> None:
    assert found(pattern, text, Meter(10_000_000)) is (re.search(pattern, text) is not None)


@given(st.sampled_from(["a", "ab", "[ab]c", r"\w\d", "abc", "a|b", "(?:a|b)1", r"^a", r"\ba"]), TEXTS)
def test_a_look_behind_finds_what_pythons_engine_finds(inner: str, text: str) -> None:
    for sign in ("=", "!"):
        pattern = f"(?<{sign}{inner})[a-c1]"
        assert found(pattern, text, Meter(1_000_000)) is (re.search(pattern, text) is not None)


@given(st.text("ab(){}[]\\|*+?^$-:=!<>P,129pLdu", max_size=30))
def test_whatever_is_written_is_read_or_refused(pattern: str) -> None:
    steps = steps_of(pattern)
    assert steps is None or isinstance(found(pattern, "ab", Meter(10_000_000)), bool)
