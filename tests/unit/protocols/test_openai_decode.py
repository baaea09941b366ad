"""What each field of a chat completion request becomes."""

from typing import Any

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
from luna.model.errors import Kind, LunaError
from luna.protocols.openai_chat import OpenAIChat
from tests.support.play import a_client

USER = {"role": "user", "content": "Hello"}
READ = {"type": "function", "function": {"name": "Read", "parameters": {"type": "object"}}}
LATER = {"role": "user", "content": "and?"}


def decoded(body: dict[str, Any], **headers: str) -> ChatRequest:
    dialect = OpenAIChat()
    client = a_client({"model": "qwen3-max", "messages": [USER], **body}, **headers)
    return dialect.decode(dialect.parse(client), client)


def refused(body: dict[str, Any]) -> LunaError:
    with pytest.raises(LunaError) as raised:
        decoded(body)
    assert raised.value.kind is Kind.BAD_REQUEST
    return raised.value


FIELDS: list[tuple[dict[str, Any], str, object]] = [
    ({}, "model", "qwen3-max"),
    ({}, "target", "qwen3-max"),
    ({"model": "qwen3-max-thinking"}, "model", "qwen3-max-thinking"),
    ({"model": "qwen3-max-thinking"}, "target", "qwen3-max"),
    ({"model": "qwen3-max-thinking"}, "thinking", Thinking("thinking")),
    ({"model": "qwen3-max-Fast"}, "thinking", Thinking("fast")),
    ({}, "stream", False),
    ({"stream": None}, "stream", False),
    ({"stream": True}, "stream", True),
    ({"stream_options": {"include_usage": True}}, "include_usage", True),
    ({"stream_options": {"include_obfuscation": False}}, "include_usage", False),
    ({"thinking_mode": "Thinking"}, "thinking", Thinking("thinking")),
    ({"thinkingMode": "auto"}, "thinking", Thinking("auto")),
    ({"qwen_thinking_mode": "off"}, "thinking", Thinking("fast")),
    ({"qwenThinkingMode": "on"}, "thinking", Thinking("thinking")),
    ({"thinking_mode": "", "qwenThinkingMode": "fast"}, "thinking", Thinking("fast")),
    ({"reasoning_effort": "high"}, "thinking", Thinking("thinking")),
    ({"reasoning": {"effort": "minimal", "summary": "auto"}}, "thinking", Thinking("fast")),
    ({"enable_thinking": True}, "thinking", Thinking("thinking")),
    ({"enableThinking": False}, "thinking", Thinking("fast")),
    ({"enable_thinking": False, "enableThinking": True}, "thinking", Thinking("fast")),
    ({"thinking_budget": 4096}, "thinking", Thinking(None, 4096)),
    ({"thinking_budget": 0}, "thinking", Thinking()),
    ({"thinking_budget": -1}, "thinking", Thinking()),
    ({"max_tokens": 10}, "limits", Limits(10)),
    ({"max_completion_tokens": 20}, "limits", Limits(20)),
    ({"max_tokens": 30, "max_completion_tokens": 20}, "limits", Limits(20)),
    ({"max_tokens": -1}, "limits", Limits()),
    ({"max_tokens": 0, "max_completion_tokens": 5}, "limits", Limits(5)),
    ({"stop": "END"}, "limits", Limits(None, ("END",))),
    ({"stop": ["a", "", "b", "a", "c", "d", "e"]}, "limits", Limits(None, ("a", "b", "c", "d", "e"))),
    ({"stop": None}, "limits", Limits()),
    ({"enableWebSearch": True}, "search", True),
    ({"web_search_options": {}}, "search", True),
    ({"enableWebSearch": False}, "search", False),
    ({"file_ids": ["f1", "f2"]}, "file_ids", ["f1", "f2"]),
    ({"response_format": {"type": "text"}}, "response_format", None),
    ({"response_format": {"type": "json_object"}}, "response_format", {"type": "json_object"}),
    ({"account": "a1"}, "binding", Binding(account="a1")),
    ({"metadata": {"account_id": "a2", "trace": "x"}}, "binding", Binding(account="a2")),
    ({"account": "a1", "metadata": {"account_id": "a2"}}, "binding", Binding(account="a1")),
    ({"session_id": "s1"}, "binding", Binding(session="s1")),
    ({"providerSessionId": "c1"}, "binding", Binding(chat="c1")),
    ({"provider_session_id": "c2"}, "binding", Binding(chat="c2")),
    ({"providerSessionId": "c1", "provider_session_id": "c2"}, "binding", Binding(chat="c1")),
]


