"""A recorded client request, sent once more: a flow like every other, recorded, answered for real.

Owns who the client is then: nobody, who keeps nothing and never leaves. The key that the recording does not hold is not
asked for; whoever starts this has the admin key.
"""

import anyio
import anyio.lowlevel
from starlette.types import Message

from luna.core.snapshot import Snapshot
from luna.model.dialect import ClientRequest
from luna.server.asgi import ClientLine
from luna.server.gateway import Gateway
from luna.wire.resend import sendable

ROUTE = "(again)"
"""The name of the route of such flows."""


class Again:
    """Sends requests once more."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def __repr__(self) -> str:
        return f"<Again by {self._gateway!r}>"

    async def __call__(self, client: ClientRequest, snapshot: Snapshot | None, pipeline: str) -> str:
        """The new flow's id, once it is over. Raises LunaError where no route takes the request."""
        request = ClientRequest(client.method, client.path, client.query, sendable(client), client.body)
        line = ClientLine(_never, _away)
        flow = await self._gateway.ask(
            request, line, without=("auth",), name=ROUTE, snapshot=snapshot, pipeline=pipeline
        )
        return flow.id


async def _never() -> Message:
    await anyio.sleep_forever()
    raise AssertionError("it never wakes")


async def _away(_: Message) -> None:
    await anyio.lowlevel.checkpoint()
