"""granian, as luna has it run: in this process and on its event loop.

Owns its settings, and the one thing that luna does differently: a request's body is asked for in the server's own
thread, before the request has its turn on the event loop (ADR 0039). What is served is not known here.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import embed
from starlette.types import ASGIApp, Message, Send

BACKLOG = 1024
CONNECTIONS = 4096

_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {
        "_granian": {"handlers": [], "propagate": True},
        "_granian.serve": {"handlers": [], "level": "WARNING", "propagate": True},
        "granian.access": {"handlers": [], "propagate": False},
    },
}

_WATCHED = "_future_watcher_wrapper"
"""granian's own name for what makes a task of a request."""
_watched: Callable[[Any], Callable[[Any], Any]] = getattr(embed, _WATCHED)


def embedded_server(app: ASGIApp, address: str, port: int) -> embed.Server:
    """A granian server for this process's own event loop: HTTP/1.1, ASGI without lifespan."""
    return embed.Server(
        app,
        address=address,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        backlog=BACKLOG,
        backpressure=CONNECTIONS,
        websockets=False,
        log_level=LogLevels.error,  # its warning that embedding is experimental says nothing to a user
        log_dictconfig=_LOGGING,
    )


class _Begun:
    """One request's line to the server, whose body is on its way."""

    __slots__ = ("_first", "_receive", "send")

    def __init__(self, line: Any) -> None:
        self.send: Send = line.send
        self._receive: Callable[[], Awaitable[Message]] = line.receive
        self._first: Awaitable[Message] | None = line.receive()

    def receive(self) -> Awaitable[Message]:
        """As ASGI says."""
        first, self._first = self._first, None
        return self._receive() if first is None else first


class _Watcher:
    """A request as granian has it, but for its line."""

    __slots__ = ("done", "err", "proto", "scope")

    def __init__(self, request: Any) -> None:
        self.scope = request.scope
        self.proto = _Begun(request.proto)
        self.done: Callable[[], None] = request.done
        self.err: Callable[[BaseException], None] = request.err


def begin_at_once(answer: Any) -> Callable[[Any], Any]:
    """In the place of granian's own. What it returns is called in the server's thread, and makes the coroutine that
    the event loop is given."""
    watched = _watched(answer)
    return lambda request: watched(_Watcher(request))


setattr(embed, _WATCHED, begin_at_once)
