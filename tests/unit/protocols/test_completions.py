"""The older text completions: what a request means, the bytes of an answer, and what the SDK makes of them."""

from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import openai
import pytest
from hypothesis import given
from openai.types import Completion

from luna.model.chat import Binding, ChatRequest, Limits, Message, Text, Thinking
from luna.model.dialect import AnswerHead, ClientRequest, Facts
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Media, Opened, StopReason, StreamEvent, TextDelta, ThinkDelta, Usage
from luna.protocols.completions_dialect import OpenAICompletions
from tests.support.events import answers

OPENED = Opened("resp-1", "qwen3-max", "chat-1")
ANSWER: list[StreamEvent] = [OPENED, ThinkDelta("Hm."), TextDelta("world"), TextDelta("!"), Usage(4, 2), Finish("stop")]


def decoded(**fields: Any) -> ChatRequest:
    dialect, client = OpenAICompletions(), request(**fields)
    return dialect.decode(dialect.parse(client), client)


def request(**fields: Any) -> ClientRequest:
    body = msgspec.json.encode({"model": "qwen3-max", "prompt": "Hello ", **fields})
    return ClientRequest("POST", "/v1/completions", "", (), body)


def encode(events: list[StreamEvent], *, stream: bool, usage: bool = False, **fields: Any) -> bytes:
    dialect = OpenAICompletions()
    document = dialect.parse(request(**fields)).document
    head = AnswerHead("cmpl-1", "qwen", 1790000000, stream, usage, prompt_tokens=lambda: 5, document=document)
    encoder = dialect.encoder(head)
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


def test_the_prompt_is_what_the_user_says() -> None:
    said = [Message("user", [Text("Hello ")])]
    assert decoded() == ChatRequest(model="qwen3-max", target="qwen3-max", messages=said)
    assert decoded(prompt=["Hello "]).messages == said


@pytest.mark.parametrize(
    ("fields", "binding"),
    [
        ({"session_id": "s"}, Binding(session="s")),
        ({"providerSessionId": "c"}, Binding(chat="c")),
        ({"provider_session_id": "c"}, Binding(chat="c")),
        ({"account": "a", "metadata": {"account_id": "b"}}, Binding(account="a")),
        ({"metadata": {"account_id": "b"}}, Binding(account="b")),
    ],
)
def test_where_the_conversation_lives(fields: dict[str, Any], binding: Binding) -> None:
    chat = decoded(**fields)
    assert (chat.binding, chat.ignored) == (binding, [])


