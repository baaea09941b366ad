"""Follows the calls that Qwen makes to tools of its own, or believes it has.

Pure. Owns `function_call` frames (wire document section 4.4): the arguments are a string that usually comes
whole again and longer each time. Knows nothing of results and of the rest of the stream.

Events never overlap: while one call is open, another that begins waits until the first is complete.
"""

from typing import Any

import msgspec

from luna.model.events import StreamEvent, ToolClose, ToolDelta, ToolOpen


class _Call(msgspec.Struct):
    index: int
    id: str
    name: str
    arguments: str = ""
    closed: bool = False


class NativeCalls:
    """All calls of one answer."""

    def __init__(self) -> None:
        self.count = 0
        self._calls: dict[str, _Call] = {}
        self.open: _Call | None = None
        """The call whose arguments may still grow: while there is one, only its own events and notices may come."""
        self._waiting: list[_Call] = []

    def __repr__(self) -> str:
        return f"<NativeCalls {self.count}{' open' if self.open else ''}>"

    def feed(self, function_call: Any, function_id: Any, *, finished: bool) -> list[StreamEvent]:
        """Take one frame's call. `finished`: the frame says that it is complete."""
        said = function_call if isinstance(function_call, dict) else {}
        name = str(said.get("name") or "")
        raw = said.get("arguments", "")
        arguments = raw if isinstance(raw, str) else "" if raw is None else msgspec.json.encode(raw).decode()
        key = str(function_id or name or (self.open.id if self.open else ""))
        call = self._calls.get(key)
        if call is not None and call.closed:
            if call.arguments.startswith(arguments):
                return []  # the same call once more
            call = None
        if call is None:
            call = self._calls[key] = self._new(function_id, name)
        return [*self._grow(call, arguments), *(self._complete(call) if finished else ())]

    def whole(self, name: str, arguments: str) -> list[StreamEvent]:
        """A call that came in one piece."""
        key = f"{name} {arguments}"
        if key in self._calls:
            return []  # the same call once more
        call = self._calls[key] = self._new(None, name)
        return [*self.close(), *self._grow(call, arguments), *self._complete(call)]

    def close(self) -> list[StreamEvent]:
        """Whatever is open or waiting is complete: something else begins."""
        events: list[StreamEvent] = []
        while self.open is not None:
            events += self._complete(self.open)
        return events

    def _new(self, function_id: Any, name: str) -> _Call:
        index, self.count = self.count, self.count + 1
        own = isinstance(function_id, str) and function_id and all(c.id != function_id for c in self._calls.values())
        return _Call(index, function_id if own else f"native_{index}", name or "unknown")

    def _grow(self, call: _Call, arguments: str) -> list[StreamEvent]:
        before = call.arguments
        call.arguments = arguments if arguments.startswith(before) else before + arguments
        if self.open is call:
            return _delta(call, call.arguments[len(before) :])
        if call in self._waiting:
            return []
        events: list[StreamEvent] = []
        if self.open is not None and _is_json(self.open.arguments):
            events += self._complete(self.open)
        if self.open is not None:
            self._waiting.append(call)
            return events
        return [*events, *self._begin(call)]

    def _begin(self, call: _Call) -> list[StreamEvent]:
        self.open = call
        return [ToolOpen(call.index, call.id, call.name, native=True), *_delta(call, call.arguments)]

    def _complete(self, call: _Call) -> list[StreamEvent]:
        """Close `call` if it is the open one; the next that waits takes its place."""
        if call is not self.open:
            return []
        call.closed, self.open = True, None
        events: list[StreamEvent] = [ToolClose(call.index)]
        if self._waiting:
            events += self._begin(self._waiting.pop(0))
        return events


def _delta(call: _Call, fragment: str) -> list[StreamEvent]:
    return [ToolDelta(call.index, fragment)] if fragment else []


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
