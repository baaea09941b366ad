"""What is read as plain YAML is read as ruamel reads it, place by place; whatever else there is, is left to ruamel."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from luna.config.plain_yaml import Event, plain_events
from luna.config.source import events_of

ROOT = Path(__file__).parents[2]
SHIPPED = [ROOT / "routes.yaml", *sorted((ROOT / "pipelines").glob("*.yaml"))]

PIECES = (
    *(
        "a: ",
        "b:",
        "- ",
        "  ",
        " ",
        "\n",
        "\n  ",
        "\n    ",
        "\n- ",
        "x",
        "y.z",
        "1",
        "-1",
        "true",
        "~",
        "#",
        " # c",
        ":",
    ),
    *('"q"', "'s'", "''", "[", "]", "{", "}", ", ", ",", "[a, b]", "{a: b}", "$X", "${A}", "&", "*", "!", "|", ">"),
    *("---", "...", "?", "é", "/v1/*", "gpt-*", "\\", "\t", "=", "<<: ", "%", ":"),
)
INDENTS = ("", "  ", "    ", "- ", "  - ")
LINES = ("a: 1", "b: x y", "c:", "d: [a, 'b']", "e: {a: [b]}", "- x", "# c", "f: 'q' # r", "z")
pieces, lines = st.sampled_from(PIECES), st.builds(str.__add__, st.sampled_from(INDENTS), st.sampled_from(LINES))


def same(text: str) -> bool:
    """Whether it is plain; then both say the same."""
    plain = plain_events(text)
    if plain is None:
        return False
    try:
        real = [*events_of(YAML(typ="safe", pure=True).parse(text))]
    except (YAMLError, ValueError) as error:
        raise AssertionError(f"{text!r} is no YAML: {error}") from error
    assert [_seen(event) for event in plain] == [_seen(event) for event in real], text
    return True


def _seen(event: Event) -> tuple[object, ...]:
    """Where something ends, and where the document begins, nobody asks."""
    said = (event.kind, event.value, event.style, event.tag, event.anchor)
    return said if event.kind in ("]", "}", "document") else (*said, event.line, event.column)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_files_are_plain(path: Path) -> None:
    assert same(path.read_text())


@settings(max_examples=300)
@given(st.lists(pieces, max_size=14).map("".join))
@example("a: b\n  c: d")
@example("a:\n- b")
@example("a: 'it''s'")
@example("a: b: c")
@example("a:\nb: c")
@example("- - a")
@example("a: x\n\n  y")
@example("a: [b,c]")
@example("a: [b , c]")
@example("a: [a:b]")
@example("a: x #y")
@example("a: [b]#y")
def test_pieces_of_yaml(text: str) -> None:
    same(text)


@settings(max_examples=300)
@given(st.lists(lines, max_size=8).map("\n".join))
def test_lines_of_yaml(text: str) -> None:
    same(text)
