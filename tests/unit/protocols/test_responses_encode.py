"""The bytes of an answer in the Responses protocol, streamed and whole, and how they end."""

from typing import Any

import msgspec
import pytest

from luna.model.dialect import AnswerHead, ClientRequest, Encoder, Failing
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
from luna.protocols.responses_dialect import OpenAIResponses
from luna.protocols.sse import SSEReader

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
    ToolOpen(4, "call_a", "Read"),
    ToolDelta(4, '{"p":'),
    ToolDelta(4, ""),
    ToolDelta(4, '"x"}'),
    ToolClose(4),
    ToolOpen(5, "call_b", "vault__get"),
    ToolClose(5),
    ToolOpen(6, "call_c", "apply_patch"),
    ToolDelta(6, '{"input":"*** Begin\\'),
    ToolDelta(6, 'n\\u00e9"}'),
    ToolClose(6),
    USAGE,
    Finish("tool_calls"),
]
ASKED: dict[str, Any] = {
    "model": "qwen",
    "input": "Hello",
    "instructions": "Be brief.",
    "metadata": {"a": "b"},
    "tools": [
        {"type": "function", "name": "Read", "parameters": {"type": "object"}, "strict": False},
        {
            "type": "namespace",
            "name": "vault",
            "description": "Secrets.",
            "tools": [{"type": "function", "name": "get", "parameters": {"type": "object"}, "strict": False}],
        },
        {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "s:"}},
    ],
}
ECHO = (
    '"instructions":"Be brief.","max_output_tokens":null,"metadata":{"a":"b"},"parallel_tool_calls":true,'
    '"previous_response_id":null,"prompt_cache_key":null,"reasoning":{"effort":null,"summary":null},'
    '"safety_identifier":null,"service_tier":"default","store":true,"temperature":1.0,'
    f'"text":{{"format":{{"type":"text"}}}},"tool_choice":"auto","tools":{msgspec.json.encode(ASKED["tools"]).decode()},'
    '"top_p":1.0,"truncation":"disabled","user":null'
)
COST = (
    '{"input_tokens":12,"input_tokens_details":{"cached_tokens":2,"cache_write_tokens":0},"output_tokens":7,'
    '"output_tokens_details":{"reasoning_tokens":3},"total_tokens":19}'
)


def encoder_for(*, stream: bool, **asked: Any) -> Encoder:
    dialect = OpenAIResponses()
    body = msgspec.json.encode({**ASKED, **asked})
    parsed = dialect.parse(ClientRequest("POST", "/v1/responses", "", (), body))
    head = AnswerHead("resp_1", "qwen", 1790000000, stream, True, prompt_tokens=lambda: 5, document=parsed.document)
    encoder = dialect.encoder(head)
    assert encoder.content_type == ("text/event-stream" if stream else "application/json")
    return encoder


def encode(events: list[StreamEvent], *, stream: bool, **asked: Any) -> bytes:
    encoder = encoder_for(stream=stream, **asked)
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


def document(events: list[StreamEvent], **asked: Any) -> dict[str, Any]:
    return msgspec.json.decode(encode(events, stream=False, **asked), type=dict[str, Any])


def frames(stream: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(payload) for payload in SSEReader().feed(stream)]


def whole(status: str, output: str, cost: str = COST, incomplete: str = "null") -> str:
    return (
        f'{{"id":"resp_1","object":"response","created_at":1790000000,"status":"{status}","background":false,'
        f'"error":null,"incomplete_details":{incomplete},"model":"qwen","output":[{output}],"usage":{cost},{ECHO}}}'
    )


class Golden:
    """Writes the frames of a stream, numbering them."""

    def __init__(self) -> None:
        self.text = ""
        self._number = 0

    def frame(self, name: str, rest: str) -> None:
        """The number behind the type."""
        self.text += f'event: {name}\ndata: {{"type":"{name}","sequence_number":{self._number},{rest}}}\n\n'
        self._number += 1

    def delta(self, name: str, rest: str) -> None:
        """The number at the end."""
        self.text += f'event: {name}\ndata: {{"type":"{name}",{rest},"sequence_number":{self._number}}}\n\n'
        self._number += 1

    def opening(self) -> None:
        for name in ("created", "in_progress"):
            self.frame(f"response.{name}", f'"response":{whole("in_progress", "", "null")}')