def test_a_request_with_everything() -> None:
    chat = decoded(
        model="qwen3-max-fast",
        stream=True,
        stream_options={"include_usage": True},
        max_tokens=10,
        stop="END",
        suffix="}",
        echo=True,
        n=1,
        best_of=1,
        logprobs=None,
        temperature=0.1,
        user="me",
        session_id="s",
    )
    assert (chat.target, chat.thinking, chat.stream, chat.include_usage) == ("qwen3-max", Thinking("fast"), True, True)
    assert chat.limits == Limits(10, ("END",))
    assert chat.binding.session == "s"
    assert chat.ignored == ["suffix", "temperature"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [""]}, "prompt"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2, 3]}, "prompt"),
        ({"prompt": [7]}, "prompt"),
        ({"prompt": [[1, 2]]}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": {"a": 1}}, "prompt"),
        ({"stop": ["x" * 2000]}, "stop"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(LunaError) as caught:
        decoded(**fields)
    assert (caught.value.kind, caught.value.param) == (Kind.BAD_REQUEST, param)


def test_what_routing_may_ask() -> None:
    assert OpenAICompletions().parse(request(stream=True)).facts == Facts("qwen3-max", True)
    with pytest.raises(LunaError, match="no body"):
        OpenAICompletions().parse(ClientRequest("GET", "/v1/completions", "", (), b""))


OPENING = '{"id":"cmpl-1","object":"text_completion","created":1790000000,"model":"qwen","choices":'
USAGE = (
    '{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6,"prompt_tokens_details":{"cached_tokens":0},'
    '"completion_tokens_details":{"reasoning_tokens":0}}'
)


def chunk(text: str, reason: str = "null", more: str = "") -> str:
    choice = f'{{"text":"{text}","index":0,"logprobs":null,"finish_reason":{reason}}}'
    return f"data: {OPENING}[{choice}]{more}}}\n\n"


def test_a_stream_byte_for_byte() -> None:
    golden = chunk("world") + chunk("!") + chunk("", '"stop"') + "data: [DONE]\n\n"
    assert encode(ANSWER, stream=True).decode() == golden


def test_a_stream_with_usage() -> None:
    unknown = ',"usage":null'
    golden = chunk("world", more=unknown) + chunk("!", more=unknown) + chunk("", '"stop"', unknown)
    golden += f'data: {OPENING}[],"usage":{USAGE}}}\n\ndata: [DONE]\n\n'
    assert encode(ANSWER, stream=True, usage=True).decode() == golden


def test_a_document_byte_for_byte() -> None:
    choice = '{"text":"world!","index":0,"logprobs":null,"finish_reason":"stop"}'
    assert encode(ANSWER, stream=False).decode() == f'{OPENING}[{choice}],"usage":{USAGE}}}'


@pytest.mark.parametrize(
    ("reason", "told"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("tool_calls", "stop")],
)
def test_how_an_answer_ends(reason: StopReason, told: str) -> None:
    document = msgspec.json.decode(encode([OPENED, TextDelta("x"), Finish(reason)], stream=False))
    assert document["choices"][0]["finish_reason"] == told
    assert document["usage"]["prompt_tokens"] == 5, "estimated when nobody counted"


def sdk(body: bytes, content_type: str) -> openai.OpenAI:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": content_type}, content=body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="any", base_url="http://luna/v1", max_retries=0, http_client=transport)


def stream_of(body: bytes) -> Iterator[Completion]:
    with sdk(body, "text/event-stream") as client:
        yield from client.completions.create(model="m", prompt="x", stream=True)


@pytest.mark.parametrize("echo", [False, True])
def test_what_the_sdk_makes_of_it(echo: bool) -> None:
    with sdk(encode(ANSWER, stream=False, echo=echo), "application/json") as client:
        whole = client.completions.create(model="m", prompt="x")
    told = list(stream_of(encode(ANSWER, stream=True, echo=echo)))
    said = "Hello world!" if echo else "world!"
    assert "".join(part.choices[0].text for part in told) == whole.choices[0].text == said
    assert told[-1].choices[0].finish_reason == whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    assert whole.usage.total_tokens == 6


def test_media_is_a_paragraph_of_the_text() -> None:
    events: list[StreamEvent] = [OPENED, TextDelta("Look:"), Media("image", "https://x/a.png"), Finish("stop")]
    document = msgspec.json.decode(encode(events, stream=False))
    assert document["choices"][0]["text"] == "Look:\n\n![image](https://x/a.png)"


@given(answers())
def test_the_stream_adds_up_to_the_document(events: list[StreamEvent]) -> None:
    [choice] = msgspec.json.decode(encode(events, stream=False, echo=True))["choices"]
    told = list(stream_of(encode(events, stream=True, echo=True)))
    assert "".join(part.choices[0].text for part in told) == choice["text"]
    assert told[-1].choices[0].finish_reason == choice["finish_reason"]
    assert [part.choices[0].finish_reason for part in told[:-1]] == [None] * (len(told) - 1)


def test_errors_have_the_chat_protocols_shape() -> None:
    dialect = OpenAICompletions()
    reply = dialect.error(LunaError(Kind.CONTEXT_OVERFLOW, "Too long."), "f")
    assert (reply.status, msgspec.json.decode(reply.body)["error"]["param"]) == (400, "prompt")
    assert dialect.error_frame(LunaError(Kind.TIMEOUT, "Slow."), "f").endswith(b"data: [DONE]\n\n")
    assert (dialect.name, dialect.answer_id("abc"), dialect.heartbeat) == (
        "openai-completions",
        "cmpl-abc",
        b": keep-alive\n\n",
    )
