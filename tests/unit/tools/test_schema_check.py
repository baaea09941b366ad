"""What is wrong with a value is said in sentences that a model can act on."""

from collections.abc import Callable
from typing import Any

import pytest

from luna.tools.schema_check import MOST, fault_of, problems

FILE = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1},
        "mode": {"enum": ["r", "w"]},
        "edits": {"type": "array", "items": {"type": "object", "required": ["old", "new"]}},
        "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "kind": {"const": "file"},
    },
    "patternProperties": {"^x-": {}},
    "required": ["path"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"path": "a"}, []),
        ({"path": "a", "limit": 2, "mode": "r", "edits": [], "either": None, "x-y": 1}, []),
        ({}, ["The call lacks `path`."]),
        ([], ["The call must be of type object, but is array: []."]),
        ({"path": 5}, ["`path` must be of type string, but is integer: 5."]),
        ({"path": "a", "limit": 0}, ["`limit` breaks the rule `minimum`: 0 is less than the minimum of 1."]),
        ({"path": "a", "mode": "x"}, ['`mode` must be one of ["r","w"], but is "x".']),
        ({"path": "a", "kind": "dir"}, ['`kind` must be "file", but is "dir".']),
        ({"path": "a", "edits": [{"old": "", "new": ""}, {}]}, ["`edits[1]` lacks `old`, `new`."]),
        (
            {"path": "a", "x-y": 1, "z": 2, "q r": 3},
            [
                "The call has `z`, `q r`; only `path`, `limit`, `mode`, `edits`, `either`, `kind` may be there.",
            ],
        ),
        (
            {"path": "a", "either": 5},
            ["`either` fits none of its alternatives. `either` must be of type string, but is integer: 5."],
        ),
    ],
)
def test_each_problem_is_one_sentence_with_its_place(value: Any, said: list[str]) -> None:
    assert problems(value, FILE, "The call") == said


def test_long_values_and_long_lists_are_cut() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    assert len(problems(list(range(100)), schema, "It")) == MOST
    assert len(problems({"x": "y" * 10_000}, schema, "It")[0]) < 200


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://127.0.0.1:9/outside.json"},
        {"$ref": "#/$defs/nowhere"},
        {"type": "no such type"},
        {"pattern": "["},
        {"pattern": r"(.)\1"},
        {"patternProperties": {"[": False}, "additionalProperties": False},
        {"$ref": "#/$defs/a", "$defs": {"a": {}}, "unevaluatedProperties": False},
        {"allOf": [{"$ref": "#"}]},
        {"$ref": "#/x", "x": {"type": "no such type"}},
        {"$ref": "#/x", "x": {"minLength": "long"}},
        {"$ref": "#/x", "x": {"enum": 5}},
        {"$ref": "#/x", "x": {"anyOf": "these"}},
        {"$ref": "#/x", "x": {"pattern": 5}},
    ],
)
def test_what_cannot_be_checked_passes(schema: dict[str, Any]) -> None:
    assert problems("value", schema, "It") == []


@pytest.mark.parametrize(
    ("schema", "value", "valid"),
    [
        ({"minimum": 1, "exclusiveMinimum": True}, 1, False),
        ({"items": [{"type": "string"}]}, [1], False),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "string"}, 1, False),
        ({"$defs": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/$defs/n"}}}, {"n": "x"}, False),
        ({"type": "string", "nullable": True}, None, True),
        ({"type": "integer"}, 3.0, True),
        ({}, object, True),
    ],
)
def test_schemas_of_all_drafts_are_understood(schema: dict[str, Any], value: Any, valid: bool) -> None:
    assert (problems(value, schema, "It") == []) is valid


def test_a_schema_that_is_none_is_said_to_be_none() -> None:
    assert fault_of(FILE) == ""
    assert fault_of({"properties": {"a": {"type": "strng"}}}).startswith("`properties.a.type`: 'strng' is not valid")


@pytest.mark.parametrize("named", [2, 0.5, True, [1], {}, None])
def test_a_draft_is_named_by_a_string(named: object) -> None:
    schema = {"$schema": named, "type": "object"}
    assert fault_of(schema).startswith("`$schema`: ")
    assert problems(1, schema, "It") == []


@pytest.mark.parametrize("named", ["", "http://[", "https://example.org/of-nobody"])
def test_a_draft_that_nobody_knows_is_read_as_the_latest(named: str) -> None:
    assert problems(1, {"$schema": named, "prefixItems": [], "type": "object"}, "It")


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"pattern": r"^\p{L}+$"}, "ab1", "It breaks the rule `pattern`: 'ab1' does not match '^\\\\p{L}+$'."),
        ({"pattern": "(", "type": "string"}, 1, "It must be of type string, but is integer: 1."),
        ({"patternProperties": {"^x-": {"type": "string"}}}, {"x-a": 1}, "`x-a` must be of type string, but is"),
        ({"additionalProperties": {"type": "string"}}, {"a": 1}, "`a` must be of type string, but is integer: 1."),
        ({"propertyNames": {"pattern": "^a"}}, {"b": 1}, "It breaks the rule `pattern`: 'b' does not match '^a'."),
        ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"b": 1}, "It breaks the rule `unevaluated"),
        ({"uniqueItems": True}, [{"a": 1}, {"a": 1}], "It breaks the rule `uniqueItems`: "),
        ({"uniqueItems": True}, ["a", "a"], "It breaks the rule `uniqueItems`: "),
    ],
)
def test_expressions_and_names_of_members_are_checked(schema: dict[str, Any], value: Any, said: str) -> None:
    (sentence,) = problems(value, schema, "It")
    assert sentence.startswith(said)


def test_an_expression_that_python_does_not_know_is_no_fault_of_the_schema() -> None:
    assert fault_of({"properties": {"a": {"pattern": r"^\p{L}+$"}}}) == ""


def test_what_was_found_before_the_work_was_spent_is_said() -> None:
    doubled: dict[str, Any] = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(24)}
    schema = {"required": ["a"], "allOf": [{"$ref": "#/$defs/d0"}], "$defs": {**doubled, "d24": {}}}
    assert problems({}, schema, "The call") == ["The call lacks `a`."]


def test_a_long_list_is_checked_to_its_end() -> None:
    item = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"enum": ["x", "y"]}}, "required": ["a"]}
    entries: list[Any] = [{"a": "x", "b": "y"} for _ in range(1000)]
    assert problems([*entries, {"b": "x"}], {"type": "array", "items": item}, "It") == ["`[1000]` lacks `a`."]


def _deep(levels: int, ask: Callable[[], list[str]]) -> list[str]:
    return ask() if not levels else _deep(levels - 1, ask)


def test_a_circle_of_references_ends_before_pythons_own_limit_does_it() -> None:
    """There the library's maps would end in a panic, which is no exception that anybody catches."""
    circle = {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/n"}]}
    for levels in range(12):
        assert _deep(levels, lambda: problems(1, {"$ref": "#/$defs/n", "$defs": {"n": circle}}, "It")) == []
