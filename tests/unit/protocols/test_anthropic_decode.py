"""What the rest of a message request means, and what luna cannot take."""

from typing import Any

import pytest

from luna.model.chat import (
    Binding,
    Limits,
    Thinking,
)
from luna.model.dialect import Facts
from luna.model.errors import Kind, LunaError
from luna.protocols.anthropic_messages import AnthropicMessages
from tests.support.anthropic_asks import ASK, READ, chat, decoded, refused, request_of

TOOLS: list[Any] = [
    READ,
    {"type": "web_search_20250305", "name": "web_search"},
    {"name": "Later", "defer_loading": True},
]


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
    parsed = dialect.parse(request_of({"model": "m", "messages": [ASK], "stream": True, "tools": TOOLS}))
    assert parsed.facts == Facts("m", True, ("Read", "web_search", "Later"))
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
