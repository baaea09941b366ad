"""Events → OpenAI's older text completion: as chunks of a stream, or folded into one document.

Owns the shape of both, which is nearly the same. There is only text here: reasoning is left out, and calls that the
client can run do not come, because nobody can declare a tool.
"""

from typing import Any

import msgspec

from luna.model.dialect import AnswerHead
from luna.model.events import Finish, Media, StopReason, StreamEvent, TextDelta, ThinkDelta, Usage
from luna.protocols import sse, tokens
from luna.protocols.completions_decode import prompt
from luna.protocols.completions_types import Body
from luna.protocols.openai_encode import usage_document
from luna.protocols.prose import Prose

_json = msgspec.json.Encoder().encode

_REASONS: dict[StopReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "stop",
    "content_filter": "content_filter",
}


class TextAnswer:
    """What both forms share. `body` is the request's."""

    def __init__(self, head: AnswerHead, body: Body) -> None:
        self._head = head
        self._echo = prompt(body) if body.echo else ""
        self._prose = Prose()
        self._spoken: list[str] = []
        self._thought: list[str] = []
        self._usage: Usage | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._head.id}>"

    def _text(self, event: StreamEvent) -> str:
        """The text that this event adds to the answer."""
        text = ""
        match event:
            case TextDelta():
                text = self._prose.text(event.text)
                self._spoken.append(text)
            case Media():
                text = self._prose.media(event)
                self._spoken.append(text)
            case ThinkDelta():
                self._thought.append(event.text)
            case Usage():
                self._usage = event
            case _:
                pass
        return text

    def _cost(self) -> dict[str, Any]:
        return usage_document(
            self._usage
            or tokens.estimated_usage(self._head.prompt_tokens(), "".join(self._spoken), "".join(self._thought))
        )

    def _envelope(self) -> dict[str, Any]:
        head = self._head
        return {"id": head.id, "object": "text_completion", "created": head.created, "model": head.model}


def _choice(text: str, reason: str | None) -> dict[str, Any]:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": reason}


class TextChunkEncoder(TextAnswer):
    """A streamed answer, then `[DONE]`."""

    content_type = sse.CONTENT_TYPE

    def feed(self, event: StreamEvent) -> bytes:
        """The frame that this event becomes."""
        text = self._echo + self._text(event)
        self._echo = ""
        frame = self._chunk([_choice(text, None)]) if text else b""
        if isinstance(event, Finish):
            frame += self._chunk([_choice("", _REASONS[event.reason])])
        return frame

    def close(self) -> bytes:
        """The usage chunk, if the client wants one, and the end mark."""
        if not self._head.include_usage:
            return sse.DONE
        return sse.frame(_json({**self._envelope(), "choices": [], "usage": self._cost()})) + sse.DONE

    def _chunk(self, choices: list[dict[str, Any]]) -> bytes:
        unknown = {"usage": None} if self._head.include_usage else {}
        return sse.frame(_json({**self._envelope(), "choices": choices, **unknown}))


class TextDocumentEncoder(TextAnswer):
    """An answer that is not streamed."""

    content_type = "application/json"

    def __init__(self, head: AnswerHead, body: Body) -> None:
        super().__init__(head, body)
        self._reason: str | None = None

    def feed(self, event: StreamEvent) -> bytes:
        """Nothing yet."""
        self._text(event)
        if isinstance(event, Finish):
            self._reason = _REASONS[event.reason]
        return b""

    def close(self) -> bytes:
        """The document."""
        choice = _choice(self._echo + "".join(self._spoken), self._reason)
        return _json({**self._envelope(), "choices": [choice], "usage": self._cost()})