REASONING = '{"id":"rs_1_0","type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]}'
SPOKEN = r'{"type":"output_text","text":"Hi \"you\"\n新","annotations":[],"logprobs":[]}'
MESSAGE = f'{{"id":"msg_1_1","type":"message","status":"completed","role":"assistant","content":[{SPOKEN}]}}'


def test_a_stream_byte_for_byte() -> None:
    golden = Golden()
    golden.opening()
    at = '"item_id":"rs_1_0","output_index":0,"summary_index":0'
    golden.frame(
        "response.output_item.added", '"output_index":0,"item":{"id":"rs_1_0","type":"reasoning","summary":[]}'
    )
    golden.frame("response.reasoning_summary_part.added", at + ',"part":{"type":"summary_text","text":""}')
    golden.delta("response.reasoning_summary_text.delta", at + ',"delta":"Hm."')
    golden.frame("response.reasoning_summary_text.done", at + ',"text":"Hm."')
    golden.frame("response.reasoning_summary_part.done", at + ',"part":{"type":"summary_text","text":"Hm."}')
    golden.frame("response.output_item.done", f'"output_index":0,"item":{REASONING}')
    at = '"item_id":"msg_1_1","output_index":1,"content_index":0'
    empty = MESSAGE.replace(SPOKEN, "").replace("completed", "in_progress")
    golden.frame("response.output_item.added", f'"output_index":1,"item":{empty}')
    part = '{"type":"output_text","text":"","annotations":[],"logprobs":[]}'
    golden.frame("response.content_part.added", f'{at},"part":{part}')
    golden.delta("response.output_text.delta", at + r',"delta":"Hi \"you\"\n","logprobs":[]')
    golden.delta("response.output_text.delta", at + ',"delta":"新","logprobs":[]')
    golden.frame("response.output_text.done", at + r',"text":"Hi \"you\"\n新","logprobs":[]')
    golden.frame("response.content_part.done", f'{at},"part":{SPOKEN}')
    golden.frame("response.output_item.done", f'"output_index":1,"item":{MESSAGE}')
    golden.frame("response.completed", f'"response":{whole("completed", f"{REASONING},{MESSAGE}")}')
    assert encode(ANSWER, stream=True).decode() == golden.text


def test_a_document_byte_for_byte() -> None:
    assert encode(ANSWER, stream=False).decode() == whole("completed", f"{REASONING},{MESSAGE}")


