"""Which route a request would take, and why: for `luna explain` and for the admin pages.

Owns the shape of the explanation. Pure; the decision itself is `luna.core.routing`'s.
"""

from typing import Literal

from luna.config.status import Shape
from luna.config.views import PipelineStage, view_stages
from luna.core.routing import RequestFacts
from luna.core.snapshot import Snapshot
from luna.model.dialect import Facts


class AskedRoute(Shape, frozen=True, kw_only=True):
    """What came of one route. Those behind the first that matches are not asked."""

    route: str
    verdict: Literal["matches", "refuses", "not asked"]
    reason: str


class Explanation(Shape, frozen=True, kw_only=True):
    """The whole decision."""

    method: str
    path: str
    routes: list[AskedRoute]
    """All of them, in the order in which they are tried."""
    route: str | None
    """The one that the request takes; None: the client gets a 404."""
    pipeline: str | None
    about: str
    stages: list[PipelineStage]
    """With the route's own options."""
    record: str | None
    model: str | None
    """As the client names it."""
    target: str | None
    """The model that answers."""


def explain(snapshot: Snapshot, request: RequestFacts, body: Facts) -> Explanation:
    """Decide as the gateway would."""
    trail = snapshot.explain(request, body)
    asked = [
        AskedRoute(route=route.name, verdict="matches" if verdict.matched else "refuses", reason=verdict.reason)
        for route, verdict in trail
    ]
    rest = [AskedRoute(route=route.name, verdict="not asked", reason="") for route in snapshot.routes[len(trail) :]]
    taken = trail[-1][0] if trail and trail[-1][1].matched else None
    return Explanation(
        method=request.method,
        path=request.path,
        routes=[*asked, *rest],
        route=taken.name if taken is not None else None,
        pipeline=taken.pipeline.name if taken is not None else None,
        about=taken.pipeline.about if taken is not None else "",
        stages=view_stages(taken.pipeline) if taken is not None else [],
        record=taken.record if taken is not None else None,
        model=body.model,
        target=snapshot.target_of(body.model) if body.model is not None else None,
    )
