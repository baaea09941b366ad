"""The six ways to ask (three protocols, streamed and whole), and what an answer is in each.

Owns how a client reads what luna says: the words, or the error in its protocol's shape. What luna *should* say is
unknown here, but for one rule: an answer is either an error, or words with the protocol's own end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from luna.model.errors import Kind
from luna.protocols import anthropic_errors, openai_errors
from tests.support.lookalike import Heard, heard

MODEL = "qwen3.7-plus"
Protocol = Literal["chat", "messages", "responses"]
PATHS: dict[Protocol, str] = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}


@dataclass(frozen=True)
class Way:
    """A protocol, streamed or whole."""

    protocol: Protocol
    stream: bool

    def __str__(self) -> str:
        return f"{self.protocol} {'streamed' if self.stream else 'whole'}"

    def body(self, prompt: str, before: Sequence[str] = ()) -> bytes:
        """A request. `before`: what was said until now, the user first, in turn."""
        messages = [
            {"role": "assistant" if position % 2 else "user", "content": words}
            for position, words in enumerate((*before, prompt))
        ]
        said: dict[str, Any] = {"model": MODEL, "stream": self.stream}
        if self.protocol == "responses":
            said["input"] = messages if before else prompt
        else:
            said |= {"messages": messages, "max_tokens": 100_000}
        return msgspec.json.encode(said)

    def head(self, length: int, *, account: str = "", close: bool = True) -> bytes:
        """The head of a request with a body of that length."""
        lines = [f"POST {PATHS[self.protocol]} HTTP/1.1", "host: localhost", "content-type: application/json"]
        lines += [f"content-length: {length}"]
        lines += [f"x-luna-account-id: {account}"] if account else []
        lines += ["connection: close"] if close else []
        return "\r\n".join([*lines, "", ""]).encode()

    def request(self, prompt: str, *, before: Sequence[str] = (), account: str = "", close: bool = True) -> bytes:
        """Head and body."""
        body = self.body(prompt, before)
        return self.head(len(body), account=account, close=close) + body

    def word(self, kind: Kind) -> str:
        """The protocol's own word for a kind of failure."""
        return anthropic_errors.FACES[kind].type if self.protocol == "messages" else openai_errors.FACES[kind].code

    def status(self, kind: Kind) -> int:
        """The status for a kind of failure."""
        faces = anthropic_errors.FACES if self.protocol == "messages" else openai_errors.FACES
        return faces[kind].status


WAYS = tuple(Way(protocol, stream) for protocol in PATHS for stream in (True, False))


@dataclass
class Got:
    """What a client made of what it got."""

    status: int = 0
    flow: str = ""
    text: str = ""
    error: str = ""
    """The protocol's word for what went wrong."""
    message: str = ""
    ended: bool = False
    """The protocol's own end was there."""
    kind: str = ""
    """`x-luna-error`."""
    misshapen: str = ""
    """What no client of the protocol would understand."""

    def __str__(self) -> str:
        if self.misshapen:
            return f"misshapen: {self.misshapen}"
        if self.error:
            after = f" after {len(self.text)} characters" if self.text else ""
            return f"{self.status} {self.error}{after}"
        return f"{self.status} {len(self.text)} characters{'' if self.ended else ', no end'}"


def understand(way: Way, raw: bytes) -> Got:
    """Read a whole response, as it came until the connection was closed."""
    if not raw:
        return Got(misshapen="closed without a byte")
    response = heard(raw)
    got = Got(
        response.status, response.header("x-luna-flow"), kind=response.header("x-luna-error"), ended=response.complete
    )
    try:
        if response.header("content-type").startswith("text/event-stream"):
            _stream(way, response, got)
        else:
            _document(way, msgspec.json.decode(response.body), got)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        got.misshapen = f"{type(error).__name__}: {error}"
    if not response.complete:
        got.misshapen = got.misshapen or "the HTTP response has no end"
    if not got.misshapen and not got.error and not got.text:
        got.misshapen = "an empty answer"
    return got


def _error(way: Way, said: dict[str, Any], got: Got) -> None:
    got.error, got.message = said["type" if way.protocol == "messages" else "code"], said["message"]
    if not got.message:
        got.misshapen = "an error without words"


def _document(way: Way, said: Any, got: Got) -> None:
    if got.status >= 400:
        if way.protocol == "messages" and said["type"] != "error":
            got.misshapen = "an error that is none in this protocol"
        _error(way, said["error"], got)
    elif way.protocol == "chat":
        got.text, got.ended = said["choices"][0]["message"]["content"], bool(said["choices"][0]["finish_reason"])
    elif way.protocol == "messages":
        got.text, got.ended = "".join(part.get("text", "") for part in said["content"]), bool(said["stop_reason"])
    else:
        parts = [part for item in said["output"] if item["type"] == "message" for part in item["content"]]
        got.text, got.ended = "".join(part["text"] for part in parts), said["status"] == "completed"


def _stream(way: Way, response: Heard, got: Got) -> None:
    got.ended = False
    if not response.body.endswith(b"\n\n"):
        got.misshapen = "the stream ends within an event"
    for block in response.body.split(b"\n\n"):
        lines = [line for line in block.split(b"\n") if line and not line.startswith(b":")]
        data = b"".join(line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: "))
        if not data:
            continue
        if got.ended:
            got.misshapen = "something after the end"
        if data == b"[DONE]":
            got.ended = True
            continue
        _event(way, msgspec.json.decode(data), got)


def _event(way: Way, event: Any, got: Got) -> None:
    if way.protocol == "chat":
        if "error" in event:
            _error(way, event["error"], got)
        for choice in event.get("choices", ()):
            got.text += choice["delta"].get("content") or ""
        return
    match event["type"]:
        case "content_block_delta":
            got.text += event["delta"].get("text", "")
        case "response.output_text.delta":
            got.text += event["delta"]
        case "error" if way.protocol == "messages":
            _error(way, event["error"], got)
            got.ended = True
        case "error":
            got.error, got.message = event["code"], event["message"]
        case "response.failed":
            _failed(event["response"], got)
        case "message_stop" | "response.completed":
            got.ended = True


def _failed(response: dict[str, Any], got: Got) -> None:
    got.ended = True
    if response["status"] != "failed" or not response["error"]["message"]:
        got.misshapen = "a failed response that does not say so"
