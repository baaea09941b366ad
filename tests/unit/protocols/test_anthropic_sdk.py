"""Whole conversations of the official SDK with the dialect: what it sends is read, what it is answered it takes."""

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import msgspec
import pytest
from anthropic import beta_tool

from luna.model.chat import Attachment, ChatRequest, Text, Thought, ToolCall, ToolResult
from luna.model.dialect import AnswerHead, ClientRequest, Reply
from luna.model.errors import LunaError
from luna.model.events import Finish, Opened, StreamEvent, TextDelta, ThinkDelta, ToolClose, ToolDelta, ToolOpen
from luna.protocols.anthropic_messages import AnthropicMessages
from tests.support.anthropic_sdk import client_of

OPENED = Opened("r", "m", "c")
CALL: list[StreamEvent] = [
    OPENED,
    ThinkDelta("I must look."),
    TextDelta("Looking."),
    ToolOpen(0, "toolu_1", "secret"),
    ToolDelta(0, '{"place":'),
    ToolDelta(0, '"box"}'),
    ToolClose(0),
    Finish("tool_calls"),
]
DONE: list[StreamEvent] = [OPENED, TextDelta("It is 42."), Finish("stop")]


class Server:
    """Answers requests with one list of events after the other, and keeps what it was asked."""

    def __init__(self, *answers: list[StreamEvent]) -> None:
        self.answers: Iterator[list[StreamEvent]] = iter(answers)
        self.asked: list[ChatRequest] = []
        self.refused: list[str] = []

    def __call__(self, request: Any) -> Reply:
        dialect = AnthropicMessages()
        headers = tuple((name.lower(), value) for name, value in request.headers.items())
        heard = ClientRequest("POST", request.url.path, request.url.query.decode(), headers, request.content)
        try:
            chat = dialect.decode(dialect.parse(heard), heard)
        except LunaError as error:
            self.refused.append(str(error.detail.get("error_code")))
            return dialect.error(error, "flow_1")
        self.asked.append(chat)
        encoder = dialect.encoder(AnswerHead(f"msg_{len(self.asked)}", chat.model, 0, chat.stream, True))
        body = b"".join(encoder.feed(event) for event in next(self.answers)) + encoder.close()
        return Reply(200, body, encoder.content_type)


@beta_tool
def secret(place: str) -> str:
    """Tells the secret.

    Args:
        place: where to look
    """
    return f"42 in the {place}"


def test_a_tool_runner_goes_on_without_a_thread() -> None:
    server = Server(CALL, DONE)
    with client_of(server) as client:
        runner = client.beta.messages.tool_runner(
            model="qwen3-max", max_tokens=99, tools=[secret], messages=[{"role": "user", "content": "Tell me"}]
        )
        final = runner.until_done()
    assert final.content[0].to_dict()["text"] == "It is 42."
    assert server.refused == ["thread_unsupported_request"]
    first, second = server.asked
    assert [tool.name for tool in first.tools] == ["secret"]
    assert first.tools[0].parameters["required"] == ["place"]
    assert second.messages[1].parts == [
        Thought("I must look."),
        Text("Looking."),
        ToolCall("toolu_1", "secret", '{"place":"box"}'),
    ]
    assert second.messages[2].parts == [ToolResult("toolu_1", [Text("42 in the box")], "secret")]


def test_a_lost_thread_is_told_apart() -> None:
    with client_of(Server()) as client, pytest.raises(anthropic.NotFoundError) as caught:
        client.beta.messages.create(
            model="m",
            max_tokens=9,
            messages=[{"role": "user", "content": "x"}],
            thread={"type": "continue", "previous_message_id": "msg_9"},
        )
    assert caught.value.error_code == "thread_not_found"


def test_a_streamed_round_trip_with_thinking() -> None:
    server = Server(CALL, DONE)
    history: list[Any] = [{"role": "user", "content": "Tell me"}]
    tools: list[Any] = [{"name": "secret", "input_schema": {"type": "object"}}]
    with client_of(server) as client:
        with client.messages.stream(model="m", max_tokens=9, messages=history, tools=tools) as stream:
            words = "".join(stream.text_stream)
            message = stream.get_final_message()
        history += [
            {"role": "assistant", "content": [block.to_dict() for block in message.content]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"}]},
        ]
        last = client.messages.create(model="m", max_tokens=9, messages=history, tools=tools)
    assert words == "Looking."
    assert last.to_dict()["content"] == [{"type": "text", "text": "It is 42."}]
    turns = server.asked[1].messages
    assert [turn.role for turn in turns] == ["user", "assistant", "tool"]
    assert turns[1].parts[0] == Thought("I must look.")


SHAPES: list[tuple[dict[str, Any], Callable[[ChatRequest], object], object]] = [
    ({"system": "S"}, lambda chat: chat.messages[0].text, "S"),
    ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, lambda chat: chat.thinking.budget, 2000),
    ({"stop_sequences": ["E"]}, lambda chat: chat.limits.stop, ("E",)),
    ({"extra_body": {"temperature": 0.2}}, lambda chat: chat.ignored, ["temperature"]),
    ({"extra_headers": {"x-luna-account-id": "acc"}}, lambda chat: chat.binding.account, "acc"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, lambda chat: chat.search, True),
    ({"metadata": {"user_id": "u"}, "service_tier": "auto"}, lambda chat: chat.ignored, []),
]


@pytest.mark.parametrize(("arguments", "seen", "expected"), SHAPES)
def test_what_the_sdk_sends_is_read(
    arguments: dict[str, Any], seen: Callable[[ChatRequest], object], expected: object
) -> None:
    server = Server(DONE)
    with client_of(server) as client:
        client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}], **arguments)
    assert seen(server.asked[0]) == expected


def test_a_picture_in_a_result() -> None:
    server = Server(DONE)
    picture: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    with client_of(server) as client:
        client.messages.create(
            model="m",
            max_tokens=9,
            messages=[
                {"role": "user", "content": "Look"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Read", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [picture]}]},
            ],
        )
    (part,) = server.asked[0].messages[2].parts
    assert isinstance(part, ToolResult)
    assert part.parts == [Attachment("image", "data:image/png;base64,iVBORw0KGgo=", media_type="image/png")]


def test_structured_output_is_asked_for_and_parsed() -> None:
    answer: list[StreamEvent] = [OPENED, TextDelta('{"title":"Rivers"}'), Finish("stop")]
    server = Server(answer)
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "additionalProperties": False}
    with client_of(server) as client:
        message = client.messages.create(
            model="m",
            max_tokens=9,
            messages=[{"role": "user", "content": "x"}],
            output_config={"format": {"type": "json_schema", "schema": schema}},
        )
    wanted = server.asked[0].response_format
    assert wanted is not None
    assert wanted["json_schema"]["schema"] == schema
    assert msgspec.json.decode(str(message.content[0].to_dict()["text"])) == {"title": "Rivers"}
