"""Thinking summaries as a text that only grows."""

from hypothesis import given
from hypothesis import strategies as st

from luna.qwen.summary import Summary


def read(*frames: tuple[object, object]) -> str:
    summary = Summary()
    return "".join(summary.feed(titles, thoughts) for titles, thoughts in frames)


def test_paragraphs_of_title_and_thought() -> None:
    text = read((["One"], ["First."]), (["One", "Two"], ["First.", "Second."]))
    assert text == "One\nFirst.\n\nTwo\nSecond."


def test_the_last_item_grows() -> None:
    assert read((["O"], []), (["One"], ["Fir"]), (["One"], ["First."])) == "One\nFirst."


def test_what_comes_again_says_nothing_new() -> None:
    frame = (["One"], ["First."])
    assert read(frame, frame, frame) == "One\nFirst."


def test_a_rewritten_item_is_said_again() -> None:
    text = read((["One"], ["It is 5."]), (["One"], ["It is 6."]))
    assert text == "One\nIt is 5.\n\nIt is 6."


def test_an_earlier_item_that_grows_is_said_again_whole() -> None:
    text = read((["A", "B"], ["a", "b"]), (["A", "B"], ["a more", "b"]))
    assert text == "A\na\n\nB\nb\n\na more"


def test_missing_and_odd_arrays() -> None:
    assert read((None, None)) == ""
    assert read((5, {"x": 1})) == ""
    assert read(("One", "First.")) == "One\nFirst."
    assert read(([], ["only thought"])) == "only thought"
    assert read(([None, "Two"], [3, "second"])) == "Two\nsecond"


texts = st.lists(st.text(alphabet="ab .", max_size=6), max_size=4)


@given(st.lists(st.tuples(texts, texts), max_size=6))
def test_the_last_version_of_every_piece_is_part_of_the_text(frames: list[tuple[list[str], list[str]]]) -> None:
    text = read(*frames)
    if frames:
        titles, thoughts = frames[-1]
        for piece in [*titles, *thoughts]:
            assert piece in text
