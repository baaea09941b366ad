"""What the Responses protocol's requests mean in luna's words."""

from typing import Any

import msgspec
import pytest

from luna.model.chat import (
    Attachment,
    Binding,
    ChatRequest,
    Limits,
    Message,
    Text,
    Thinking,
    ThinkingMode,
    Thought,
    ToolCall,
    ToolResult,
)
from luna.model.dialect import ClientRequest, Facts
from luna.model.errors import Kind, LunaError
from luna.protocols.responses_dialect import OpenAIResponses

PNG = "data:image/png;base64,AA=="
USER = Message("user", [Text("Hello")])


def request(body: object, *headers: tuple[str, str], method: str = "POST") -> ClientRequest:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return ClientRequest(method, "/v1/responses", "", headers, data)


def decoded(*headers: tuple[str, str], **fields: Any) -> ChatRequest:
    dialect, client = OpenAIResponses(), request({"model": "qwen3-max", "input": "Hello", **fields}, *headers)
    return dialect.decode(dialect.parse(client), client)


def refused(**fields: Any) -> LunaError:
    with pytest.raises(LunaError) as caught:
        decoded(**fields)
    assert caught.value.kind is Kind.BAD_REQUEST
    return caught.value


def test_the_smallest_request() -> None:
    assert decoded() == ChatRequest(model="qwen3-max", target="qwen3-max", messages=[USER], include_usage=True)


def test_a_request_with_everything() -> None:
    chat = decoded(
        model="qwen3-max-fast",
        instructions="Be brief.",
        stream=True,
        max_output_tokens=100,
        account="a",
        session_id="s",
        providerSessionId="c",
    )
    assert chat.messages == [Message("system", [Text("Be brief.")]), USER]
    assert (chat.model, chat.target, chat.stream) == ("qwen3-max-fast", "qwen3-max", True)
    assert (chat.thinking, chat.limits) == (Thinking("fast"), Limits(100))
    assert chat.binding == Binding(account="a", session="s", chat="c")
    assert chat.ignored == []


ITEMS: list[tuple[list[dict[str, Any]], list[Message]]] = [
    ([{"role": "user", "content": "Hello"}], [USER]),
    ([{"type": "message", "role": "developer", "content": "D"}], [Message("system", [Text("D")])]),
    ([{"role": "system", "content": [{"type": "input_text", "text": "S"}]}], [Message("system", [Text("S")])]),
    (
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "T"},
                    {"type": "input_image", "image_url": PNG, "detail": "auto"},
                    {"type": "input_image", "file_id": "f1", "detail": "auto"},
                    {"type": "input_file", "filename": "a.txt", "file_data": "AA=="},
                    {"type": "input_file", "file_url": "https://x.example/a.pdf"},
                    {"type": "input_file", "file_id": "f2"},
                    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                ],
            }
        ],
        [
            Message(
                "user",
                [
                    Text("T"),
                    Attachment("image", PNG, media_type="image/png"),
                    Attachment("image", id="f1"),
                    Attachment("document", "data:text/plain;base64,AA==", name="a.txt", media_type="text/plain"),
                    Attachment("document", "https://x.example/a.pdf"),
                    Attachment("document", id="f2"),
                    Attachment("audio", "data:audio/wav;base64,AA==", media_type="audio/wav"),
                ],
            )
        ],
    ),
    (  # one turn of the assistant, as it comes back
        [
            {"role": "user", "content": "Hello"},
            {"type": "reasoning", "id": "rs_1_0", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {
                "type": "message",
                "id": "msg_1_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Reading.", "annotations": []}],
            },
            {"type": "function_call", "id": "fc_1_2", "call_id": "c1", "name": "Read", "arguments": '{"p": 1}'},
            {"type": "function_call", "call_id": "c2", "name": "get", "namespace": "mcp__v", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "c3", "name": "apply_patch", "input": "***\n"},
            {"type": "function_call_output", "call_id": "c2", "output": "two"},
            {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "one"}]},
            {"type": "custom_tool_call_output", "call_id": "c3", "output": "Done"},
        ],
        [
            USER,
            Message(
                "assistant",
                [
                    Thought("Hm."),
                    Text("Reading."),
                    ToolCall("c1", "Read", '{"p": 1}'),
                    ToolCall("c2", "mcp__v__get", "{}"),
                    ToolCall("c3", "apply_patch", '{"input":"***\\n"}'),
                ],
            ),
            Message("tool", [ToolResult("c2", [Text("two")], "mcp__v__get")]),
            Message("tool", [ToolResult("c1", [Text("one")], "Read")]),
            Message("tool", [ToolResult("c3", [Text("Done")], "apply_patch")]),
        ],
    ),
    (  # Codex's view_image
        [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": PNG}]}],
        [Message("tool", [ToolResult("c", [Attachment("image", PNG, media_type="image/png")])])],
    ),
    (  # as Codex sends reasoning back
        [
            {"role": "user", "content": "Hello"},
            {"type": "reasoning", "summary": [], "content": None, "encrypted_content": None},
            {"role": "assistant", "content": "Hi"},
        ],
        [USER, Message("assistant", [Text("Hi")])],
    ),
    (
        [
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "A"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        ],
        [Message("assistant", [Thought("A"), Text("No.")])],
    ),
    (
        [{"role": "user", "content": "Hello"}, {"type": "function_call", "call_id": "c", "name": "f"}],
        [USER, Message("assistant", [ToolCall("c", "f", "{}")])],
    ),
    (
        [{"role": "user", "content": "Hello"}, {"type": "item_reference", "id": "msg_1_0"}],
        [USER],
    ),
    (
        [{"role": "user", "content": ""}],
        [Message("user", [Text("")])],
    ),
]


