"""Which paths speak which protocol."""

import pytest

from luna.protocols.registry import ANTHROPIC_MESSAGES, OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_RESPONSES, dialect_for


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/qwen3-max"),
        ("POST", "/v1/embeddings"),
        ("BREW", "/v1"),
    ],
)
def test_chat_completions_and_everything_unknown_speak_openai(method: str, path: str) -> None:
    assert dialect_for(method, path) is OPENAI_CHAT


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages/batches"])
def test_messages_speak_anthropic(path: str) -> None:
    assert dialect_for("POST", path) is dialect_for("GET", path) is ANTHROPIC_MESSAGES


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/resp_1", "/v1/responses/resp_1/cancel"])
def test_responses_speak_their_own(path: str) -> None:
    assert dialect_for("POST", path) is dialect_for("DELETE", path) is OPENAI_RESPONSES


def test_so_do_the_older_completions() -> None:
    assert dialect_for("POST", "/v1/completions") is OPENAI_COMPLETIONS


def test_a_path_that_merely_begins_alike_does_not() -> None:
    assert dialect_for("POST", "/v1/messages2") is OPENAI_CHAT
