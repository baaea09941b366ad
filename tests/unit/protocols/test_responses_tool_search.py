"""A client's own search for tools: declared, called, answered, and told to the model as a function is."""

from typing import Any

import msgspec
import pytest
from openai.types.responses import ResponseToolSearchCall

from luna.model.chat import Message, Text, Tool, ToolCall, ToolChoice, ToolResult
from luna.model.events import Finish, StreamEvent, ToolClose, ToolDelta, ToolOpen, Usage
from luna.protocols.responses_tools import Called, offer
from luna.protocols.responses_types import Body
from tests.support.responses_sdk import answering, final_of, stream_of
from tests.unit.protocols.test_responses_decode import decoded
from tests.unit.protocols.test_responses_encode import OPENED, document, encode, frames

PARAMETERS = {"type": "object", "properties": {"query": {"type": "string"}, "limit": {"type": "number"}}}
SEARCH = {"type": "tool_search", "execution": "client", "description": "Finds tools.", "parameters": PARAMETERS}
READ = {"type": "function", "name": "Read"}
FOUND = [
    {"type": "namespace", "name": "mcp__mail", "tools": [{"type": "function", "name": "send", "defer_loading": True}]},
    {"type": "function", "name": "now", "description": "The time.", "defer_loading": True},
]
CALL = {
    "type": "tool_search_call",
    "id": "tsc_1_0",
    "call_id": "call_s",
    "execution": "client",
    "status": "completed",
    "arguments": {"query": "mail", "limit": 2},
}
OUTPUT = {
    "type": "tool_search_output",
    "call_id": "call_s",
    "execution": "client",
    "status": "completed",
    "tools": FOUND,
}
CALLED: list[StreamEvent] = [
    OPENED,
    ToolOpen(0, "call_s", "tool_search"),
    ToolDelta(0, '{"query": '),
    ToolDelta(0, '"mail"}'),
    ToolClose(0),
    Usage(1, 2),
    Finish("tool_calls"),
]


def asked(**fields: Any) -> Body:
    return msgspec.convert({"model": "m", "input": "x", **fields}, Body)


def test_it_is_offered_with_the_clients_parameters() -> None:
    made = offer(asked(tools=[SEARCH, READ]))
    assert made.tools == [Tool("tool_search", "Finds tools.", PARAMETERS), Tool("Read")]
    assert made.names["tool_search"] == Called("tool_search", kind="tool_search")
    assert made.ignored == []


@pytest.mark.parametrize("execution", [{}, {"execution": "server"}])
def test_one_that_openais_servers_run_is_ignored_and_named(execution: dict[str, str]) -> None:
    made = offer(asked(tools=[{"type": "tool_search", **execution}, READ]))
    assert ([tool.name for tool in made.tools], made.ignored) == (["Read"], ["tools[0].tool_search"])
    chosen = offer(asked(tools=[{"type": "tool_search", **execution}, READ], tool_choice={"type": "tool_search"}))
    assert chosen.ignored == ["tools[0].tool_search", "tool_choice.tool_search"]


def test_it_can_be_chosen() -> None:
    tools = [SEARCH, READ]
    assert offer(asked(tools=tools, tool_choice={"type": "tool_search"})).choice == ToolChoice(
        "specific", "tool_search"
    )
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "tool_search"}]}
    assert [tool.name for tool in offer(asked(tools=tools, tool_choice=allowed)).tools] == ["tool_search"]


def test_its_call_is_told_whole_and_with_an_object() -> None:
    item = '{"id":"tsc_1_0","type":"tool_search_call","status":"%s","arguments":%s,"call_id":"call_s"'
    item += ',"execution":"client"}'
    told = encode(CALLED, stream=True, tools=[SEARCH]).decode()
    kinds = [frame["type"] for frame in frames(told.encode())]
    assert kinds[2:] == ["response.output_item.added", "response.output_item.done", "response.completed"]
    assert f'"output_index":0,"item":{item % ("in_progress", "{}")}' in told
    done = item % ("completed", '{"query":"mail"}')
    assert told.count(done) == 2, "in its own event and in the response"


def test_the_sdk_reads_the_call() -> None:
    streamed = final_of(encode(CALLED, stream=True, tools=[SEARCH])).output
    with answering(encode(CALLED, stream=False, tools=[SEARCH])) as client:
        whole = client.responses.create(model="m", input="x").output
    for (call,) in (streamed, whole):
        assert isinstance(call, ResponseToolSearchCall)
        assert (call.call_id, call.execution, call.status) == ("call_s", "client", "completed")
        assert call.arguments == {"query": "mail"}
    assert [type(event).__name__ for event in stream_of(encode(CALLED, stream=True, tools=[SEARCH]))][2:] == [
        "ResponseOutputItemAddedEvent",
        "ResponseOutputItemDoneEvent",
        "ResponseCompletedEvent",
    ]


@pytest.mark.parametrize("written", ["", '{"query":', "[1]", "null"])
def test_arguments_that_are_no_object_are_none(written: str) -> None:
    called: list[StreamEvent] = [ToolOpen(0, "c", "tool_search"), ToolDelta(0, written), ToolClose(0)]
    events = [OPENED, *called, Finish("length")]
    (item,) = document(events, tools=[SEARCH])["output"]
    assert item["arguments"] == {}


def test_arguments_over_several_lines_do_not_break_the_stream() -> None:
    words = ToolDelta(0, '{\n"query":\n"a\\nb"}')
    events: list[StreamEvent] = [OPENED, ToolOpen(0, "c", "tool_search"), words, ToolClose(0), Finish("tool_calls")]
    *_, done, _ = frames(encode(events, stream=True, tools=[SEARCH]))
    assert done["item"]["arguments"] == {"query": "a\nb"}


def test_a_function_of_that_name_stays_a_function() -> None:
    (item,) = document(CALLED, tools=[{"type": "function", "name": "tool_search"}])["output"]
    assert (item["type"], item["arguments"]) == ("function_call", '{"query": "mail"}')


def test_call_and_answer_come_back_as_the_model_knows_them() -> None:
    chat = decoded(input=[{"role": "user", "content": "Hello"}, CALL, OUTPUT], tools=[SEARCH])
    assert chat.messages[1:] == [
        Message("assistant", [ToolCall("call_s", "tool_search", '{"query":"mail","limit":2}')]),
        Message(
            "tool",
            [ToolResult("call_s", [Text("Loaded tool: mcp__mail__send"), Text("Loaded tool: now")], "tool_search")],
        ),
    ]
    assert [tool.name for tool in chat.tools] == ["tool_search", "mcp__mail__send", "now"]
    assert chat.ignored == []


def test_a_search_that_found_nothing_has_an_empty_result() -> None:
    chat = decoded(input=[{"role": "user", "content": "Hello"}, CALL, OUTPUT | {"tools": []}], tools=[SEARCH])
    assert chat.messages[-1] == Message("tool", [ToolResult("call_s", [], "tool_search")])


def test_a_search_by_openais_servers_says_nothing_but_its_tools_are_offered() -> None:
    for hosted in ({"execution": "server"}, {"call_id": None}):
        items = [{"role": "user", "content": "Hello"}, CALL | hosted, OUTPUT | hosted]
        chat = decoded(input=items)
        assert [message.role for message in chat.messages] == ["user"]
        assert [tool.name for tool in chat.tools] == ["mcp__mail__send", "now"]
