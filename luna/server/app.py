"""The process's one ASGI application: guard first, then models, control plane, health and pages.

Owns the dispatch, and that the control plane is there when it is asked something: until then, luna does without it, and
without everything that it imports. It is reached before any route of `routes.yaml` could be asked, so a broken file
never locks anybody out.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luna.admin.envelope import refusal
from luna.model.ambient import Ids
from luna.model.dialect import Reply
from luna.model.errors import LunaError
from luna.protocols.registry import dialect_for
from luna.server.asgi import SECURITY_HEADERS, ClientLeft, headers_of, read_body, send_reply
from luna.server.gateway import Gateway
from luna.server.guard import Guard

if TYPE_CHECKING:
    from starlette.routing import Route

MAX_CONTROL_BODY = 4 * 1024 * 1024

_OF_A_REPLY = ("content-type", "content-length")
_ALIVE = Reply(200, b'{"status":"ok"}', headers=(("cache-control", "no-store"),))
"""As `luna.server.health` says it."""


class LateControl:
    """The control plane, made with the first request to it. `module`: what its making imports; `make`: makes its
    routes and it."""

    def __init__(self, module: str, make: "Callable[[], tuple[list[Route], ASGIApp]]") -> None:
        self._module = module
        self._make = make
        self._made: tuple[list[Route], ASGIApp] | None = None

    def __repr__(self) -> str:
        return f"<LateControl {'made' if self._made is not None else 'not yet made'}>"

    @property
    def operations(self) -> "list[Route]":
        """Every route of it, for its description; it is made if need be."""
        return self._all[0]

    @property
    def app(self) -> ASGIApp:
        """It itself, made if need be."""
        return self._all[1]

    @property
    def _all(self) -> "tuple[list[Route], ASGIApp]":
        if self._made is None:
            self._made = self._make()
        return self._made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            if scope["path"] == "/health" and scope["method"] == "GET":
                await send_reply(send, _ALIVE)
                return
            await anyio.to_thread.run_sync(partial(import_module, self._module))  # so that streams go on meanwhile
        await self.app(scope, receive, _with_security_headers(send))


class App:
    """Dispatches a request to the gateway or to the Starlette application behind the guard; what one luna asks another
    has a key of its own and is no page's business."""

    def __init__(self, guard: Guard, gateway: Gateway, control: ASGIApp, worker: ASGIApp, max_body: int) -> None:
        self._guard = guard
        self._gateway = gateway
        self._control = control
        self._worker = worker
        self._max_body = max_body

    def __repr__(self) -> str:
        return f"<App {self._guard!r} {self._gateway!r}>"

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """What answers the request. No coroutine of its own: it would be in the way of each wait of all others."""
        if scope["type"] != "http":
            return _nothing()
        path, method = scope["path"], scope["method"]
        is_model = path[:4] == "/v1/" or path == "/v1"
        if path[:8] == "/worker/":
            return self._worker(scope, receive, send)
        headers = headers_of(scope)
        try:
            self._guard.check(method, path, headers)
        except LunaError as error:
            return self._refuse(scope, receive, send, error, is_model)
        if is_model:
            return self._gateway(scope, headers, receive, send)
        return self._serve_control(scope, receive, send)

    async def _serve_control(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(scope, receive, MAX_CONTROL_BODY)
        except ClientLeft:
            return
        except LunaError as error:
            await _refuse(send, error)
            return
        await self._control(scope, _bodied(body, receive), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: LunaError, is_model: bool) -> None:
        try:
            await read_body(scope, receive, self._max_body)
        except ClientLeft:
            return
        except LunaError:
            pass  # too long or too slow as well; the first refusal is the one that counts
        if is_model:
            await send_reply(send, dialect_for(scope["method"], scope["path"]).error(error, Ids().token("flow_")))
        else:
            await _refuse(send, error)


async def _nothing() -> None:
    """Of what is no request."""


async def _refuse(send: Send, error: LunaError) -> None:
    response = refusal(error)
    more = tuple((name, value) for name, value in response.headers.items() if name not in _OF_A_REPLY)
    await send_reply(send, Reply(response.status_code, bytes(response.body), headers=more))


def _bodied(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body already read, then what the connection says next."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_security_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *SECURITY_HEADERS]}
        await send(message)

    return guarded
