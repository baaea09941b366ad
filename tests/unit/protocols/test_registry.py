"""Which paths speak which protocol."""

import pytest

from luna.protocols.registry import OPENAI_CHAT, dialect_for


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
