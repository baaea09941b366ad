"""What stands between luna and the look-alike and breaks the connection, to the byte.

Owns faults of the transport: which request they happen to, and what happens to the bytes of its answer. What the
look-alike itself says wrong is its own business (`luna.demo.misbehave`). Bytes pass unread but for the beginning of
each request, which says where it goes.
"""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Self

import anyio
from anyio.abc import SocketAttribute, SocketStream, TaskGroup

NEW = b"POST /api/v2/chats/new"
COMPLETION = b"POST /api/v2/chat/completions?"

Ending = Literal["close", "reset", "half-close", "stall"]


@dataclass(frozen=True)
class Break:
    """The answer comes as far as byte `after` (its head counts), and then this happens."""

    ending: Ending
    after: int = 0


@dataclass(frozen=True)
class Late:
    """The answer begins so many seconds later."""

    seconds: float


@dataclass(frozen=True)
class Instead:
    """Somebody else answers: these bytes, `more` again and again if there are any, and then this happens."""

    data: bytes
    ending: Ending = "close"
    more: bytes = b""


@dataclass(frozen=True)
class LastAnswer:
    """The answer comes, and then nobody listens here any more."""


Fault = Break | Late | Instead | LastAnswer


class _Over(Exception):
    """The connection has come to its end."""


class Relay:
    """`async with Relay(upstream_port) as relay`; give `relay.url` to luna, and set `fault` and `at`."""

    def __init__(self, upstream: int) -> None:
        self.port = 0
        self.open = 0
        """Connections now."""
        self.held = 0
        """Answers that are being held back now."""
        self.bytes = b""
        """Of the latest answer to what `at` means, as far as the look-alike sent it."""
        self.fault: Fault | None = None
        self.at = COMPLETION
        """The beginning of the requests that it happens to."""
        self._upstream = upstream
        self._listening: anyio.CancelScope | None = None
        self._closed = anyio.Event()

    def __repr__(self) -> str:
        return f"<Relay :{self.port} open={self.open} {self.fault!r}>"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._tasks: TaskGroup = anyio.create_task_group()
        await self._tasks.__aenter__()
        await self.listen()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def listen(self) -> None:
        """Be there (again), at the same port."""
        if self._listening is None:
            listener = await anyio.create_tcp_listener(
                local_host="127.0.0.1", local_port=self.port, backlog=1024, reuse_port=False
            )
            self.port = listener.extra(SocketAttribute.local_port)
            self._listening, self._closed = anyio.CancelScope(), anyio.Event()
            self._tasks.start_soon(self._serve, listener, self._listening, self._closed)

    async def refuse(self) -> None:
        """Let nobody listen here: whoever connects is refused. Connections that exist stay."""
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
            await self._closed.wait()

    @asynccontextmanager
    async def deaf(self) -> AsyncIterator[None]:
        """While somebody listens and never accepts: who connects waits. Connections that exist stay."""
        await self.refuse()
        with socket.socket() as wall:
            wall.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            wall.bind(("127.0.0.1", self.port))
            wall.listen(0)
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", self.port))
            try:
                yield
            finally:
                for one in waiting:
                    one.close()
        await self.listen()

    async def _serve(
        self, listener: anyio.abc.Listener[SocketStream], scope: anyio.CancelScope, closed: anyio.Event
    ) -> None:
        with scope:
            async with listener:
                await listener.serve(self._connected, self._tasks)
        closed.set()

    async def _connected(self, luna: SocketStream) -> None:
        self.open += 1
        try:
            async with luna, await anyio.connect_tcp("127.0.0.1", self._upstream) as site:
                await _Connection(self, luna, site).run()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            pass  # one of the two has gone
        finally:
            self.open -= 1


class _Connection:
    """Luna on one side, the look-alike on the other."""

    def __init__(self, relay: Relay, luna: SocketStream, site: SocketStream) -> None:
        self._relay, self._luna, self._site = relay, luna, site
        self._fault: Fault | None = None
        self._watched = False
        self._sent = 0

    async def run(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._down, tasks.cancel_scope)
            await self._up(tasks.cancel_scope)

    async def _up(self, scope: anyio.CancelScope) -> None:
        try:
            while True:
                data = await self._luna.receive()
                if data.startswith((b"POST ", b"GET ", b"DELETE ")):
                    self._begin(data)
                if isinstance(self._fault, Instead):
                    await self._instead(self._fault)
                await self._site.send(data)
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, _Over):
            scope.cancel()

    def _begin(self, data: bytes) -> None:
        self._watched = data.startswith(self._relay.at)
        self._fault = self._relay.fault if self._watched else None
        self._sent = 0
        if self._watched:
            self._relay.bytes = b""

    async def _instead(self, fault: Instead) -> None:
        await self._luna.send(fault.data)
        while fault.more:
            await self._luna.send(fault.more)
            await anyio.lowlevel.checkpoint()
        await self._end(fault.ending)

    async def _down(self, scope: anyio.CancelScope) -> None:
        try:
            while True:
                data = await self._site.receive()
                if self._watched:
                    self._relay.bytes += data
                await self._pass(data)
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, _Over):
            scope.cancel()

    async def _pass(self, data: bytes) -> None:
        match self._fault:
            case Break(ending, after) if self._sent + len(data) >= after:
                await self._luna.send(data[: after - self._sent])
                await self._end(ending)
            case Late(seconds) if not self._sent:
                self._relay.held += 1
                try:
                    await anyio.sleep(seconds)
                finally:
                    self._relay.held -= 1
                await self._luna.send(data)
            case LastAnswer():
                await self._relay.refuse()
                await self._luna.send(data)
                raise _Over
            case _:
                await self._luna.send(data)
        self._sent += len(data)

    async def _end(self, ending: Ending) -> None:
        """Raises _Over, or is silent until luna leaves."""
        match ending:
            case "reset":
                raw = self._luna.extra(SocketAttribute.raw_socket)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case "half-close":
                await self._luna.send_eof()
                await anyio.sleep_forever()
            case "stall":
                await anyio.sleep_forever()
            case "close":
                pass
        raise _Over
