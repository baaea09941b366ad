"""OpenAI's own Python client, fed with bytes: what an answer is, is what the SDK makes of it."""

from collections.abc import Iterator

import httpx2
import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from luna.model.dialect import Reply


def _client(reply: Reply, retries: int, seen: list[str]) -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        headers = [("content-type", reply.content_type), *reply.headers]
        return httpx2.Response(reply.status, headers=headers, content=reply.body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="any", base_url="http://luna/v1", max_retries=retries, http_client=transport)


def ask(reply: Reply, *, retries: int = 0, seen: list[str] | None = None) -> ChatCompletion:
    """What `chat.completions.create` returns (or raises) when it is answered with this; `seen` collects requests."""
    with _client(reply, retries, seen if seen is not None else []) as client:
        return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])


def stream_of(body: bytes) -> Iterator[ChatCompletionChunk]:
    """The chunks of a streamed answer."""
    with _client(Reply(200, body, "text/event-stream"), 0, []) as client:
        yield from client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True)
