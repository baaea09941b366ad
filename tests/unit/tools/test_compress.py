"""The compact notation: what each keyword becomes, and that no constraint is ever lost."""

from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.protocols.tokens import estimate
from luna.tools.compress import compact
from tests.support.toolsets import AGENT, ISSUES, PULL_REQUEST


def encode(value: object) -> str:
    return msgspec.json.encode(value).decode()


def one(schema: object) -> str:
    """How one property is written."""
    written = compact({"properties": {"p": schema}}).removeprefix("Parameters: {\n  ").removesuffix("\n}")
    return written.replace("p?: ", "", 1)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["integer", "null"]}, "integer | null"),
        ({}, "any"),
        (True, "any"),
        (False, "never"),
        ({"type": "string", "description": "Where."}, "string // Where."),
        ({"type": "string", "description": "One.\nTwo."}, "// One.\n  // Two.\n  string"),
        ({"type": "string", "default": "a"}, 'string = "a"'),
        ({"type": "boolean", "default": False, "description": "Say."}, "boolean = false // Say."),
        ({"enum": ["a", "b", 3, None]}, '"a" | "b" | 3 | null'),
        ({"type": "string", "enum": ["a", "b"]}, '"a" | "b"'),
        ({"type": "string", "enum": ["a", 1]}, 'string & ("a" | 1)'),
        ({"type": "integer", "const": True}, "integer & true"),
        ({"const": {"k": [1]}}, '{"k":[1]}'),
        ({"type": "integer", "minimum": 1, "maximum": 50}, "integer (>= 1, <= 50)"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5}, "number (> 0, < 0.5)"),
        ({"type": "integer", "minimum": 1 - 2**53, "maximum": 2**53 - 1}, "integer (>= -2^53+1, <= 2^53-1)"),
        ({"type": "integer", "multipleOf": 5}, "integer (multiple of 5)"),
        ({"type": "string", "minLength": 1, "maxLength": 9}, "string (length >= 1, length <= 9)"),
        ({"type": "string", "pattern": r"^\d+$"}, r'string (pattern "^\\d+$")'),
        ({"type": "string", "format": "uri"}, 'string (format "uri")'),
        ({"type": ["string", "null"], "maxLength": 3}, "(string | null) (length <= 3)"),
        ({"type": "array", "items": {"type": "string"}}, "string[]"),
        ({"type": "array"}, "any[]"),
        ({"type": "array", "items": {"type": "string", "minLength": 1}}, "Array<string (length >= 1)>"),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 4, "uniqueItems": True},
            "string[] (items >= 1, items <= 4, unique)",
        ),
        ({"type": "array", "items": {"type": "integer", "description": "Line."}}, "Array<integer /* Line. */>"),
        ({"type": "array", "prefixItems": [{"type": "number"}], "items": False}, "[number]"),
        ({"type": "array", "prefixItems": [{"type": "number"}]}, "[number, ...any[]]"),
        ({"items": [{"type": "number"}], "maxItems": 1}, "[number] (items <= 1)"),
        ({"items": [{"type": "number"}], "additionalItems": {"type": "string"}}, "[number, ...string[]]"),
        ({"type": "object"}, "object"),
        ({"type": "object", "additionalProperties": True}, "object"),
        ({"type": "object", "additionalProperties": False}, "{}"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "{[key: string]: string}"),
        ({"patternProperties": {"^x-": {"type": "string"}}}, '{[key ~ "^x-"]: string}'),
        ({"type": "object", "minProperties": 1, "maxProperties": 2}, "object (keys >= 1, keys <= 2)"),
        (
            {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]},
            "{a: string, b?: any}",
        ),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": True}, "{a?: any, [key: string]: any}"),
        ({"type": ["object", "null"], "properties": {"a": {}}}, "{a?: any} | null"),
        ({"properties": {"a": {"description": "A."}}}, "{\n    a?: any // A.\n  }"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "(string | integer) (exactly one)"),
        ({"oneOf": [{"type": "string"}]}, "string"),
        ({"allOf": [{"type": "string"}, {"maxLength": 3}]}, "string & any (length <= 3)"),
        ({"allOf": [{"anyOf": [{"const": 1}, {"type": "null"}]}, {"not": {"const": 2}}]}, "(1 | null) & not 2"),
        ({"not": {"enum": ["a", "b"]}}, 'not ("a" | "b")'),
        (
            {"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            "{a?: any, b?: any} & ({a: any} | {b: any})",
        ),
        ({"type": "string", "contentEncoding": "base64"}, 'string // {"contentEncoding":"base64"}'),
        ({"type": "string", "description": "D.", "x-a": 1}, 'string // D. {"x-a":1}'),
        ({"type": "string", "examples": ["a"]}, 'string // {"examples":["a"]}'),
        ({"if": {"const": 1}, "then": {"const": 2}}, 'any // {"if":{"const":1},"then":{"const":2}}'),
    ],
)  # fmt: skip
def test_how_a_schema_is_written(schema: object, expected: str) -> None:
    assert one(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "text"},
        {"type": 5},
        {"type": []},
        {"enum": []},
        {"enum": "a"},
        {"anyOf": []},
        {"allOf": {"a": 1}},
        {"required": "a"},
        {"required": [1]},
        {"properties": ["a"]},
        {"minimum": "1"},
        {"exclusiveMinimum": True},
        {"uniqueItems": False},
        {"pattern": 3},
        {"description": ["words"]},
        {"$ref": "https://example.com/other.json"},
        {"$ref": "#/$defs/gone"},
        {"type": "string", "properties": {"a": {"type": "integer"}}},
    ],
)
def test_what_makes_no_sense_stands_as_it_is(schema: dict[str, Any]) -> None:
    strange = {key: value for key, value in schema.items() if value != "string"}
    assert encode(strange) in one(schema)


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"type": "object", "properties": {}}, {"title": "now"}])
def test_a_tool_without_parameters(schema: dict[str, Any]) -> None:
    assert compact(schema) == "Parameters: {}"


