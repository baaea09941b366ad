"""The process's one ASGI application: guard first, then models, control plane, health and pages.

Owns the dispatch. The control plane is reached before any route of `routes.yaml` could be asked,
so a broken file never locks anybody out.
"""

from collections.abc import Awaitable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luna.admin import signin
from luna.admin.audit import Audited
from luna.admin.door import Door, Locked
from luna.admin.envelope import STATUS, error_document, json, refusal
from luna.admin.operation import Operation
from luna.model.ambient import Ids
from luna.model.dialect import Reply
from luna.model.errors import Kind, LunaError
from luna.protocols.registry import dialect_for
from luna.server.asgi import SECURITY_HEADERS, ClientLeft, headers_of, read_body, send_reply
from luna.server.gateway import Gateway
from luna.server.guard import Guard
from luna.state.audit import Audit

MAX_CONTROL_BODY = 4 * 1024 * 1024

_OF_A_REPLY = ("content-type", "content-length")
_BY_STATUS = {status: kind for kind, status in reversed(STATUS.items())}


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
        is_model = path == "/v1" or path.startswith("/v1/")
        if path.startswith("/worker/"):
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
        await self._control(scope, _bodied(body, receive), _with_security_headers(send))

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


def control_plane(
    *,
    door: Door,
    api: Sequence[Route],
    open_routes: Sequence[Route],
    audit: Audit | None = None,
    pages: Sequence[Route] = (),
) -> Starlette:
    """The Starlette application for everything that is not a model endpoint. With an `audit` changes are written down;
    `pages` take what nobody else does."""
    router = Router(routes=list(api))
    reads = [(route.method, f"/api{route.path}") for route in api if isinstance(route, Operation) and route.reads]
    locked = Locked(Audited(router, audit, reads) if audit is not None else router, door)
    login = signin.by_url(door, audit)
    return Starlette(
        routes=[*open_routes, login, Mount("/api", app=locked), *pages],
        exception_handlers={LunaError: _on_luna_error, HTTPException: _on_http_error, Exception: _on_the_unforeseen},
    )


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


async def _on_luna_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, LunaError)
    return refusal(error)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _BY_STATUS.get(error.status_code, Kind.INTERNAL)
    message = {
        404: f"There is nothing at {request.url.path[:200]}.",
        405: f"{request.url.path[:200]} does not take {request.method}.",
    }.get(error.status_code, error.detail)
    return json(error_document(LunaError(kind, message)), error.status_code)


async def _on_the_unforeseen(_: Request, error: Exception) -> Response:
    """The server goes on to log it."""
    said = f"luna met an unexpected {type(error).__name__}."
    return refusal(LunaError(Kind.INTERNAL, said, hint="The log of the process has the details."))


def _with_security_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *SECURITY_HEADERS]}
        await send(message)

    return guarded
