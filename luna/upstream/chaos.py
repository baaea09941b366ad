"""The backend that has things go wrong on purpose on the way to one flow: what was really recorded, put in its place.

Owns what an injection does to an exchange, and how it is marked. Which flow is meant, and with what, says `PLAN`, a
context variable: nothing is handed through, and a flow without a plan gets the inner backend's response itself. What
the faults are belongs to whoever makes the plan; nothing here knows Qwen.

Every injected response carries the header `x-luna-chaos`, so that recordings show what it is. It stands inside the
recording backend: what is injected is recorded as if it had come, and a replay, which meets the mark in what it
replays (`replayed`), injects nothing once more.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextvars import ContextVar
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import anyio
import msgspec

from luna.upstream.exchange import Backend, Headers, InResponse, OutRequest
from luna.upstream.response import Response, broken, too_slow

MARK = "x-luna-chaos"
Sleep = Callable[[float], Awaitable[None]]


class Silence(msgspec.Struct, frozen=True):
    """Nothing comes for so many seconds."""

    seconds: float


class Cut:
    """The connection breaks."""


Piece = bytes | Silence | Cut


class Change(Protocol):
    """What becomes of the lines of one body; each is given with its end. Used once."""

    def __call__(self, line: bytes) -> Iterable[Piece]: ...


class Instead(msgspec.Struct, frozen=True):
    """The request does not go out; this comes back."""

    status: int
    headers: Headers
    body: bytes


class Within(msgspec.Struct, frozen=True):
    """The request goes out, and its answer is changed on its way. Only a stream of events is."""

    change: Callable[[], Change]


Fault = Instead | Within


class Plan(msgspec.Struct):
    """What is to happen to one flow. `times`: to how many of its exchanges; 0 for all of them."""

    name: str
    fault: Fault
    path: str
    """Exchanges whose path ends so."""
    times: int = 1
    injected: int = 0
    told: Callable[[str, OutRequest | None], None] = lambda name, request: None
    """Hears of every injection before anything of it is seen; without a request it is one that is replayed."""

    def wants(self, request: OutRequest) -> bool:
        """Whether it is to happen to this exchange."""
        due = not self.times or self.injected < self.times
        return due and urlsplit(request.url).path.endswith(self.path)

    def happens(self, request: OutRequest | None) -> None:
        """It does."""
        self.injected += 1
        self.told(self.name, request)


PLAN: ContextVar[Plan | None] = ContextVar("chaos", default=None)
"""The plan for the flow that is running; None when it is left in peace."""


def replayed(headers: Headers) -> None:
    """A recorded response comes once more; if it was injected then, the plan is told."""
    plan = PLAN.get()
    if plan is not None and (MARK, plan.name) in headers:
        plan.happens(None)


class ChaosBackend:
    """Does to an exchange what the plan says."""

    def __init__(self, inner: Backend, *, sleep: Sleep = anyio.sleep) -> None:
        self._inner = inner
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<ChaosBackend {self._inner!r}>"

    def open(self, request: OutRequest) -> Coroutine[Any, Any, InResponse]:
        """See `Backend.open`."""
        plan = PLAN.get()
        if plan is None or not plan.wants(request):
            return self._inner.open(request)
        return self._disturb(request, plan)

    async def _disturb(self, request: OutRequest, plan: Plan) -> InResponse:
        mark = ((MARK, plan.name),)
        if isinstance(plan.fault, Instead):
            plan.happens(request)
            return Injected(urlsplit(request.url).hostname or "", plan.fault, mark)
        response = await self._inner.open(request)
        if "event-stream" not in response.header("content-type"):
            return response
        plan.happens(request)
        return Changed(request, response, plan.fault.change(), mark, self._sleep)

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._inner.aclose()


class Injected(Response):
    """A response that nobody sent."""

    def __init__(self, host: str, fault: Instead, mark: Headers) -> None:
        super().__init__(host, fault.status, (*fault.headers, *mark))
        self._body = fault.body

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self._body:
            yield self._body

    def chunks(self) -> AsyncIterator[bytes]:
        return self._pieces()

    async def aclose(self) -> None:
        """Nothing is open."""


class Changed(Response):
    """A response whose lines are changed as they come."""

    def __init__(self, request: OutRequest, inner: InResponse, change: Change, mark: Headers, sleep: Sleep) -> None:
        super().__init__(inner.host, inner.status, (*inner.headers, *mark))
        self._inner = inner
        self._chunks = inner.chunks()
        self._change = change
        self._patience = request.timeouts.idle
        self._sleep = sleep
        self._tail = b""
        self._waiting: list[Piece] = []

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._waiting:
            data = await anext(self._chunks, None)
            if data is None:
                rest, self._tail = self._tail, b""
                if not rest:
                    raise StopAsyncIteration
                self._take([rest])
            else:
                *lines, self._tail = (self._tail + data).splitlines(keepends=True) or [b""]
                if self._tail.endswith((b"\n", b"\r")):
                    lines, self._tail = [*lines, self._tail], b""
                self._take(lines)
        return await self._give()

    def _take(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            self._waiting.extend(self._change(line))

    async def _give(self) -> bytes:
        """All that comes at once."""
        together = next((at for at, one in enumerate(self._waiting) if not isinstance(one, bytes)), len(self._waiting))
        if together:
            given = b"".join(one for one in self._waiting[:together] if isinstance(one, bytes))
            del self._waiting[:together]
            return given or await self.__anext__()
        match self._waiting.pop(0):
            case Silence(seconds):
                await self._sleep(min(seconds, self._patience))
                if seconds >= self._patience:
                    raise too_slow(self.host, "body", f"ReadTimeout, nothing came for {self._patience:g} s")
            case _:
                what = "RemoteProtocolError, the connection was closed in the middle of the body"
                raise broken(self.host, "body", what)
        return await self.__anext__()

    async def aclose(self) -> None:
        await self._inner.aclose()
