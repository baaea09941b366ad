"""Events → OpenAI's chat completion: as chunks of a stream, or folded into one document.

Owns the shape of both. They say the same: a client that adds up the chunks has the document's message. Calls that
the upstream made for itself are not told; pictures, films and sounds become paragraphs of Markdown.

Everything in a chunk that does not change from delta to delta is put together once for each answer.
"""

from typing import Any

import msgspec

from luna.model.dialect import AnswerHead
from luna.model.events import (
    Finish,
    Media,
    Notice,
    Opened,
    StreamEvent,
    TextDelta,
    ThinkDelta,
    ToolClose,
    ToolDelta,
    ToolOpen,
    Usage,
)
from luna.model.fold import Fold
from luna.protocols import sse, tokens
from luna.protocols.prose import Prose

_json = msgspec.json.Encoder().encode


class ChunkEncoder:
    """A streamed answer: `chat.completion.chunk` frames, then `[DONE]`."""

    content_type = sse.CONTENT_TYPE

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        opening = {"id": head.id, "object": "chat.completion.chunk", "created": head.created, "model": head.model}
        self._opening = b"data: " + _json(opening)[:-1] + b',"choices":['
        self._delta = self._opening + b'{"index":0,"delta":'
        self._end = b"}]" + (b',"usage":null' if head.include_usage else b"") + b"}\n\n"
        self._more = b',"finish_reason":null' + self._end
        self._text = self._delta + b'{"content":', b"}" + self._more
        self._think = self._delta + b'{"reasoning_content":', b"}" + self._more
        self._prose = Prose()
        self._call = -1
        self._native = False
        self._usage: Usage | None = None
        self._spoken: list[str] = []
        self._thought: list[str] = []

    def __repr__(self) -> str:
        return f"<ChunkEncoder {self._head.id} calls={self._call + 1}>"

    def feed(self, event: StreamEvent) -> bytes:
        """The frame that this event becomes."""
        text = ""
        match event:
            case TextDelta():
                text = event.text if self._prose.flows else self._prose.text(event.text)
            case Media():
                text = self._prose.media(event)
            case ThinkDelta():
                return self._reasoning(event.text)
            case ToolOpen():
                return self._open(event)
            case ToolDelta():
                return self._arguments(event.json)
            case Opened():
                return self._chunk({"role": "assistant", "content": ""})
            case Usage():
                self._usage = event
            case Finish():
                return self._delta + b'{},"finish_reason":' + _json(event.reason) + self._end
            case ToolClose() | Notice():
                pass
        if not text:
            return b""
        if self._head.include_usage:
            self._spoken.append(text)
        before, after = self._text
        return before + _json(text) + after

    def close(self) -> bytes:
        """The usage chunk, if the client wants one, and the end mark."""
        if not self._head.include_usage:
            return sse.DONE
        usage = self._usage or tokens.estimated_usage(
            self._head.prompt_tokens(), "".join(self._spoken), "".join(self._thought)
        )
        return self._opening + b'],"usage":' + _json(usage_document(usage)) + b"}\n\n" + sse.DONE

    def _reasoning(self, text: str) -> bytes:
        if not text:
            return b""
        if self._head.include_usage:
            self._thought.append(text)
        before, after = self._think
        return before + _json(text) + after

    def _open(self, event: ToolOpen) -> bytes:
        self._native = event.native
        if event.native:
            return b""
        self._call += 1
        function = {"name": event.name, "arguments": ""}
        call = {"index": self._call, "id": event.id, "type": "function", "function": function}
        return self._chunk({"tool_calls": [call]})

    def _arguments(self, fragment: str) -> bytes:
        if self._native or not fragment:
            return b""
        if self._head.include_usage:
            self._spoken.append(fragment)
        return self._chunk({"tool_calls": [{"index": self._call, "function": {"arguments": fragment}}]})

    def _chunk(self, delta: dict[str, Any]) -> bytes:
        return self._delta + _json(delta) + self._more


class DocumentEncoder:
    """An answer that is not streamed: one `chat.completion` document."""

    content_type = "application/json"

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        self._fold = Fold()
        self._prose = Prose()

    def __repr__(self) -> str:
        return f"<DocumentEncoder {self._head.id} {self._fold!r}>"

    def feed(self, event: StreamEvent) -> bytes:
        """Nothing yet."""
        match event:
            case TextDelta():
                self._fold.say(event.text if self._prose.flows else self._prose.text(event.text))
            case Media():
                self._fold.say(self._prose.media(event))
            case Opened() | Notice():
                pass
            case _:
                self._fold.feed(event)
        return b""

    def close(self) -> bytes:
        """The document."""
        fold, head = self._fold, self._head
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in fold.client_calls
        ]
        text, thinking = fold.text, fold.thinking
        message: dict[str, Any] = {"role": "assistant", "content": None if calls and not text else text}
        if thinking:
            message["reasoning_content"] = thinking
        if calls:
            message["tool_calls"] = calls
        usage = fold.usage or tokens.estimated_usage(
            head.prompt_tokens(), text + "".join([call.arguments for call in fold.client_calls]), thinking
        )
        return _json(
            {
                "id": head.id,
                "object": "chat.completion",
                "created": head.created,
                "model": head.model,
                "choices": [{"index": 0, "message": message, "finish_reason": fold.reason}],
                "usage": usage_document(usage),
            }
        )


def usage_document(usage: Usage) -> dict[str, Any]:
    """What a turn cost, in OpenAI's words."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