def test_the_calls_of_a_stream_byte_for_byte() -> None:
    golden = Golden()
    golden.opening()
    at = '"item_id":"msg_1_0","output_index":0,"content_index":0'
    said = '{"type":"output_text","text":"%s","annotations":[],"logprobs":[]}'
    message = '{"id":"msg_1_0","type":"message","status":"%s","role":"assistant","content":[%s]}'
    golden.frame("response.output_item.added", f'"output_index":0,"item":{message % ("in_progress", "")}')
    golden.frame("response.content_part.added", f'{at},"part":{said % ""}')
    golden.delta("response.output_text.delta", at + ',"delta":"Reading","logprobs":[]')
    golden.frame("response.output_text.done", at + ',"text":"Reading","logprobs":[]')
    golden.frame("response.content_part.done", f'{at},"part":{said % "Reading"}')
    done_message = message % ("completed", said % "Reading")
    golden.frame("response.output_item.done", f'"output_index":0,"item":{done_message}')

    call = '{"id":"%s","type":"%s","status":"%s",%s,"call_id":"%s","name":"%s"%s}'
    at = '"item_id":"fc_1_1","output_index":1'
    empty = call % ("fc_1_1", "function_call", "in_progress", '"arguments":""', "call_a", "Read", "")
    done_a = call % ("fc_1_1", "function_call", "completed", r'"arguments":"{\"p\":\"x\"}"', "call_a", "Read", "")
    golden.frame("response.output_item.added", f'"output_index":1,"item":{empty}')
    golden.delta("response.function_call_arguments.delta", at + r',"delta":"{\"p\":"')
    golden.delta("response.function_call_arguments.delta", at + r',"delta":"\"x\"}"')
    golden.frame("response.function_call_arguments.done", at + r',"arguments":"{\"p\":\"x\"}","name":"Read"')
    golden.frame("response.output_item.done", f'"output_index":1,"item":{done_a}')

    at, space = '"item_id":"fc_1_2","output_index":2', ',"namespace":"vault"'
    empty = call % ("fc_1_2", "function_call", "in_progress", '"arguments":""', "call_b", "get", space)
    done_b = call % ("fc_1_2", "function_call", "completed", '"arguments":"{}"', "call_b", "get", space)
    golden.frame("response.output_item.added", f'"output_index":2,"item":{empty}')
    golden.delta("response.function_call_arguments.delta", at + ',"delta":"{}"')
    golden.frame("response.function_call_arguments.done", at + ',"arguments":"{}","name":"get"')
    golden.frame("response.output_item.done", f'"output_index":2,"item":{done_b}')

    at = '"item_id":"ctc_1_3","output_index":3'
    empty = call % ("ctc_1_3", "custom_tool_call", "in_progress", '"input":""', "call_c", "apply_patch", "")
    done_c = call % ("ctc_1_3", "custom_tool_call", "completed", r'"input":"*** Begin\né"', "call_c", "apply_patch", "")
    golden.frame("response.output_item.added", f'"output_index":3,"item":{empty}')
    golden.delta("response.custom_tool_call_input.delta", at + ',"delta":"*** Begin"')
    golden.delta("response.custom_tool_call_input.delta", at + r',"delta":"\né"')
    golden.frame("response.custom_tool_call_input.done", at + r',"input":"*** Begin\né"')
    golden.frame("response.output_item.done", f'"output_index":3,"item":{done_c}')
    output = ",".join([done_message, done_a, done_b, done_c])
    golden.frame("response.completed", f'"response":{whole("completed", output)}')
    assert encode(CALLS, stream=True).decode() == golden.text
    assert encode(CALLS, stream=False).decode() == whole("completed", output)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_request_of_several_lines_is_repeated_on_one(newline: bytes) -> None:
    pretty = msgspec.json.format(msgspec.json.encode(ASKED), indent=2).replace(b"\n", newline)
    dialect = OpenAIResponses()
    parsed = dialect.parse(ClientRequest("POST", "/v1/responses", "", (), pretty))
    head = AnswerHead("resp_1", "qwen", 1790000000, True, True, prompt_tokens=lambda: 5, document=parsed.document)
    encoder = dialect.encoder(head)
    stream = b"".join(encoder.feed(event) for event in CALLS) + encoder.close()
    assert stream == encode(CALLS, stream=True)


def test_each_event_goes_out_as_it_comes() -> None:
    encoder = encoder_for(stream=True)
    sent = [encoder.feed(event).count(b"event: ") for event in CALLS]
    assert sent == [2, 3, 0, 0, 0, 0, 4, 1, 0, 1, 2, 1, 3, 1, 1, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("reason", "status", "why", "last"),
    [
        ("stop", "completed", None, "response.completed"),
        ("length", "incomplete", {"reason": "max_output_tokens"}, "response.incomplete"),
        ("content_filter", "incomplete", {"reason": "content_filter"}, "response.incomplete"),
    ],
)
def test_how_an_answer_ends(reason: StopReason, status: str, why: object, last: str) -> None:
    events: list[StreamEvent] = [OPENED, ThinkDelta("Hm."), TextDelta("Hi"), USAGE, Finish(reason)]
    whole = document(events)
    assert (whole["status"], whole["incomplete_details"], whole["output"][1]["status"]) == (status, why, status)
    end = frames(encode(events, stream=True))[-1]
    assert (end["type"], end["response"]) == (last, whole)


def test_usage_is_estimated_when_nobody_counted() -> None:
    events: list[StreamEvent] = [OPENED, ThinkDelta("Well then"), TextDelta("Hello there"), Finish("stop")]
    usage = document(events)["usage"]
    assert usage["input_tokens"] == 5
    assert usage["output_tokens"] > usage["output_tokens_details"]["reasoning_tokens"] > 0


def test_media_is_a_paragraph_of_the_text() -> None:
    events: list[StreamEvent] = [
        OPENED,
        TextDelta("Look:"),
        Media("image", "https://x/a.png"),
        TextDelta("Nice?"),
        Finish("stop"),
    ]
    [message] = document(events)["output"]
    assert message["content"][0]["text"] == "Look:\n\n![image](https://x/a.png)\n\nNice?"


