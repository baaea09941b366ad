"""No body, however broken, makes the dialect raise anything but a LunaError of kind bad-request."""

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.protocols import counting, pieces
from luna.protocols.anthropic_messages import AnthropicMessages
from tests.support.bodies import Place, mutated, places, values

GOOD: dict[str, Any] = {
    "model": "qwen3-max-fast",
    "stream": True,
    "max_tokens": 10,
    "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "T"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                {"type": "document", "title": "D", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
                {"type": "search_result", "title": "R", "source": "u", "content": [{"type": "text", "text": "w"}]},
            ],
        },
        {"role": "system", "content": "now", "clear_at": "never"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "R", "signature": "s"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c",
                    "is_error": False,
                    "content": [{"type": "text", "text": "d"}],
                },
                {"type": "tool_result", "tool_use_id": "d", "content": [{"type": "tool_reference", "tool_name": "g"}]},
            ],
        },
    ],
    "tools": [
        {"name": "f", "input_schema": {"type": "object"}},
        {"name": "g", "input_schema": {}, "defer_loading": True},
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    "stop_sequences": ["a"],
    "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "summarized"},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
    "metadata": {"user_id": "u", "account_id": "a"},
    "temperature": 0.5,
    "context_management": {"edits": []},
}

PLACES = places(GOOD)[1:]


def read(body: bytes) -> None:
    """What can be read can be counted too."""
    dialect, request = AnthropicMessages(), ClientRequest("POST", "/v1/messages", "", (), body)
    try:
        chat = dialect.decode(dialect.parse(request), request)
    except LunaError as error:
        assert error.kind is Kind.BAD_REQUEST
        assert error.message
        assert dialect.error(error, "f").status == 400
    else:
        assert counting.count(chat, pieces.estimate) > 0


def test_the_body_that_is_broken_below_is_good() -> None:
    dialect = AnthropicMessages()
    request = ClientRequest("POST", "/v1/messages", "", (), msgspec.json.encode(GOOD))
    chat = dialect.decode(dialect.parse(request), request)
    assert chat.ignored == ["temperature", "tools.2.web_search_20250305"]
    assert [tool.name for tool in chat.tools] == ["f", "g"]


@given(st.sampled_from(PLACES), values(GOOD))
def test_any_value_in_any_place(place: Place, value: object) -> None:
    read(mutated(GOOD, place, value))


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.binary(max_size=3))
def test_any_bytes_in_any_place(start: int, length: int, wrong: bytes) -> None:
    body = msgspec.json.encode(GOOD)
    start %= len(body)
    read(body[:start] + wrong + body[start + length % 7 :])


@given(st.binary(max_size=40))
@example(b"{")
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_at_all(body: bytes) -> None:
    read(body)
