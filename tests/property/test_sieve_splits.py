"""How an answer is cut into pieces never matters, and neither text nor arguments lose a character."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.chat import Tool
from luna.model.events import ToolDelta, ToolOpen
from luna.tools import markup
from luna.tools.json_text import decode, encode
from tests.fuzz.search import search
from tests.fuzz.sieve import check
from tests.support.sifting import events_of, pieces_of, sifted, tool
from tests.support.transcripts import DIALECTS, NEAR_MISSES, SOUP, garbled, in_pieces, ordinary, transcript

randoms = st.randoms(use_true_random=False)
characters = st.characters(exclude_categories=["Cs"])
strings = st.text(characters, max_size=30) | st.lists(st.sampled_from(SOUP), max_size=8).map("".join)
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | strings,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(characters, max_size=8), inner, max_size=3),
    max_leaves=8,
)
FILE = [tool("write", "path", "content", path="string", content="string", size="integer", tags="array", more="object")]
files = st.fixed_dictionaries(
    {"path": strings, "content": strings},
    optional={
        "size": st.integers(),
        "tags": st.lists(plain_json, max_size=3),
        "more": st.dictionaries(st.text(characters, min_size=1, max_size=8), plain_json, max_size=3),
    },
)


@settings(max_examples=40, deadline=None)
@given(randoms)
def test_any_split_of_any_answer_gives_the_same_calls_and_the_same_text(draw: Random) -> None:
    made = transcript(draw)
    for text in (made.written, garbled(draw, made.written)):
        assert sifted(*in_pieces(draw, text)) == sifted(text)


@settings(max_examples=40, deadline=None)
@given(randoms)
def test_an_answer_gives_its_calls_and_its_text_and_nothing_else(draw: Random) -> None:
    made = transcript(draw)
    found = sifted(*in_pieces(draw, made.written))
    assert (found.calls, found.text, found.notices) == (made.calls, made.text, [])


@settings(max_examples=40, deadline=None)
@given(randoms)
def test_prose_and_code_lose_nothing(draw: Random) -> None:
    text = "".join(ordinary(draw) for _ in range(draw.randint(1, 4)))
    found = sifted(*in_pieces(draw, text))
    assert (found.text, found.calls, found.notices) == (text, [], [])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(["<", ">", "[", "]", "`", "~", "\n", " ", "/", "{", '"', "=", "tool", "call", "a"])),
    randoms,
)
def test_a_soup_of_marks_without_a_call_loses_nothing(parts: list[str], draw: Random) -> None:
    text = "".join(parts)
    found = sifted(*in_pieces(draw, text))
    assert (found.text, found.calls) == (text, [])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*NEAR_MISSES, "word", "\n"]), max_size=8).map(" ".join), randoms)
def test_near_misses_lose_nothing(text: str, draw: Random) -> None:
    assert sifted(*in_pieces(draw, text)).text == text


@settings(max_examples=80, deadline=None)
@given(files, st.integers(1, 9))
def test_any_arguments_come_back_from_the_contract_as_they_were(arguments: dict[str, Any], size: int) -> None:
    written = markup.calls([markup.call("write", encode(arguments))])
    found = sifted(*pieces_of(f"so {written} on", size), tools=FILE)
    assert (found.calls, found.text, found.notices) == ([("write", arguments)], "so  on", [])


@settings(max_examples=40, deadline=None)
@given(files, st.sampled_from(DIALECTS), randoms)
def test_fragments_are_one_json_document_equal_to_the_whole(
    arguments: dict[str, Any], dialect: Any, draw: Random
) -> None:
    text = dialect(draw, [("write", arguments)])
    whole = _fragments(text, len(text), FILE)
    assert decode(whole) == arguments
    assert _fragments(text, draw.randint(1, 20), FILE) == whole


def test_a_short_search_for_failures_finds_none() -> None:
    assert search(check, seconds=2) > 0


def _fragments(text: str, size: int, tools: list[Tool]) -> str:
    events = events_of(pieces_of(text, size), tools)
    assert sum(isinstance(event, ToolOpen) for event in events) == 1
    return "".join(event.json for event in events if isinstance(event, ToolDelta))
