"""The schema gives values their types."""

from typing import Any

import pytest

from luna.tools.coerce import fitted, from_text, from_texts
from luna.tools.json_text import decode, encode
from luna.tools.plain import Plain
from luna.tools.schema import Shape

STRING = {"type": "string"}
ROOT: dict[str, Any] = {
    "$defs": {
        "Size": {"type": "integer"},
        "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "size": {"$ref": "#/$defs/Size"}}},
        "a/b~c": {"type": "boolean"},
        "Loop": {"$ref": "#/$defs/Loop"},
    }
}
EDITS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "object", "properties": {"old": STRING, "new": STRING, "count": {"type": "integer"}}},
}


def shape(schema: object) -> Shape:
    return Shape(schema, ROOT)


def read(text: str, schema: object, *, quoted: bool = False) -> Any:
    """As a parameter's value is read."""
    value = Plain()
    return from_text(value.feed(text) + value.end(), shape(schema), quoted=quoted, raw="" if quoted else text)


@pytest.mark.parametrize("text", ["42", "true", "null", "[1]", '{"a":1}', "1e3", "", " x ", '"q"', "<a>b</a>"])
def test_what_may_only_be_a_string_stays_as_it_is(text: str) -> None:
    assert read(text, STRING) == text
    assert read(text, STRING, quoted=True) == text


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "42", 42),
        ({"type": "integer"}, " -7\n", -7),
        ({"type": "integer"}, "5.0", 5),
        ({"type": "integer"}, "+5", 5),
        ({"type": "integer"}, "123456789012345678901234567890", 123456789012345678901234567890),
        ({"type": "integer"}, "5.5", 5.5),
        ({"type": "integer"}, "0x10", "0x10"),
        ({"type": "integer"}, "five", "five"),
        ({"type": "integer"}, '"5"', 5),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "number"}, "2", 2),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "False", False),
        ({"type": "boolean"}, "yes", "yes"),
        ({"type": "boolean"}, "1", 1),
        ({"type": "null"}, "null", None),
        ({"type": "null"}, "None", None),
        ({"type": ["integer", "null"]}, "", None),
        ({"type": ["integer", "null"]}, "null", None),
        ({"type": "integer", "nullable": True}, "null", None),
        ({"type": "array"}, "[1, 2]", [1, 2]),
        ({"type": "array", "items": STRING}, '["a", 1]', ["a", "1"]),
        ({"type": "array", "items": STRING}, "a.py", ["a.py"]),
        ({"type": "array", "items": {"type": "integer"}}, "3", [3]),
        ({"type": "array", "items": STRING}, "", []),
        ({"type": "array", "items": STRING}, "['a', 'b',]", ["a", "b"]),
        ({"type": "object"}, '{"a": [1]}', {"a": [1]}),
        ({"type": "object"}, "{'a': True, b: None,}", {"a": True, "b": None}),
        ({"type": "object"}, "", {}),
        ({"type": "object"}, "{a", "{a"),
        ({}, "42", 42),
        ({}, "true", True),
        ({}, '{"a":1}', {"a": 1}),
        ({}, "007", "007"),
        ({}, "plain", "plain"),
        (True, "42", 42),
        ({"type": ["string", "integer"]}, "42", 42),
        ({"type": ["string", "integer"]}, "4 2", "4 2"),
        ({"type": ["string", "array"]}, '["a"]', ["a"]),
        ({"type": ["string", "boolean"]}, "1", "1"),
        ({"anyOf": [STRING, {"type": "null"}]}, "null", None),
        ({"anyOf": [{"type": "integer"}, {"type": "array"}]}, "[2]", [2]),
        ({"oneOf": [{"type": "integer"}, STRING]}, "3", 3),
        ({"allOf": [{"type": "number"}, {"type": "integer"}]}, "3", 3),
        ({"$ref": "#/$defs/Size"}, "3", 3),
        ({"$ref": "#/$defs/a~1b~0c"}, "true", True),
        ({"$ref": "#/$defs/nowhere"}, "3", 3),
        ({"$ref": "https://example.org/x"}, "3", 3),
        ({"$ref": "#/$defs/Loop"}, "3", 3),
        (
            {"$ref": "#/$defs/Node"},
            '{"next":{"size":"4","next":{"Size":"5"}}}',
            {"next": {"size": 4, "next": {"size": 5}}},
        ),
        ({"properties": {"n": {"type": "integer"}}}, '{"n": "1"}', {"n": 1}),
        ({"items": {"type": "integer"}}, '["1"]', [1]),
    ],
)
def test_text_becomes_what_the_schema_asks_for(schema: object, text: str, value: object) -> None:
    found = read(text, schema)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "42", 42),
        ({"type": "boolean"}, "true", True),
        ({"type": "object"}, '{"a":1}', {"a": 1}),
        ({"type": ["string", "integer"]}, "42", "42"),
        ({"type": ["string", "null"]}, "null", "null"),
        ({"type": ["string", "array"]}, '["a"]', ["a"]),
        ({}, "42", "42"),
        ({}, '{"a":1}', {"a": 1}),
    ],
)
def test_in_cdata_a_value_is_text_where_text_may_be(schema: object, text: str, value: object) -> None:
    assert read(text, schema, quoted=True) == value