def test_a_tool_that_takes_anything() -> None:
    assert compact({"type": "object", "additionalProperties": True}) == "Parameters: object"


def test_only_noise_is_dropped() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "SearchArguments",
        "properties": {
            "file_path": {"title": "File Path", "type": "string"},
            "kind": {"title": "What it is", "type": "string"},
        },
    }
    assert compact(schema) == 'Parameters: {\n  file_path?: string\n  kind?: string // {"title":"What it is"}\n}'


def test_a_definition_that_is_used_once_stands_where_it_is_used() -> None:
    assert 'order?: "asc" | "desc" = "desc"' in compact(ISSUES.parameters)
    assert "Order" not in compact(ISSUES.parameters)


def test_a_definition_that_refers_to_itself_has_a_name() -> None:
    written = compact(ISSUES.parameters)
    assert "filters?: Filter[] (items <= 10)" in written
    assert written.endswith(
        "\ntype Filter = {\n"
        '  field: "state" | "author" | "milestone"\n'
        "  value: string | integer | boolean\n"
        "  any_of?: Filter[] = []\n"
        "}"
    )


def test_definitions_of_the_same_name_are_told_apart() -> None:
    twice = [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}, {"$ref": "#/definitions/A"}, {"$ref": "#/definitions/A"}]
    written = compact({"anyOf": twice, "$defs": {"A": {"const": 1}}, "definitions": {"A": {"const": 2}}})
    assert written == "Parameters: A | A | A_2 | A_2\ntype A = 1\ntype A_2 = 2"


def test_references_of_every_kind() -> None:
    schema = {
        "properties": {
            "again": {"$ref": "#"},
            "same": {"$ref": "#/properties/list/items"},
            "odd": {"$ref": "#/$defs/a~1b%20c"},
            "list": {"type": "array", "items": {"type": "string", "maxLength": 3}},
        },
        "$defs": {"a/b c": {"type": "integer"}},
    }
    assert compact(schema).splitlines() == [
        "Parameters: {",
        "  again?: Parameters",
        "  same?: string (length <= 3)",
        "  odd?: integer",
        "  list?: Array<string (length <= 3)>",
        "}",
    ]


def test_definitions_stay_where_a_reference_cannot_be_followed() -> None:
    written = compact({"properties": {"a": {"$ref": "#node"}}, "$defs": {"N": {"$anchor": "node", "minimum": 7}}})
    assert '"minimum":7' in written


def test_what_stands_beside_a_reference_counts_too() -> None:
    schema = {"$defs": {"A": {"type": "string", "description": "Inner."}}}
    beside = {"$ref": "#/$defs/A", "description": "Outer.", "maxLength": 3, "default": "x"}
    assert compact({**schema, "properties": {"a": beside}}) == (
        'Parameters: {\n  a?: string (length <= 3) = "x" // Outer. Inner.\n}'
    )


def test_references_in_a_circle_end() -> None:
    schema = {"properties": {"a": {"$ref": "#/properties/b"}, "b": {"$ref": "#/properties/a"}}}
    assert compact(schema).startswith("Parameters: {")


def test_a_discriminated_union_reads_well() -> None:
    assert '{kind: "user", login: string (length >= 1)} | {kind: "team", slug: string (pattern ' in compact(
        PULL_REQUEST.parameters
    )


def test_a_real_tool_set_costs_less_than_half() -> None:
    before = sum(estimate(encode(tool.parameters)) for tool in AGENT)
    after = sum(estimate(compact(tool.parameters)) for tool in AGENT)
    assert after < before / 2


# Nothing is lost


