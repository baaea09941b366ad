"""The connections of every way out: one pool for each.

Owns that two ways never share a connection, that those who take the same way share its pool, and that the pool of a
way that nobody may take any more is closed. Which way is whose is unknown here. What only connections need is imported
with the first of them.
"""

import ssl
from collections.abc import Callable, Collection, Coroutine
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from luna.model.ambient import Clock
from luna.upstream.exchange import InResponse, OutRequest, Usage

if TYPE_CHECKING:
    import httpcore

    from luna.upstream.pool import PoolBackend


class Exit(NamedTuple):
    """Where a pool's connections leave. `where` is a proxy's URL (with its password) or a local address; straight on,
    and to workers, luna goes from wherever it is."""

    kind: Literal["direct", "proxy", "local-address", "worker"]
    where: str = ""

    def __repr__(self) -> str:
        return f"<Exit {self.kind}>"


STRAIGHT = Exit("direct")
TO_WORKERS = Exit("worker")


class Pools:
    """Opened when they are first asked for."""

    def __init__(self, clock: Clock, context: Callable[[], ssl.SSLContext] | None = None) -> None:
        self._clock = clock
        self._context = context
        self._pools: dict[Exit, PoolBackend] = {}

    def __repr__(self) -> str:
        return f"<Pools {len(self._pools)}>"

    def __len__(self) -> int:
        return len(self._pools)

    def pool(self, exit: Exit) -> "PoolBackend":
        """The one pool of that exit. Raises ValueError for a proxy that is none."""
        pool = self._pools.get(exit)
        if pool is None:
            pool = self._pools[exit] = self._open(exit)
        return pool

    def _open(self, exit: Exit) -> "PoolBackend":
        import httpcore

        from luna.upstream.pool import PoolBackend

        context = self._context or httpcore.default_ssl_context
        return PoolBackend(clock=self._clock, network=_network(exit, context), context=context)

    def usage(self) -> list[Usage]:
        """What goes on in each of them, the direct one first."""
        return [self._pools[exit].usage() for exit in sorted(self._pools, key=lambda exit: exit != STRAIGHT)]

    async def tidy(self) -> None:
        """Close connections that can serve nobody any more."""
        for pool in [*self._pools.values()]:
            await pool.tidy()

    async def keep_only(self, exits: Collection[Exit]) -> None:
        """Let go of the others: what is idle closes now, what is in use when it is done."""
        for exit in [known for known in self._pools if known not in exits]:
            await self._pools.pop(exit).aclose()

    async def aclose(self) -> None:
        """Let go of all."""
        await self.keep_only(())


class Direct:
    """The backend that goes straight out. Its pool is there from its first exchange on."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self._pool: PoolBackend | None = None

    def __repr__(self) -> str:
        return f"<Direct {self._pool or 'not yet'}>"

    @property
    def pool(self) -> "PoolBackend":
        """It, made if need be."""
        if self._pool is None:
            self._pool = self._pools.pool(STRAIGHT)
        return self._pool

    def open(self, request: OutRequest) -> Coroutine[Any, Any, InResponse]:
        """See `Backend.open`."""
        return (self._pool or self.pool).open(request)

    async def aclose(self) -> None:
        """The pools close it."""


def _network(exit: Exit, context: Callable[[], ssl.SSLContext]) -> "httpcore.AsyncNetworkBackend":
    from luna.upstream.network import Network
    from luna.upstream.proxies import LocalAddressNetwork, ProxyNetwork
    from luna.upstream.proxy_address import ProxyAddress

    match exit.kind:
        case "proxy":
            return ProxyNetwork(ProxyAddress.parse(exit.where), context=context)
        case "local-address":
            return LocalAddressNetwork(exit.where)
        case "direct" | "worker":
            return Network()
