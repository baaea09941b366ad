"""The free text of a custom tool's call comes out of its JSON, however that is cut."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.protocols.responses_free_text import FreeText


def read(*fragments: str) -> list[str]:
    reader = FreeText()
    return [*(reader.feed(fragment) for fragment in fragments), reader.close()]


def test_the_text_comes_as_it_is_written() -> None:
    assert read('{"in', 'put": "*** Be', "gin", '\\nx"}') == ["", "*** Be", "gin", "\nx", ""]


def test_half_an_escape_waits_for_its_other_half() -> None:
    assert read('{"input":"a\\', "u00", "e9\\ud83d", '\\ude00b"}') == ["a", "", "é", "\U0001f600b", ""]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input":""}', ""),
        ('{"other": 1, "input": "late"}', "late"),
        ('{"input": "first", "more": 1}', "first"),
        ('{"input": 5}', '{"input": 5}'),
        ('{"patch": "x"}', '{"patch": "x"}'),
        ("*** Begin Patch", "*** Begin Patch"),
        ('{"input":"broken off', "broken off"),
        ('{"input":"broken \\', "broken "),
        ("", ""),
        ("[" * 5000, "[" * 5000),
        (" " * 200 + '{"input":"x"}', "x"),
        ('{"input":"lone \\ud83d half"}', "lone "),
    ],
)
def test_arguments_of_other_forms(arguments: str, text: str) -> None:
    assert "".join(read(arguments)) == text
    assert "".join(read(*arguments)) == text


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(places)]


escaping = st.text(st.sampled_from('"\\/\n\t\x01aé新\U0001f600u0'), max_size=30)


@given(escaping, st.lists(st.integers(0, 200), max_size=6), st.booleans())
def test_any_text_cut_anywhere(text: str, cuts: list[int], ascii_only: bool) -> None:
    written = msgspec.json.encode({"input": text}).decode()
    if ascii_only:
        written = written.encode("utf-16-be").decode("utf-16-be")
        written = "".join(c if ord(c) < 128 else "".join(f"\\u{unit:04x}" for unit in _units(c)) for c in written)
    assert "".join(read(*pieces(written, cuts))) == text


def _units(character: str) -> list[int]:
    coded = character.encode("utf-16-be")
    return [int.from_bytes(coded[at : at + 2], "big") for at in range(0, len(coded), 2)]


@given(st.text(max_size=30), st.lists(st.integers(0, 200), max_size=6))
def test_anything_at_all_reads_alike_whole_or_in_pieces(arguments: str, cuts: list[int]) -> None:
    assert "".join(read(*pieces(arguments, cuts))) == "".join(read(arguments))