@pytest.mark.parametrize(("items", "messages"), ITEMS)
def test_items(items: list[dict[str, Any]], messages: list[Message]) -> None:
    chat = decoded(input=items)
    assert chat.messages == messages
    assert chat.ignored == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "king", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "c", "arguments": "{}"}]}, "input[0].name"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].image_url"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "file:///etc"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "refusal"}]}]}, "input[0].content[0].refusal"),
        ({"input": 5}, "input"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields).param == param


def test_no_input_is_needed_to_go_on_from_a_response() -> None:
    assert decoded(input=None, previous_response_id="resp_1").messages == []


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ({"temperature": 1, "top_p": 1, "store": False, "truncation": "disabled", "parallel_tool_calls": True}, []),
        ({"temperature": 0.2, "truncation": "auto"}, ["temperature", "truncation"]),
        ({"include": ["reasoning.encrypted_content"], "client_metadata": {"a": "b"}, "prompt_cache_key": "k"}, []),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 2}, ["include", "top_logprobs"]),
        ({"background": True, "conversation": "c", "prompt": {"id": "p"}}, ["background", "conversation", "prompt"]),
        ({"reasoning": {"effort": "high", "summary": "auto"}, "text": {"verbosity": "medium"}}, []),
        ({"reasoning": {"effort": "wild"}, "text": {"verbosity": "low"}}, ["reasoning.effort", "text.verbosity"]),
        ({"tools": [{"type": "tool_search"}, {"type": "function", "name": "f"}]}, ["tools[0].tool_search"]),
        ({"input": [{"role": "user", "content": "x"}, {"type": "web_search_call"}]}, ["input[1].web_search_call"]),
        ({"input": [{"role": "user", "content": [{"type": "new"}]}]}, ["input[0].content[0].new"]),
        ({"made_up": 1, "service_tier": "auto", "metadata": {}}, ["made_up"]),
    ],
)
def test_what_cannot_be_honoured_is_named(fields: dict[str, Any], ignored: list[str]) -> None:
    assert decoded(**fields).ignored == ignored


@pytest.mark.parametrize(
    ("effort", "mode"),
    [("none", "fast"), ("minimal", "fast"), ("low", "thinking"), ("xhigh", "thinking"), ("auto", "auto"), (None, None)],
)
def test_effort(effort: str | None, mode: ThinkingMode | None) -> None:
    assert decoded(reasoning={"effort": effort, "summary": "auto"}).thinking == Thinking(mode)


def test_the_form_of_the_answer() -> None:
    schema = {"type": "object"}
    flat = {"type": "json_schema", "name": "n", "schema": schema, "strict": True}
    assert decoded(text={"format": flat}).response_format == {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": schema, "strict": True},
    }
    assert decoded(text={"format": {"type": "json_object"}}).response_format == {"type": "json_object"}
    assert decoded(text={"format": {"type": "text"}}).response_format is None


def test_instructions_as_items() -> None:
    told = [{"role": "developer", "content": "Be brief."}]
    assert decoded(instructions=told).messages == [Message("system", [Text("Be brief.")]), USER]


def test_headers_say_where_the_conversation_lives() -> None:
    binding = decoded(("x-luna-session-id", "s"), metadata={"account_id": "a"}).binding
    assert binding == Binding(account="a", session="s")


def test_what_routing_may_ask() -> None:
    tools = [{"type": "namespace", "name": "mcp__v", "tools": [{"name": "get"}]}, {"type": "web_search"}]
    parsed = OpenAIResponses().parse(request({"model": "m", "stream": True, "tools": tools, "input": "x"}))
    assert parsed.facts == Facts("m", True, ("get",))


def test_a_request_without_a_body() -> None:
    dialect = OpenAIResponses()
    assert dialect.parse(request(b"", method="GET")).facts == Facts()
    with pytest.raises(LunaError, match="no body"):
        dialect.parse(request(b""))
