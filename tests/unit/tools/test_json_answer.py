"""The document is found in an answer, and is not touched if that can be avoided."""

import time
from typing import Any

import pytest

from luna.tools.json_answer import Answer, read

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ('{"name":"Ann"}', None),
        (' {\n  "name" : "Ann",\n  "age": 3.0\n}\n', None),
        ('```json\n{"name": "Ann"}\n```', '{"name": "Ann"}'),
        ('Here it is:\n\n~~~\n{"name": "A"}\n~~~\nEnjoy!', '{"name": "A"}'),
        ('Sure! {"name": "Ann {the} <b>"} is what you want.', '{"name": "Ann {the} <b>"}'),
        ("{'name': 'Ann', 'age': None, }".replace("None", "3"), '{"name":"Ann","age":3}'),
        ('An example is {"nom": "x"}; the answer is {"name": "Ann"}.', '{"name": "Ann"}'),
        ('[1] says {"name": "Ann"}', '{"name": "Ann"}'),
        ('{"name": "```"}', None),
    ],
)
def test_the_document_is_found(text: str, document: str | None) -> None:
    assert read(text, PERSON) == Answer(text if document is None else document)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "The answer is empty."),
        (" \n", "The answer is empty."),
        ("I cannot do that.", "The answer is no JSON."),
        ('{"name": "Ann"', "The answer is no JSON."),
        ('{"age": 3}', "The answer lacks `name`."),
        ('"Ann"', 'The answer must be of type object, but is string: "Ann".'),
        ('Here: {"name": 5}', "`name` must be of type string, but is integer: 5."),
    ],
)
def test_what_is_wrong_is_said(text: str, problem: str) -> None:
    assert read(text, PERSON).problems == [problem]


@pytest.mark.parametrize(("schema", "text"), [({"type": "integer"}, "42"), ({"type": "array"}, "[1]"), ({}, "null")])
def test_a_document_need_not_be_an_object(schema: dict[str, Any], text: str) -> None:
    assert read(text, schema) == Answer(text)


@pytest.mark.parametrize("text", ["{" * 100_000, "[[" * 50_000, "```\n" * 30_000, '{"a":' * 20_000, "{}" * 50_000])
def test_garbage_does_not_take_long(text: str) -> None:
    begun = time.perf_counter()
    assert read(text, PERSON).problems
    assert time.perf_counter() - begun < 2