def test_text_after_a_call_is_a_message_of_its_own() -> None:
    call: list[StreamEvent] = [ToolOpen(0, "call_a", "Read"), ToolDelta(0, "{}"), ToolClose(0)]
    events: list[StreamEvent] = [
        OPENED,
        TextDelta("A"),
        *call,
        TextDelta("B"),
        ThinkDelta("C"),
        TextDelta("D"),
        Finish("tool_calls"),
    ]
    output = document(events)["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "message", "reasoning", "message"]
    assert [item["id"] for item in output] == ["msg_1_0", "fc_1_1", "msg_1_2", "rs_1_3", "msg_1_4"]


def test_a_tool_nobody_declared_is_called_as_a_function() -> None:
    events: list[StreamEvent] = [OPENED, ToolOpen(0, "c", "Unheard"), ToolClose(0), Finish("tool_calls")]
    [item] = document(events)["output"]
    assert (item["type"], item["name"], item["arguments"]) == ("function_call", "Unheard", "{}")


def test_what_the_request_said_is_repeated() -> None:
    said = {"store": False, "tool_choice": "none", "reasoning": {"effort": "low"}, "instructions": None}
    answer = document(ANSWER, **said)
    assert {name: answer[name] for name in said} == said


BROKEN = LunaError(Kind.RATE_LIMITED, "Too fast.", hint="Wait.", stage="qwen")


def failed(encoder: Encoder, *events: StreamEvent) -> list[dict[str, Any]]:
    sent = b"".join(encoder.feed(event) for event in events)
    assert isinstance(encoder, Failing)
    return frames(sent + encoder.fail(BROKEN, "flow_1"))


def test_an_answer_that_breaks_says_so_in_both_ways() -> None:
    told = failed(encoder_for(stream=True), *ANSWER[:3])
    *_, done, error, end = told
    assert [frame["sequence_number"] for frame in told] == list(range(len(told)))
    assert (done["type"], done["item"]["status"]) == ("response.output_item.done", "incomplete")
    message = "Too fast. Wait. [flow flow_1, stage qwen]"
    assert error == {
        "type": "error",
        "sequence_number": error["sequence_number"],
        "code": "rate_limit_exceeded",
        "message": message,
        "param": None,
    }
    response = end["response"]
    assert (end["type"], response["id"], response["status"]) == ("response.failed", "resp_1", "failed")
    assert response["error"] == {"code": "rate_limit_exceeded", "message": message}
    assert [item["type"] for item in response["output"]] == ["reasoning", "message"]
    assert response["usage"] is None


def test_an_answer_that_never_began_fails_all_the_same() -> None:
    """The status was out, because the upstream let luna wait."""
    told = failed(encoder_for(stream=True))
    assert [frame["type"] for frame in told] == [
        "response.created",
        "response.in_progress",
        "error",
        "response.failed",
    ]


def test_a_complete_answer_cannot_break() -> None:
    assert failed(encoder_for(stream=True), *ANSWER)[-1]["type"] == "response.completed"


def test_errors_before_the_stream_have_the_chat_protocols_shape() -> None:
    dialect = OpenAIResponses()
    reply = dialect.error(LunaError(Kind.CONTEXT_OVERFLOW, "Too long."), "flow_1")
    error = msgspec.json.decode(reply.body)["error"]
    assert (reply.status, error["code"], error["param"]) == (400, "context_length_exceeded", "input")


def test_an_error_frame_without_an_encoder() -> None:
    frame = OpenAIResponses().error_frame(BROKEN, "flow_1")
    assert frame.startswith(b'event: error\ndata: {"type":"error","sequence_number":0,"code":"rate_limit_exceeded"')


def test_names_and_signs() -> None:
    dialect = OpenAIResponses()
    assert (dialect.name, dialect.answer_id("abc"), repr(dialect)) == (
        "openai-responses",
        "resp_abc",
        "<dialect openai-responses>",
    )
    assert dialect.heartbeat == b": keep-alive\n\n"
    assert "resp_1" in repr(encoder_for(stream=True))
