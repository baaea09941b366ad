"""What becomes of a message request: every shape that recorded clients send, and what luna cannot take."""

from typing import Any

import msgspec
import pytest

from luna.model.chat import (
    Attachment,
    Binding,
    ChatRequest,
    Limits,
    Message,
    Part,
    Text,
    Thinking,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from luna.model.dialect import ClientRequest, Facts
from luna.model.errors import Kind, LunaError
from luna.protocols.anthropic_messages import AnthropicMessages

ASK = {"role": "user", "content": "Hello"}
PNG = "data:image/png;base64,iVBORw0KGgo="
READ = {"name": "Read", "description": "Reads a file", "input_schema": {"type": "object"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
PLACEHOLDER = {"name": "DeferredToolPlaceholder", "input_schema": {"type": "object"}, "defer_loading": True}
FETCH = {"name": "WebFetch", "input_schema": {"type": "object"}, "defer_loading": True}


def request_of(body: object, **headers: str) -> ClientRequest:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return ClientRequest("POST", "/v1/messages", "beta=true", named, data)


def decoded(body: object, **headers: str) -> ChatRequest:
    dialect, request = AnthropicMessages(), request_of(body, **headers)
    return dialect.decode(dialect.parse(request), request)


def chat(*messages: object, headers: dict[str, str] | None = None, **fields: object) -> ChatRequest:
    return decoded({"model": "qwen3-max", "messages": messages or [ASK], **fields}, **(headers or {}))


def refused(*messages: object, headers: dict[str, str] | None = None, **fields: object) -> LunaError:
    with pytest.raises(LunaError) as caught:
        chat(*messages, headers=headers, **fields)
    return caught.value


def parts(content: object, role: str = "user") -> list[Part]:
    (message,) = chat({"role": role, "content": content}).messages
    return message.parts


def result(content: object = ..., **more: object) -> ToolResult:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": "toolu_1", **more}
    if content is not ...:
        block["content"] = content
    (message,) = chat({"role": "user", "content": [block]}).messages
    assert message.role == "tool"
    (part,) = message.parts
    assert isinstance(part, ToolResult)
    return part


# The conversation


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (None, None),
        ("", None),
        ([], None),
        ([{"type": "text", "text": ""}], None),
        ("Be brief.", [Text("Be brief.")]),
        ([{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}], [Text("One"), Text("Two")]),
        (
            [{"type": "text", "text": "One", "cache_control": {"type": "ephemeral"}, "citations": None}],
            [Text("One")],
        ),
    ],
)
def test_the_system_prompt(system: object, expected: list[Part] | None) -> None:
    messages = chat(system=system).messages
    assert messages[:-1] == ([] if expected is None else [Message("system", expected)])


def test_a_system_prompt_is_words_only() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}}
    asked = chat(system=[{"type": "text", "text": "Words"}, image])
    assert asked.messages[0] == Message("system", [Text("Words")])
    assert asked.ignored == ["system.1.image"]


def test_system_messages_stay_where_they_are() -> None:
    turns = chat(
        ASK,
        {"role": "system", "content": "The date is today."},
        {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "user", "content": "More"},
        {"role": "system", "content": [{"type": "text", "text": "<total_tokens>9 left</total_tokens>"}]},
        system="First",
    ).messages
    assert [turn.role for turn in turns] == ["system", "user", "system", "assistant", "user", "system"]
    assert turns[2].text == "The date is today."
    assert turns[5].text == "<total_tokens>9 left</total_tokens>"


