"""The short way to decode a chat completion says what the long way says, or leaves the body to it."""

from typing import Any

import msgspec
import pytest

from luna.model.dialect import Parsed
from luna.model.errors import LunaError
from luna.protocols import openai_lean
from luna.protocols.openai_chat import OpenAIChat
from tests.support.play import a_client

DIALECT = OpenAIChat()
SAID = {"model": "m", "messages": [{"role": "user", "content": "h\u00e9"}]}
READ = {
    "type": "function",
    "function": {"name": "Read", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}},
}


def decoded(body: dict[str, Any]) -> tuple[Parsed, bytes]:
    """What routing learns, and the request."""
    request = a_client(body)
    parsed = DIALECT.parse(request)
    return parsed, msgspec.json.encode(DIALECT.decode(parsed, request))


@pytest.mark.parametrize(
    ("more", "short"),
    [
        ({}, True),
        ({"tools": None, "stop": ["a"], "stream": True, "max_tokens": 7}, True),
        ({"tools": [READ, {"type": "web_search"}], "tool_choice": "required"}, True),
        ({"tools": [READ], "functions": [{"name": "old"}]}, True),
        ({"user": "ann", "temperature": 1, "n": 1, "top_p": None, "store": {"a": "b"}}, True),
        ({"temperature": 0.5}, False),
        ({"mystery": 1}, False),
        ({"mystery": None}, False),
    ],
)
def test_both_ways_say_the_same(more: dict[str, Any], short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {**SAID, **more}
    assert (openai_lean.read(msgspec.json.encode(body)) is not None) is short
    parsed, request = decoded(body)
    again, repeated = decoded(body)
    monkeypatch.setattr(openai_lean, "read", lambda _: None)
    known, long = decoded(body)
    assert parsed.facts == again.facts == known.facts
    assert request == repeated == long


@pytest.mark.parametrize(
    "more", [{"tools": [{"type": "function", "function": {}}]}, {"tools": "none"}, {"max_tokens": "7"}]
)
def test_what_is_wrong_is_told_by_the_long_way(more: dict[str, Any]) -> None:
    assert openai_lean.read(msgspec.json.encode({**SAID, **more})) is None
    with pytest.raises(LunaError) as told:
        decoded({**SAID, **more})
    assert (told.value.param or "").startswith(next(iter(more)))


def test_tools_that_come_again_are_not_read_again() -> None:
    body = msgspec.json.encode({**SAID, "tools": [READ]})
    first, second = openai_lean.read(body), openai_lean.read(body)
    assert first is not None and second is not None
    assert first.tools is second.tools


def test_what_one_request_does_with_its_list_of_tools_is_not_anothers_business() -> None:
    request = a_client({**SAID, "tools": [READ]})
    DIALECT.decode(DIALECT.parse(request), request).tools.clear()
    assert [tool.name for tool in DIALECT.decode(DIALECT.parse(request), request).tools] == ["Read"]
