"""`GET /metrics`: luna's figures, as Prometheus reads them (text format 0.0.4).

Owns who may read them. Figures are no secret to this machine; to others they are, and need the admin key.
"""

from starlette.requests import Request
from starlette.responses import Response

from luna.admin.door import Door
from luna.admin.operation import Operation
from luna.state.instruments import CONTENT_TYPE
from luna.state.metrics import Metrics


def routes(metrics: Metrics, door: Door, *, open: bool) -> list[Operation]:
    """The routes of this subject, for the root. `open`: luna can be reached from this machine alone."""

    async def show(request: Request) -> Response:
        if not open:
            door.check(request.headers)
        return Response(metrics.registry.render(), headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"})

    about = "Figures for Prometheus. Needs the admin key where other machines can reach luna."
    return [Operation("GET", "/metrics", show, about, media="text/plain", open=True)]
