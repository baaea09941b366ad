"""The Starlette application for everything that is not a model endpoint.

Owns its dispatch and how it says what goes wrong. Imported with the first request to it: see `luna.server.app`.
"""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router

from luna.admin import signin
from luna.admin.audit import Audited
from luna.admin.door import Door, Locked
from luna.admin.envelope import STATUS, error_document, json, refusal
from luna.admin.operation import Operation
from luna.model.errors import Kind, LunaError
from luna.state.audit import Audit

_BY_STATUS = {status: kind for kind, status in reversed(STATUS.items())}


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
