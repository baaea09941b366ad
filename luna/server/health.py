"""`/health` says that the process lives, `/health/ready` whether a chat would be answered now. Both are open."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luna.admin.envelope import json
from luna.config.live import LiveConfig
from luna.core.live import LiveFlows
from luna.state.accounts import Accounts


def routes(config: LiveConfig, accounts: Accounts, live: LiveFlows) -> list[Route]:
    """The routes of this subject."""

    async def health(_: Request) -> Response:
        return json({"status": "ok"})

    async def ready(_: Request) -> Response:
        account = accounts.readiness()
        willing = account != "none" and not live.draining
        checks = {
            "account": account,
            "config": "ok" if config.in_sync else "stale",
            "draining": live.draining,
        }
        return json({"status": "ready" if willing else "not-ready", "checks": checks}, 200 if willing else 503)

    return [Route("/health", health, methods=["GET"]), Route("/health/ready", ready, methods=["GET"])]
