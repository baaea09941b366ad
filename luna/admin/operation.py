"""One route of the admin API, with what it takes and gives: documentation that is made of the code that answers.

Owns the type that ties a path to its structs. The document made of all of them is `luna.admin.openapi`'s.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]


class Operation(Route):
    """`Operation("GET", "/runs/{id}", show, "One run.", gives=RunView)`. Types are msgspec structs or what msgspec can
    describe; `asks` is a struct of the query's fields; `gives=None` is an answer without a described body."""

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
        also: Collection[int] = (),
        media: str = "application/json",
        open: bool = False,
        reads: bool = False,
        offline: bool = False,
        text: bool = False,
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.method = method
        self.summary = summary
        self.takes = takes
        self.gives = gives
        self.asks = asks
        self.statuses = (status, *also)
        """With which it succeeds; all give the same."""
        self.media = media
        """Of the answer; other than JSON it has no schema."""
        self.open = open
        """Needs no admin key, and its path is the whole one."""
        self.reads = reads
        """Changes nothing although it has a body: it is not on the list of changes."""
        self.offline = offline
        """May be asked of a luna that shows a bundle: what would change something there, it refuses itself."""
        self.text = text
        """Its answer may also be had as plain text."""

    def __repr__(self) -> str:
        return f"<Operation {self.method} {self.path}>"