class Maker:
    """Makes schemas of everything there is, each value unlike all others, and knows what must be said of them."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers = count(1001)
        self.expected: list[str] = []

    def number(self) -> int:
        return next(self._numbers)

    def word(self) -> str:
        return f"w{self.number()}"

    def expect(self, text: str) -> None:
        self.expected.append(text)

    def schema(self, depth: int) -> dict[str, Any]:
        """One schema. Deep ones are simple."""
        kinds: list[Callable[[int], dict[str, Any]]] = [self._string, self._number, self._values]
        if depth < 3:
            kinds += [self._object, self._array, self._choice] * 2
        schema = self._random.choice(kinds)(depth)
        for keyword in self._random.sample(("description", "default", "x-more", "examples", "title"), 2):
            said = self.word()
            schema[keyword] = [said] if keyword == "examples" else said
            match keyword:
                case "description":
                    self.expect(said)
                case "default":
                    self.expect(f' = "{said}"')
                case _:
                    self.expect(f'"{keyword}":{encode(schema[keyword])}')
        return schema

    def _some(self, limits: dict[str, str]) -> dict[str, Any]:
        chosen = {keyword: self.number() for keyword in limits if self._random.random() < 0.5}
        for keyword, value in chosen.items():
            self.expect(limits[keyword].format(value))
        return chosen

    def _string(self, depth: int) -> dict[str, Any]:
        pattern, form = self.word(), self.word()
        self.expect(f'pattern "{pattern}"')
        self.expect(f'format "{form}"')
        some = self._some({"minLength": "length >= {}", "maxLength": "length <= {}"})
        return {"type": "string", "pattern": pattern, "format": form, **some}

    def _number(self, depth: int) -> dict[str, Any]:
        limits = {
            "minimum": ">= {}",
            "maximum": "<= {}",
            "exclusiveMinimum": "> {}",
            "exclusiveMaximum": "< {}",
            "multipleOf": "multiple of {}",
        }
        return {"type": self._random.choice(["integer", "number"]), **self._some(limits)}

    def _values(self, depth: int) -> dict[str, Any]:
        values = [self.word(), self.number(), [self.word()]]
        for value in values:
            self.expect(encode(value))
        if self._random.random() < 0.3:
            return {"const": values}
        return {"enum": values}

    def _object(self, depth: int) -> dict[str, Any]:
        names = [self.word() for _ in range(self._random.randint(1, 3))]
        required = [name for name in names if self._random.random() < 0.5]
        for name in names:
            self.expect(f"{name}: " if name in required else f"{name}?: ")
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: self.schema(depth + 1) for name in names},
            "required": required,
            **self._some({"minProperties": "keys >= {}", "maxProperties": "keys <= {}"}),
        }
        match self._random.randint(0, 3):
            case 0:
                schema["additionalProperties"] = self.schema(depth + 1)
                self.expect("[key: string]: ")
            case 1:
                schema["patternProperties"] = {(pattern := self.word()): self.schema(depth + 1)}
                self.expect(f'[key ~ "{pattern}"]: ')
            case 2:
                schema["dependentRequired"] = {names[0]: [names[-1]]}
                self.expect(encode(schema["dependentRequired"]))
            case _:
                schema["additionalProperties"] = False
        return schema

    def _array(self, depth: int) -> dict[str, Any]:
        some = self._some({"minItems": "items >= {}", "maxItems": "items <= {}"})
        schema: dict[str, Any] = {"type": "array", "items": self.schema(depth + 1), **some}
        if self._random.random() < 0.3:
            schema["prefixItems"] = [self.schema(depth + 1), self.schema(depth + 1)]
        if self._random.random() < 0.5:
            schema["uniqueItems"] = True
            self.expect("unique")
        return schema

    def _choice(self, depth: int) -> dict[str, Any]:
        keyword = self._random.choice(["anyOf", "oneOf", "allOf", "not"])
        if keyword == "not":
            self.expect("not ")
            return {"not": self.schema(depth + 1)}
        if keyword == "oneOf":
            self.expect("(exactly one)")
        return {keyword: [self.schema(depth + 1), self.schema(depth + 1)]}


@settings(max_examples=80)
@given(st.randoms(use_true_random=False))
def test_every_constraint_and_its_value_is_said(random: Random) -> None:
    maker = Maker(random)
    schema = {"type": "object", "properties": {"p": maker.schema(0), "q": maker.schema(0)}}
    written = compact(schema)
    missing = [text for text in maker.expected if text not in written]
    assert not missing, f"{missing} not in:\n{written}\nfor {encode(schema)}"


_KEYWORDS = """
    type enum const anyOf oneOf allOf not properties patternProperties required additionalProperties items
    prefixItems additionalItems minimum maximum minLength pattern format uniqueItems default description $ref
    title if then x-more nullable deprecated propertyNames contains
"""
KEYWORDS = st.sampled_from(_KEYWORDS.split())
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["string", "object", "array", "integer", "#"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=4),
    max_leaves=12,
)


def freshened(value: Any, names: Iterator[int], under: str = "") -> Any:
    """The same with words that are unlike all others, but for what is left out for good reason."""
    match value:
        case dict():
            return {key: freshened(each, names, key) for key, each in value.items()}
        case list():
            return [freshened(each, names, under) for each in value]
        case str() if under not in ("type", "$ref", "title"):
            return f"word{next(names)}end"
        case _:
            return value


@settings(max_examples=120)
@given(st.dictionaries(KEYWORDS, JUNK, max_size=5))
def test_no_word_of_any_schema_is_lost_however_strange(junk: dict[str, Any]) -> None:
    names = count(1)
    schema = freshened(junk, names)
    if isinstance(schema.get("title"), str):
        del schema["title"]
    written = compact(schema)
    assert all(f"word{number}end" in written for number in range(1, next(names)))
