"""No body, however broken, makes the dialect raise anything but a LunaError of kind bad-request."""

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.protocols.openai_chat import OpenAIChat
from tests.support.bodies import Place, mutated, places, values

GOOD: dict[str, Any] = {
    "model": "qwen3-max-fast",
    "stream": True,
    "stream_options": {"include_usage": True},
    "messages": [
        {"role": "system", "content": "S"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "T"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                {"type": "file", "file": {"file_data": "AA==", "filename": "a.txt"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "R",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "done"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
        {"type": "custom", "custom": {"name": "g"}},
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {"type": "json_schema", "json_schema": {}},
    "max_tokens": 10,
    "stop": ["a"],
    "reasoning": {"effort": "low"},
    "metadata": {"account_id": "a"},
    "file_ids": ["x"],
    "logit_bias": {},
    "temperature": 0.5,
}

PLACES = places(GOOD)[1:]


def read(body: bytes) -> None:
    dialect, request = OpenAIChat(), ClientRequest("POST", "/v1/chat/completions", "", (), body)
    try:
        dialect.decode(dialect.parse(request), request)
    except LunaError as error:
        assert error.kind is Kind.BAD_REQUEST
        assert error.message
        assert dialect.error(error, "f").status == 400


def test_the_body_that_is_broken_below_is_good() -> None:
    dialect = OpenAIChat()
    request = ClientRequest("POST", "/v1/chat/completions", "", (), msgspec.json.encode(GOOD))
    assert dialect.decode(dialect.parse(request), request).ignored == ["temperature", "tools[1].custom"]


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
