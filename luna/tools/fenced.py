"""A code fence that may hold nothing but calls.

Owns the decision between a call that a model wrapped in a fence and one that it quotes. It is a call when

    - the fence holds whole calls and nothing else,
    - each is to a tool of the request, with every required parameter,
    - and the answer ends there: nothing follows but blanks and further fences of that kind.

In a fence that holds something else before, a call counts only if the fence never closes: then the model forgot to
close it. Until it is decided the text is kept; a quotation goes out untouched.
"""

import re

import msgspec

from luna.model.events import Notice, StreamEvent, ToolDelta, ToolOpen
from luna.tools.block import Block
from luna.tools.opening import PATIENCE, Opening, closer, opening
from luna.tools.schema import Toolbox
from luna.tools.tags import MORE, Tag

FENCE = re.compile(r"(`{3,64}|~{3,64})[^\n`]{0,64}\n")
FENCE_BEGUN = re.compile(r"(?:`{1,2}|~{1,2}|(?:`{3,64}|~{3,64})[^\n`]{0,64})\Z")
_BLANKS = re.compile(r"\s*")
_WAIT, _QUOTED = -1, -2
_RUN = re.compile(r"(`+|~+)[ \t]*\n?")


class Fenced:
    """One such fence, or several in a row. `head` is its opening line, "" in a fence that began with something else."""

    def __init__(self, toolbox: Toolbox, head: str, fence: str) -> None:
        self.events: list[StreamEvent] = []
        self._toolbox = toolbox
        self._alone = bool(head)
        self._fence = fence
        self._raw = [head]
        self._length = len(head)
        self._certain = len(head) or 1
        self._at_fence = False
        self._tail = ""
        self._block: Block | None = None
        self._of_block: list[StreamEvent] = []
        self._failed = False
        self._closed = False

    def __repr__(self) -> str:
        return f"<Fenced {self._block!r}{' closed' if self._closed else ''}>"

    @property
    def raw(self) -> str:
        """All of it, as text."""
        return "".join(self._raw)

    def feed(self, text: str, *, final: bool = False) -> tuple[str, str] | None:
        """Take more. Once it is clear that these are no calls, returns what is certainly quoted, and the rest, which
        may hold anything. After the last piece (`final`) None means that they are calls."""
        self._raw.append(text)
        self._length += len(text)
        text, self._tail = self._tail + text, ""
        while True:
            if self._block is not None:
                rest = self._read_block(self._block, text, final)
                if rest is None:
                    return self._quotation() if self._failed else None
                text, self._block = rest, None
            at = _end_of_blanks(text)
            if at == len(text):
                self._tail = text
                return None if at < PATIENCE else self._quotation()
            after = self._behind(text, at, final) if self._closed else self._inside(text, at, final)
            if after == _QUOTED:
                return self._quotation()
            if after == _WAIT:
                self._tail = text
                return None
            text = text[after:]
            if self._at_fence:
                self._certain, self._at_fence = self._length - len(text), False

    def _read_block(self, block: Block, text: str, final: bool) -> str | None:
        """What stands behind the block; None when it goes on or has failed."""
        events = block.feed(text)
        if final and not block.done:
            events += block.finish()
        self._of_block += events
        self._failed = any(isinstance(event, Notice) and event.kind in _UNUSABLE for event in events)
        if self._failed or not block.done:
            return None
        self._failed = not self._all_there()
        self.events += self._of_block
        self._of_block = []
        return None if self._failed else block.rest

    def _inside(self, text: str, at: int, final: bool) -> int:
        """What stands in the fence: where the text goes on behind it, or one of the marks."""
        if text[at] == self._fence[0]:
            run = _RUN.match(text, at)
            if run is None or (run.end() == len(text) and not text.endswith("\n") and not final):
                return _WAIT
            ends = len(run[1]) >= len(self._fence) and (run.end() == len(text) or text[run.end() - 1] == "\n")
            self._closed = self._at_fence = ends
            return run.end() if ends and self._alone else _QUOTED
        if text[at] not in "<[":
            return _QUOTED
        left = closer(text, at) if self.events else None
        if isinstance(left, Tag):
            return left.end
        verdict, _ = opening(text, at, self._toolbox)
        if verdict is Opening.BLOCK:
            self._block = Block(self._toolbox)
            return at
        return _WAIT if (verdict is Opening.MORE or left is MORE) and not final else _QUOTED

    def _behind(self, text: str, at: int, final: bool) -> int:
        """What stands behind the fence: where the text goes on behind it, or one of the marks."""
        found = FENCE.match(text, at)
        if found is not None:
            self._fence, self._closed, self._at_fence = found[1], False, True
            return found.end()
        return _WAIT if FENCE_BEGUN.match(text, at) and not final else _QUOTED

    def _all_there(self) -> bool:
        """Whether every call of the block has the parameters that its tool requires."""
        return all(
            signature is not None and signature.parameters.required <= arguments.keys()
            for name, arguments in _calls(self._of_block)
            for signature in [self._toolbox.find(name)]
        )

    def _quotation(self) -> tuple[str, str]:
        """Whatever is decided, it is the same wherever the pieces end: up to the last fence line it is a quotation."""
        whole = self.raw
        return whole[: self._certain], whole[self._certain :]


_UNUSABLE = ("tool-invalid", "tool-truncated", "tool-result-invented")


def _calls(events: list[StreamEvent]) -> list[tuple[str, dict[str, object]]]:
    written: list[tuple[str, list[str]]] = []
    for event in events:
        if isinstance(event, ToolOpen):
            written.append((event.name, []))
        elif isinstance(event, ToolDelta):
            written[-1][1].append(event.json)
    return [(name, msgspec.json.decode("".join(json), type=dict[str, object])) for name, json in written]


def _end_of_blanks(text: str) -> int:
    found = _BLANKS.match(text)
    return found.end() if found else 0
