"""Message requests in Anthropic's protocol, as tests ask for them: in one call, decoded."""

import pytest

from luna.model.chat import ChatRequest
from luna.model.dialect import ClientRequest
from luna.model.errors import LunaError
from luna.protocols.anthropic_messages import AnthropicMessages
from tests.support.play import a_client

ASK = {"role": "user", "content": "Hello"}
READ = {"name": "Read", "description": "Reads a file", "input_schema": {"type": "object"}}


def request_of(body: object, **headers: str) -> ClientRequest:
    """A request off the wire; `anthropic_version="…"` becomes the header `anthropic-version`."""
    return a_client(body, path="/v1/messages", **headers)


def decoded(body: object, **headers: str) -> ChatRequest:
    """What a body means. Raises LunaError."""
    dialect, request = AnthropicMessages(), request_of(body, **headers)
    return dialect.decode(dialect.parse(request), request)


def chat(*messages: object, headers: dict[str, str] | None = None, **fields: object) -> ChatRequest:
    """What a request of these messages (or of a greeting) and fields means."""
    return decoded({"model": "qwen3-max", "messages": messages or [ASK], **fields}, **(headers or {}))


def refused(*messages: object, headers: dict[str, str] | None = None, **fields: object) -> LunaError:
    """Why it is refused."""
    with pytest.raises(LunaError) as caught:
        chat(*messages, headers=headers, **fields)
    return caught.value
