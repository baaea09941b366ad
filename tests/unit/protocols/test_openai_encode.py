"""The bytes of an answer, streamed and whole."""

import msgspec
import pytest

from luna.model.dialect import AnswerHead, Reply
from luna.model.events import (
    Finish,
    Media,
    Notice,
    Opened,
    StopReason,
    StreamEvent,
    TextDelta,
    ThinkDelta,
    ToolClose,
    ToolDelta,
    ToolOpen,
    Usage,
)
from luna.protocols.openai_chat import OpenAIChat
from tests.support.sdk import ask, stream_of

OPENED = Opened("resp-1", "qwen3-max", "chat-1")
USAGE = Usage(input=12, output=7, reasoning=3, cached=2)
ANSWER: list[StreamEvent] = [OPENED, ThinkDelta("Hm."), TextDelta('Hi "you"\n'), TextDelta("新"), USAGE, Finish("stop")]
CALLS: list[StreamEvent] = [
    OPENED,
    ToolOpen(0, "n0", "web_search", native=True),
    ToolDelta(0, '{"q":1}'),
    Notice("search", "two pages"),
    ToolClose(0),
    ToolOpen(4, "call_a", "Read"),
    ToolDelta(4, '{"p":'),
    ToolDelta(4, '"x"}'),
    ToolClose(4),
    ToolOpen(5, "call_b", "Now"),
    ToolClose(5),
    Finish("tool_calls"),
]


def encode(events: list[StreamEvent], *, stream: bool, include_usage: bool = False, prompt: int = 0) -> bytes:
    head = AnswerHead("chatcmpl-1", "qwen", 1790000000, stream, include_usage, prompt_tokens=lambda: prompt)
    encoder = OpenAIChat().encoder(head)
    assert encoder.content_type == ("text/event-stream" if stream else "application/json")
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


def document(events: list[StreamEvent], *, prompt: int = 0) -> dict[str, object]:
    return msgspec.json.decode(encode(events, stream=False, prompt=prompt), type=dict[str, object])


def chunk(choice: str, more: str = "") -> str:
    opening = '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"qwen","choices":['
    return f"data: {opening}{choice}]{more}}}\n\n"


def delta(delta: str, reason: str = "null") -> str:
    return f'{{"index":0,"delta":{delta},"finish_reason":{reason}}}'


def test_a_stream_byte_for_byte() -> None:
    golden = (
        chunk(delta('{"role":"assistant","content":""}'))
        + chunk(delta('{"reasoning_content":"Hm."}'))
        + chunk(delta('{"content":"Hi \\"you\\"\\n"}'))
        + chunk(delta('{"content":"新"}'))
        + chunk(delta("{}", '"stop"'))
        + "data: [DONE]\n\n"
    )
    assert encode(ANSWER, stream=True).decode() == golden


def test_a_stream_with_usage_byte_for_byte() -> None:
    none = ',"usage":null'
    usage = (
        ',"usage":{"prompt_tokens":12,"completion_tokens":7,"total_tokens":19,'
        '"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":3}}'
    )
    golden = (
        chunk(delta('{"role":"assistant","content":""}'), none)
        + chunk(delta('{"reasoning_content":"Hm."}'), none)
        + chunk(delta('{"content":"Hi \\"you\\"\\n"}'), none)
        + chunk(delta('{"content":"新"}'), none)
        + chunk(delta("{}", '"stop"'), none)
        + chunk("", usage)
        + "data: [DONE]\n\n"
    )
    assert encode(ANSWER, stream=True, include_usage=True).decode() == golden


def test_a_stream_of_calls_byte_for_byte() -> None:
    first = '{"index":0,"id":"call_a","type":"function","function":{"name":"Read","arguments":""}}'
    second = '{"index":1,"id":"call_b","type":"function","function":{"name":"Now","arguments":""}}'
    golden = (
        chunk(delta('{"role":"assistant","content":""}'))
        + chunk(delta(f'{{"tool_calls":[{first}]}}'))
        + chunk(delta('{"tool_calls":[{"index":0,"function":{"arguments":"{\\"p\\":"}}]}'))
        + chunk(delta('{"tool_calls":[{"index":0,"function":{"arguments":"\\"x\\"}"}}]}'))
        + chunk(delta(f'{{"tool_calls":[{second}]}}'))
        + chunk(delta("{}", '"tool_calls"'))
        + "data: [DONE]\n\n"
    )
    assert encode(CALLS, stream=True).decode() == golden


