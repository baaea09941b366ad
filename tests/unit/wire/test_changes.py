"""What a stage has changed, as it is told to people: short, and bounded."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.chat import ChatRequest, Message, Text
from luna.model.events import Finish, StreamEvent, TextDelta
from luna.wire.changes import LINES, MOST, SHOWN, BatchChange, Change, batch_changes, document_changes

TEN = [f"line {number}" for number in range(10)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 2}, [Change("changed", "a", "1", "2")]),
        ({"a": 1}, {"b": 2}, [Change("removed", "a", "1"), Change("added", "b", after="2")]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, [Change("changed", "a.b[1]", "2", "3")]),
        ([1, 2, 3], [1, 3], [Change("removed", "[1]", "2")]),
        ([1, 3], [1, 2, 3], [Change("added", "[1]", after="2")]),
        ([1, 1, 1], [1, 1], [Change("removed", "[2]", "1")]),
        ({"a": "x"}, {"a": ["x"]}, [Change("changed", "a", "x", '[\n  "x"\n]')]),
        ({"a": "x"}, {"a": "y"}, [Change("changed", "a", "x", "y")]),
        ({"a": "x\ny"}, {"a": "x\nz"}, [Change("changed", "a", diff="@@ -1,2 +1,2 @@\n x\n-y\n+z")]),
    ],
)
def test_a_document(before: Any, after: Any, told: list[Change]) -> None:
    assert document_changes(before, after) == (told, False)


def test_a_long_text_is_compared_where_it_differs_and_lines_keep_their_numbers() -> None:
    after = [*TEN[:6], "new", *TEN[6:]]
    (change,), _ = document_changes({"t": "\n".join(TEN)}, {"t": "\n".join(after)})
    assert change.diff.splitlines()[0] == "@@ -4,6 +4,7 @@"
    assert "+new" in change.diff.splitlines()


def test_texts_that_have_little_in_common_are_shown_side_by_side() -> None:
    before, after = ("\n".join(f"{word}{number}" for number in range(LINES + 1)) for word in ("a", "b"))
    (change,), _ = document_changes({"t": before}, {"t": after})
    assert (change.diff, change.before[:2], change.after[:2]) == ("", "a0", "b0")


def test_what_is_too_much_is_cut_and_said_so() -> None:
    (change,), more = document_changes({}, {"t": "x" * (SHOWN + 1)})
    assert (len(change.after), change.cut, more) == (SHOWN, True, False)
    many, more = document_changes({}, {str(number): 1 for number in range(MOST + 1)})
    assert (len(many), more) == (MOST, True)


def test_a_request() -> None:
    before = ChatRequest(model="m", messages=[Message("user", [Text("hi")])])
    after = ChatRequest(model="m", target="q", messages=[Message("system", [Text("be kind")]), *before.messages])
    told, _ = document_changes(before, after)
    assert [(change.op, change.path) for change in told] == [("added", "messages[0]"), ("added", "target")]
    assert '"be kind"' in told[0].after


def test_a_stream() -> None:
    first: list[StreamEvent] = [TextDelta("a")]
    second: list[StreamEvent] = [TextDelta("b"), Finish("stop")]
    assert batch_changes(None, [[*first]]) == ([BatchChange(1, [], ['{"t":"text","text":"a"}'])], False)
    told, _ = batch_changes([[*first], [*second]], [[*first], [Finish("stop")]])
    assert told == [
        BatchChange(
            2, ['{"t":"text","text":"b"}', '{"t":"finish","reason":"stop"}'], ['{"t":"finish","reason":"stop"}']
        )
    ]
    assert batch_changes([[]] * 300, [[TextDelta("x")]] * 300)[1]


values = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab\n", max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=12,
)


@given(values, values)
def test_nothing_is_told_exactly_when_nothing_is_different(before: Any, after: Any) -> None:
    told, _ = document_changes(before, after)
    assert bool(told) == (before != after)
    assert len({(change.path, change.op) for change in told}) == len(told)
