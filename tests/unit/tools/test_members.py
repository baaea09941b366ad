"""The members of an object are known as they come, whatever the pieces."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from luna.tools.members import Members
from tests.support.sifting import pieces_of

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(words, values, max_size=4), st.integers(1, 7))
def test_all_members_are_found(value: dict[str, Any], size: int) -> None:
    members = Members()
    for piece in pieces_of(msgspec.json.encode(value).decode(), size):
        members.feed(piece)
    assert (members.complete, members.text) == (value, "")


def test_the_string_that_is_coming_is_named() -> None:
    members, seen = Members(), []
    for character in '{"a":[{"x":"y"}],"b":"c\\"d","e":1}':
        members.feed(character)
        seen.append(members.text)
    assert "".join(name or "." for name in seen) == "." * 21 + "b" * 5 + "." * 7 + "."
