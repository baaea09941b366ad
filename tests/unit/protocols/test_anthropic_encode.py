"""The bytes of an answer in Anthropic's protocol, streamed and whole, and what the official SDK makes of them."""

import msgspec
import pytest

from luna.model.dialect import AnswerHead, Reply
from luna.model.errors import Kind, LunaError
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
from luna.protocols.anthropic_messages import AnthropicMessages
from luna.protocols.sse import SSEReader
from tests.support.anthropic_sdk import ask, final_of, stream_of

OPENED = Opened("resp-1", "qwen3-max", "chat-1")
USAGE = Usage(input=12, output=7, reasoning=3, cached=2)
ANSWER: list[StreamEvent] = [OPENED, ThinkDelta("Hm."), TextDelta('Hi "you"\n'), TextDelta("新"), USAGE, Finish("stop")]
CALLS: list[StreamEvent] = [
    OPENED,
    TextDelta("Reading"),
    ToolOpen(0, "n0", "web_search", native=True),
    ToolDelta(0, '{"q":1}'),
    Notice("search", "two pages"),
    ToolClose(0),
    TextDelta("."),
    ToolOpen(4, "call_a", "Read"),
    ToolDelta(4, '{"p":'),
    ToolDelta(4, ""),
    ToolDelta(4, '"x"}'),
    ToolClose(4),
    ToolOpen(5, "call_b", "Now"),
    ToolClose(5),
    USAGE,
    Finish("tool_calls"),
]
SIGNATURE = "kcTl/zWupOOxk+Pt+VdxAVO1qQ3BENO0ICt2B6otthE="


def encode(events: list[StreamEvent], *, stream: bool, prompt: int = 5) -> bytes:
    head = AnswerHead("msg_1", "qwen", 1790000000, stream, True, prompt_tokens=lambda: prompt)
    encoder = AnthropicMessages().encoder(head)
    assert encoder.content_type == ("text/event-stream" if stream else "application/json")
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


def document(events: list[StreamEvent], *, prompt: int = 5) -> dict[str, object]:
    return msgspec.json.decode(encode(events, stream=False, prompt=prompt), type=dict[str, object])


def usage(fresh: int, cached: int, output: int, thinking: int) -> str:
    return (
        f'{{"input_tokens":{fresh},"cache_creation_input_tokens":0,"cache_read_input_tokens":{cached},'
        f'"output_tokens":{output},"output_tokens_details":{{"thinking_tokens":{thinking}}}}}'
    )


def frame(name: str, rest: str = "") -> str:
    return f'event: {name}\ndata: {{"type":"{name}"{rest}}}\n\n'


def start(index: int, block: str) -> str:
    return frame("content_block_start", f',"index":{index},"content_block":{block}')


def delta(index: int, delta: str) -> str:
    return frame("content_block_delta", f',"index":{index},"delta":{delta}')


def stop(index: int) -> str:
    return frame("content_block_stop", f',"index":{index}')


def opening(prompt: int = 5) -> str:
    message = '{"id":"msg_1","type":"message","role":"assistant","model":"qwen","content":[],"stop_reason":null,'
    return frame("message_start", f',"message":{message}"stop_sequence":null,"usage":{usage(prompt, 0, 0, 0)}}}')


def ending(reason: str, costs: str) -> str:
    told = f',"delta":{{"stop_reason":"{reason}","stop_sequence":null}},"usage":{costs}'
    return frame("message_delta", told) + frame("message_stop")


def test_a_stream_byte_for_byte() -> None:
    golden = (
        opening()
        + start(0, '{"type":"thinking","thinking":"","signature":""}')
        + delta(0, '{"type":"thinking_delta","thinking":"Hm."}')
        + delta(0, f'{{"type":"signature_delta","signature":"{SIGNATURE}"}}')
        + stop(0)
        + start(1, '{"type":"text","text":""}')
        + delta(1, '{"type":"text_delta","text":"Hi \\"you\\"\\n"}')
        + delta(1, '{"type":"text_delta","text":"新"}')
        + stop(1)
        + ending("end_turn", usage(10, 2, 7, 3))
    )
    assert encode(ANSWER, stream=True).decode() == golden


