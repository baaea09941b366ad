"""Events → the events of a stream in Anthropic's protocol.

Owns their order and shape. The answer is cut into blocks, each opened when its first words come and closed when
something else begins:

    thinking    with a signature at its end
    text        pictures, films and sounds are paragraphs of Markdown in it
    tool_use    its input as it is being generated; calls that the upstream made for itself are not told

The stream's first event must tell what the prompt costs, before the upstream has said so: there it is an estimate, and
the figures of the last event are the ones that count.

Everything in a frame that does not change from delta to delta is put together once for each block.
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
from luna.protocols import sse
from luna.protocols.anthropic_answer import BlockKind, Cost, Signature, ended, envelope
from luna.protocols.prose import Prose

_json = msgspec.json.Encoder().encode

_DELTAS: dict[BlockKind, bytes] = {
    "text": b'{"type":"text_delta","text":',
    "thinking": b'{"type":"thinking_delta","thinking":',
    "tool_use": b'{"type":"input_json_delta","partial_json":',
}
_STOP = sse.event("message_stop", b'{"type":"message_stop"}')


class EventEncoder:
    """A streamed answer, from `message_start` to `message_stop`."""

    content_type = sse.CONTENT_TYPE

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        self._cost = Cost(head)
        self._index = -1
        self._kind: BlockKind | None = None
        """Of the open block."""
        self._before = b""
        """What comes before the words in a delta of the open block."""
        self._said = False
        """Whether the open block has had a delta."""
        self._native = False
        self._prose = Prose()
        self._signature = Signature()

    def __repr__(self) -> str:
        return f"<EventEncoder {self._head.id} blocks={self._index + 1} {self._kind or 'between blocks'}>"

    def feed(self, event: StreamEvent) -> bytes:
        """The frames that this event becomes."""
        match event:
            case TextDelta() | Media():
                return self._text(event)
            case ThinkDelta():
                return self._think(event.text)
            case ToolDelta():
                return self._input(event.json)
            case ToolOpen():
                return self._call(event)
            case ToolClose():
                return b"" if self._native else self._close()
            case Opened():
                message = {**envelope(self._head), "content": [], **ended(None), "usage": self._cost.first()}
                return sse.event("message_start", _json({"type": "message_start", "message": message}))
            case Usage():
                self._cost.count(event)
            case Finish():
                delta = {"type": "message_delta", "delta": ended(event), "usage": self._cost.last()}
                return self._close() + sse.event("message_delta", _json(delta))
            case Notice():
                pass
        return b""

    def close(self) -> bytes:
        """The end mark."""
        return _STOP

    def _text(self, event: TextDelta | Media) -> bytes:
        if isinstance(event, TextDelta) and not event.text:
            return b""
        opening = b""
        if self._kind != "text":
            opening = self._open("text", {"type": "text", "text": ""})
            self._prose = Prose()
        words = self._prose.text(event.text) if isinstance(event, TextDelta) else self._prose.media(event)
        self._cost.add(words)
        return opening + self._delta(words)

    def _think(self, text: str) -> bytes:
        if not text:
            return b""
        opening = b""
        if self._kind != "thinking":
            opening = self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""})
            self._signature = Signature()
        self._signature.add(text)
        self._cost.add(text, thinking=True)
        return opening + self._delta(text)

    def _call(self, event: ToolOpen) -> bytes:
        self._native = event.native
        if event.native:
            return b""
        return self._open("tool_use", {"type": "tool_use", "id": event.id, "name": event.name, "input": {}})

    def _open(self, kind: BlockKind, block: dict[str, Any]) -> bytes:
        closing = self._close()
        self._index += 1
        self._kind, self._said = kind, False
        self._before = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % self._index
            + _DELTAS[kind]
        )
        start = {"type": "content_block_start", "index": self._index, "content_block": block}
        return closing + sse.event("content_block_start", _json(start))

    def _input(self, fragment: str) -> bytes:
        if self._native or not fragment:
            return b""
        self._cost.add(fragment)
        return self._delta(fragment)

    def _delta(self, words: str) -> bytes:
        self._said = True
        return self._before + _json(words) + b"}}\n\n"

    def _close(self) -> bytes:
        """The end of the open block, if there is one. A call without arguments says so: some clients read nothing
        but the deltas."""
        match self._kind:
            case None:
                return b""
            case "thinking":
                delta = {"type": "signature_delta", "signature": self._signature.text}
                frame = {"type": "content_block_delta", "index": self._index, "delta": delta}
                last = sse.event("content_block_delta", _json(frame))
            case "tool_use" if not self._said:
                last = self._delta("{}")
            case _:
                last = b""
        self._kind = None
        return last + sse.event("content_block_stop", b'{"type":"content_block_stop","index":%d}' % self._index)
