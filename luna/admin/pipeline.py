"""`GET /api/pipeline`: the configuration in force, and what is wrong with the one on disk."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luna.admin.envelope import json
from luna.config.live import LiveConfig
from luna.core.live import LiveFlows


def routes(config: LiveConfig, live: LiveFlows) -> list[Route]:
    """The routes of this subject."""

    async def status(_: Request) -> Response:
        return json(config.status(flows_by_snapshot=live.by_snapshot()))

    return [Route("/pipeline", status, methods=["GET"])]
