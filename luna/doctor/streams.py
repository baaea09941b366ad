"""Reads an answer as the strictest of the clients do: what is said, which tools are called, and what would break one.

Pure. Owns what each of the three protocols owes its clients, streamed and whole. A problem is told in one sentence; it
is one that was seen to break a client.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

Protocol = Literal["chat", "messages", "responses"]


@dataclass
class Call:
    """A tool call as the client puts it together. `arguments` is JSON, as text."""

    id: str
    name: str
    arguments: str = ""


@dataclass
class Heard:
    """What a client has after one answer."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    error: str = ""
    """What an error in the answer says."""

    def owes(self, condition: bool, problem: str) -> None:
        """Note the problem, once, where the condition does not hold."""
        if not condition and problem not in self.problems:
            self.problems.append(problem)


def heard(protocol: Protocol, body: bytes, *, streamed: bool, usage: bool) -> Heard:
    """Read a body. `usage`: the client wants to be told what it used."""
    if streamed:
        read = {"chat": _chat, "messages": _messages, "responses": _responses}[protocol]
        found = read(list(_events(body)), usage)
    else:
        found = _whole(protocol, body)
    for call in found.calls:
        found.owes(bool(call.id), "a tool call has no id")
        found.owes(isinstance(_decoded(call.arguments), dict), f"the arguments of {call.name} are no JSON object")
    return found


def _events(body: bytes) -> Iterator[tuple[str, Any]]:
    """(name, document) of each event; the document is None where the data are no JSON."""
    for block in body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n"):
        name, data = "", list[str]()
        for line in block.split("\n"):
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
        if data:
            text = "\n".join(data)
            yield (name, "[DONE]") if text == "[DONE]" else (name, _decoded(text))


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _chat(events: list[tuple[str, Any]], usage: bool) -> Heard:
    found, calls, reason, counted = Heard(), dict[int, Call](), "", False
    for _, chunk in events:
        if not isinstance(chunk, dict):
            continue
        if "error" in chunk:
            found.error = _message(chunk)
            return found
        found.owes(all(chunk.get(name) for name in ("id", "object", "created", "model")), "a chunk has no id or model")
        counted = counted or isinstance(chunk.get("usage"), dict)
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            found.text += delta.get("content") or ""
            reason = choice.get("finish_reason") or reason
            for piece in delta.get("tool_calls") or ():
                found.owes("index" in piece, "a tool call has no index")
                said = piece.get("function") or {}
                call = calls.setdefault(piece.get("index", 0), Call(piece.get("id") or "", said.get("name") or ""))
                arguments = said.get("arguments", "")
                found.owes(isinstance(arguments, str), "the arguments of a tool call are no text")
                call.arguments += arguments if isinstance(arguments, str) else ""
    found.calls = [*calls.values()]
    found.owes(events[-1:] != [] and events[-1][1] == "[DONE]", "the stream has no [DONE]")
    found.owes(reason == ("tool_calls" if calls else "stop"), f"finish_reason is {reason or 'missing'}")
    found.owes(counted or not usage, "usage was asked for and is missing")
    return found


def _messages(events: list[tuple[str, Any]], usage: bool) -> Heard:
    found, calls, open_, seen = Heard(), dict[int, Call](), set[int](), list[str]()
    for name, event in events:
        if not isinstance(event, dict):
            continue
        seen.append(event.get("type", ""))
        found.owes(name == event.get("type"), "an event has no `event:` line")
        index, delta = event.get("index", -1), event.get("delta") or {}
        match event.get("type"):
            case "error":
                found.error = _message(event)
                return found
            case "message_start":
                found.owes(bool((event.get("message") or {}).get("usage")), "message_start has no usage")
            case "content_block_start":
                open_.add(index)
                block = event.get("content_block") or {}
                if block.get("type") == "tool_use":
                    calls[index] = Call(block.get("id") or "", block.get("name") or "")
            case "content_block_delta":
                found.owes(index in open_, "a delta belongs to no open block")
                found.text += delta.get("text", "")
                if index in calls:
                    calls[index].arguments += delta.get("partial_json", "")
            case "content_block_stop":
                open_.discard(index)
            case "message_delta":
                told = "output_tokens" in (event.get("usage") or {})
                found.owes(told or not usage, "message_delta has no usage.output_tokens")
                reason = delta.get("stop_reason")
                found.owes(reason == ("tool_use" if calls else "end_turn"), f"stop_reason is {reason}")
    found.calls = [*calls.values()]
    for wanted in ("message_start", "message_delta", "message_stop"):
        found.owes(wanted in seen, f"there is no {wanted}")
    found.owes(not open_, "a block does not end")
    return found


def _responses(events: list[tuple[str, Any]], usage: bool) -> Heard:
    found, seen, done = Heard(), set[str](), dict[str, Any]()
    for name, event in events:
        if not isinstance(event, dict):
            continue
        kind = event.get("type", "")
        seen.add(kind)
        found.owes(name == kind, "an event has no `event:` line")
        if kind in ("error", "response.failed"):
            found.error = _message(event.get("response") or event)
            return found
        if kind == "response.completed":
            done = event.get("response") or {}
    _response(found, done)
    for wanted in ("response.created", "response.output_item.added", "response.output_item.done", "response.completed"):
        found.owes(wanted in seen, f"there is no {wanted}")
    text = {"response.content_part.added", "response.output_text.delta"}
    found.owes(not found.text or text <= seen, "text comes without content_part.added or deltas")
    arguments = "response.function_call_arguments.delta"
    found.owes(not found.calls or arguments in seen, "the arguments of a call come without deltas")
    found.owes(bool(done.get("output")), "the output of response.completed is empty")
    found.owes(bool(done.get("usage")) or not usage, "response.completed has no usage")
    return found


def _response(found: Heard, document: dict[str, Any]) -> None:
    for item in document.get("output") or ():
        if item.get("type") == "function_call":
            found.calls.append(Call(item.get("call_id") or "", item.get("name") or "", item.get("arguments") or ""))
        elif item.get("type") == "message":
            found.text += "".join(part.get("text", "") for part in item.get("content") or ())


def _whole(protocol: Protocol, body: bytes) -> Heard:
    found, document = Heard(), _decoded(body.decode("utf-8", "replace"))
    if not isinstance(document, dict):
        found.error = "The answer is no JSON object."
        return found
    match protocol:
        case "chat":
            message = (document.get("choices") or [{}])[0].get("message") or {}
            found.text = message.get("content") or ""
            for call in message.get("tool_calls") or ():
                said = call.get("function") or {}
                found.calls.append(Call(call.get("id") or "", said.get("name") or "", str(said.get("arguments") or "")))
        case "messages":
            for block in document.get("content") or ():
                found.text += block.get("text", "")
                if block.get("type") == "tool_use":
                    arguments = msgspec.json.encode(block.get("input")).decode()
                    found.calls.append(Call(block.get("id") or "", block.get("name") or "", arguments))
        case "responses":
            _response(found, document)
    found.owes(bool(document.get("usage")), "there is no usage")
    return found


def error_of(body: bytes) -> str:
    """What a refusal says, in whichever protocol."""
    document = _decoded(body.decode("utf-8", "replace"))
    return _message(document) if isinstance(document, dict) else ""


def _message(document: dict[str, Any]) -> str:
    error = document.get("error")
    told = error.get("message") if isinstance(error, dict) else error or document.get("message")
    return str(told or "It does not say why.")
