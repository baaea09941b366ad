"""JSON as models write it."""

import pytest

from luna.tools.documents import broken_off, calls_in
from luna.tools.json_text import NOTHING, JsonEnd, decode, encode, escape, repaired


@pytest.mark.parametrize(
    "text", ["", "plain", 'a "quoted" \\ one', "line\nbreak\t\r\x00\x1f", "größer 🙂 工具", "</x>"]
)
def test_an_escaped_text_is_the_inside_of_a_json_string(text: str) -> None:
    assert decode(f'"{escape(text)}"') == text


def test_half_a_pair_cannot_be_written_and_becomes_a_replacement() -> None:
    assert decode(f'"{escape("a" + chr(0xD83D) + "b")}"') == "a\ufffdb"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('{"a": "one\ntwo\t"}', {"a": "one\ntwo\t"}),
        (r'{"a": "C:\dir\new"}', {"a": "C:\\dir\new"}),
        (r'{"re": "\d+\.\w"}', {"re": r"\d+\.\w"}),
        ("{'a': 'it\\'s \"x\"'}", {"a": 'it\'s "x"'}),
        ('{"a": True, "b": False, "c": None}', {"a": True, "b": False, "c": None}),
        ("{a: 1, b_c: [2]}", {"a": 1, "b_c": [2]}),
        ('{"a": [1, 2,], }', {"a": [1, 2]}),
        ('{"True": "None"}', {"True": "None"}),
    ],
)
def test_what_can_only_mean_one_thing_is_forgiven(text: str, value: object) -> None:
    assert repaired(text, close=False) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a": "x',
        '{"a": "say "hi""}',
        "{]",
        '{"a": 1}}',
        "{'a': 1",
        '{"a" "b"}',
        "[1 2]",
        "[x]",
        "1e999",
        "NaN",
    ],
)
def test_anything_else_is_not(text: str) -> None:
    assert repaired(text, close=False) is NOTHING


def test_missing_brackets_are_forgiven_only_where_the_end_is_certain() -> None:
    text = '{"name": "x", "arguments": {"a": [1, {"b": 2'
    assert repaired(text, close=False) is NOTHING
    assert repaired(text, close=True) == {"name": "x", "arguments": {"a": [1, {"b": 2}]}}
    assert repaired('{"a": "x', close=True) is NOTHING


def test_depth_is_no_danger() -> None:
    assert decode("[" * 100_000) is NOTHING
    assert repaired("[" * 100_000, close=True) is NOTHING


@pytest.mark.parametrize(
    ("text", "end", "complete"),
    [
        ("{}", 2, True),
        ("{} ", 2, True),
        ('{"a": "}"} x', 10, True),
        (r'{"a": "\"}"} x', 12, True),
        (r'{"a": "\\"} x', 11, True),
        ('[{"a": []}]]', 11, True),
        ('{"a": {"b": 1}</tool_call>', 14, False),
        ('{"a": "</tool_call>"}', 21, True),
    ],
)
def test_the_end_of_a_value_is_found_wherever_the_pieces_end(text: str, end: int, complete: bool) -> None:
    for size in range(1, len(text) + 1):
        finder, before = JsonEnd(), 0
        for start in range(0, len(text), size):
            found = finder.feed(text[start : start + size])
            if found is not None:
                assert (before + found, finder.complete) == (end, complete)
                break
            before = start + size
        else:
            pytest.fail("no end")


def test_a_value_that_goes_on_has_no_end() -> None:
    finder = JsonEnd()
    assert finder.feed('{"a": "x}') is None
    assert finder.feed("</tool_call>") is None
    assert not finder.complete


@pytest.mark.parametrize(
    ("document", "calls"),
    [
        ({"name": "a", "arguments": {"x": 1}}, [("a", {"x": 1})]),
        ({"arguments": {}, "name": " a "}, [("a", {})]),
        ({"tool": "a", "args": "{}"}, [("a", "{}")]),
        ({"tool_name": "a", "parameters": {}}, [("a", {})]),
        ({"function": "a", "input": None}, [("a", None)]),
        ({"type": "function", "function": {"name": "a", "arguments": "{}"}}, [("a", "{}")]),
        ({"tool_calls": [{"name": "a"}, {"name": "b"}]}, [("a", None), ("b", None)]),
        ([{"name": "a"}, {"name": "b"}], [("a", None), ("b", None)]),
        ({"name": 3}, [("", None)]),
        ("text", [("", None)]),
        ([], []),
    ],
)
def test_calls_are_found_in_every_spelling(document: object, calls: list[tuple[str, object]]) -> None:
    assert list(calls_in(document)) == calls


def test_json_that_breaks_off_is_read_up_to_a_closing_tag() -> None:
    whole = '{"name":"a","arguments":{"x":1}'
    assert broken_off(f"{whole}</tool_call> tail") == ({"name": "a", "arguments": {"x": 1}}, "</tool_call> tail")
    assert broken_off(f"{whole}[/call]") == ({"name": "a", "arguments": {"x": 1}}, "[/call]")
    assert broken_off(f"{whole}\n```\n</tool_call>") == ({"name": "a", "arguments": {"x": 1}}, "</tool_call>")
    assert broken_off('{"x": "say "hi""}</tool_call> tail') == (NOTHING, "</tool_call> tail")
    assert broken_off('{"x": "cut') is None
    assert broken_off('{"x": "</b>') is None


def test_encoding_is_compact() -> None:
    assert encode({"a": [1, "x"]}) == '{"a":[1,"x"]}'
