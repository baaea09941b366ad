"""The JSON Schemas offer an editor what the compiler accepts."""
# ruff: noqa: E501 - one document, one line

from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from luna.config.diagnostics import Report
from luna.config.jsonschema import documents, pipeline_schema, routes_schema
from luna.config.source import parse
from luna.core.registry import StageLoadError
from tests.unit.config.shop import CHAT, ROUTES, STAGES, Decode, Far, Local, Shop

SCHEMAS = {"routes": routes_schema(), "pipeline": pipeline_schema({"decode": Decode, "far": Far, "local": Local})}


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether an editor would find nothing wrong with it."""
    return bool(Draft202012Validator(schema).is_valid(value))


# fmt: off
CASES = [
    ("routes", ROUTES, True),
    ("routes", ROUTES + "record: off\naliases: [{model: [a, b], as: c}]\n", True),
    ("routes", "version: 1\nroutes:\n  - {name: a, match: {tools: {none: x}, header: {x: [a]}}, pipeline: b}\n", True),
    ("routes", "version: 1\nroutes:\n  - {name: a, match: {tools: [Bash], size: {min: 1, max: 5MB}}, pipeline: b}\n", True),
    ("routes", "version: 1\nroutes:\n  - {name: a, pipeline: b, with: {far: {mode: fast}}}\n", True),
    ("routes", ROUTES.replace("1", "2"), False),
    ("routes", ROUTES + "record: some\n", False),
    ("routes", ROUTES + "x: 1\n", False),
    ("routes", ROUTES.replace("pipeline", "pipline"), False),
    ("routes", "version: 1\nroutes:\n  - {name: a, match: {model: 5}, pipeline: b}\n", False),
    ("routes", "version: 1\nroutes:\n  - {name: a, match: {tools: {most: x}}, pipeline: b}\n", False),
    ("pipeline", CHAT.replace("  - use: encode\n", ""), True),
    (
        "pipeline",
        "version: 1\nstages:\n  - {use: far, name: a, mode: slow, idle: 5s, rules: [{pattern: a}]}\n",
        True,
    ),
    ("pipeline", "version: 1\nstages:\n  - {use: ./a.py:B, anything: goes}\n", True),
    ("pipeline", "version: 1\nstages:\n  - {use: local, folder: a}\n", True),
    ("pipeline", "version: 1\nstages:\n  - {use: local}\n", False),
    ("pipeline", "version: 1\nstages: []\n", False),
    ("pipeline", "version: 1\nstages:\n  - {use: farr}\n", False),
    ("pipeline", "version: 1\nstages:\n  - {use: far, mode: fat}\n", False),
    ("pipeline", "version: 1\nstages:\n  - {use: far, attempts: 0}\n", False),
    ("pipeline", "version: 1\nstages:\n  - {use: far, idle: 5}\n", False),
    ("pipeline", "version: 1\nstages:\n  - {use: far, rules: [{times: 1}]}\n", False),
    ("pipeline", "version: 1\nstages:\n  - {use: far, x: 1}\n", False),
    ("pipeline", "version: 1\nstages:\n  - {name: far}\n", False),
]
# fmt: on


@pytest.mark.parametrize(("schema", "text", "accepted"), CASES)
def test_a_schema_accepts_what_the_compiler_accepts(schema: str, text: str, accepted: bool) -> None:
    node = parse(text.encode(), "a.yaml", Report())
    assert node is not None
    assert fits(node.plain(), SCHEMAS[schema]) is accepted


def test_a_stage_is_described_with_its_options_and_defaults() -> None:
    branches = {branch["title"]: branch for branch in SCHEMAS["pipeline"]["properties"]["stages"]["items"]["anyOf"]}
    assert list(branches) == ["decode", "far", "local", "a stage of your own"]
    far = branches["far"]["properties"]
    assert far["use"] == {"const": "far", "description": "[transport] Answers from far away."}
    assert far["mode"] == {"description": "How to go about it.", "enum": ["auto", "fast", "slow"], "default": "auto"}
    assert far["idle"]["default"] == "90s"
    assert far["rules"]["default"] == []
    assert "default" not in branches["local"]["properties"]["folder"]
    assert branches["local"]["required"] == ["use", "folder"]


def test_documents_are_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shop, "names", lambda self: tuple(sorted(set(STAGES) - {"taker"})))
    first = documents(Shop())
    assert first == documents(Shop())
    assert sorted(first) == ["pipeline.schema.json", "routes.schema.json"]
    for content in first.values():
        assert content.endswith(b"}\n")
        assert msgspec.json.decode(content)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_a_stage_that_cannot_be_loaded_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shop, "names", lambda self: ("broken",))
    with pytest.raises(StageLoadError):
        documents(Shop())


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))
def test_a_schema_is_one(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
