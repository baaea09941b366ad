"""A client's JSON Schema keeps nobody waiting, whatever stands in it and whatever the model answers.

Time is that of the processor. What is given here takes a careless reader many times as long as it may take.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from luna.model.chat import Tool
from luna.tools.coerce import fitted, from_text
from luna.tools.compress import compact
from luna.tools.schema import Toolbox
from luna.tools.schema_check import fault_of, problems

MOMENT = 10.0
"""Seconds of work; one is needed at most."""
OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}
ROUND_AND_ROUND = "^(a+)+$"
FOLLOWED = {"a" * 31 + "!": 1}


def doubling(keyword: str, leaf: dict[str, Any], steps: int = 24) -> dict[str, Any]:
    """Each definition refers to the next one twice, in two ways."""
    definitions: dict[str, Any] = {
        f"d{step}": {keyword: [{"$ref": f"#/$defs/d{step + 1}"}, {"allOf": [{"$ref": f"#/$defs/d{step + 1}"}]}]}
        for step in range(steps)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{steps}": leaf}}


CIRCLE = {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"allOf": [{"$ref": "#/$defs/a"}]}]}}}
DEPENDENT = {
    "$ref": "#/$defs/d0",
    "$defs": {
        **{
            f"d{step}": {"dependentSchemas": {name: {"$ref": f"#/$defs/d{step + 1}"} for name in "ab"}}
            for step in range(24)
        },
        "d24": {},
    },
    "unevaluatedProperties": False,
}
WITHIN = {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": ROUND_AND_ROUND}

HOSTILE: dict[str, tuple[dict[str, Any], Any]] = {
    "any of": (doubling("anyOf", OBJECT), {"a": 1}),
    "one of": (doubling("oneOf", OBJECT), {"a": "x"}),
    "all of": (doubling("allOf", OBJECT), {"a": 1}),
    "choices": (doubling("anyOf", {"enum": ["x", "y"]}), "z"),
    "items": (doubling("anyOf", {"type": "array", "items": {"type": "string"}}), [1, 2]),
    "a circle": (CIRCLE, {"a": 1}),
    "dependent": (DEPENDENT, {"a": 1, "b": 2, "c": 3}),
    "an expression": ({"properties": {"a": {"pattern": ROUND_AND_ROUND}}}, {"a": next(iter(FOLLOWED))}),
    "expressions for names": ({"patternProperties": {ROUND_AND_ROUND: {}}, "additionalProperties": False}, FOLLOWED),
    "names": ({"propertyNames": {"pattern": ROUND_AND_ROUND}}, FOLLOWED),
    "unevaluated": ({"patternProperties": {ROUND_AND_ROUND: {}}, "unevaluatedProperties": False}, FOLLOWED),
    "a part of another draft": ({"properties": {"a": WITHIN}}, {"a": next(iter(FOLLOWED))}),
    "the whole again": ({**WITHIN, "properties": {"a": {"$ref": "#"}}}, {"a": next(iter(FOLLOWED))}),
    "a long text": ({"pattern": r"\s+$"}, " " * 400_000 + "x"),
    "a long look ahead": ({"pattern": "(?=.*x)"}, "a" * 400_000),
    "unique items": ({"uniqueItems": True}, [{"a": number} for number in range(20_000)]),
    "a long list of choices": ({"items": {"enum": list(range(5000))}}, list(range(5000, 15_000))),
    "long messages": ({"allOf": [{"type": "string"}] * 5000}, {"a": ["x" * 100] * 5000}),
    "alternatives of alternatives": (doubling("anyOf", {"type": "string"}), {"a": ["x" * 100] * 5000}),
    "wide": ({"allOf": [{"type": "object"}] * 20_000}, {"a": 1}),
    "many members": ({"properties": {f"p{number}": {"pattern": "^a{99}$"} for number in range(20_000)}}, {"a": 1}),
}


def work(done: Callable[[], object]) -> float:
    """Seconds of it."""
    begun = time.thread_time()
    done()
    return time.thread_time() - begun


@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_is_checked_in_a_moment(name: str) -> None:
    schema, value = HOSTILE[name]
    assert work(lambda: problems(value, schema, "It")) < MOMENT


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_read_in_a_moment(name: str) -> None:
    schema, value = HOSTILE[name]

    def read() -> None:
        signature = Toolbox([Tool("t", "", {"type": "object", "properties": {"x": schema}, **_defs(schema)})]).find("t")
        assert signature is not None
        _, shape = signature.parameter("x")
        assert (shape.types, shape.choices, shape.members, shape.items) is not None
        fitted(value, shape)
        from_text('{"a": 1}', shape)
        compact(schema)

    assert work(read) < MOMENT


@pytest.mark.parametrize("name", HOSTILE)
def test_whether_it_is_one_is_known_in_a_moment(name: str) -> None:
    assert work(lambda: fault_of(HOSTILE[name][0])) < MOMENT


def _defs(schema: dict[str, Any]) -> dict[str, Any]:
    return {"$defs": schema["$defs"]} if "$defs" in schema else {}
