"""No body, however broken, makes the dialect raise anything but a LunaError of kind bad-request."""

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.protocols.responses_dialect import OpenAIResponses
from tests.support.bodies import Place, mutated, places, values

GOOD: dict[str, Any] = {
    "model": "qwen3-max-fast",
    "stream": True,
    "instructions": "I",
    "input": [
        {"role": "user", "content": "T"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "T"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
                {"type": "input_file", "file_data": "AA==", "filename": "a.txt"},
            ],
        },
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "R"}], "content": None},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "done"}]},
        {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "d", "output": "done"},
        {"type": "additional_tools", "tools": [{"type": "function", "name": "h"}]},
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "object"}},
        {"type": "custom", "name": "g", "format": {"type": "grammar", "syntax": "lark", "definition": "s:"}},
        {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]},
    ],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
    "max_output_tokens": 10,
    "reasoning": {"effort": "low", "summary": "auto"},
    "metadata": {"account_id": "a"},
    "temperature": 0.5,
}

PLACES = places(GOOD)[1:]


def read(body: bytes) -> None:
    dialect, request = OpenAIResponses(), ClientRequest("POST", "/v1/responses", "", (), body)
    try:
        dialect.decode(dialect.parse(request), request)
    except LunaError as error:
        assert error.kind is Kind.BAD_REQUEST
        assert error.message
        assert dialect.error(error, "f").status == 400


def test_the_body_that_is_broken_below_is_good() -> None:
    dialect = OpenAIResponses()
    request = ClientRequest("POST", "/v1/responses", "", (), msgspec.json.encode(GOOD))
    assert dialect.decode(dialect.parse(request), request).ignored == ["temperature"]


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
