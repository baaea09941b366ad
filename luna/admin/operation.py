"""One route of the admin API, with what it takes and gives: documentation that is made of the code that answers.

Owns the type that ties a path to its structs. The document made of all of them is `luna.admin.openapi`'s.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]


class Operation(Route):
    """`Operation("GET", "/runs/{id}", show, "One run.", gives=RunView)`. Types are msgspec structs or what msgspec can
    describe; `asks` is a struct of the query's fields; `gives=None` is an answer without a body (204)."""

    def __init__(
        self,
        method: str,
        path: str,
        endpoint: Endpoint,
        summary: str,
        *,
        takes: Any = None,
        gives: Any = None,
        asks: Any = None,
        status: int = 200,
        media: str = "application/json",
        open: bool = False,
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.method = method
        self.summary = summary
        self.takes = takes
        self.gives = gives
        self.asks = asks
        self.status = status
        self.media = media
        """Of the answer; other than JSON it has no schema."""
        self.open = open
        """Needs no admin key."""

    def __repr__(self) -> str:
        return f"<Operation {self.method} {self.path}>"
