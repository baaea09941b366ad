"""The connections of every way out but the direct one: one pool for each.

Owns that two ways never share a connection, that those who take the same way share its pool, and that the pool of a
way that nobody may take any more is closed. Which way is whose is unknown here.
"""

import ssl
from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

import httpcore

from luna.model.ambient import Clock
from luna.upstream.network import Network
from luna.upstream.pool import PoolBackend, Usage
from luna.upstream.proxies import LocalAddressNetwork, ProxyAddress, ProxyNetwork


class Exit(NamedTuple):
    """Where a pool's connections leave. `where` is a proxy's URL (with its password) or a local address; to workers
    luna goes straight."""

    kind: Literal["proxy", "local-address", "worker"]
    where: str = ""

    def __repr__(self) -> str:
        return f"<Exit {self.kind}>"


TO_WORKERS = Exit("worker")


class Pools:
    """Opened when they are first asked for."""

    def __init__(self, clock: Clock, context: Callable[[], ssl.SSLContext] = httpcore.default_ssl_context) -> None:
        self._clock = clock
        self._context = context
        self._pools: dict[Exit, PoolBackend] = {}

    def __repr__(self) -> str:
        return f"<Pools {len(self._pools)}>"

    def __len__(self) -> int:
        return len(self._pools)

    def pool(self, exit: Exit) -> PoolBackend:
        """The one pool of that exit. Raises ValueError for a proxy that is none."""
        pool = self._pools.get(exit)
        if pool is None:
            pool = PoolBackend(clock=self._clock, network=self._network(exit), context=self._context)
            self._pools[exit] = pool
        return pool

    def usage(self) -> list[Usage]:
        """What goes on in each of them."""
        return [pool.usage() for pool in self._pools.values()]

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

    def _network(self, exit: Exit) -> httpcore.AsyncNetworkBackend:
        match exit.kind:
            case "proxy":
                return ProxyNetwork(ProxyAddress.parse(exit.where), context=self._context)
            case "local-address":
                return LocalAddressNetwork(exit.where)
            case "worker":
                return Network()
