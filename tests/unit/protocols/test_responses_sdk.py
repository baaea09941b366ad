"""What OpenAI's own SDK makes of answers in the Responses protocol."""

import openai
import pytest
from openai.types.responses import (
    ResponseCompletedEvent,
    ResponseCustomToolCall,
    ResponseErrorEvent,
    ResponseFailedEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseReasoningItem,
)
from pydantic import BaseModel

from luna.model.dialect import Failing
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, StreamEvent, TextDelta, ToolClose, ToolDelta, ToolOpen
from luna.protocols.responses_dialect import OpenAIResponses
from tests.support.responses_sdk import answering, ask, client_of, final_of, stream_of
from tests.unit.protocols.test_responses_encode import ANSWER, CALLS, OPENED, encode, encoder_for


class Weather(BaseModel):
    """What the model is asked to fill in."""

    city: str
    degrees: int


WEATHER: list[StreamEvent] = [OPENED, TextDelta('{"city":"Jena",'), TextDelta('"degrees":7}'), Finish("stop")]


def test_a_document() -> None:
    with answering(encode(ANSWER, stream=False)) as client:
        response = client.responses.create(model="qwen", input="Hello")
    assert (response.id, response.status, response.output_text) == ("resp_1", "completed", 'Hi "you"\n新')
    reasoning, message = response.output
    assert isinstance(reasoning, ResponseReasoningItem)
    assert isinstance(message, ResponseOutputMessage)
    assert reasoning.summary[0].text == "Hm."
    assert response.usage is not None
    assert response.usage.total_tokens == 19
    type(response).model_validate(response.to_dict())


def test_calls_of_every_kind() -> None:
    with answering(encode(CALLS, stream=False)) as client:
        _, read, get, patch = client.responses.create(model="qwen", input="Hello").output
    assert isinstance(read, ResponseFunctionToolCall)
    assert (read.call_id, read.name, read.arguments, read.namespace) == ("call_a", "Read", '{"p":"x"}', None)
    assert isinstance(get, ResponseFunctionToolCall)
    assert (get.name, get.namespace) == ("get", "vault")
    assert isinstance(patch, ResponseCustomToolCall)
    assert (patch.name, patch.input) == ("apply_patch", "*** Begin\né")


@pytest.mark.parametrize("events", [ANSWER, CALLS], ids=["answer", "calls"])
def test_every_event_is_one_that_the_sdk_knows(events: list[StreamEvent]) -> None:
    told = list(stream_of(encode(events, stream=True)))
    assert [event.sequence_number for event in told] == list(range(len(told)))
    assert all(type(event).__name__.startswith("Response") for event in told)
    last = told[-1]
    assert isinstance(last, ResponseCompletedEvent)
    with answering(encode(events, stream=False)) as client:
        assert last.response.to_dict() == client.responses.create(model="m", input="x").to_dict()


def test_the_arguments_of_a_call_come_in_deltas() -> None:
    said = [
        e.delta for e in stream_of(encode(CALLS, stream=True)) if e.type == "response.function_call_arguments.delta"
    ]
    assert said == ['{"p":', '"x"}', "{}"]


def test_the_stream_helper_follows() -> None:
    response = final_of(encode(CALLS, stream=True))
    assert [item.type for item in response.output] == [
        "message",
        "function_call",
        "function_call",
        "custom_tool_call",
    ]


def test_parse_without_a_stream() -> None:
    with answering(encode(WEATHER, stream=False)) as client:
        response = client.responses.parse(model="qwen", input="?", text_format=Weather)
    assert response.output_parsed == Weather(city="Jena", degrees=7)


def test_parse_of_a_stream() -> None:
    with (
        answering(encode(WEATHER, stream=True), stream=True) as client,
        client.responses.stream(model="qwen", input="?", text_format=Weather) as stream,
    ):
        assert stream.get_final_response().output_parsed == Weather(city="Jena", degrees=7)


@pytest.mark.parametrize("stream", [False, True])
def test_words_before_a_call_are_not_taken_for_the_json(stream: bool) -> None:
    call: list[StreamEvent] = [ToolOpen(0, "call_a", "Read"), ToolDelta(0, "{}"), ToolClose(0)]
    events: list[StreamEvent] = [OPENED, TextDelta(" I look."), *call, *WEATHER[1:3], Finish("tool_calls")]
    body = encode(events, stream=stream, text={"format": {"type": "json_schema", "name": "n", "schema": {}}})
    with answering(body, stream=stream) as client:
        if stream:
            with client.responses.stream(model="qwen", input="?", text_format=Weather) as told:
                response = told.get_final_response()
        else:
            response = client.responses.parse(model="qwen", input="?", text_format=Weather)
    assert response.output_parsed == Weather(city="Jena", degrees=7)
    aside, _, answer = response.output
    assert aside.type == answer.type == "message"
    assert (aside.phase, answer.phase) == ("commentary", None)


def test_parse_of_a_strict_tool() -> None:
    events: list[StreamEvent] = [
        OPENED,
        ToolOpen(0, "call_a", "Weather"),
        ToolDelta(0, '{"city":"Jena","degrees":7}'),
        ToolClose(0),
        Finish("tool_calls"),
    ]
    tool = openai.pydantic_function_tool(Weather)["function"]
    flat = {"type": "function", "name": "Weather", "parameters": tool.get("parameters"), "strict": True}
    with answering(encode(events, stream=False)) as client:
        response = client.responses.parse(model="qwen", input="?", tools=[flat])  # type: ignore[list-item]
    [call] = response.output
    assert call.type == "function_call"
    assert call.parsed_arguments == {"city": "Jena", "degrees": 7}


def test_a_stream_that_breaks() -> None:
    encoder = encoder_for(stream=True)
    assert isinstance(encoder, Failing)
    sent = b"".join(encoder.feed(event) for event in ANSWER[:3])
    sent += encoder.fail(LunaError(Kind.UPSTREAM_BROKEN, "Cut."), "flow_1")
    *_, error, failed = stream_of(sent)
    assert isinstance(error, ResponseErrorEvent)
    assert isinstance(failed, ResponseFailedEvent)
    assert error.message == "Cut. [flow flow_1]"
    assert failed.response.error is not None
    assert failed.response.error.message == error.message


def test_an_error_before_the_stream() -> None:
    reply = OpenAIResponses().error(LunaError(Kind.NOT_FOUND, "No such response.", param="previous_response_id"), "f")
    with pytest.raises(openai.NotFoundError) as caught:
        ask(reply)
    assert (caught.value.code, caught.value.param) == ("not_found", "previous_response_id")


def test_what_cannot_be_helped_is_not_repeated() -> None:
    asked: list[str] = []
    reply = OpenAIResponses().error(LunaError(Kind.UPSTREAM_LOGIN, "Log in again."), "f")

    def answer(request: object) -> object:
        asked.append(str(request))
        return reply

    with client_of(answer, retries=2) as client, pytest.raises(openai.InternalServerError):  # type: ignore[arg-type]
        client.responses.create(model="m", input="x")
    assert len(asked) == 1
