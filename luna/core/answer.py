"""What goes back to one client: commit, writes, signs of life, and the error when there is one.

Owns the bit that decides everything (`started`: is the status out?) and makes sure that one
send happens at a time. Knows no HTTP server: it speaks to a `Line`.
"""

from collections.abc import Awaitable
from functools import partial
from typing import Protocol

import anyio

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.model.alarm import Alarm, Beside
from luna.model.dialect import Encoder, Failing, Headers, Reply
from luna.model.errors import LunaError

ENCODER: Key[Encoder] = Key("encoder")
"""The encoder at work on a flow."""

_PRINTABLE = dict.fromkeys(range(32), " ") | {127: " "}


class Line(Protocol):
    """The connection to one client, as the machine sees it. The server and the replay each have one."""

    def start(self, status: int, headers: Headers) -> Awaitable[None]:
        """Send the status line and the headers."""
        ...

    def send(self, data: bytes, *, last: bool) -> Awaitable[None]:
        """Send a piece of the body. Waits while the client is slow."""
        ...

    async def gone(self) -> None:
        """Return when the client has left."""
        ...


class Answer:
    """Writes one flow's answer."""

    def __init__(self, flow: Flow, line: Line) -> None:
        self._flow = flow
        self._line = line
        self._sending = False
        self._beating: anyio.Event | None = None
        """Set when the sign of life that is on its way has gone out. A lock would cost more than the send."""
        self._alarm: Alarm | None = None
        self.started = False
        self.ended = False
        self.watched = False
        """Somebody watches whether the client is still there."""
        self.alive = False
        """Signs of life are given when they are due."""
        self.last_write = flow.born_monotonic
        """Monotonic time of the last bytes, for the heartbeat."""

    def __repr__(self) -> str:
        state = "ended" if self.ended else "started" if self.started else "waiting"
        return f"<Answer {self._flow.id} {state}>"

    def _headers(self, content_type: str, *more: tuple[str, str]) -> Headers:
        flow = self._flow
        own = {
            "content-type": content_type,
            "x-luna-flow": flow.id,
            flow.dialect.id_header: flow.id,
            **flow.headers,
            **dict(more),
        }
        said = "".join(own.values())
        if said.isascii() and said.isprintable():
            return tuple(own.items())
        return tuple([(name, _header_value(value)) for name, value in own.items()])

    def _start(self, status: int, headers: Headers) -> Awaitable[None]:
        self.started = True
        if self._flow.tap is not None:
            self._flow.tap.started(status, headers)
        return self._line.start(status, headers)

    async def _send(self, data: bytes, *, last: bool) -> None:
        self.last_write = self._flow.clock.monotonic()
        if data and self._flow.tap is not None:
            self._flow.tap.sent(data)
        if last:
            self.ended = True  # before the send: the server may report the client gone the moment it is done
        self._sending = True
        try:
            await self._line.send(data, last=last)
        finally:
            self._sending = False

    async def write(self, data: bytes, content_type: str) -> None:
        """Send a piece of a stream; the first commits status 200."""
        if self._beating is not None:
            await self._beating.wait()
        if not self.started:
            await self._commit(content_type)
        await self._send(data, last=False)

    async def finish(self, data: bytes, content_type: str) -> None:
        """Send the last piece of a stream, or the whole of a document when nothing went before."""
        if self._beating is not None:
            await self._beating.wait()
        if not self.started:
            await self._start(200, self._headers(content_type, ("content-length", str(len(data)))))
        await self._send(data, last=True)

    async def document(self, reply: Reply) -> None:
        """Send a complete answer."""
        length = ("content-length", str(len(reply.body)))
        await self._start(reply.status, self._headers(reply.content_type, *reply.headers, length))
        await self._send(reply.body, last=True)

    async def fail(self, error: LunaError, held: bytes = b"") -> None:
        """Tell the client: by status if nothing is out, in band (after `held`, what stages held back) if it is."""
        if self._flow.tap is not None:
            self._flow.tap.failed(error)
        if self._beating is not None:
            await self._beating.wait()
        if self.ended:
            return
        if not self.started:
            await self.document(self._flow.dialect.error(error, self._flow.id))
            return
        await self._send(held + self._in_band(error), last=True)

    def _in_band(self, error: LunaError) -> bytes:
        encoder = self._flow.notes.get(ENCODER)
        if isinstance(encoder, Failing):
            return encoder.fail(error, self._flow.id)
        return self._flow.dialect.error_frame(error, self._flow.id)

    def keep_alive(self, heartbeat: float, commit_after: float, content_type: str, beside: Beside) -> None:
        """Give signs of life on a silent stream until `keep_quiet`. Seconds; 0 for never."""
        if self._flow.dialect.heartbeat:
            self._alarm = Alarm(partial(self._look, heartbeat, commit_after, content_type, beside))
            self._look(heartbeat, commit_after, content_type, beside)

    def keep_quiet(self) -> None:
        """No more signs of life."""
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None

    def _look(self, heartbeat: float, commit_after: float, content_type: str, beside: Beside) -> None:
        """Whether a sign of life is due."""
        alarm = self._alarm
        if self.ended or alarm is None:
            return
        wait = (0 if self.started else commit_after) or heartbeat
        if not wait or (self.started and not heartbeat):
            return
        due = wait - (self._flow.clock.monotonic() - self.last_write)
        # While something is being sent, it is the client that is slow.
        if due > 0 or self._sending or not (self.started or commit_after):
            alarm.set(due if due > 0 else wait)
        else:
            beside.start(partial(self._give, heartbeat, commit_after, content_type, beside))

    async def _give(self, heartbeat: float, commit_after: float, content_type: str, beside: Beside) -> None:
        if not (self.ended or self._sending):  # since it was decided, the answer may have come
            await self._beat(self._flow.dialect.heartbeat, content_type)
        self._look(heartbeat, commit_after, content_type, beside)

    async def _beat(self, beat: bytes, content_type: str) -> None:
        self._beating = anyio.Event()
        try:
            if not self.started:
                await self._commit(content_type)
            await self._send(beat, last=False)
        finally:
            self._beating.set()
            self._beating = None

    async def _commit(self, content_type: str) -> None:
        await self._start(200, self._headers(content_type, ("cache-control", "no-cache")))


def _header_value(value: str) -> str:
    """A header value that cannot break out of its line (RFC 9110, section 5.5) and fits Latin-1."""
    if value.isascii() and value.isprintable():
        return value
    return value.translate(_PRINTABLE).encode("latin-1", "replace").decode("latin-1")
