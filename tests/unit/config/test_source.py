"""The dialect of YAML: what scalars mean, where things stand, what the environment fills in; no input breaks it."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from luna.config.diagnostics import Place, Report
from luna.config.nodes import MappingNode, Node, ScalarNode, SequenceNode, scrub
from luna.config.source import MAX_BYTES, MAX_NODES, parse


def read(text: str | bytes, environ: dict[str, str] | None = None) -> Node:
    """The document, which must be sound."""
    report = Report()
    node = parse(text.encode() if isinstance(text, str) else text, "a.yaml", report, environ)
    assert node is not None
    assert report.errors == ()
    return node


def problems(text: str | bytes, environ: dict[str, str] | None = None) -> list[str]:
    """What is wrong with the document."""
    report = Report()
    parse(text.encode() if isinstance(text, str) else text, "a.yaml", report, environ)
    return [str(error) for error in report.errors]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("No", "No"),
        ("5", 5),
        ("-5", -5),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("5.5", 5.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("64KiB", "64KiB"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int 5", 5),
        ("|-\n 5", "5"),
        ("9" * 150, float("9" * 150)),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(written: str, value: object) -> None:
    found = read(f"a: {written}\n").plain()["a"]
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_a_number() -> None:
    found = read(".nan").plain()
    assert found != found


def test_every_node_knows_where_it_stands() -> None:
    node = read("# first\nroutes:\n  - name: a\n    match: {path: [x, y]}\n")
    assert isinstance(node, MappingNode)
    assert node.keys["routes"] == Place("a.yaml", 2, 1)
    places = {
        (): (2, 1),
        ("routes",): (3, 3),
        ("routes", 0): (3, 5),
        ("routes", 0, "name"): (3, 11),
        ("routes", 0, "match", "path", 1): (4, 23),
        ("routes", 0, "match", "nothing", "here"): (4, 12),
        ("routes", 7): (3, 3),
    }
    assert {path: node.reach(path).place[1:] for path in places} == places


def test_an_empty_file_is_null() -> None:
    for text in ("", "\n# nothing\n", "---\n", "\ufeff"):
        assert read(text).plain() is None


def test_keys_are_what_stands_there() -> None:
    assert read("1: a\non: b\n~: c\n'${X}': d\n", {}).plain() == {"1": "a", "on": "b", "~": "c", "${X}": "d"}


def test_an_alias_repeats_its_anchor_and_points_at_it() -> None:
    node = read("a: &x [1, 2]\nb: *x\n")
    assert node.plain() == {"a": [1, 2], "b": [1, 2]}
    assert node.reach(["b", 1]).place == Place("a.yaml", 1, 11)


def test_an_anchor_may_be_used_again() -> None:
    assert read("- &a 1\n- &a 2\n- *a\n").plain() == [1, 2, 2]


def test_aliases_do_not_blow_up() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 30):
        bomb += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n"
    assert problems(bomb) == [f"a.yaml:5:40: the document has more than {MAX_NODES} values, aliases counted"]


def test_depth_is_bounded() -> None:
    assert problems("[" * 5000) == ["a.yaml:1:51: the document is nested deeper than 50 levels"]
    ladder = "a0: &a0 x\n" + "".join(f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 90))
    assert problems(ladder) == ["a.yaml:49:12: the document is nested deeper than 50 levels"]


def test_size_is_bounded() -> None:
    assert problems(b"x" * (MAX_BYTES + 1)) == [
        f"a.yaml:1:1: the file has {MAX_BYTES + 1} bytes; at most {MAX_BYTES} are read"
    ]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${PORT}", 8080),
        ("${PORT:-1}", 8080),
        ("'${PORT}'", "8080"),
        ('"${PORT}"', "8080"),
        ("${ABSENT:-8}", 8),
        ("${EMPTY:-8}", 8),
        ("${EMPTY}", None),
        ("'${EMPTY}'", ""),
        ("${ABSENT:-}", None),
        ("${FLAG}", True),
        ("x-${PORT}-${NAME}", "x-8080-Ann"),
        ("${PORT}${PORT}", 80808080),
        ("|-\n ${PORT}", "8080"),
        ("$${PORT}", "${PORT}"),
        ("$$${PORT}", "$${PORT}"),
        ("$PORT", "$PORT"),
        ("'^sk-[a-z]{20,}$'", "^sk-[a-z]{20,}$"),
        ("!!str ${PORT}", "8080"),
        ("${COLON}", "a: b"),
    ],
)
def test_the_environment_fills_scalars_and_plain_ones_are_typed_again(written: str, value: object) -> None:
    environ = {"PORT": "8080", "EMPTY": "", "FLAG": "true", "NAME": "Ann", "COLON": "a: b"}
    found = read(f"a: {written}\n", environ).plain()["a"]
    assert found == value
    assert type(found) is type(value)


def test_without_an_environment_nothing_is_filled() -> None:
    assert read("a: ${X}\n").plain() == {"a": "${X}"}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("${NOPE}", "the environment variable NOPE is not set — set it, or give a default: ${NOPE:-…}"),
        *(
            (
                wrong,
                (
                    "'${' does not begin a reference to an environment variable"
                    " — write ${NAME} or ${NAME:-default}; a literal '${' is written '$${'"
                ),
            )
            for wrong in ("${}", "${1X}", "${X", "${X:}", "'${ X }'", "${X-y}")
        ),
    ],
)
def test_a_wrong_reference_is_named_where_it_stands(written: str, message: str) -> None:
    assert problems(f"a:\n  - {written}\n", {}) == [f"a.yaml:2:5: {message}"]


def test_what_is_shown_is_what_stands_in_the_file() -> None:
    node = read("a: ${KEY}\nb: ['x-${KEY}', 5]\n", {"KEY": "s3cret"})
    assert node.plain() == {"a": "s3cret", "b": ["x-s3cret", 5]}
    assert node.written() == {"a": "${KEY}", "b": ["x-${KEY}", 5]}
    assert "s3cret" not in repr(node)
    assert [scalar.text for scalar in node.secrets()] == ["${KEY}", "x-${KEY}"]


def test_scrubbing_takes_every_form_of_a_value_out() -> None:
    node = read("a: ${KEY}\nb: ${NUMBER}\nc: ${NONE}\n", {"KEY": "it's\\a\tsecret", "NUMBER": "0x10", "NONE": ""})
    message = f"bad {'it' + chr(39) + 's' + chr(92) + 'a' + chr(9) + 'secret'!r} and 16"
    assert scrub(message, node.secrets()) == "bad ${KEY} and ${NUMBER}"


def test_nodes_have_a_human_repr() -> None:
    assert repr(read("a: 1\n")) == "<MappingNode a.yaml:1:1>"
    assert repr(read("- 1\n").reach([0])) == "<ScalarNode a.yaml:1:3>"


PIECES = st.sampled_from(
    ["a", "b: ", "- ", "\n", "  ", "[", "]", "{", "}", ",", ": ", "? ", "|\n", ">2-\n", "&x ", "*x", "!t ", "!!int ",
     "!<", "%YAML 1.1\n", "%TAG ! x\n", "---\n", "...\n", '"', "'", "\\U00FFFFFF", "\\UFFFFFFFF", "\\uD800", "\\x4",
     "#", "\t", "\r", "\u2028", "\x85", "@", "`", "${X}", "${", "${X:-", "<<: ", "\ufeff", "~", "0x", "%E0%A4", "é"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.lists(PIECES, max_size=20).map(lambda pieces: "".join(pieces).encode()))
@example(b'"\\UFFFFFFFF"')
@example(b'"\\U00FFFFFF"')
@example(b"\xff\xfea\x00")
@example(b"%YAML 2.0\n---\na")
@example(b"? ? ? a")
def test_no_input_raises_and_every_complaint_has_a_place(data: bytes) -> None:
    report = Report()
    node = parse(data, "a.yaml", report, {"X": "1"})
    assert node is not None or report.errors
    lines = data.count(b"\n") + data.count(b"\r") + data.count("\u2028".encode()) + data.count("\x85".encode()) + 1
    for error in report.errors:
        assert 1 <= error.line <= lines + 1
        assert 1 <= error.col <= len(data) + 2
    if node is not None:
        assert isinstance(node, ScalarNode | SequenceNode | MappingNode)
        node.plain()