@pytest.mark.parametrize(("body", "field", "value"), FIELDS)
def test_each_field_goes_where_it_belongs(body: dict[str, Any], field: str, value: object) -> None:
    assert getattr(decoded(body), field) == value


def test_headers_bind_the_conversation() -> None:
    headers = {
        "x_luna_session_id": "s",
        "x_luna_source": "cli",
        "x_luna_workspace": "/home/me",
        "x_luna_thread_id": "t",
        "x_luna_provider_session_id": "c",
        "x_luna_account_id": "a",
    }
    whole = Binding(account="a", session="s", thread="t", chat="c", source="cli", workspace="/home/me")
    assert decoded({}, **headers).binding == whole


def test_the_body_beats_the_headers() -> None:
    body = {"session_id": "s1", "providerSessionId": "c1", "metadata": {"account_id": "a1"}}
    bound = decoded(body, x_luna_session_id="s2", x_luna_provider_session_id="c2", x_luna_account_id="a2").binding
    assert bound == Binding(account="a1", session="s1", chat="c1")


PNG = "data:image/png;base64,iVBORw0KGgo="
PARTS: list[tuple[dict[str, Any], Part]] = [
    ({"type": "text", "text": "Hi"}, Text("Hi")),
    ({"text": "Hi"}, Text("Hi")),
    ({"type": "input_text", "text": "Hi"}, Text("Hi")),
    ({"type": "refusal", "refusal": "No."}, Text("No.")),
    ({"type": "image_url", "image_url": {"url": PNG}}, Attachment("image", url=PNG, media_type="image/png")),
    (
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
        Attachment("image", url="https://x.example/a.png"),
    ),
    ({"type": "image_url", "image_url": "HTTPS://x.example/a"}, Attachment("image", url="HTTPS://x.example/a")),
    ({"type": "video_url", "video_url": {"url": "http://x.example/v"}}, Attachment("video", url="http://x.example/v")),
    ({"type": "audio_url", "audio_url": "http://x.example/s"}, Attachment("audio", url="http://x.example/s")),
    (
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
        Attachment("audio", url="data:audio/mpeg;base64,UklGRg==", media_type="audio/mpeg"),
    ),
    (
        {"type": "file", "file": {"file_id": "file-1", "filename": "a.pdf"}},
        Attachment("document", id="file-1", name="a.pdf"),
    ),
    (
        {"type": "file", "file": {"file_data": "JVBERi0=", "filename": "a.pdf"}},
        Attachment("document", "data:application/pdf;base64,JVBERi0=", name="a.pdf", media_type="application/pdf"),
    ),
    (
        {"type": "file", "file": {"file_data": "AAAA"}},
        Attachment("document", "data:application/octet-stream;base64,AAAA", media_type="application/octet-stream"),
    ),
    ({"type": "file", "file": {"file_data": PNG}}, Attachment("image", url=PNG, media_type="image/png")),
]


@pytest.mark.parametrize(("part", "expected"), PARTS)
def test_each_kind_of_part(part: dict[str, Any], expected: Part) -> None:
    assert decoded({"messages": [{"role": "user", "content": [part]}]}).messages == [Message("user", [expected])]


MESSAGES: list[tuple[list[dict[str, Any]], list[Message]]] = [
    ([{"role": "system", "content": "S"}], [Message("system", [Text("S")])]),
    ([{"role": "developer", "content": "D"}], [Message("system", [Text("D")])]),
    ([{"role": "user", "content": "", "name": "ann"}], [Message("user", [], "ann")]),
    ([{"role": "user", "content": []}], [Message("user", [])]),
    ([USER, LATER], [Message("user", [Text("Hello")]), Message("user", [Text("and?")])]),
    ([{"role": "assistant", "content": None}], [Message("assistant", [])]),
    ([{"role": "assistant"}], [Message("assistant", [])]),
    ([{"role": "assistant", "content": None, "refusal": "No."}], [Message("assistant", [Text("No.")])]),
    (
        [{"role": "assistant", "content": "A", "reasoning_content": "T", "reasoning": "T"}],
        [Message("assistant", [Thought("T"), Text("A")])],
    ),
    ([{"role": "assistant", "content": "A", "reasoning": "T"}], [Message("assistant", [Thought("T"), Text("A")])]),
    ([{"role": "assistant", "content": "A", "reasoning": {"x": 1}}], [Message("assistant", [Text("A")])]),
    (
        [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "Read", "arguments": '{"p": 1}'}},
                    {"id": "c2", "index": 1, "function": {"name": "Read", "arguments": {"p": 2}}},
                    {"id": "c3", "function": {"name": "Now"}},
                    {"id": "c4", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}], "name": "Read"},
            {"role": "tool", "tool_call_id": "c1", "content": None},
        ],
        [
            Message(
                "assistant",
                [
                    ToolCall("c1", "Read", '{"p": 1}'),
                    ToolCall("c2", "Read", '{"p":2}'),
                    ToolCall("c3", "Now", "{}"),
                    ToolCall("c4", "patch", '{"input":"*** Begin"}'),
                ],
            ),
            Message("tool", [ToolResult("c2", [Text("two")], "Read")]),
            Message("tool", [ToolResult("c1", [])]),
        ],
    ),
    (
        [
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "done"},
            {"role": "function", "name": "f", "content": "stray"},
        ],
        [
            Message("assistant", [ToolCall("legacy_call_0", "f", "{}")]),
            Message("tool", [ToolResult("legacy_call_0", [Text("done")], "f")]),
            Message("tool", [ToolResult("legacy_call_2", [Text("stray")], "f")]),
        ],
    ),
]


