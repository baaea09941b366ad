"""Events → Anthropic's message as one document: the answer to a request that is not streamed.

Owns the fold. It is cut into the same blocks as the stream, and says the same.
"""

from typing import Any

import msgspec

from luna.model.dialect import AnswerHead
from luna.model.errors import Kind, LunaError
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
from luna.protocols.anthropic_answer import BlockKind, Cost, Signature, ended, envelope
from luna.protocols.prose import Prose


class _Block(msgspec.Struct):
    """A block of a document while it grows."""

    kind: BlockKind
    id: str = ""
    name: str = ""
    pieces: list[str] = msgspec.field(default_factory=list)
    prose: Prose = msgspec.field(default_factory=Prose)

    def document(self) -> dict[str, Any]:
        """The block as the client sees it. Raises LunaError(UPSTREAM_BROKEN) for a call that nobody could run."""
        words = "".join(self.pieces)
        match self.kind:
            case "text":
                return {"type": "text", "text": words}
            case "thinking":
                signature = Signature()
                signature.add(words)
                return {"type": "thinking", "thinking": words, "signature": signature.text}
            case "tool_use":
                return {"type": "tool_use", "id": self.id, "name": self.name, "input": _input(words, self.name)}


class MessageEncoder:
    """An answer that is not streamed: one message document."""

    content_type = "application/json"

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        self._cost = Cost(head)
        self._blocks: list[_Block] = []
        self._native = False
        self._finish: Finish | None = None

    def __repr__(self) -> str:
        return f"<MessageEncoder {self._head.id} blocks={len(self._blocks)} {'done' if self._finish else 'open'}>"

    def feed(self, event: StreamEvent) -> bytes:
        """Nothing yet."""
        match event:
            case TextDelta(text=words) | ThinkDelta(text=words) if not words:
                pass
            case TextDelta():
                block = self._block("text")
                self._grow(block, block.prose.text(event.text))
            case Media():
                block = self._block("text")
                self._grow(block, block.prose.media(event))
            case ThinkDelta():
                self._grow(self._block("thinking"), event.text)
            case ToolOpen():
                self._native = event.native
                if not event.native:
                    self._blocks.append(_Block("tool_use", event.id, event.name))
            case ToolDelta():
                if not self._native:
                    self._grow(self._blocks[-1], event.json)
            case Usage():
                self._cost.count(event)
            case Finish():
                self._finish = event
            case Opened() | ToolClose() | Notice():
                pass
        return b""

    def close(self) -> bytes:
        """The document. Raises LunaError(UPSTREAM_BROKEN) for a call that nobody could run."""
        content = [block.document() for block in self._blocks]
        return msgspec.json.encode(
            {**envelope(self._head), "content": content, **ended(self._finish), "usage": self._cost.last()}
        )

    def _block(self, kind: BlockKind) -> _Block:
        """The last block if it is of that kind, else a new one."""
        if not self._blocks or self._blocks[-1].kind != kind:
            self._blocks.append(_Block(kind))
        return self._blocks[-1]

    def _grow(self, block: _Block, words: str) -> None:
        block.pieces.append(words)
        self._cost.add(words, thinking=block.kind == "thinking")


def _input(arguments: str, name: str) -> msgspec.Raw:
    """A call's arguments, which must be an object: the document has no other place for them. As they were written,
    so that no number loses a digit."""
    if not arguments:
        return msgspec.Raw(b"{}")
    try:
        msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise LunaError(
            Kind.UPSTREAM_BROKEN,
            f"The model called '{name[:64]}' with arguments that are no JSON object.",
            hint="Send the request again.",
        ) from error
    return msgspec.Raw(arguments.encode())
