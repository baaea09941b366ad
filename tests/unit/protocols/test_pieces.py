"""The estimate that goes by pieces: near the vocabulary's count, and never slow."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.protocols import tokens
from luna.protocols.pieces import _PIECES, estimate
from tests.bench.bench_tokens import EXACT, sample


@pytest.mark.parametrize("kind", EXACT)
def test_within_ten_percent_of_the_vocabulary(kind: str) -> None:
    assert estimate(sample(kind)) == pytest.approx(EXACT[kind], rel=0.10)


def test_closer_than_the_linear_estimate_where_that_is_off_most() -> None:
    exact, text = EXACT["json"], sample("json")
    assert abs(estimate(text) - exact) < abs(tokens.estimate(text) - exact) / 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a", 1),
        (" the", 1),
        ("the river", 2),
        ("1790000000", 10),
        (" " * 40 + "x", 2),
        ("\n\n\n", 1),
        ("{}", 1),
        ("=" * 32, 1),
        ("=" * 33, 2),
        ("don't", 2),
        ("a_b", 2),
    ],
)
def test_what_is_certain(text: str, expected: int) -> None:
    assert round(estimate(text)) == expected


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("parseHTTPBody", 3, 4),
        ("internationalization", 2, 4),
        ("河水从中午开始上涨", 4, 7),
        ("，我们", 2, 3),
        ("Река поднималась", 4, 9),
        ("水位が上がり", 3, 6),
        ("🙂👍", 2, 4),
        ("┌──────┐", 2, 8),
        ("café", 2, 3),
        ("²", 1, 2),
        ("\ud800", 1, 3),
    ],
)
def test_what_is_likely(text: str, low: int, high: int) -> None:
    assert low <= estimate(text) <= high


@given(st.text(max_size=60))
def test_pieces_leave_nothing_out(text: str) -> None:
    assert "".join(_PIECES.findall(text)) == text
    assert estimate(text) >= len(_PIECES.findall(text)) * 0.3


@pytest.mark.parametrize("unit", [" ", "a", ".", "- ", " \n", "_", "a_", "'", "河", "aA", "1"])
def test_no_text_is_slow(unit: str) -> None:
    began = time.perf_counter()
    assert estimate(unit * (200_000 // len(unit)) + "x") > 0
    assert time.perf_counter() - began < 1
