"""What clients make of an answer when they send it back, in each of the protocols that have a history.

Each `Echo` encodes an answer's events as the client gets them, puts them into a body as some client would, and has the
body decoded again: the messages of a conversation that goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from luna.model.chat import Message
from luna.model.dialect import AnswerHead, ClientRequest, Dialect
from luna.model.events import Opened, StreamEvent
from luna.protocols.registry import ANTHROPIC_MESSAGES, OPENAI_CHAT, OPENAI_RESPONSES

Body = dict[str, Any]


@dataclass(frozen=True)
class Echo:
    """One client's way."""

    name: str
    dialect: Dialect
    ask: Callable[[str], Body]
    """The body of a conversation that begins with these words."""
    echo: Callable[[Body, Body], None]
    """Puts an answer (its document) into the body as what the assistant has said."""
    add: Callable[[Body, str], None]
    """Puts further words of the user's into it."""

    def document(self, events: Sequence[StreamEvent], body: Body) -> Body:
        """The answer as the client gets it."""
        parsed = self.dialect.parse(self._request(body))
        head = AnswerHead("id_0123", "m", 0, stream=False, include_usage=True, document=parsed.document)
        encoder = self.dialect.encoder(head)
        data = b"".join(encoder.feed(event) for event in (Opened("r", "m", "c"), *events)) + encoder.close()
        document: Body = msgspec.json.decode(data)
        return document

    def messages(self, body: Body) -> list[Message]:
        """The body, decoded."""
        request = self._request(body)
        return self.dialect.decode(self.dialect.parse(request), request).messages

    def after(self, events: Sequence[StreamEvent], *, asked: str = "Go on.", then: str = "And now?") -> list[Message]:
        """A conversation in which `events` were the answer to `asked`."""
        body = self.ask(asked)
        self.echo(body, self.document(events, body))
        self.add(body, then)
        return self.messages(body)

    def _request(self, body: Body) -> ClientRequest:
        return ClientRequest("POST", "/", "", (), msgspec.json.encode(body))


# OpenAI's chat completions


def _chat(said: str) -> Body:
    return {"model": "m", "messages": [{"role": "user", "content": said}]}


def _chat_add(body: Body, said: str) -> None:
    body["messages"].append({"role": "user", "content": said})


def _chat_plain(body: Body, answer: Body) -> None:
    body["messages"].append(answer["choices"][0]["message"])


def _chat_trimmed(body: Body, answer: Body) -> None:
    """As Node agents do: trimmed words in a part, arguments written anew, reasoning dropped."""
    message = answer["choices"][0]["message"]
    said: Body = {"role": "assistant"}
    if (message.get("content") or "").strip():
        said["content"] = [{"type": "text", "text": message["content"].strip()}]
    if message.get("tool_calls"):
        said["tool_calls"] = [_rewritten(call) for call in message["tool_calls"]]
    body["messages"].append(said)


def _chat_split(body: Body, answer: Body) -> None:
    """As Goose does: the words before the calls are a message of their own."""
    message = answer["choices"][0]["message"]
    if message.get("content"):
        body["messages"].append({"role": "assistant", "content": message["content"]})
    if message.get("tool_calls"):
        body["messages"].append({"role": "assistant", "content": "", "tool_calls": message["tool_calls"]})


def _rewritten(call: Body) -> Body:
    """New ids, and arguments as another writer of JSON would write them."""
    function = call["function"]
    spaced = msgspec.json.format(msgspec.json.encode(_reversed(msgspec.json.decode(function["arguments"]))), indent=2)
    named = {"name": function["name"], "arguments": spaced.decode()}
    return {"id": f"own-{call['id'][:8]}", "type": "function", "function": named}


def _reversed(value: object) -> object:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [_reversed(member) for member in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else value


# Anthropic's messages


def _anthropic(said: str) -> Body:
    return {"model": "m", "max_tokens": 9999, "messages": [{"role": "user", "content": said}]}


def _anthropic_whole(body: Body, answer: Body) -> None:
    body["messages"].append({"role": "assistant", "content": answer["content"]})


def _anthropic_thoughtless(body: Body, answer: Body) -> None:
    """Without thinking, words trimmed, input in another order."""
    blocks = [block for block in answer["content"] if block["type"] != "thinking"]
    for block in blocks:
        if block["type"] == "text":
            block["text"] = block["text"].strip() or "."
        else:
            block["input"] = _reversed(block["input"])
    blocks = [block for block in blocks if block.get("text") != "."]
    body["messages"].append({"role": "assistant", "content": blocks})


def _anthropic_split(body: Body, answer: Body) -> None:
    """Each block a message of its own."""
    body["messages"] += [{"role": "assistant", "content": [block]} for block in answer["content"]]


# Responses


def _responses(said: str) -> Body:
    return {"model": "m", "input": [{"role": "user", "content": said}]}


def _responses_add(body: Body, said: str) -> None:
    body["input"].append({"role": "user", "content": [{"type": "input_text", "text": said}]})


def _responses_items(body: Body, answer: Body) -> None:
    body["input"] += answer["output"]


def _responses_easy(body: Body, answer: Body) -> None:
    """Messages as plain strings, reasoning dropped."""
    for item in answer["output"]:
        if item["type"] == "message":
            body["input"].append({"role": "assistant", "content": "".join(part["text"] for part in item["content"])})
        elif item["type"] != "reasoning":
            body["input"].append({key: value for key, value in item.items() if key not in ("id", "status")})


ECHOES = (
    Echo("chat", OPENAI_CHAT, _chat, _chat_plain, _chat_add),
    Echo("chat, trimmed", OPENAI_CHAT, _chat, _chat_trimmed, _chat_add),
    Echo("chat, split", OPENAI_CHAT, _chat, _chat_split, _chat_add),
    Echo("messages", ANTHROPIC_MESSAGES, _anthropic, _anthropic_whole, _chat_add),
    Echo("messages, without thinking", ANTHROPIC_MESSAGES, _anthropic, _anthropic_thoughtless, _chat_add),
    Echo("messages, split", ANTHROPIC_MESSAGES, _anthropic, _anthropic_split, _chat_add),
    Echo("responses", OPENAI_RESPONSES, _responses, _responses_items, _responses_add),
    Echo("responses, easy", OPENAI_RESPONSES, _responses, _responses_easy, _responses_add),
)
