"""Anthropic's own Python client, fed with bytes: what an answer is, is what the SDK makes of it."""

from collections.abc import Callable, Iterator

import anthropic
import httpx2
from anthropic.types import Message, RawMessageStreamEvent

from luna.model.dialect import Reply

Answering = Callable[[httpx2.Request], Reply]


def client_of(answering: Answering, *, retries: int = 0) -> anthropic.Anthropic:
    """A client whose requests are answered by this function."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        reply = answering(request)
        headers = [("content-type", reply.content_type), *reply.headers]
        return httpx2.Response(reply.status, headers=headers, content=reply.body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return anthropic.Anthropic(api_key="any", base_url="http://luna", max_retries=retries, http_client=transport)


def ask(reply: Reply, *, retries: int = 0, seen: list[str] | None = None) -> Message:
    """What `messages.create` returns (or raises) when it is answered with this; `seen` collects requests."""
    asked = seen if seen is not None else []

    def answering(request: httpx2.Request) -> Reply:
        asked.append(str(request.url))
        return reply

    with client_of(answering, retries=retries) as client:
        return client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}])


def stream_of(body: bytes) -> Iterator[RawMessageStreamEvent]:
    """The events of a streamed answer."""
    with client_of(lambda _: Reply(200, body, "text/event-stream")) as client:
        yield from client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}], stream=True
        )


def final_of(body: bytes) -> Message:
    """The message that the SDK's stream helper adds up."""
    with (
        client_of(lambda _: Reply(200, body, "text/event-stream")) as client,
        client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]) as stream,
    ):
        return stream.get_final_message()
