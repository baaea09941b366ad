"""The requests of the benchmark: files that every server is sent alike.

Every body has a number that the load client counts up, so that no conversation is the same as another, and the words
that the scripted upstream obeys.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.bench.qwen_calls import MODEL

NUMBER = "[[n:00000000]]"
TOOLS = 60
TURN = 5_000
"""Characters of one message of a long conversation."""


@dataclass(frozen=True)
class Bodies:
    """Writes them into a folder."""

    folder: Path

    def stream(self, deltas: int, pace: int = 0, size: int = 0) -> Path:
        """A streamed answer of that many deltas, `pace` milliseconds between them, to a body of about `size` bytes."""
        asked = f"{NUMBER} [[count:{deltas}]][[pace:{pace}]]"
        return self._write(f"stream-{deltas}-{pace}-{size}", {"stream": True, "messages": _conversation(asked, size)})

    def short(self) -> Path:
        """A short answer in one piece."""
        return self._write("short", {"stream": False, "messages": _conversation(f"{NUMBER} [[count:1]]", 0)})

    def tools(self, size: int) -> Path:
        """A short answer in one piece to a body of about `size` bytes, with 60 tools."""
        document = {"stream": False, "tools": [_tool(n) for n in range(TOOLS)]}
        left = size - len(msgspec.json.encode(document))
        return self._write(f"tools-{size}", {**document, "messages": _conversation(f"{NUMBER} [[count:1]]", left)})

    def _write(self, name: str, document: dict[str, Any]) -> Path:
        path = self.folder / f"{name}.json"
        path.write_bytes(msgspec.json.encode({"model": MODEL, **document}))
        return path


def _conversation(asked: str, size: int) -> list[dict[str, str]]:
    """The number stands in its first message, where a conversation is told from others."""
    said = "Some words \u00e9 and a line.\n" * (TURN // 26)
    turns = [
        {"role": "assistant" if turn % 2 else "user", "content": said if turn else f"{NUMBER} {said}"}
        for turn in range(max(0, size // (TURN + 40)))
    ]
    if len(turns) % 2:  # the roles take turns
        turns.append({"role": "assistant", "content": "Yes."})
    return [*turns, {"role": "user", "content": asked}]


def _tool(number: int) -> dict[str, Any]:
    properties = {
        "path": {"type": "string", "description": "Which file, from the root of the project."},
        "lines": {"type": "array", "items": {"type": "integer"}, "description": "First and last line."},
        "mode": {"type": "string", "enum": ["read", "write", "append"]},
    }
    return {
        "type": "function",
        "function": {
            "name": f"tool_{number}",
            "description": f"Does what number {number} does. " + "It says so at some length. " * 6,
            "parameters": {"type": "object", "properties": properties, "required": ["path"]},
        },
    }
