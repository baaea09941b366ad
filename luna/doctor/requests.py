"""Puts a client's requests together: the first turn with its tools, the second with the result, and what stands beside.

Pure. Owns the shapes of bodies in the three protocols, as the clients write them. What a client is, is
`luna.doctor.clients`'.
"""

from typing import Any

import msgspec

from luna.doctor.clients import FILE, Client
from luna.doctor.streams import Call

BLOCK = """\
doctor.py
```
<<<<<<< SEARCH
if (a < b) say "<tool>&amp;";
=======
if (a < b) say "<tool>&amp;</tool>";
>>>>>>> REPLACE
```"""
"""What a client without tools parses: it must come through byte for byte."""
_SYSTEM = "You are a coding agent. Use the tools that you are given."
TITLE = "Give this conversation a title of at most five words."


def task(client: Client) -> str:
    """What the user asks."""
    if not client.tools:
        return f"Answer with exactly this, and nothing else:\n\n{BLOCK}"
    return (
        f"Read the file {FILE} with the tool {client.tools[0].name}, then answer with the word that stands in it, and"
        " with nothing else."
    )


def result(word: str) -> str:
    """What the tool says."""
    return f"The word is {word}\n"


def first(client: Client, model: str, *, stream: bool = True) -> bytes:
    """The first turn."""
    return _body(client, model, [_user(client, task(client))], stream)


def second(client: Client, model: str, call: Call, word: str) -> bytes:
    """The turn in which the tool's result goes back."""
    return _body(client, model, [_user(client, task(client)), *_answered(client, call, result(word))], stream=True)


def _answered(client: Client, call: Call, said: str) -> list[Any]:
    """The call and its result, as the client sends them back."""
    match client.protocol:
        case "chat":
            function = {"name": call.name, "arguments": call.arguments}
            called = [{"id": call.id, "type": "function", "function": function}]
            return [
                {"role": "assistant", "content": None, "tool_calls": called},
                {"role": "tool", "tool_call_id": call.id, "content": _words(client, said)},
            ]
        case "messages":
            use = {"type": "tool_use", "id": call.id, "name": call.name, "input": msgspec.json.decode(call.arguments)}
            got = {"type": "tool_result", "tool_use_id": call.id, "content": said}
            return [{"role": "assistant", "content": [use]}, {"role": "user", "content": [got]}]
        case "responses":
            asked = {"name": call.name, "arguments": call.arguments, "call_id": call.id}
            got = {"type": "function_call_output", "call_id": call.id, "output": said}
            return [{"type": "function_call", **asked}, got]


def count(client: Client, model: str) -> bytes:
    """How long would that be?"""
    asked = {"model": model, "messages": [_user(client, task(client))], "tools": _tools(client)}
    return msgspec.json.encode(asked)


def title(model: str) -> bytes:
    """A side request: no tools, and two turns of the user's in a row."""
    said = [{"role": "system", "content": "You write titles."}, {"role": "user", "content": TITLE}]
    body = {"model": model, "messages": [*said, {"role": "user", "content": "Read a file."}], "stream": True}
    return msgspec.json.encode({**body, "stream_options": {"include_usage": True}})


def _body(client: Client, model: str, turns: list[Any], stream: bool) -> bytes:
    body: dict[str, Any] = {"model": model, **client.more}
    if client.tools:
        body["tools"] = _tools(client)
    match client.protocol:
        case "chat":
            body["messages"] = [{"role": "system", "content": _SYSTEM}, *turns]
        case "messages":
            billing = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330; cch=0;"}
            cached = {"type": "text", "text": _SYSTEM, "cache_control": {"type": "ephemeral"}}
            body["system"] = [billing, cached]
            # The environment comes as a message of the system's behind the first of the user's.
            body["messages"] = [turns[0], {"role": "system", "content": "Working directory: /luna"}, *turns[1:]]
        case "responses":
            told = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": _SYSTEM}]}
            body["input"] = [told, *turns]
    if stream or client.protocol != "chat":
        body["stream"] = stream
    if not stream:
        body.pop("stream_options", None)
    return msgspec.json.encode(body)


def _user(client: Client, text: str) -> dict[str, Any]:
    if client.protocol == "responses":
        return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return {"role": "user", "content": _words(client, text)}


def _words(client: Client, text: str) -> Any:
    return [{"type": "text", "text": text}] if client.parts else text


def _tools(client: Client) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for tool in client.tools:
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": dict(tool.properties),
            "required": [*tool.properties],
            "additionalProperties": False,
        }
        described: dict[str, Any] = {"name": tool.name, "description": tool.about}
        match client.protocol:
            case "chat":
                made.append({"type": "function", "function": {**described, "parameters": schema}})
            case "messages":
                made.append({**described, "input_schema": schema})
            case "responses":
                made.append({**described, "type": "function", "strict": False, "parameters": schema})
    return made
