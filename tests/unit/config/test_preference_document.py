"""What a document of preferences may say, and the sentences about everything else."""

from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.config.preference_document import (
    ABSENT,
    Leaf,
    WrongPreferences,
    flat,
    lacking,
    leaves,
    merged,
    plain,
    schema,
    understand,
)
from luna.model.preferences import Preferences

LEAVES = list(leaves())
PATHS = [leaf.path for leaf in LEAVES]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200_000) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(max_size=5), below, max_size=2),
    max_leaves=4,
)


def at(path: str, value: Any) -> dict[str, Any]:
    """A document that says one thing."""
    for name in reversed(path.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def test_the_leaves_are_those_of_the_document() -> None:
    assert len(PATHS) == len(set(PATHS)) > 60
    assert set(PATHS) == set(flat(Preferences()))
    assert next(leaf.default for leaf in LEAVES if leaf.path == "session.historyLimit") == 50


def test_an_empty_document_is_the_defaults() -> None:
    understood = understand({})
    assert (understood.preferences, understood.given, understood.problems) == (Preferences(), frozenset(), [])


@pytest.mark.parametrize("leaf", LEAVES, ids=PATHS)
def test_every_default_is_a_value_that_may_be_given(leaf: Leaf) -> None:
    understood = understand(at(leaf.path, leaf.default))
    assert understood.problems == []
    assert understood.given == (frozenset() if leaf.default is None else {leaf.path})


def test_the_whole_document_reads_as_it_was_written() -> None:
    full = plain(Preferences())
    understood = understand(msgspec.json.decode(msgspec.json.encode(full)))
    assert understood.preferences == Preferences()
    assert understood.problems == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("tokenOverflow.threshold", -1, "must be a whole number of at least 0; got -1"),
        ("tokenOverflow.threshold", 1.5, "must be a whole number of at least 0; got 1.5"),
        ("tokenOverflow.threshold", True, "must be a whole number of at least 0; got true"),
        ("tokenOverflow.threshold", "10000", "must be a whole number of at least 0; got text"),
        ("tokenOverflow.threshold", [1], "must be a whole number of at least 0; got a list"),
        ("tokenOverflow.threshold", {"a": 1}, "must be a whole number of at least 0; got an object"),
        ("tokenOverflow.enabled", 1, "must be true or false; got 1"),
        ("tokenOverflow.maxAgeHours", 0, "must be a number above 0; got 0"),
        (
            "tokenOverflow.sanitizer.assistantSimilarityThreshold",
            2,
            "must be a number of at least 0 and of at most 1; got 2",
        ),
        ("tokenLimits.maxInputTokens", 0, "must be a whole number of at least 1 or null; got 0"),
        ("egressIsolation.verifyIpUrl", "ftp://x", "must be text that fits ^https?://"),
        ("session.compactModel", "", "must be text that is not empty"),
        ("ui.language", "eng", "must be one of: en, vi, zh; got 'eng' (did you mean 'en'?)"),
        (
            "session.chatCleanup.scheduled.mode",
            "all",
            "must be one of: proxy-created; luna only ever deletes chats that it has created itself",
        ),
        ("session", 5, "must be an object"),
        ("session.histroyLimit", 3, "there is no such setting (did you mean 'historyLimit'?)"),
        ("multithread", {}, "there is no such setting (did you mean 'multiThread'?)"),
        ("zzz", 1, "there is no such setting"),
        ("zzz", None, "there is no such setting"),
    ],
)
def test_what_cannot_be_is_named(path: str, value: object, said: str) -> None:
    (problem,) = understand(at(path, value)).problems
    assert (problem.path, problem.message) == (path, said)


@pytest.mark.parametrize("path", list(ABSENT))
def test_what_luna_lacks_on_purpose_says_why(path: str) -> None:
    (problem,) = understand(at(path, True)).problems
    assert problem.message == f"luna has no such setting: {ABSENT[path]}"
    assert lacking(path) == ABSENT[path]


def test_everything_that_is_wrong_is_said_and_the_rest_holds() -> None:
    document = {
        "tokenOverflow": {"threshold": -1, "enabled": False, "sanitizer": {"mode": "x"}},
        "session": {"historyLimit": 7, "chatCleanup": {"scheduled": {"mode": "all", "intervalHours": 2}}},
        "ui": [],
    }
    understood = understand(document)
    assert [problem.path for problem in understood.problems] == [
        "tokenOverflow.threshold",
        "tokenOverflow.sanitizer.mode",
        "session.chatCleanup.scheduled.mode",
        "ui",
    ]
    assert understood.given == {
        "tokenOverflow.enabled",
        "session.historyLimit",
        "session.chatCleanup.scheduled.intervalHours",
    }
    values = flat(understood.preferences)
    assert values["tokenOverflow.enabled"] is False
    assert values["tokenOverflow.threshold"] == Preferences().token_overflow.threshold
    assert values["session.historyLimit"] == 7
    assert values["session.chatCleanup.scheduled.intervalHours"] == 2


def test_null_is_right_for_an_unknown_key_that_is_stored() -> None:
    patch = {"session": {"typo": None}}
    assert understand(patch, {"session": {"typo": 1}}).problems == []
    assert len(understand(patch, {"session": 5}).problems) == 1


def test_long_names_are_cut() -> None:
    (problem,) = understand({"x" * 5000: 1}).problems
    assert len(str(problem)) < 120


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PATHS), JSON)
def test_whatever_is_said_there_is_an_answer(path: str, value: Any) -> None:
    understood = understand(at(path, value))
    defaults, values = flat(Preferences()), flat(understood.preferences)
    assert {name for name in values if values[name] != defaults[name]} <= understood.given <= {path}
    assert (path in understood.given) + len(understood.problems) == (0 if value is None else 1)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([*PATHS, "zzz", "session"]), JSON, max_size=4))
def test_the_schema_says_the_same(values: dict[str, Any]) -> None:
    document: dict[str, Any] = {}
    for path, value in values.items():
        if value is not None:  # null is the default, which a schema cannot say
            document = merged(document, at(path, value))
    problems = understand(document).problems
    assert jsonschema.Draft202012Validator(schema()).is_valid(document) == (not problems)


def test_the_schema_describes_every_setting() -> None:
    document = schema()
    for group in document["$defs"].values():
        for field in group["properties"].values():
            assert "description" in field or "$ref" in field or "allOf" in field
            assert "default" in field


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {}),
        ({"a": {"b": 1}}, {"a": None}, {}),
        ({"a": 5}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {}, {"a": {"b": 1}}),
        ({"a": 1}, {"b": None}, {"a": 1}),
    ],
)
def test_merging(base: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]) -> None:
    before = msgspec.json.encode(base)
    assert merged(base, patch) == result
    assert msgspec.json.encode(base) == before


def test_the_error_says_everything() -> None:
    problems = understand({"a": 1, "ui": 2}).problems
    assert str(WrongPreferences(problems)) == "a: there is no such setting; ui: must be an object"