def test_a_system_message_for_one_turn_goes_with_it() -> None:
    hint = {"role": "system", "content": "Only now", "clear_at": "next_user_message"}
    assert [turn.role for turn in chat(ASK, hint).messages] == ["user", "system"]
    assert [turn.role for turn in chat(ASK, hint, ASK).messages] == ["user", "user"]
    assert [turn.role for turn in chat(ASK, {**hint, "clear_at": "never"}, ASK).messages] == ["user", "system", "user"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Hello", [Text("Hello")]),
        ("", [Text("")]),
        ([], []),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], [Text("a"), Text("b")]),
        ([{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}], [Text("a")]),
        (
            [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}],
            [Attachment("image", PNG, media_type="image/png")],
        ),
        (
            [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}],
            [Attachment("image", PNG, media_type="image/png")],
        ),
        (
            [{"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}}],
            [Attachment("image", "https://x.example/a.png")],
        ),
        (
            [{"type": "image_url", "source": {"type": "url", "url": "https://x.example/a.png"}}],
            [Attachment("image", "https://x.example/a.png")],
        ),
        ([{"type": "image", "source": {"type": "file", "file_id": "file-1"}}], [Attachment("image", id="file-1")]),
        (
            [
                {
                    "type": "document",
                    "title": "a.pdf",
                    "context": "The manual",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
                }
            ],
            [
                Text("The manual"),
                Attachment(
                    "document", "data:application/pdf;base64,JVBERg==", name="a.pdf", media_type="application/pdf"
                ),
            ],
        ),
        (
            [{"type": "document", "source": {"type": "url", "url": "https://x.example/a.pdf"}}],
            [Attachment("document", "https://x.example/a.pdf")],
        ),
        (
            [{"type": "document", "title": "T", "source": {"type": "file", "file_id": "file-2"}}],
            [Attachment("document", id="file-2", name="T")],
        ),
        (
            [{"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "D"}}],
            [Text("T\nD")],
        ),
        (
            [{"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "D"}]}}],
            [Text("D")],
        ),
        ([{"type": "document", "source": {"type": "content", "content": "D"}}], [Text("D")]),
        (
            [
                {
                    "type": "search_result",
                    "title": "Rivers",
                    "source": "https://x.example/r",
                    "content": [{"type": "text", "text": "Long"}],
                    "citations": {"enabled": True},
                }
            ],
            [Text("Rivers\nhttps://x.example/r\nLong")],
        ),
    ],
)
def test_what_a_user_says(content: object, expected: list[Part]) -> None:
    assert parts(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Hi", [Text("Hi")]),
        (None, []),
        ([], []),
        ([{"type": "thinking", "thinking": "Hm.", "signature": "anything"}], [Thought("Hm.")]),
        ([{"type": "thinking", "thinking": "", "signature": "s"}], []),
        ([{"type": "redacted_thinking", "data": "EmwKAhgB"}, {"type": "text", "text": "Hi"}], [Text("Hi")]),
        ([{"type": "compaction", "content": "So far", "signature": "s"}], [Text("So far")]),
        ([{"type": "compaction", "content": None}], []),
        ([{"type": "tool_use", "id": "t", "name": "Now", "input": {}}], [ToolCall("t", "Now", "{}")]),
        ([{"type": "tool_use", "id": "t", "name": "Now"}], [ToolCall("t", "Now", "{}")]),
        (
            [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}],
            [ToolCall("s", "web_search", '{"query":"q"}')],
        ),
        (
            [{"type": "mcp_tool_use", "id": "s", "name": "m", "server_name": "x", "input": {}}],
            [ToolCall("s", "m", "{}")],
        ),
    ],
)
def test_what_the_assistant_said(content: object, expected: list[Part]) -> None:
    assert parts(content, "assistant") == expected


def test_a_calls_input_stays_as_it_was_written() -> None:
    written = '{"n": 12345678901234567890123,"x":[1.50]}'
    block = {"type": "tool_use", "id": "t", "name": "Read", "input": msgspec.Raw(written.encode())}
    assert parts([block], "assistant") == [ToolCall("t", "Read", written)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (..., []),
        (None, []),
        ("", []),
        ([], []),
        ("done", [Text("done")]),
        (
            [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}],
            [Text("a"), Text("b")],
        ),
        (
            [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}],
            [Attachment("image", PNG, media_type="image/png")],
        ),
        ([{"type": "tool_reference", "tool_name": "WebFetch"}], [Text("Loaded tool: WebFetch")]),
        ([{"type": "search_result", "title": "R", "source": "https://x", "content": []}], [Text("R\nhttps://x")]),
        ([{"type": "document", "source": {"type": "text", "data": "D"}}], [Text("D")]),
        ([{"type": "browser_state", "tabs": []}], []),
    ],
)
def test_results_of_every_shape(content: object, expected: list[Part]) -> None:
    assert result(content).parts == expected


def test_a_result_knows_its_call_and_whether_it_failed() -> None:
    turns = chat(
        ASK,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"p": "a"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True}]},
    ).messages
    assert turns[1].parts == [ToolCall("toolu_1", "Read", '{"p":"a"}')]
    assert turns[2] == Message("tool", [ToolResult("toolu_1", [], "Read", error=True)])