def test_a_stream_of_calls_byte_for_byte() -> None:
    golden = (
        opening()
        + start(0, '{"type":"text","text":""}')
        + delta(0, '{"type":"text_delta","text":"Reading"}')
        + delta(0, '{"type":"text_delta","text":"."}')
        + stop(0)
        + start(1, '{"type":"tool_use","id":"call_a","name":"Read","input":{}}')
        + delta(1, '{"type":"input_json_delta","partial_json":"{\\"p\\":"}')
        + delta(1, '{"type":"input_json_delta","partial_json":"\\"x\\"}"}')
        + stop(1)
        + start(2, '{"type":"tool_use","id":"call_b","name":"Now","input":{}}')
        + delta(2, '{"type":"input_json_delta","partial_json":"{}"}')
        + stop(2)
        + ending("tool_use", usage(10, 2, 7, 3))
    )
    assert encode(CALLS, stream=True).decode() == golden


def test_a_document_byte_for_byte() -> None:
    assert encode(ANSWER, stream=False).decode() == (
        '{"id":"msg_1","type":"message","role":"assistant","model":"qwen","content":['
        f'{{"type":"thinking","thinking":"Hm.","signature":"{SIGNATURE}"}},'
        '{"type":"text","text":"Hi \\"you\\"\\n新"}],"stop_reason":"end_turn","stop_sequence":null,'
        f'"usage":{usage(10, 2, 7, 3)}}}'
    )


def test_a_document_of_calls() -> None:
    assert document(CALLS)["content"] == [
        {"type": "text", "text": "Reading."},
        {"type": "tool_use", "id": "call_a", "name": "Read", "input": {"p": "x"}},
        {"type": "tool_use", "id": "call_b", "name": "Now", "input": {}},
    ]


def test_each_event_goes_out_as_it_comes() -> None:
    encoder = AnthropicMessages().encoder(AnswerHead("msg_1", "qwen", 0, True, True))
    sent = [encoder.feed(event) for event in CALLS]
    assert [part.count(b"event: ") for part in sent] == [1, 2, 0, 0, 0, 0, 1, 2, 1, 0, 1, 1, 1, 2, 0, 1]
    assert b'"partial_json":"{\\"p\\":"' in sent[8]


def test_the_sdk_adds_both_up_to_the_same() -> None:
    for events in (ANSWER, CALLS):
        streamed, whole = final_of(encode(events, stream=True)), ask(Reply(200, encode(events, stream=False)))
        for field in ("id", "model", "role", "type", "content", "stop_reason", "stop_sequence", "usage"):
            assert streamed.to_dict()[field] == whole.to_dict()[field]


def test_an_empty_answer_is_an_answer() -> None:
    empty: list[StreamEvent] = [OPENED, TextDelta(""), ThinkDelta(""), Finish("stop")]
    assert document(empty)["content"] == []
    assert final_of(encode(empty, stream=True)).content == []


def test_blocks_follow_what_the_model_does() -> None:
    events: list[StreamEvent] = [
        OPENED,
        TextDelta("a"),
        ThinkDelta("b"),
        ThinkDelta("c"),
        TextDelta("d"),
        ToolOpen(0, "call_a", "Read"),
        ToolDelta(0, "{}"),
        ToolClose(0),
        TextDelta("e"),
        Finish("tool_calls"),
    ]
    kinds = ["text", "thinking", "text", "tool_use", "text"]
    assert [block.type for block in final_of(encode(events, stream=True)).content] == kinds
    assert [block.type for block in ask(Reply(200, encode(events, stream=False))).content] == kinds


def test_a_signature_is_of_the_words_however_they_came() -> None:
    one = document([OPENED, ThinkDelta("Hm."), Finish("stop")])
    two = final_of(encode([OPENED, ThinkDelta("H"), ThinkDelta("m."), Finish("stop")], stream=True))
    assert two.to_dict()["content"] == one["content"]
    assert document([OPENED, ThinkDelta("Hm!"), Finish("stop")])["content"] != one["content"]


def test_media_become_paragraphs_of_markdown() -> None:
    events: list[StreamEvent] = [
        OPENED,
        TextDelta("Here:"),
        Media("image", "https://x.example/a (1).png"),
        TextDelta("Done"),
        ThinkDelta("hm"),
        Media("video", "https://x.example/v"),
        Finish("stop"),
    ]
    said = ["Here:\n\n![image](https://x.example/a%20%281%29.png)\n\nDone", "[video](https://x.example/v)"]
    for message in (final_of(encode(events, stream=True)), ask(Reply(200, encode(events, stream=False)))):
        assert [block.text for block in message.content if block.type == "text"] == said


