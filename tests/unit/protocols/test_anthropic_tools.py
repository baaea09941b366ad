"""Which tools the model is told of, and how free it is to call them."""

import pytest

from luna.model.chat import (
    Text,
    Tool,
    ToolChoice,
    ToolResult,
)
from tests.support.anthropic_asks import ASK, READ, chat

SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
PLACEHOLDER = {"name": "DeferredToolPlaceholder", "input_schema": {"type": "object"}, "defer_loading": True}
FETCH = {"name": "WebFetch", "input_schema": {"type": "object"}, "defer_loading": True}


def test_tools_and_their_schemas() -> None:
    wrapped = {"type": "function", "function": {"name": "Write", "description": "W", "parameters": {"a": 1}}}
    custom = {"type": "custom", "name": "Now", "input_schema": {"type": "object"}, "strict": True, "cache_control": {}}
    assert chat(tools=[READ, custom, wrapped]).tools == [
        Tool("Read", "Reads a file", {"type": "object"}),
        Tool("Now", "", {"type": "object"}, strict=True),
        Tool("Write", "W", {"a": 1}),
    ]


def test_no_tools() -> None:
    assert chat().tools == chat(tools=None).tools == chat(tools=[]).tools == []


def test_a_deferred_tool_is_offered_once_a_result_refers_to_it() -> None:
    found = {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": [{"type": "tool_reference", "tool_name": "WebFetch"}],
    }
    tools = [READ, PLACEHOLDER, FETCH]
    assert [tool.name for tool in chat(tools=tools).tools] == ["Read"]
    loaded = chat(ASK, {"role": "user", "content": [found]}, tools=tools)
    assert [tool.name for tool in loaded.tools] == ["Read", "WebFetch"]
    assert loaded.messages[1].parts == [ToolResult("t", [Text("Loaded tool: WebFetch")])]


def test_the_servers_own_tool_search_refers_to_tools_too() -> None:
    references = [{"type": "tool_reference", "tool_name": "WebFetch"}]
    content = {"type": "tool_search_tool_search_result", "tool_references": references}
    block = {"type": "tool_search_tool_result", "tool_use_id": "s", "content": content}
    asked = chat(ASK, {"role": "assistant", "content": [block]}, tools=[FETCH])
    assert [tool.name for tool in asked.tools] == ["WebFetch"]
    assert asked.messages[1].parts == [ToolResult("s", [Text("Loaded tool: WebFetch")])]


def test_a_deferred_tool_that_the_choice_names_is_offered() -> None:
    asked = chat(tools=[FETCH], tool_choice={"type": "tool", "name": "WebFetch"})
    assert [tool.name for tool in asked.tools] == ["WebFetch"]


@pytest.mark.parametrize(
    ("tools", "search", "ignored"),
    [
        ([SEARCH], True, []),
        ([{**SEARCH, "type": "web_search_20260318"}], True, []),
        ([{**SEARCH, "allowed_domains": ["x.example"]}], True, ["tools.0.allowed_domains"]),
        ([READ, SEARCH], False, ["tools.1.web_search_20250305"]),
        ([{"type": "bash_20250124", "name": "bash"}, READ], False, ["tools.0.bash_20250124"]),
        ([{"type": "mcp_toolset", "mcp_server_name": "x"}, READ], False, ["tools.0.mcp_toolset"]),
    ],
)
def test_tools_of_the_server(tools: list[object], search: bool, ignored: list[str]) -> None:
    asked = chat(tools=tools)
    assert (asked.search, asked.ignored) == (search, ignored)
    assert all(tool.name == "Read" for tool in asked.tools)


def test_a_choice_of_the_search_is_no_choice_of_a_tool() -> None:
    asked = chat(tools=[SEARCH], tool_choice={"type": "tool", "name": "web_search"})
    assert (asked.search, asked.tool_choice, asked.tools) == (True, ToolChoice(), [])


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ({"type": "auto"}, ToolChoice()),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(parallel=False)),
        ({"type": "any"}, ToolChoice("required")),
        ({"type": "required"}, ToolChoice("required")),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required", parallel=False)),
        ({"type": "none"}, ToolChoice("none")),
        ({"type": "tool", "name": "Read"}, ToolChoice("specific", "Read")),
        ({"type": "function", "name": "Read"}, ToolChoice("specific", "Read")),
        (
            {"type": "tool", "name": "Read", "disable_parallel_tool_use": True},
            ToolChoice("specific", "Read", parallel=False),
        ),
    ],
)
def test_how_free_the_model_is(choice: object, expected: ToolChoice) -> None:
    assert chat(tools=[READ], tool_choice=choice).tool_choice == expected
