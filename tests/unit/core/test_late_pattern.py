"""A pattern that is made when it is first looked for."""

import re

import pytest

from luna.model.late_pattern import LatePattern


def test_it_is_made_when_it_is_first_looked_for() -> None:
    late = LatePattern("b+")
    assert repr(late) == "<LatePattern not yet made>"
    assert late.search("abbc")
    assert repr(late) == "<LatePattern made>"


def test_it_does_what_the_pattern_does() -> None:
    late, made = LatePattern("(b)+", re.IGNORECASE), re.compile("(b)+", re.IGNORECASE)
    assert late.pattern == made
    for text in ("", "Bb", "abBc", "bc"):
        assert str(late.match(text)) == str(made.match(text))
        assert str(late.fullmatch(text)) == str(made.fullmatch(text))
        assert str(late.search(text)) == str(made.search(text))
        assert [each.span() for each in late.finditer(text)] == [each.span() for each in made.finditer(text)]
        assert late.findall(text) == made.findall(text)
        assert late.sub("-", text) == made.sub("-", text)
    assert late.search("ab", 2) is None


def test_its_text_may_be_put_together_late() -> None:
    told: list[bytes] = []

    def text() -> bytes:
        told.append(b"a|b")
        return told[-1]

    late = LatePattern(text)
    assert told == []
    assert late.findall(b"ab") == [b"a", b"b"]
    assert late.match(b"b")
    assert len(told) == 1


def test_what_cannot_be_a_pattern_is_told_when_it_is_looked_for() -> None:
    late = LatePattern("(")
    with pytest.raises(re.error):
        late.search("")
