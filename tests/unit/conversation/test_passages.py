"""What is taken out of a text, and what stays."""

import re
import time

import pytest

from luna.conversation import patterns
from luna.conversation.passages import (
    Sign,
    blocks,
    cut,
    possible,
    without_blocks,
    without_lines,
    without_paragraphs,
    without_sections,
)
from luna.model.late_pattern import LatePattern

HEADING = Sign("todo", LatePattern("# todo", re.IGNORECASE))
ERROR = Sign("[error]", LatePattern(r"\[ERROR\]"), "(automated)")
PLAN = Sign("plan", LatePattern("plan"))


def test_blocks() -> None:
    text = "a<x> one </x>b<x>two</x>c<x>open"
    assert blocks(text, "x") == ["one", "two"]
    assert without_blocks(text, "x") == "abc<x>open"
    assert without_blocks("plain", "x") == "plain"


def test_a_section_ends_before_the_next_heading_tag_or_bracket_after_an_empty_line() -> None:
    for following in ("# Next\nmore", "<x>more", "[more]"):
        assert without_sections(f"before\n# TODO list\n- a\n# not here\n\n{following}", [HEADING]) == (
            f"before\n{following}"
        )
    assert without_sections("before\n# TODO\n- a\n\n- b", [HEADING]) == "before\n"


def test_a_section_with_an_end_goes_as_far_as_its_last_line() -> None:
    text = "a\n[ERROR] no\n\n# Reminder\n<x>\n(automated)\nb"
    assert without_sections(text, [ERROR]) == "a\nb"
    assert without_sections("a\n[ERROR] no\n\n# Mine\nb", [ERROR]) == "a\n# Mine\nb"
    assert without_sections("[ERROR] x (automated)\nb", [ERROR]) == "b"


def test_sections_one_after_the_other() -> None:
    assert without_sections("# todo\na\n\n# TODO\nb\n\n# c", [HEADING]) == "# c"


def test_paragraphs_and_lines() -> None:
    assert without_paragraphs("a\n\nplan: x\ny\n\nb", [PLAN]) == "a\n\nb"
    assert without_paragraphs("a\n\nb", [PLAN]) == "a\n\nb"
    assert without_lines("a\n  Restore \nRestore it\n", [Sign("restore", LatePattern("Restore"))]) == "a\nRestore it\n"


def test_a_text_without_the_mark_is_not_searched() -> None:
    assert possible([HEADING, ERROR, PLAN], "A TODO") == [HEADING]
    assert without_sections("# TODO\na", [Sign("missing", HEADING.pattern)]) == "# TODO\na"


@pytest.mark.parametrize(
    "sign",
    [
        *patterns.AUTOMATED_SECTIONS,
        *patterns.AUTOMATED_LINES,
        *patterns.PROTOCOL_SECTIONS,
        *patterns.WRAPPERS,
        *patterns.CONFUSION,
    ],
    ids=lambda sign: sign.pattern.pattern.pattern[:30],
)
def test_a_sign_cannot_show_without_its_mark(sign: Sign) -> None:
    """The letters of the mark stand in the expression, in this order."""
    letters = iter(sign.pattern.pattern.pattern.lower().replace("\\", ""))
    assert all(letter in letters for letter in sign.mark)


def test_a_cut_text_keeps_both_ends_and_says_how_much_is_missing() -> None:
    assert cut("short", 5) == "short"
    assert cut("0123456789", 8) == "012345\n[… 2 characters left out …]\n89"
    assert cut("0123", 2) == "01\n[… 2 characters left out …]\n"


def test_no_text_takes_long() -> None:
    begun = time.perf_counter()
    for hostile in ("<x>" * 200_000, "# todo\n" * 100_000, "[ERROR]\n" * 100_000, "\n\n" * 200_000):
        blocks(hostile, "x")
        without_blocks(hostile, "x")
        without_sections(hostile, [HEADING, ERROR])
        without_paragraphs(hostile, [PLAN])
    assert time.perf_counter() - begun < 5
