"""The conversation of a message request: every shape of block, message and result that recorded clients send."""

from typing import Any

import msgspec
import pytest

from luna.model.chat import (
    Attachment,
    Message,
    Part,
    Text,
    Thought,
    ToolCall,
    ToolResult,
)
from tests.support.anthropic_asks import ASK, chat

PNG = "data:image/png;base64,iVBORw0KGgo="


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