@pytest.mark.parametrize(
    ("choices", "text", "value"),
    [
        (["append", "replace"], "append", "append"),
        (["append", "replace"], " Append\n", "append"),
        (["append", "replace"], "delete", "delete"),
        (["a", "A"], "A", "A"),
        (["x", "X"], "\nx", "x"),
        ([1, 2], "2", 2),
        ([None, "none"], "null", None),
        ([None, "none"], "none", "none"),
        (["1", 1], "1", "1"),
        ([True, False], "TRUE", True),
    ],
)
def test_a_choice_is_found_by_what_it_looks_like(choices: list[Any], text: str, value: object) -> None:
    assert read(text, {"enum": choices}) == value
    assert type(read(text, {"enum": choices})) is type(value)


def test_a_constant_is_a_choice() -> None:
    assert read("7", {"const": 7}) == 7
    assert read("B", {"anyOf": [{"const": "a"}, {"const": "b"}]}) == "b"


@pytest.mark.parametrize(
    ("schema", "raw", "value"),
    [
        (EDITS, "<edit><old>a</old><new>b</new></edit><edit><old>c</old><count>2</count></edit>",
         [{"old": "a", "new": "b"}, {"old": "c", "count": 2}]),
        (EDITS, "\n  <item>\n    <old><![CDATA[a < b]]></old>\n    <New>x &amp; y</New>\n  </item>\n",
         [{"old": "a < b", "new": "x & y"}]),
        (EDITS, "<old>a</old><new>b</new>", [{"old": "a", "new": "b"}]),
        ({"type": "array", "items": STRING}, "<path>a</path>", ["a"]),
        ({"type": "array", "items": STRING}, "<path>1</path><path>2</path>", ["1", "2"]),
        ({"type": "object", "properties": {"paths": {"type": "array", "items": STRING}}},
         "<paths>a</paths><paths>b</paths>", {"paths": ["a", "b"]}),
        ({"type": "object", "properties": {"size": {"type": "integer"}}}, "<size>3</size><other>4</other>",
         {"size": 3, "other": 4}),
        ({"type": "object"}, "<text>one\r\ntwo</text>", {"text": "one\r\ntwo"}),
        ({"type": "object"}, "<a>\n  <b>1</b>\n</a>", {"a": {"b": 1}}),
        # not well-formed, or markup where the schema wants text: nothing is guessed
        ({"type": "object"}, "<a>1<b></a>", "<a>1<b></a>"),
        ({"type": "object"}, "<a>1</a> tail", "<a>1</a> tail"),
        (EDITS, "<edit><old><b>x</b></old></edit>", ["<edit><old><b>x</b></old></edit>"]),
    ],
)  # fmt: skip
def test_elements_are_read_where_the_schema_has_members_or_items(schema: object, raw: str, value: object) -> None:
    found = read(raw, schema)
    assert found == value or [found] == value


def test_a_list_may_come_one_element_at_a_time() -> None:
    numbers = shape({"type": "array", "items": {"type": "integer"}})
    assert from_texts([("1", False, "1"), ("2", True, "")], numbers) == [1, 2]
    assert from_texts([("[1]", False, "[1]"), ("[2, 3]", False, "[2, 3]")], numbers) == [1, 2, 3]
    assert from_texts([("[1]", False, "[1]")], numbers) == [1]
    nested = shape({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}})
    assert from_texts([("[1]", False, "[1]"), ("[2]", False, "[2]")], nested) == [[1], [2]]


@pytest.mark.parametrize(
    ("schema", "value", "wanted"),
    [
        (STRING, 42, "42"),
        (STRING, True, "true"),
        (STRING, 1.5, "1.5"),
        (STRING, None, None),
        (STRING, ["a"], ["a"]),
        ({"type": "integer"}, "42", 42),
        ({"type": "integer"}, 42.0, 42),
        ({"type": "integer"}, 4.5, 4.5),
        ({"type": "boolean"}, "True", True),
        ({"type": "array", "items": STRING}, "a", ["a"]),
        ({"type": "array", "items": STRING}, '["a", "b"]', ["a", "b"]),
        ({"type": "array", "items": {"type": "integer"}}, ["1", 2], [1, 2]),
        ({"type": "object", "properties": {"n": {"type": "integer"}}}, '{"n":"1"}', {"n": 1}),
        ({"type": "object", "properties": {"filePath": STRING}}, {"file_path": 1}, {"filePath": "1"}),
        ({"type": "object", "properties": {"a": STRING}}, {"a": "x", "A": "y"}, {"a": "x", "A": "y"}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"x": "1"}, {"x": 1}),
        ({"enum": ["low", "high"]}, "LOW", "low"),
        ({}, {"anything": [1, "2"]}, {"anything": [1, "2"]}),
    ],
)
def test_json_values_are_put_right_where_that_is_no_guess(schema: object, value: object, wanted: object) -> None:
    found = fitted(value, shape(schema))
    assert (found, type(found)) == (wanted, type(wanted))


def test_depth_is_no_danger() -> None:
    deep = decode("[" * 300 + "]" * 300)
    recursive = Shape({"$ref": "#"}, {"type": "array", "items": {"$ref": "#"}})
    assert encode(fitted(deep, recursive)) == "[" * 300 + "]" * 300
    text = "[" * 100_000
    assert read(text, {"type": "array"}) in (text, [text])
