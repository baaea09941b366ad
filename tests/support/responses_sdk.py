"""OpenAI's own Python client on the Responses protocol, fed with bytes: what an answer is, is what the SDK makes of
it."""

from collections.abc import Callable, Iterator

import httpx2
import openai
from openai.types.responses import Response, ResponseStreamEvent

from luna.model.dialect import Reply

Answering = Callable[[httpx2.Request], Reply]


def client_of(answering: Answering, *, retries: int = 0) -> openai.OpenAI:
    """A client whose requests are answered by this function."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        reply = answering(request)
        headers = [("content-type", reply.content_type), *reply.headers]
        return httpx2.Response(reply.status, headers=headers, content=reply.body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="any", base_url="http://luna/v1", max_retries=retries, http_client=transport)


def answering(body: bytes, *, stream: bool = False) -> openai.OpenAI:
    """A client that always gets this answer."""
    reply = Reply(200, body, "text/event-stream" if stream else "application/json")
    return client_of(lambda _: reply)


def ask(reply: Reply) -> Response:
    """What `responses.create` returns (or raises) when it is answered with this."""
    with client_of(lambda _: reply) as client:
        return client.responses.create(model="m", input="x")


def stream_of(body: bytes) -> Iterator[ResponseStreamEvent]:
    """The events of a streamed answer, each checked against the SDK's own model of it."""
    with answering(body, stream=True) as client:
        for event in client.responses.create(model="m", input="x", stream=True):
            type(event).model_validate(event.to_dict())
            yield event


def final_of(body: bytes) -> Response:
    """The response that the SDK's stream helper ends with, after it has followed every event."""
    with answering(body, stream=True) as client, client.responses.stream(model="m", input="x") as stream:
        return stream.get_final_response()