def test_results_and_words_of_one_message_keep_their_order() -> None:
    def answer(call: str) -> dict[str, Any]:
        return {"type": "tool_result", "tool_use_id": call, "content": call}

    content = [{"type": "text", "text": "x"}, answer("b"), answer("a"), {"type": "text", "text": "Go on"}]
    turns = chat({"role": "user", "content": content}).messages
    assert turns == [
        Message("user", [Text("x")]),
        Message("tool", [ToolResult("b", [Text("b")])]),
        Message("tool", [ToolResult("a", [Text("a")])]),
        Message("user", [Text("Go on")]),
    ]


def test_what_the_servers_own_tools_did_becomes_calls_and_results() -> None:
    found = {
        "type": "web_search_result",
        "title": "Rivers",
        "url": "https://x",
        "encrypted_content": "Eq",
        "page_age": "",
    }
    turns = chat(
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Looking"},
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
                {"type": "web_search_tool_result", "tool_use_id": "s", "content": [found]},
                {"type": "text", "text": "Found"},
            ],
        }
    ).messages
    assert turns == [
        Message("assistant", [Text("Looking"), ToolCall("s", "web_search", '{"query":"q"}')]),
        Message("tool", [ToolResult("s", [Text("Rivers\nhttps://x")], "web_search")]),
        Message("assistant", [Text("Found")]),
    ]


@pytest.mark.parametrize(
    ("kind", "content", "expected", "failed"),
    [
        (
            "web_search_tool_result",
            {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"},
            [Text("max_uses_exceeded")],
            True,
        ),
        (
            "bash_code_execution_tool_result",
            {"type": "bash_code_execution_result", "stdout": "1", "stderr": "", "return_code": 0, "content": []},
            [Text("1")],
            False,
        ),
        (
            "web_fetch_tool_result",
            {
                "type": "web_fetch_result",
                "url": "https://x",
                "content": {"type": "document", "source": {"type": "text", "data": "Page"}},
            },
            [Text("https://x"), Text("Page")],
            False,
        ),
        ("mcp_tool_result", [{"type": "text", "text": "ok"}], [Text("ok")], False),
    ],
)
def test_results_of_server_tools(kind: str, content: object, expected: list[Part], failed: bool) -> None:
    part = result(content, type=kind)
    assert (part.parts, part.error) == (expected, failed)


def test_blocks_that_nobody_knows_are_named_once() -> None:
    strange = [{"type": "container_upload", "file_id": "f"}, {"type": "hologram", "name": None}, {"type": "hologram"}]
    asked = chat({"role": "user", "content": [*strange, {"type": "text", "text": "x"}]})
    assert asked.messages == [Message("user", [Text("x")])]
    assert asked.ignored == ["messages.0.content.0.container_upload", "messages.0.content.1.hologram"]


# Tools


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


# The rest of the request


@pytest.mark.parametrize(
    ("fields", "expected", "ignored"),
    [
        ({}, Thinking(), []),
        ({"thinking": {"type": "enabled", "budget_tokens": 32000}}, Thinking("thinking", 32000), []),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, Thinking("auto"), []),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Thinking("auto"), ["thinking.display"]),
        ({"thinking": {"type": "disabled"}}, Thinking("fast"), []),
        ({"thinking": {"type": "between_tools"}}, Thinking("auto"), []),
        ({"thinking": {"type": "sideways"}}, Thinking(), ["thinking.type"]),
        ({"output_config": {"effort": "high"}}, Thinking("thinking"), []),
        ({"output_config": {"effort": None}}, Thinking(), []),
        ({"output_config": {"effort": "HIGH"}}, Thinking("thinking"), []),
        ({"output_config": {"effort": "heroic"}}, Thinking(), ["output_config.effort"]),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}, Thinking("fast"), []),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, Thinking("auto"), []),
        ({"output_config": {"task_budget": {"type": "tokens", "total": 9}}}, Thinking(), ["output_config.task_budget"]),
    ],
)
def test_thinking(fields: dict[str, Any], expected: Thinking, ignored: list[str]) -> None:
    asked = chat(**fields)
    assert (asked.thinking, asked.ignored) == (expected, ignored)


def test_a_models_suffix_says_how_to_think() -> None:
    asked = decoded({"model": "qwen3-max-thinking", "messages": [ASK]})
    assert (asked.model, asked.target, asked.thinking) == ("qwen3-max-thinking", "qwen3-max", Thinking("thinking"))
    told = decoded({"model": "qwen3-max-thinking", "messages": [ASK], "thinking": {"type": "disabled"}})
    assert told.thinking == Thinking("fast")


SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}}
NEUTRAL = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, NEUTRAL),
        ({"output_config": {"format": None, "effort": "low"}}, None),
        ({"output_format": {"type": "json_schema", "schema": SCHEMA}}, NEUTRAL),
        ({"response_format": {"type": "json_object"}}, {"type": "json_object"}),
        ({"response_format": {"type": "text"}}, None),
    ],
)
def test_structured_output(fields: dict[str, Any], expected: object) -> None:
    assert chat(**fields).response_format == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Limits()),
        ({"max_tokens": 32000}, Limits(32000)),
        ({"max_tokens": 0}, Limits()),
        ({"max_tokens": 5, "stop_sequences": ["END", "", "END", "\n\n"]}, Limits(5, ("END", "\n\n"))),
        ({"stop_sequences": ["x"] * 65}, Limits(None, ("x",))),
    ],
)
def test_where_the_answer_ends(fields: dict[str, Any], expected: Limits) -> None:
    assert chat(**fields).limits == expected


def test_streams_and_facts() -> None:
    dialect = AnthropicMessages()
    parsed = dialect.parse(
        request_of({"model": "m", "messages": [ASK], "stream": True, "tools": [READ, SEARCH, PLACEHOLDER]})
    )
    assert parsed.facts == Facts("m", True, ("Read", "web_search", "DeferredToolPlaceholder"))
    assert chat(stream=True).stream
    assert not chat(stream=False).stream
    assert chat().include_usage


def test_the_binding_of_body_and_headers() -> None:
    headers = {
        "x_luna_account_id": "acc-h",
        "x_luna_session_id": "ses-h",
        "x_luna_thread_id": "thr",
        "x_luna_provider_session_id": "chat-h",
        "x_luna_source": "cli",
        "x_luna_workspace": "ws",
    }
    assert chat(headers=headers).binding == Binding("acc-h", "ses-h", "thr", "chat-h", "cli", "ws")
    fields: dict[str, Any] = {
        "metadata": {"account_id": "acc-m", "user_id": '{"device":"d"}'},
        "session_id": "ses-b",
        "providerSessionId": "chat-b",
    }
    assert chat(headers=headers, **fields).binding == Binding("acc-m", "ses-b", "thr", "chat-b", "cli", "ws")
    assert chat(account="acc-b", **fields).binding.account == "acc-b"


CLAUDE_CODE: dict[str, Any] = {
    "max_tokens": 32000,
    "thinking": {"type": "adaptive", "display": "summarized"},
    "metadata": {"user_id": '{"device_id":"d","session_id":"s"}'},
    "output_config": {"effort": "high"},
    "temperature": 1,
    "service_tier": "auto",
    "cache_control": {"type": "ephemeral"},
    "diagnostics": {"previous_message_id": None},
    "speed": None,
}


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        (CLAUDE_CODE, []),
        (
            {**CLAUDE_CODE, "context_management": {"edits": [{"type": "clear_thinking_20251015"}]}},
            ["context_management"],
        ),
        ({"context_management": {"edits": []}}, []),
        ({"safeguards": [{"type": "dangerous_tool_use"}]}, ["safeguards"]),
        ({"temperature": 0, "top_k": 5, "top_p": 0.5}, ["temperature", "top_k", "top_p"]),
        ({"container": None, "mcp_servers": []}, []),
        ({"container": {"id": "c"}, "mcp_servers": [{"url": "x"}]}, ["container", "mcp_servers"]),
        ({"something_new": {"a": [1]}}, ["something_new"]),
    ],
)
def test_only_what_changes_the_answer_is_named(fields: dict[str, Any], ignored: list[str]) -> None:
    assert sorted(chat(**fields).ignored) == sorted(ignored)


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21", "1999-12-31", ""])
def test_any_date_is_a_version(version: str) -> None:
    headers = {"anthropic_version": version, "anthropic_beta": "a-2025-01-01,b-2026-02-02"}
    assert chat(headers=headers).messages


@pytest.mark.parametrize("version", ["latest", "2023-6-1", "2023-06-01 ", "20230601"])
def test_a_malformed_version_is_refused(version: str) -> None:
    error = refused(headers={"anthropic_version": version})
    assert (error.kind, error.param) == (Kind.BAD_REQUEST, "anthropic-version")


# Threads


