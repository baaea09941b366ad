"""The document is found in an answer, and is not touched if that can be avoided."""

from typing import Any

import pytest

from luna.tools.json_answer import Answer, read
from luna.tools.json_text import JsonEnd

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


@pytest.mark.parametrize(
    "text",
    [
        "{" * 10_000,
        "{" * 10_000 + "<",
        "[[" * 5_000,
        "[" * 5_000 + "x" + "]" * 5_000,
        "```\n" * 3_000,
        '{"a":' * 2_000,
        "{}" * 5_000,
        "{x}" * 5_000,
    ],
)
def test_garbage_is_looked_at_a_few_times(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    feed = JsonEnd.feed

    def counted(self: JsonEnd, piece: str) -> int | None:
        nonlocal looked
        end = feed(self, piece)
        looked += end or len(piece)
        return end

    monkeypatch.setattr(JsonEnd, "feed", counted)
    assert read(text, PERSON).problems
    assert looked <= 6 * len(text)


def test_a_bracket_among_the_words_is_no_document() -> None:
    assert read('Use {braces, or [brackets, and a <tag>: {"name": "Ann"}', PERSON) == Answer('{"name": "Ann"}')
