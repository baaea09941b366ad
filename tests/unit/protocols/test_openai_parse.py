"""What routing learns of a body, and bodies that are none."""

import pytest

from luna.model.dialect import ClientRequest, Facts
from luna.model.errors import Kind, LunaError
from luna.protocols.openai_chat import OpenAIChat
from tests.support.play import a_client

DIALECT = OpenAIChat()


def test_facts_of_a_body() -> None:
    body = {
        "model": "m",
        "stream": True,
        "tools": [
            {"type": "function", "function": {"name": "Read"}},
            {"name": "flat"},
            {"type": "custom", "custom": {"name": "patch"}},
            {"type": "web_search"},
        ],
        "functions": [{"name": "old"}],
    }
    assert DIALECT.parse(a_client(body)).facts == Facts("m", True, ("Read", "flat", "patch", "old"))
    assert DIALECT.parse(a_client({})).facts == Facts(None, None, ())


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_a_request_without_a_body_has_no_facts_and_is_no_chat(method: str) -> None:
    request = ClientRequest(method, "/v1/models", "", (), b"")
    parsed = DIALECT.parse(request)
    assert parsed.facts == Facts()
    with pytest.raises(LunaError, match="model"):
        DIALECT.decode(parsed, request)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "has no body"),
        (b" \n", "has no body"),
        (b'{"model": "m"', "not valid JSON: input data was truncated"),
        (b'{"model": m}', "not valid JSON: invalid character (byte 10)"),
        (b"{} {}", "not valid JSON"),
        (b"[1, 2]", "must be one JSON object: expected `object`, got `array`"),
        (b'"text"', "must be one JSON object"),
        (b"null", "must be one JSON object"),
        (b'{"model": "\xff"}', "not valid UTF-8"),
        (b'{"temperature": "\xff"}', "not valid UTF-8"),
        (b'{"\xff": 1}', "not valid UTF-8"),
        (b'{"model": "\\ud800"}', "not valid JSON"),
        (b'{"mystery": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"metadata": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, "nested too deeply"),
        (b'{"max_tokens": ' + b"9" * 5000 + b"}", "max_tokens: integer value out of range"),
        (b'{"metadata": {"a": ' + b"9" * 5000 + b"}}", "metadata: integer value out of range"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(LunaError) as raised:
        DIALECT.parse(ClientRequest("POST", "/v1/chat/completions", "", (), body))
    assert raised.value.kind is Kind.BAD_REQUEST
    assert said in raised.value.told


def test_a_repeated_field_counts_as_its_last() -> None:
    body = b'{"model": "a", "messages": [{"role": "user", "content": "x"}], "seed": 1, "seed": null, "model": "b"}'
    request = ClientRequest("POST", "/v1/chat/completions", "", (), body)
    chat = DIALECT.decode(DIALECT.parse(request), request)
    assert (chat.model, chat.ignored) == ("b", [])


def test_what_the_dialect_is_called() -> None:
    assert DIALECT.name == "openai-chat"
    assert DIALECT.heartbeat == b": keep-alive\n\n"
    assert DIALECT.answer_id("0" * 24) == "chatcmpl-" + "0" * 24
    assert repr(DIALECT) == "<dialect openai-chat>"
