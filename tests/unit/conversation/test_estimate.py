"""How heavy messages are, before anything is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.conversation.estimate import ATTACHMENT, MOST_PER_CHARACTER, TURN, at_most, texts, weight
from luna.model.chat import Attachment, Message, Part, Text, Thought, ToolCall, ToolResult
from luna.protocols import tokens

PICTURE = Attachment("image", url="data:image/png;base64," + "QUJD" * 50_000, name="a.png")


@pytest.mark.parametrize(
    ("part", "weighs"),
    [
        (Text("abc"), 3),
        (Thought("never sent again"), 0),
        (ToolCall("c1", "Bash", '{"a":1}'), 2 + 4 + 7),
        (ToolResult("c1", [Text("abc"), PICTURE], "Bash"), 2 + 4 + 3 + 10),
        (PICTURE, 10),
    ],
)
def test_what_a_part_weighs(part: Part, weighs: int) -> None:
    assert weight([Message("user", [part])], len, turn=1, attachment=10) == 1 + weighs


def test_a_name_and_the_frame_of_each_turn_count() -> None:
    assert weight([Message("user", [], "ann"), Message("user", [])], len) == 2 * TURN + 3


def test_the_bytes_of_an_attachment_never_count_as_text() -> None:
    large = [Message("user", [Text("hi"), PICTURE])]
    small = [Message("user", [Text("hi"), Attachment("image", url="https://x.example/a.png")])]
    assert weight(large, tokens.weight) == weight(small, tokens.weight) == TURN + tokens.weight("hi") + ATTACHMENT


@given(st.lists(st.text(max_size=20), max_size=5))
def test_the_quick_bound_is_one(said: list[str]) -> None:
    messages = [Message("user", [Text(text), ToolCall(text, text, text)], text) for text in said]
    assert weight(messages, tokens.weight) <= at_most(messages)
    assert all(tokens.weight(text) <= len(text) * MOST_PER_CHARACTER for text in said)


@given(st.lists(st.text(max_size=20), max_size=5))
def test_the_texts_and_their_frames_are_all_there_is_to_weigh(said: list[str]) -> None:
    messages = [Message("user", [Text(text), PICTURE, ToolResult("c", [Text(text), PICTURE])], text) for text in said]
    found, frames = texts(messages)
    assert sum(map(tokens.weight, found)) + frames == weight(messages, tokens.weight)