@pytest.mark.parametrize("kind", ["create", "", "anything"])
def test_a_thread_is_not_created(kind: str) -> None:
    error = refused(thread={"type": kind})
    assert (error.kind, error.param) == (Kind.BAD_REQUEST, "thread")
    assert error.detail == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


def test_a_thread_is_not_continued() -> None:
    error = refused(thread={"type": "continue", "previous_message_id": "msg_1"})
    assert (error.kind, error.detail) == (Kind.NOT_FOUND, {"error_code": "thread_not_found"})


def test_no_thread_is_no_thread() -> None:
    assert chat(thread=None).messages


# Refusals


@pytest.mark.parametrize(
    ("messages", "fields", "param"),
    [
        ([ASK], {"model": None}, "model"),
        ([ASK], {"model": 7}, "model"),
        ([], {"messages": []}, "messages"),
        ([], {"messages": None}, "messages"),
        ([ASK, {"role": "robot", "content": "x"}], {}, "messages.1.role"),
        ([{"role": "user"}], {}, "messages.0.content"),
        ([{"role": "user", "content": [{"type": "text"}]}], {}, "messages.0.content.0.text"),
        ([{"role": "user", "content": [{"type": "image"}]}], {}, "messages.0.content.0.source"),
        (
            [{"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}]}],
            {},
            "messages.0.content.0.source.type",
        ),
        (
            [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "file:///etc/passwd"}}]}],
            {},
            "messages.0.content.0.source.url",
        ),
        ([{"role": "user", "content": [{"type": "tool_result"}]}], {}, "messages.0.content.0.tool_use_id"),
        ([{"role": "assistant", "content": [{"type": "tool_use", "name": "x"}]}], {}, "messages.0.content.0.id"),
        ([{"role": "assistant", "content": [{"type": "tool_use", "id": "x"}]}], {}, "messages.0.content.0.name"),
        (
            [{"role": "assistant", "content": [{"type": "tool_use", "id": "x", "name": "n", "input": [1]}]}],
            {},
            "messages.0.content.0.input",
        ),
        ([ASK], {"max_tokens": "many"}, "max_tokens"),
        ([ASK], {"tools": [{"input_schema": {}}]}, "tools.0.name"),
        ([ASK], {"tool_choice": {"type": "any"}}, "tool_choice"),
        ([ASK], {"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ([ASK], {"tool_choice": {"type": "tool", "name": "Nope"}, "tools": [READ]}, "tool_choice"),
        ([ASK], {"tool_choice": "sometimes"}, "tool_choice.type"),
        ([ASK], {"stop_sequences": [str(n) for n in range(65)]}, "stop_sequences"),
        ([ASK], {"output_config": {"format": {"type": "grammar"}}}, "output_config.format"),
        ([ASK], {"output_format": {"type": "json_schema"}}, "output_format"),
        ([ASK], {"response_format": {"type": "xml"}}, "response_format.type"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(messages: list[object], fields: dict[str, Any], param: str) -> None:
    with pytest.raises(LunaError) as caught:
        decoded({"model": "m", "messages": messages, **fields})
    assert (caught.value.kind, caught.value.param) == (Kind.BAD_REQUEST, param)
    assert caught.value.message.startswith(param)


@pytest.mark.parametrize("body", [b"", b"  ", b"null", b"[]", b"{", b'{"model":"m","messages":"x"}', b"\xff{}"])
def test_bodies_that_are_none(body: bytes) -> None:
    with pytest.raises(LunaError) as caught:
        decoded(body)
    assert caught.value.kind is Kind.BAD_REQUEST


def test_depth_has_an_end() -> None:
    content = b'{"type":"tool_result","tool_use_id":"t","content":' * 300 + b'"x"' + b"}" * 300
    body = b'{"model":"m","messages":[{"role":"user","content":[' + content + b"]}]}"
    assert decoded(body).messages
    deeper = body.replace(content, b'{"type":"tool_result","tool_use_id":"t","content":[' * 400 + b"]}" * 400)
    with pytest.raises(LunaError, match="nested too deeply"):
        decoded(deeper)


def test_the_dialect_introduces_itself() -> None:
    assert repr(AnthropicMessages()) == "<dialect anthropic-messages>"
    assert AnthropicMessages().answer_id("0" * 24) == "msg_" + "0" * 24
    assert AnthropicMessages().heartbeat == b'event: ping\ndata: {"type": "ping"}\n\n'
