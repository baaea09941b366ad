"""What an answer owes a client: a good one has no problem, and each departure that breaks a client is named."""

from typing import Any

import msgspec
import pytest

from luna.doctor.streams import Protocol, error_of, heard

Event = dict[str, Any]
ARGUMENTS = '{"path": "/x"}'


def chat() -> list[Event]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    opened = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "Read", "arguments": ""}}
    said = {"index": 0, "function": {"arguments": ARGUMENTS}}
    return [
        {**base, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}}]},
        {**base, "choices": [{"index": 0, "delta": {"tool_calls": [opened]}}]},
        {**base, "choices": [{"index": 0, "delta": {"tool_calls": [said]}}]},
        {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {**base, "choices": [], "usage": {"prompt_tokens": 1}},
    ]


def messages() -> list[Event]:
    use = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
    return [
        {"type": "message_start", "message": {"usage": {"input_tokens": 1, "output_tokens": 0}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": use},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ARGUMENTS}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    ]


def responses() -> list[Event]:
    call = {"type": "function_call", "call_id": "call_1", "name": "Read", "arguments": ARGUMENTS}
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
    return [
        {"type": "response.created"},
        {"type": "response.output_item.added"},
        {"type": "response.content_part.added"},
        {"type": "response.output_text.delta", "delta": "Hi"},
        {"type": "response.function_call_arguments.delta", "delta": ARGUMENTS},
        {"type": "response.output_item.done"},
        {"type": "response.completed", "response": {"output": [message, call], "usage": {"input_tokens": 1}}},
    ]


GOOD = {"chat": chat, "messages": messages, "responses": responses}


def written(protocol: Protocol, events: list[Event], *, done: bool = True, named: bool = True) -> bytes:
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if named and "type" in event else ""
        lines.append(f"{name}data: {msgspec.json.encode(event).decode()}\n\n")
    if protocol == "chat" and done:
        lines.append("data: [DONE]\n\n")
    return "".join(lines).encode()


@pytest.mark.parametrize("protocol", ["chat", "messages", "responses"])
def test_a_good_answer_is_heard_without_a_problem(protocol: Protocol) -> None:
    found = heard(protocol, written(protocol, GOOD[protocol]()), streamed=True, usage=True)
    assert (found.text, found.problems, found.error) == ("Hi", [], "")
    assert [(call.name, call.arguments, bool(call.id)) for call in found.calls] == [("Read", ARGUMENTS, True)]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_comments_and_line_ends_bother_nobody(end: str) -> None:
    body = (b": keep-alive\n\n" + written("messages", messages())).replace(b"\n", end.encode())
    assert heard("messages", body, streamed=True, usage=True).problems == []


DEPARTURES: list[tuple[Protocol, int, dict[str, Any] | None, str]] = [
    ("chat", 4, None, "usage was asked for and is missing"),
    ("chat", 3, None, "finish_reason is missing"),
    ("messages", 0, {"type": "message_start", "message": {}}, "message_start has no usage"),
    ("messages", 3, None, "a block does not end"),
    ("messages", 4, None, "a delta belongs to no open block"),
    ("messages", 5, None, "the arguments of Read are no JSON object"),
    (
        "messages",
        7,
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        "message_delta has no usage.output_tokens",
    ),
    ("messages", 8, None, "there is no message_stop"),
    ("responses", 0, None, "there is no response.created"),
    ("responses", 2, None, "text comes without content_part.added or deltas"),
    ("responses", 4, None, "the arguments of a call come without deltas"),
    ("responses", 6, None, "there is no response.completed"),
    (
        "responses",
        6,
        {"type": "response.completed", "response": {"output": [], "usage": {"input_tokens": 1}}},
        "the output of response.completed is empty",
    ),
    ("responses", 6, {"type": "response.completed", "response": {"output": [1]}}, "response.completed has no usage"),
]


@pytest.mark.parametrize(("protocol", "place", "instead", "problem"), DEPARTURES)
def test_a_departure_is_named(protocol: Protocol, place: int, instead: Event | None, problem: str) -> None:
    events = GOOD[protocol]()
    events[place : place + 1] = [] if instead is None else [instead]
    if events and instead == DEPARTURES[-1][2]:
        events[place]["response"]["output"] = [{"type": "reasoning"}]
    assert problem in heard(protocol, written(protocol, events), streamed=True, usage=True).problems


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("id", "", "a tool call has no id"),
        ("index", None, "a tool call has no index"),
        ("function", {"name": "Read", "arguments": {}}, "the arguments of a tool call are no text"),
    ],
)
def test_a_call_that_breaks_chat_clients_is_named(name: str, value: Any, problem: str) -> None:
    events = chat()
    call = events[1]["choices"][0]["delta"]["tool_calls"][0]
    call[name] = value
    if value is None:
        del call[name]
    assert problem in heard("chat", written("chat", events), streamed=True, usage=True).problems


def test_the_marks_of_a_stream_are_missed() -> None:
    assert (
        "the stream has no [DONE]"
        in heard("chat", written("chat", chat(), done=False), streamed=True, usage=True).problems
    )
    unnamed = written("messages", messages(), named=False)
    assert heard("messages", unnamed, streamed=True, usage=True).problems == ["an event has no `event:` line"]
    assert heard("chat", b"", streamed=True, usage=False).problems != []


@pytest.mark.parametrize(
    ("protocol", "event"),
    [
        ("chat", {"error": {"message": "No room."}}),
        ("messages", {"type": "error", "error": {"message": "No room."}}),
        ("responses", {"type": "response.failed", "response": {"error": {"message": "No room."}}}),
    ],
)
def test_an_error_in_a_stream_is_heard(protocol: Protocol, event: Event) -> None:
    events = [*GOOD[protocol]()[:2], event]
    assert heard(protocol, written(protocol, events), streamed=True, usage=True).error == "No room."


def test_an_answer_that_is_not_streamed() -> None:
    use = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "/x"}}
    body = {"content": [{"type": "text", "text": "Hi"}, use], "usage": {"output_tokens": 1}}
    found = heard("messages", msgspec.json.encode(body), streamed=False, usage=True)
    assert (found.text, found.calls[0].arguments, found.problems) == ("Hi", '{"path":"/x"}', [])
    del body["usage"]
    assert heard("messages", msgspec.json.encode(body), streamed=False, usage=True).problems == ["there is no usage"]
    assert heard("messages", b"<html>", streamed=False, usage=True).error != ""


def test_refusals_say_why() -> None:
    assert error_of(b'{"error": {"message": "No key."}}') == "No key."
    assert error_of(b"<html>") == ""