@pytest.mark.parametrize(("sent", "expected"), MESSAGES)
def test_each_kind_of_message(sent: list[dict[str, Any]], expected: list[Message]) -> None:
    assert decoded({"messages": sent}).messages == expected


SCHEMA = {"type": "object", "properties": {"p": {"type": "string"}}}
TOOLS: list[tuple[dict[str, Any], Tool, list[str]]] = [
    (
        {"type": "function", "function": {"name": "f", "description": "D", "parameters": SCHEMA, "strict": True}},
        Tool("f", "D", SCHEMA, True),
        [],
    ),
    ({"name": "f", "description": "D", "parameters": SCHEMA}, Tool("f", "D", SCHEMA), []),
    ({"name": "f", "input_schema": SCHEMA}, Tool("f", "", SCHEMA), []),
    ({"type": "function", "function": {"name": "f", "parameters": None, "strict": False}}, Tool("f"), []),
    (
        {"type": "custom", "custom": {"name": "f", "description": "D", "format": {"type": "grammar"}}},
        Tool("f", "D", {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}),
        ["tools[0].custom"],
    ),
]


@pytest.mark.parametrize(("sent", "tool", "ignored"), TOOLS)
def test_each_form_of_a_tool(sent: dict[str, Any], tool: Tool, ignored: list[str]) -> None:
    chat = decoded({"tools": [sent]})
    assert (chat.tools, chat.ignored) == ([tool], ignored)


def test_tools_of_the_servers_own_are_named_and_legacy_functions_offered() -> None:
    chat = decoded({"tools": [{"type": "web_search"}, READ], "functions": [{"name": "old"}]})
    assert [tool.name for tool in chat.tools] == ["Read", "old"]
    assert chat.ignored == ["tools[0]"]


CHOICES: list[tuple[dict[str, Any], ToolChoice]] = [
    ({}, ToolChoice()),
    ({"tool_choice": None}, ToolChoice()),
    ({"tool_choice": "auto"}, ToolChoice("auto")),
    ({"tool_choice": "none"}, ToolChoice("none")),
    ({"tool_choice": "required"}, ToolChoice("required")),
    ({"tool_choice": "any"}, ToolChoice("required")),
    ({"tool_choice": {"type": "any"}}, ToolChoice("required")),
    ({"tool_choice": {"mode": "none"}}, ToolChoice("none")),
    ({"tool_choice": {"type": "function", "function": {"name": "Read"}}}, ToolChoice("specific", "Read")),
    ({"tool_choice": {"type": "function", "name": "Read"}}, ToolChoice("specific", "Read")),
    ({"tool_choice": {"type": "custom", "custom": {"name": "Read"}}}, ToolChoice("specific", "Read")),
    ({"parallel_tool_calls": False}, ToolChoice(parallel=False)),
    ({"parallel_tool_calls": True}, ToolChoice()),
    ({"function_call": "none"}, ToolChoice("none")),
    ({"function_call": {"name": "Read"}}, ToolChoice("specific", "Read")),
    ({"tool_choice": "auto", "function_call": "none"}, ToolChoice("auto")),
]


@pytest.mark.parametrize(("body", "choice"), CHOICES)
def test_each_form_of_a_choice(body: dict[str, Any], choice: ToolChoice) -> None:
    assert decoded({"tools": [READ], **body}).tool_choice == choice


def test_allowed_tools_leave_only_those() -> None:
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "Read"}}]}
    chat = decoded(
        {
            "tools": [READ, {"name": "Bash"}],
            "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed},
        }
    )
    assert [tool.name for tool in chat.tools] == ["Read"]
    assert chat.tool_choice == ToolChoice("required")


