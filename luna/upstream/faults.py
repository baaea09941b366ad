"""The backend that breaks things on purpose: for tests, and for people who want to see what their client does.

Owns the faults and their choice; what they are done to comes from an inner backend. Failures are
worded like the real ones, because to the rest of luna they are.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import anyio

from luna.upstream.exchange import Backend, Headers, InResponse, OutRequest
from luna.upstream.response import Response, broken, too_slow

Sleep = Callable[[float], Awaitable[None]]
When = Callable[[OutRequest], bool]


@dataclass(frozen=True)
class Refuse:
    """No connection."""


@dataclass(frozen=True)
class FailBeforeHead:
    """The request is sent, then the connection breaks."""


@dataclass(frozen=True)
class DelayHead:
    """The head comes `seconds` later; too late if the request's timeout says so."""

    seconds: float


@dataclass(frozen=True)
class Cut:
    """The body breaks off after so many bytes."""

    after: int


@dataclass(frozen=True)
class Stall:
    """Nothing comes after so many bytes of the body, until the request's timeout."""

    after: int


@dataclass(frozen=True)
class Garble:
    """After so many bytes the body is `junk` and ends."""

    after: int
    junk: bytes = b"\x00\xff\xfe{]garbled\r\n"


@dataclass(frozen=True)
class SingleBytes:
    """The body comes byte by byte."""


@dataclass(frozen=True)
class Replace:
    """Another response. None keeps what came."""

    status: int | None = None
    headers: Headers | None = None
    body: bytes | None = None


Fault = Refuse | FailBeforeHead | DelayHead | Cut | Stall | Garble | SingleBytes | Replace


@dataclass
class Rule:
    """The fault for requests that `when` picks; `times` of them, None for all."""

    when: When
    fault: Fault
    times: int | None = None


class FaultBackend:
    """Does to an exchange what the first rule of the plan that picks its request says."""

    def __init__(self, inner: Backend, plan: Iterable[Rule], *, sleep: Sleep = anyio.sleep) -> None:
        self._inner = inner
        self._plan = [Rule(rule.when, rule.fault, rule.times) for rule in plan]
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<FaultBackend rules={len(self._plan)} {self._inner!r}>"

    async def open(self, request: OutRequest) -> InResponse:
        """See `Backend.open`."""
        fault = self._choose(request)
        host = urlsplit(request.url).hostname or ""
        match fault:
            case None:
                return await self._inner.open(request)
            case Refuse():
                raise broken(host, "connect", "ConnectError, the connection was refused")
            case FailBeforeHead():
                await (await self._inner.open(request)).aclose()
                raise broken(host, "head", "RemoteProtocolError, it closed without an answer")
            case DelayHead(seconds):
                patience = request.timeouts.head
                await self._sleep(min(seconds, patience))
                if seconds >= patience:
                    raise too_slow(host, "head", f"ReadTimeout, no answer within {patience:g} s")
                return await self._inner.open(request)
            case Cut() | Stall() | Garble() | SingleBytes() | Replace():
                response = await self._inner.open(request)
                return FaultyResponse(response, host, fault, request.timeouts.idle, self._sleep)

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._inner.aclose()

    def _choose(self, request: OutRequest) -> Fault | None:
        for rule in self._plan:
            if rule.times != 0 and rule.when(request):
                if rule.times is not None:
                    rule.times -= 1
                return rule.fault
        return None


class FaultyResponse(Response):
    """A response with a fault in it."""

    def __init__(self, inner: InResponse, host: str, fault: Fault, patience: float, sleep: Sleep) -> None:
        super().__init__(host, inner.status, inner.headers)
        self._inner = inner
        self._chunks = inner.chunks()
        self._fault = fault
        self._patience = patience
        self._sleep = sleep
        self._given = 0
        self._waiting = b""
        if isinstance(fault, Replace):
            self._says(
                self.status if fault.status is None else fault.status,
                self.headers if fault.headers is None else fault.headers,
            )
            self._waiting = fault.body or b""

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        match self._fault:
            case SingleBytes():
                if not self._waiting:
                    self._waiting = await self._chunks.__anext__()
                return self._take(1)
            case Replace(body=bytes()):
                if not self._waiting:
                    raise StopAsyncIteration
                return self._take(len(self._waiting))
            case Cut(after) | Stall(after) | Garble(after):
                if self._given < after:
                    self._waiting = await self._chunks.__anext__()
                    return self._take(after - self._given)
                return await self._break(self._fault)
            case _:
                return await self._chunks.__anext__()

    def _take(self, size: int) -> bytes:
        taken, self._waiting = self._waiting[:size], self._waiting[size:]
        self._given += len(taken)
        return taken

    async def _break(self, fault: Cut | Stall | Garble) -> bytes:
        match fault:
            case Cut():
                what = "RemoteProtocolError, the connection was closed in the middle of the body"
                raise broken(self.host, "body", what)
            case Stall():
                await self._sleep(self._patience)
                raise too_slow(self.host, "body", f"ReadTimeout, nothing came for {self._patience:g} s")
            case Garble():
                if self._given > fault.after:
                    raise StopAsyncIteration
                self._given += 1 + len(fault.junk)
                return fault.junk

    async def aclose(self) -> None:
        await self._inner.aclose()
