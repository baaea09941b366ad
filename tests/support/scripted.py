"""An upstream made of scripts: what each address answers, piece by piece, and what it was asked."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import msgspec

from luna.model.errors import LunaError
from luna.upstream.exchange import Headers, OutRequest
from luna.upstream.response import Response

STALL = float("inf")
SSE = "text/event-stream; charset=utf-8"

Step = bytes | float | LunaError
"""A piece of the body, a silence in seconds, or the failure that ends it."""


@dataclass(frozen=True)
class Says:
    """One answer. `delay`: silence before its head."""

    steps: tuple[Step, ...] = ()
    status: int = 200
    headers: Headers = ()
    delay: float = 0.0


Answer = Says | LunaError | Callable[[OutRequest], Says]


class ScriptedResponse(Response):
    """An `InResponse` that plays a script."""

    def __init__(self, says: Says, closed: Callable[[], None]) -> None:
        super().__init__("scripted.example", says.status, says.headers)
        self._steps = says.steps
        self._closed: Callable[[], None] | None = closed

    async def chunks(self) -> AsyncIterator[bytes]:
        for step in self._steps:
            match step:
                case bytes():
                    await anyio.lowlevel.checkpoint()
                    yield step
                case LunaError():
                    raise step
                case _:
                    await (anyio.sleep_forever() if step == STALL else anyio.sleep(step))

    async def read(self, limit: int = 4 * 1024 * 1024) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])[:limit]

    async def aclose(self) -> None:
        with anyio.CancelScope(shield=True):  # it takes a while, and is not broken off
            await anyio.lowlevel.checkpoint()
        if self._closed is not None:
            self._closed()
            self._closed = None


@dataclass
class ScriptedBackend:
    """A `Backend`. Answers of one address are used up in order; the last one stays."""

    requests: list[OutRequest] = field(default_factory=list)
    open_responses: int = 0
    _answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)

    def on(self, method: str, path: str, *answers: Answer) -> "ScriptedBackend":
        """What `method path` (without query) answers."""
        self._answers[(method, path)] = list(answers)
        return self

    async def open(self, request: OutRequest) -> ScriptedResponse:
        self.requests.append(request)
        key = (request.method, urlsplit(request.url).path)
        answers = self._answers.get(key)
        assert answers, f"nothing scripted for {key}"
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        await anyio.lowlevel.checkpoint()
        if isinstance(answer, LunaError):
            raise answer
        says = answer if isinstance(answer, Says) else answer(request)
        if says.delay:
            await (anyio.sleep_forever() if says.delay == STALL else anyio.sleep(says.delay))
        self.open_responses += 1
        return ScriptedResponse(says, self._one_closed)

    def _one_closed(self) -> None:
        self.open_responses -= 1

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()

    def calls(self) -> list[str]:
        """`METHOD /path` of everything that was asked, in order."""
        return [f"{request.method} {urlsplit(request.url).path}" for request in self.requests]

    def to(self, path: str) -> list[OutRequest]:
        """The requests to one path."""
        return [request for request in self.requests if urlsplit(request.url).path == path]


def header(request: OutRequest, name: str) -> str:
    """A request's header, or ""."""
    return next((value for key, value in request.headers if key.lower() == name.lower()), "")


def body_of(request: OutRequest) -> Any:
    """A request's JSON."""
    return msgspec.json.decode(request.body)


def document(content: Any, *, actual: int = 200, status: int = 200, more: Headers = ()) -> Says:
    """A JSON answer."""
    headers = (("content-type", "application/json"), ("x-actual-status-code", str(actual)), *more)
    return Says((msgspec.json.encode(content),), status, headers)


def success(data: Any, *, more: Headers = ()) -> Says:
    """Qwen's envelope."""
    return document({"success": True, "request_id": "r", "data": data}, more=more)


def refusal(code: str, details: str, actual: int, **more: Any) -> Says:
    """Qwen's envelope of a refusal."""
    return document(
        {"success": False, "request_id": "r", "data": {"code": code, "details": details, **more}}, actual=actual
    )


def stream(*steps: Step | Mapping[str, Any], actual: int = 200) -> Says:
    """A stream: a mapping is a frame in a read of its own."""
    pieces = tuple(data(step) if isinstance(step, Mapping) else step for step in steps)
    return Says(pieces, 200, (("content-type", SSE), ("x-actual-status-code", str(actual))))


def data(*frames: Mapping[str, Any]) -> bytes:
    """Frames as they stand on the wire, in one piece."""
    return b"".join(b"data: " + msgspec.json.encode(frame) + b"\n\n" for frame in frames)


def created(response: str = "resp-1", chat: str = "chat-1") -> dict[str, Any]:
    """The first frame."""
    return {
        "response.created": {"chat_id": chat, "parent_id": "user-1", "response_id": response, "response_index": "0"}
    }


def delta(content: str = "", *, phase: str | None = "answer", status: str = "typing", **more: Any) -> dict[str, Any]:
    """An increment. `usage` goes to the frame, everything else to the delta."""
    frame: dict[str, Any] = {}
    if "usage" in more:
        frame["usage"] = more.pop("usage")
    said = {"role": "assistant", "content": content, "phase": phase, "status": status, **more}
    return {"choices": [{"delta": said}], "response_id": "resp-1", **frame}


FINISHED = delta(status="finished")


def answer(text: str, response: str = "resp-1", chat: str = "chat-1") -> Says:
    """A whole plain answer in one read."""
    return stream(data(created(response, chat), delta(text), FINISHED))
