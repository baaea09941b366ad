"""What is remembered of texts that somebody else sends: the latest, and none that is long."""

import pytest

from luna.model.memo import remembering


class Counted:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def shout(self, text: str) -> str:
        self.asked.append(text)
        if not text:
            raise ValueError("nothing to shout")
        return text.upper()


def test_what_was_made_is_made_once() -> None:
    counted = Counted()
    shout = remembering(count=2, longest=4)(counted.shout)
    assert [shout("a"), shout("a"), shout("b")] == ["A", "A", "B"]
    assert counted.asked == ["a", "b"]


def test_the_latest_are_kept() -> None:
    counted = Counted()
    shout = remembering(count=2, longest=4)(counted.shout)
    for text in ("a", "b", "a", "c", "a", "b"):
        shout(text)
    assert counted.asked == ["a", "b", "c", "b"]


def test_what_is_long_is_made_each_time_and_takes_no_place() -> None:
    counted = Counted()
    shout = remembering(count=1, longest=4)(counted.shout)
    for text in ("four", "-five", "-five", "four"):
        assert shout(text) == text.upper()
    assert counted.asked == ["four", "-five", "-five"]


def test_an_error_is_not_remembered() -> None:
    counted = Counted()
    shout = remembering(count=1, longest=4)(counted.shout)
    for _ in range(2):
        with pytest.raises(ValueError, match="nothing"):
            shout("")
    assert counted.asked == ["", ""]
