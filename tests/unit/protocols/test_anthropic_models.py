"""The list of models in Anthropic's shape, and how it is paged."""

from typing import Any

import msgspec
import pytest

from luna.model.dialect import Reply
from luna.model.errors import Kind, LunaError
from luna.protocols.anthropic_models import ListedModel, model_document, models_document
from tests.support.anthropic_sdk import client_of

MODELS = [ListedModel(f"qwen-{letter}") for letter in "abcde"]


def ids(page: dict[str, Any]) -> list[str]:
    return [model["id"] for model in page["data"]]


def test_one_model() -> None:
    model = ListedModel("qwen3-max", "Qwen3 Max", 1_750_000_000, 131_072, 8192)
    assert model_document(model) == {
        "type": "model",
        "id": "qwen3-max",
        "display_name": "Qwen3 Max",
        "created_at": "2025-06-15T15:06:40Z",
        "lifecycle": "active",
        "max_input_tokens": 131_072,
        "max_tokens": 8192,
    }


def test_a_model_that_little_is_known_of() -> None:
    document = model_document(ListedModel("q"))
    assert (document["display_name"], document["created_at"]) == ("q", "1970-01-01T00:00:00Z")
    assert (document["max_input_tokens"], document["max_tokens"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "expected", "more"),
    [
        ("", "abcde", False),
        ("limit=1000", "abcde", False),
        ("limit=5", "abcde", False),
        ("limit=2", "ab", True),
        ("limit=2&after_id=qwen-b", "cd", True),
        ("limit=2&after_id=qwen-d", "e", False),
        ("after_id=qwen-e", "", False),
        ("limit=2&before_id=qwen-e", "cd", True),
        ("limit=9&before_id=qwen-c", "ab", False),
        ("before_id=qwen-a", "", False),
        ("after_id=nobody", "abcde", False),
        ("unknown=1", "abcde", False),
    ],
)
def test_pages(query: str, expected: str, more: bool) -> None:
    page = models_document(MODELS, query)
    assert ids(page) == [f"qwen-{letter}" for letter in expected]
    assert page["has_more"] is more
    assert (page["first_id"], page["last_id"]) == (
        (f"qwen-{expected[0]}", f"qwen-{expected[-1]}") if expected else (None, None)
    )


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "many", "99999999999999", "٣"])
def test_a_limit_that_is_none(limit: str) -> None:
    with pytest.raises(LunaError) as caught:
        models_document(MODELS, f"limit={limit}")
    assert (caught.value.kind, caught.value.param) == (Kind.BAD_REQUEST, "limit")


def test_the_sdk_walks_through_all_pages() -> None:
    queries: list[str] = []

    def answering(request: Any) -> Reply:
        queries.append(request.url.query.decode())
        return Reply(200, msgspec.json.encode(models_document(MODELS, queries[-1])))

    with client_of(answering) as client:
        assert [model.id for model in client.models.list(limit=2)] == [model.id for model in MODELS]
    assert len(queries) == 3
