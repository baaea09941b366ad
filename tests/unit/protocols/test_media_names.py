"""What files are commonly called."""

import pytest

from luna.model.media_names import ending_of, type_of


@pytest.mark.parametrize(("name", "told"), [("a.png", "image/png"), ("A.TXT", "text/plain"), ("a.luna", ""), ("", "")])
def test_a_name_tells_a_type(name: str, told: str) -> None:
    assert type_of(name) == told


@pytest.mark.parametrize(
    ("told", "ending"), [("image/png", ".png"), ("application/pdf", ".pdf"), ("a/b", ""), ("", "")]
)
def test_a_type_tells_an_ending(told: str, ending: str) -> None:
    assert ending_of(told) == ending
