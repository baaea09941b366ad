"""The way of a request when a person chooses it, past the matching of routes.yaml: for trying out what no client asks
for yet.

Owns two headers, `x-luna-route` and `x-luna-pipeline`, and who may send them: whoever has the admin key, by the
cookie of the pages or as `Authorization: Bearer` (the proxy key then stands in `x-proxy-key`). A pipeline chosen by
name runs with its own options, and is recorded.
"""

from collections.abc import Iterable

from luna.admin.door import Door
from luna.config.diagnostics import did_you_mean
from luna.core.routing import Matcher
from luna.core.snapshot import Route, Snapshot
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError

ROUTE, PIPELINE = "x-luna-route", "x-luna-pipeline"
CHOSEN = "(chosen)"
"""The name of the route of a pipeline that was chosen by itself."""


class Choice:
    """Reads the two headers."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def __repr__(self) -> str:
        return "<Choice>"

    def of(self, request: ClientRequest, snapshot: Snapshot) -> Route | None:
        """The route that is chosen; None where none is. Raises LunaError: FORBIDDEN, NOT_FOUND."""
        route = pipeline = ""
        for name, value in request.headers:
            if name == ROUTE:
                route = route or value
            elif name == PIPELINE:
                pipeline = pipeline or value
        if not route and not pipeline:
            return None
        self._check(request)
        if route:
            found = next((each for each in snapshot.routes if each.name == route), None)
            if found is None:
                raise _unknown("route", route, [each.name for each in snapshot.routes])
            return found
        return chosen(pipeline, snapshot)

    def _check(self, request: ClientRequest) -> None:
        from starlette.datastructures import Headers  # for the few who choose

        try:
            self._door.check(Headers(dict(request.headers)))
        except LunaError:
            raise LunaError(
                Kind.FORBIDDEN,
                f"{ROUTE} and {PIPELINE} are for whoever has luna's admin key.",
                hint="Leave them out, or send them from luna's own pages.",
            ) from None


def chosen(pipeline: str, snapshot: Snapshot) -> Route:
    """A route for whoever names a pipeline. Raises LunaError(NOT_FOUND)."""
    if pipeline not in snapshot.pipelines:
        raise _unknown("pipeline", pipeline, snapshot.pipelines)
    return Route(CHOSEN, Matcher(), snapshot.pipelines[pipeline], record="all")


def _unknown(what: str, name: str, known: Iterable[str]) -> LunaError:
    hint = did_you_mean(name, known)
    return LunaError(Kind.NOT_FOUND, f"There is no {what} {name[:80]!r}.", hint=f"{hint[:1].upper()}{hint[1:]}")
