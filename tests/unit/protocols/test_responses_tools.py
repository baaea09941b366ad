"""Which tools the Responses protocol's requests offer, under which names, and how free the model is to call them."""

from typing import Any

import msgspec
import pytest

from luna.model.chat import Tool, ToolChoice
from luna.model.errors import Kind, LunaError
from luna.protocols.responses_tools import FREE_TEXT, Called, Offer, offer, qualified
from luna.protocols.responses_types import Body

FUNCTION = {"type": "function", "name": "Read", "description": "Reads.", "parameters": {"type": "object"}}
READ = Tool("Read", "Reads.", {"type": "object"})
PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: begin"},
}
VAULT = {
    "type": "namespace",
    "name": "mcp__vault",
    "description": "Secrets.",
    "tools": [{"type": "function", "name": "get", "strict": True}, {"type": "custom", "name": "put"}],
}


def offered(**fields: Any) -> Offer:
    return offer(msgspec.convert({"model": "m", "input": "x", **fields}, Body))


def refused(**fields: Any) -> LunaError:
    with pytest.raises(LunaError) as caught:
        offered(**fields)
    assert caught.value.kind is Kind.BAD_REQUEST
    return caught.value


def test_a_function() -> None:
    assert offered(tools=[FUNCTION]) == Offer(tools=[READ], names={"Read": Called("Read")})


def test_a_function_in_the_chat_protocols_wrapping() -> None:
    wrapped = {"type": "function", "function": {"name": "Read", "description": "Reads.", "parameters": {"a": 1}}}
    assert offered(tools=[wrapped]).tools == [Tool("Read", "Reads.", {"a": 1})]


def test_a_custom_tool_takes_one_text_and_keeps_its_grammar() -> None:
    made = offered(tools=[PATCH])
    assert made.tools == [Tool("apply_patch", "Edits files.\n\nGrammar of `input` (lark):\nstart: begin", FREE_TEXT)]
    assert made.names == {"apply_patch": Called("apply_patch", kind="custom")}
    assert made.ignored == []
    plain = {"type": "custom", "name": "say", "format": {"type": "text"}}
    assert offered(tools=[plain]).tools == [Tool("say", "", FREE_TEXT)]


def test_a_namespace_is_part_of_its_tools_names() -> None:
    made = offered(tools=[FUNCTION, VAULT])
    assert [tool.name for tool in made.tools] == ["Read", "mcp__vault__get", "mcp__vault__put"]
    assert made.tools[1].strict
    assert made.names["mcp__vault__get"] == Called("get", "mcp__vault")
    assert made.names["mcp__vault__put"] == Called("put", "mcp__vault", "custom")


@pytest.mark.parametrize(
    ("name", "namespace", "whole"),
    [("get", "", "get"), ("get", "a", "a__get"), ("get", "mcp__a__", "mcp__a__get"), ("__get", "a", "a__get")],
)
def test_separators_are_not_doubled(name: str, namespace: str, whole: str) -> None:
    assert qualified(name, namespace) == whole


def test_tools_that_the_conversation_brings_are_offered() -> None:
    items = [
        {"role": "user", "content": "x"},
        {"type": "additional_tools", "role": "developer", "tools": [PATCH, {"type": "local_shell"}]},
        {"type": "tool_search_output", "call_id": "c", "tools": [FUNCTION | {"defer_loading": True}]},
    ]
    made = offered(input=items)
    assert [tool.name for tool in made.tools] == ["apply_patch", "Read"]
    assert made.ignored == ["input[1].tools[1].local_shell"]


def test_deferred_tools_are_offered_at_once() -> None:
    made = offered(tools=[{"type": "tool_search"}, FUNCTION | {"defer_loading": True}])
    assert (made.tools, made.ignored) == ([READ], ["tools[0].tool_search"])


def test_a_tool_that_comes_twice_is_offered_once() -> None:
    assert offered(tools=[FUNCTION, FUNCTION]).tools == [READ]


@pytest.mark.parametrize(
    ("tools", "search", "ignored"),
    [
        ([{"type": "web_search"}], True, []),
        ([{"type": "web_search_preview_2025_03_11"}], True, []),
        ([{"type": "web_search", "external_web_access": False}], False, ["tools[0].web_search"]),
        ([{"type": "web_search"}, FUNCTION], False, ["tools[0].web_search"]),
        ([{"type": "mcp", "server_label": "s"}, {"type": "shell"}], False, ["tools[0].mcp", "tools[1].shell"]),
        ([], False, []),
    ],
)
def test_tools_of_the_servers_own(tools: list[dict[str, Any]], search: bool, ignored: list[str]) -> None:
    made = offered(tools=tools)
    assert (made.search, made.ignored) == (search, ignored)


ALLOWED = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "Read"}]}


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "Read"}, ToolChoice("specific", "Read")),
        ({"type": "function", "function": {"name": "Read"}}, ToolChoice("specific", "Read")),
        ({"type": "custom", "name": "apply_patch"}, ToolChoice("specific", "apply_patch")),
        ({"type": "function", "name": "get"}, ToolChoice("specific", "mcp__vault__get")),
        ({"type": "function", "name": "get", "namespace": "mcp__vault"}, ToolChoice("specific", "mcp__vault__get")),
        (ALLOWED, ToolChoice("required")),
    ],
)
def test_choices(choice: object, meant: ToolChoice) -> None:
    assert offered(tools=[FUNCTION, PATCH, VAULT], tool_choice=choice).choice == meant


def test_allowed_tools_are_the_only_ones_offered() -> None:
    assert offered(tools=[PATCH, FUNCTION], tool_choice=ALLOWED).tools == [READ]


def test_one_call_at_a_time() -> None:
    assert not offered(tools=[FUNCTION], parallel_tool_calls=False).choice.parallel


def test_a_choice_of_a_server_tool() -> None:
    searching = offered(tools=[{"type": "web_search"}], tool_choice={"type": "web_search"})
    assert (searching.search, searching.choice, searching.ignored) == (True, ToolChoice(), [])
    assert offered(tools=[{"type": "web_search"}], tool_choice="required").choice == ToolChoice()
    assert offered(tools=[FUNCTION], tool_choice={"type": "mcp", "server_label": "s"}).ignored == ["tool_choice.mcp"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "custom"}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{}]}]}, "tools[0].tools[0].name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"tool_choice": {}}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "Write"}}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "allowed_tools", "mode": "some"}}, "tool_choice"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields).param == param