IGNORED: list[tuple[dict[str, Any], list[str]]] = [
    ({"temperature": 0.2, "top_p": 0.9, "seed": 7}, ["temperature", "top_p", "seed"]),
    ({"temperature": 1, "top_p": 1.0, "n": 1, "logprobs": False, "logit_bias": {}}, []),
    ({"n": 2, "logprobs": True, "logit_bias": {"50256": -100}}, ["n", "logprobs", "logit_bias"]),
    ({"presence_penalty": 0, "frequency_penalty": 0.0}, []),
    ({"presence_penalty": 0.5, "frequency_penalty": -1}, ["presence_penalty", "frequency_penalty"]),
    ({"user": "u", "store": True, "safety_identifier": "s", "prompt_cache_key": "k", "metadata": {"a": "b"}}, []),
    ({"service_tier": "auto"}, []),
    ({"service_tier": "priority", "modalities": ["text", "audio"]}, ["service_tier", "modalities"]),
    ({"modalities": ["text"], "verbosity": "medium", "provider": "qwen-ai"}, []),
    ({"verbosity": "low", "provider": "other"}, ["verbosity", "provider"]),
    ({"prediction": {}, "audio": {}, "seed": None, "mystery": [1], "unset": None}, ["prediction", "audio", "mystery"]),
    ({"x" * 100: 1}, ["x" * 64]),
    ({"thinkingMode": "hardly"}, ["thinkingMode"]),
    ({"reasoning": {"effort": "some"}}, ["reasoning.effort"]),
    ({"reasoning_effort": "some", "reasoning": {"effort": "low"}}, ["reasoning_effort"]),
    ({"thinking_mode": "", "reasoning_effort": ""}, []),
]


@pytest.mark.parametrize(("body", "names"), IGNORED)
def test_what_cannot_be_honoured_is_named(body: dict[str, Any], names: list[str]) -> None:
    assert decoded(body).ignored == names


def in_message(content: object) -> dict[str, Any]:
    return {"messages": [USER, {"role": "user", "content": content}]}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"model": None}, "model", "GET /v1/models"),
    ({"model": ""}, "model", "is missing"),
    ({"messages": []}, "messages", "at least one"),
    ({"messages": None}, "messages", "at least one"),
    ({"messages": [{"content": "x"}]}, "messages[0].role", "is missing"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "robot"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "is missing"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "is missing"),
    ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0].id", "is missing"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]},
        "messages[0].tool_calls[0].function",
        "is missing",
    ),
    (in_message(5), "messages[1].content", "got `int`"),
    (in_message([{"type": "text"}]), "messages[1].content[0].text", "is missing"),
    (in_message([{"type": "text", "text": 5}]), "messages[1].content[0].text", "got `int`"),
    (in_message([{"type": "hologram"}]), "messages[1].content[0].type", "hologram"),
    (in_message([{"type": "image_url"}]), "messages[1].content[0].image_url", "is missing"),
    (
        in_message([{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]),
        "messages[1].content[0].image_url.url",
        "data URL",
    ),
    (in_message([{"type": "file", "file": {}}]), "messages[1].content[0].file", "file_id"),
    ({"stream": "yes"}, "stream", "got `str`"),
    ({"max_tokens": "10"}, "max_tokens", "got `str`"),
    ({"metadata": []}, "metadata", "got `array`"),
    ({"stop": 5}, "stop", "got `int`"),
    ({"stop": ["x"] * 2 + [str(n) for n in range(64)]}, "stop", "64"),
    ({"stop": "x" * 1001}, "stop", "1000"),
    ({"tools": [{}]}, "tools[0].function.name", "is missing"),
    ({"tools": [{"type": "custom"}]}, "tools[0].custom.name", "is missing"),
    ({"tools": [{"function": {"description": "D"}}]}, "tools[0].function.name", "is missing"),
    ({"tools": [{"function": {"name": "f", "parameters": []}}]}, "tools[0].function.parameters", "got `array`"),
    ({"tool_choice": "maybe"}, "tool_choice", "maybe"),
    ({"tool_choice": {}}, "tool_choice", "none of these"),
    ({"tool_choice": "required"}, "tool_choice", "no tool"),
    ({"tools": [READ], "tool_choice": {"name": "Bash"}}, "tool_choice", "Bash"),
    ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call", "'g'"),
    ({"response_format": {}}, "response_format.type", "json_schema"),
    ({"response_format": {"type": "yaml"}}, "response_format.type", "json_schema"),
    ({"file_ids": [1]}, "file_ids[0]", "got `int`"),
]


@pytest.mark.parametrize(("body", "param", "said"), REFUSED)
def test_a_wrong_field_is_named(body: dict[str, Any], param: str, said: str) -> None:
    error = refused(body)
    assert error.param == param
    assert said in error.told
    assert error.told.startswith(param)
