"""The token estimate: where it lies, and that it adds up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.chat import Attachment, ChatRequest, Message, Text, Thought, Tool, ToolCall, ToolResult
from luna.protocols import tokens
from luna.protocols.tokens import LONG, Meter, about, estimate, estimate_request, fitting, weight

ENGLISH = (
    "The river had been rising since noon, and by the time the men came back from the fields it stood level with "
    "the lowest stones of the bridge. Nobody spoke of leaving. They carried the sacks upstairs and waited."
)
CHINESE = "河水从中午开始上涨，等到男人们从田里回来的时候，水已经与桥最低的石头一样高了。没有人说要离开。"
CODE = """def first(values: list[int]) -> int | None:
    for index, value in enumerate(values):
        if value > threshold and not seen[index]:
            return value
    return None
"""


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("", 0, 0),
        ("a", 1, 1),
        ("Hello", 1, 2),
        (ENGLISH, 38, 55),
        (CHINESE, 26, 38),
        (CODE, 40, 65),
        ("1790000000", 10, 10),
        (" " * 100, 1, 8),
        ("🙂", 1, 3),
        ("\ud800", 1, 1),
    ],
)
def test_an_estimate_lies_where_tokenizers_lie(text: str, low: int, high: int) -> None:
    assert low <= estimate(text) <= high


def test_every_byte_of_utf_8_has_a_class() -> None:
    members = b"".join(member for member, _ in tokens._CLASSES)
    assert set(members) == set(range(256))


@given(st.text(max_size=30), st.text(max_size=30))
def test_weights_add_up(one: str, other: str) -> None:
    assert weight(one + other) == weight(one) + weight(other)


@given(st.lists(st.text(max_size=30)))
def test_about_short_texts_is_exact(said: list[str]) -> None:
    assert about(said) == sum(map(weight, said))


@pytest.mark.parametrize("cut", [1, 7, 5_000, 10**9])
def test_about_long_texts_is_close(cut: int) -> None:
    lines = [ENGLISH, CHINESE, CODE, "1790000000", " " * 200, "🙂" * 3]
    text = "".join(lines[number * number % 7 % 6] for number in range(3_000))
    assert len(text) > LONG
    exact, pieces = weight(text), [text[at : at + cut] for at in range(0, len(text), cut)]
    assert about(pieces) == pytest.approx(exact, rel=0.08)
    assert about([piece.encode() for piece in pieces]) == pytest.approx(exact, rel=0.08)


def test_about_a_long_text_that_is_the_same_all_over_is_exact() -> None:
    assert about(["1" * LONG, "1"]) == weight("1" * (LONG + 1))


@given(st.text(max_size=30), st.integers(0, 3000))
def test_what_fits_is_the_longest_that_does(text: str, room: int) -> None:
    fits = fitting(text, room)
    assert text.startswith(fits)
    assert weight(fits) <= room
    assert fits == text or weight(text[: len(fits) + 1]) > room


@given(st.lists(st.text(max_size=8), max_size=12), st.text(max_size=8), st.integers(0, 6000))
def test_a_meter_weighs_late_but_right(pieces: list[str], more: str, limit: int) -> None:
    meter = Meter()
    for piece in pieces:
        meter.add(piece)
    assert meter.fits(more, limit) is (weight("".join(pieces) + more) <= limit)
    assert meter.weight() == weight("".join(pieces))


def test_a_request_counts_with_all_it_holds() -> None:
    bare = ChatRequest(model="m", messages=[Message("user", [Text("Hello there")])])
    fuller = ChatRequest(
        model="m",
        messages=[
            Message("user", [Text("Hello there"), Attachment("image", url="data:image/png;base64," + "A" * 10_000)]),
            Message("assistant", [Thought("hm, well"), ToolCall("c", "Read", '{"p": "x"}')]),
            Message("tool", [ToolResult("c", [Text("one two three")])]),
        ],
        tools=[Tool("Read", "Reads a file", {"type": "object"})],
    )
    assert estimate_request(bare) == 4 + estimate("Hello there")
    assert 1000 < estimate_request(fuller) - estimate_request(bare) < 1100