def test_a_document_byte_for_byte() -> None:
    assert encode(ANSWER, stream=False).decode() == (
        '{"id":"chatcmpl-1","object":"chat.completion","created":1790000000,"model":"qwen","choices":[{"index":0,'
        '"message":{"role":"assistant","content":"Hi \\"you\\"\\n新","reasoning_content":"Hm."},'
        '"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":7,"total_tokens":19,'
        '"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":3}}}'
    )


def test_a_document_of_calls_has_no_content() -> None:
    (choice,) = msgspec.convert(document(CALLS)["choices"], list[dict[str, object]])
    assert choice == {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_a", "type": "function", "function": {"name": "Read", "arguments": '{"p":"x"}'}},
                {"id": "call_b", "type": "function", "function": {"name": "Now", "arguments": ""}},
            ],
        },
        "finish_reason": "tool_calls",
    }


def test_an_empty_answer_is_an_answer() -> None:
    (choice,) = msgspec.convert(document([OPENED, Finish("stop")])["choices"], list[dict[str, object]])
    assert choice["message"] == {"role": "assistant", "content": ""}


def test_media_become_paragraphs_of_markdown() -> None:
    events: list[StreamEvent] = [
        OPENED,
        TextDelta("Here:"),
        Media("image", "https://x.example/a (1).png"),
        Media("video", "https://x.example/v"),
        TextDelta(""),
        TextDelta("Done"),
        TextDelta("."),
        Finish("stop"),
    ]
    said = "Here:\n\n![image](https://x.example/a%20%281%29.png)\n\n[video](https://x.example/v)\n\nDone."
    whole = ask(Reply(200, encode(events, stream=False)))
    assert whole.choices[0].message.content == said
    chunks = stream_of(encode(events, stream=True))
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == said


def test_a_picture_alone_is_the_whole_content() -> None:
    alone = ask(Reply(200, encode([OPENED, Media("image", "https://x.example/a"), Finish("stop")], stream=False)))
    assert alone.choices[0].message.content == "![image](https://x.example/a)"


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
def test_the_reason_is_told(reason: StopReason) -> None:
    events: list[StreamEvent] = [OPENED, TextDelta("x"), Finish(reason)]
    assert ask(Reply(200, encode(events, stream=False))).choices[0].finish_reason == reason
    assert [c.choices[0].finish_reason for c in stream_of(encode(events, stream=True))] == [None, None, reason]


def test_usage_that_nobody_counted_is_estimated() -> None:
    events: list[StreamEvent] = [OPENED, ThinkDelta("1234"), TextDelta("新" * 20), Finish("stop")]
    whole = ask(Reply(200, encode(events, stream=False, prompt=50))).usage
    *_, last = stream_of(encode(events, stream=True, include_usage=True, prompt=50))
    for usage in (whole, last.usage):
        assert usage is not None
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (50, 17, 67)
        assert usage.completion_tokens_details is not None
        assert usage.completion_tokens_details.reasoning_tokens == 4


def test_the_prompt_is_not_estimated_when_the_upstream_counted() -> None:
    def never() -> int:
        raise AssertionError("estimated for nothing")

    for stream in (True, False):
        encoder = OpenAIChat().encoder(AnswerHead("i", "m", 0, stream, include_usage=True, prompt_tokens=never))
        for event in ANSWER:
            encoder.feed(event)
        assert b'"total_tokens":19' in encoder.close()


def test_the_last_usage_counts() -> None:
    events: list[StreamEvent] = [OPENED, Usage(1, 1), TextDelta("x"), USAGE, Finish("stop")]
    usage = ask(Reply(200, encode(events, stream=False))).usage
    assert usage is not None
    assert usage.total_tokens == 19


def test_names_that_need_escaping_are_escaped() -> None:
    head = AnswerHead('id"1', "mo\\del\n", 0, True, False)
    (frame,) = OpenAIChat().encoder(head).feed(OPENED).splitlines()[:1]
    decoded = msgspec.json.decode(frame.removeprefix(b"data: "))
    assert (decoded["id"], decoded["model"]) == ('id"1', "mo\\del\n")


def test_encoders_say_what_they_hold() -> None:
    head = AnswerHead("id1", "m", 0, True, False)
    streaming, whole = OpenAIChat().encoder(head), OpenAIChat().encoder(AnswerHead("id1", "m", 0, False, False))
    for event in CALLS:
        streaming.feed(event)
        whole.feed(event)
    assert repr(streaming) == "<ChunkEncoder id1 calls=2>"
    assert repr(whole) == "<DocumentEncoder id1 <Fold tool_calls text=0 calls=3>>"