@pytest.mark.parametrize(
    ("reason", "told"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal")],
)
def test_the_reason_is_told(reason: StopReason, told: str) -> None:
    events: list[StreamEvent] = [OPENED, TextDelta("x"), Finish(reason)]
    for message in (ask(Reply(200, encode(events, stream=False))), final_of(encode(events, stream=True))):
        assert (message.stop_reason, message.stop_sequence) == (told, None)


def test_a_stop_sequence_that_is_known_is_told() -> None:
    events: list[StreamEvent] = [OPENED, TextDelta("x"), Finish("stop", "END")]
    for message in (ask(Reply(200, encode(events, stream=False))), final_of(encode(events, stream=True))):
        assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "END")


def test_usage_that_nobody_counted_is_estimated() -> None:
    events: list[StreamEvent] = [OPENED, ThinkDelta("1234"), TextDelta("新" * 20), Finish("stop")]
    streamed = final_of(encode(events, stream=True, prompt=50)).usage
    whole = ask(Reply(200, encode(events, stream=False, prompt=50))).usage
    for told in (streamed, whole):
        assert (told.input_tokens, told.output_tokens) == (50, 17)
        assert told.output_tokens_details is not None
        assert told.output_tokens_details.thinking_tokens == 4


def test_a_stream_begins_with_an_estimate_and_ends_with_the_count() -> None:
    first, *_, last, _ = stream_of(encode(ANSWER, stream=True, prompt=50))
    assert first.type == "message_start"
    assert last.type == "message_delta"
    assert (first.message.usage.input_tokens, first.message.usage.output_tokens) == (50, 0)
    assert (last.usage.input_tokens, last.usage.cache_read_input_tokens, last.usage.output_tokens) == (10, 2, 7)


def test_the_prompt_is_estimated_once_and_not_at_all_for_a_document_that_was_counted() -> None:
    estimates = 0

    def estimate() -> int:
        nonlocal estimates
        estimates += 1
        return 9

    for stream, events in ((False, ANSWER), (True, [*ANSWER[:-2], ANSWER[-1]])):
        encoder = AnthropicMessages().encoder(AnswerHead("i", "m", 0, stream, True, prompt_tokens=estimate))
        for event in events:
            encoder.feed(event)
        encoder.close()
        assert estimates == (1 if stream else 0)


def test_the_last_usage_counts() -> None:
    events: list[StreamEvent] = [OPENED, Usage(1, 1), TextDelta("x"), USAGE, Finish("stop")]
    assert ask(Reply(200, encode(events, stream=False))).usage.output_tokens == 7
    assert final_of(encode(events, stream=True)).usage.output_tokens == 7


def test_a_cache_that_is_said_to_hold_more_than_the_prompt_leaves_nothing() -> None:
    events: list[StreamEvent] = [OPENED, Usage(input=5, output=1, cached=9), Finish("stop")]
    assert ask(Reply(200, encode(events, stream=False))).usage.input_tokens == 0


@pytest.mark.parametrize("arguments", ['{"p":', "[1]", "null", "[" * 5000])
def test_a_document_never_makes_up_arguments(arguments: str) -> None:
    events: list[StreamEvent] = [OPENED, ToolOpen(0, "c", "Read"), ToolDelta(0, arguments), ToolClose(0)]
    with pytest.raises(LunaError, match="'Read'") as caught:
        encode([*events, Finish("tool_calls")], stream=False)
    assert caught.value.kind is Kind.UPSTREAM_BROKEN


def test_a_document_keeps_arguments_as_they_were_written() -> None:
    written = '{"n": 12345678901234567890123, "x": 1.50}'
    events: list[StreamEvent] = [OPENED, ToolOpen(0, "c", "Read"), ToolDelta(0, written), ToolClose(0)]
    assert written.encode() in encode([*events, Finish("tool_calls")], stream=False)


def test_names_that_need_escaping_are_escaped() -> None:
    encoder = AnthropicMessages().encoder(AnswerHead('id"1', "mo\\del\n", 0, True, True))
    (payload,) = SSEReader().feed(encoder.feed(OPENED))
    message = msgspec.json.decode(payload)["message"]
    assert (message["id"], message["model"]) == ('id"1', "mo\\del\n")


def test_encoders_say_what_they_hold() -> None:
    streaming = AnthropicMessages().encoder(AnswerHead("id1", "m", 0, True, True))
    whole = AnthropicMessages().encoder(AnswerHead("id1", "m", 0, False, True))
    for event in CALLS[:9]:
        streaming.feed(event)
        whole.feed(event)
    assert repr(streaming) == "<EventEncoder id1 blocks=2 tool_use>"
    assert repr(whole) == "<MessageEncoder id1 blocks=2 open>"
