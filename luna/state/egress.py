"""The ways out as they are used: each account's backend, and the checks of the addresses that the ways show.

Owns which backend a decided way means, and the asking. Everything that is sent for an account goes through the backend
that is given here: completions, uploads, renewals, asides. The decision is `luna.state.ways`', the connections are
`luna.upstream.pools`', the regular asking `luna.state.verification`'s.
"""

from collections.abc import Awaitable, Callable, Sequence

from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import LivePreferences
from luna.state.network import DIRECT, Network, NetworkProfile, Verified, Worker
from luna.state.ways import Way, Ways, closed
from luna.upstream.egress import EgressBackend
from luna.upstream.exchange import Backend, Usage
from luna.upstream.forward import IP_PATH
from luna.upstream.own_address import own_address
from luna.upstream.pools import STRAIGHT, TO_WORKERS, Exit, Pools
from luna.upstream.worker import WorkerBackend, why


class Egress:
    """Gives each account its backend. `direct` goes straight out and belongs to whoever made it."""

    def __init__(
        self,
        network: Network,
        preferences: LivePreferences,
        direct: Backend,
        clock: Clock,
        pools: Pools | None = None,
    ) -> None:
        self.network = network
        self.ways = Ways(network, preferences, clock)
        self._direct = direct
        self._clock = clock
        self._pools = Pools(clock) if pools is None else pools
        self._watchers: list[Callable[[], None]] = []
        network.watch(self._changed)
        preferences.watch(lambda _: self._changed())

    def __repr__(self) -> str:
        return f"<Egress {self.ways!r} {self._pools!r}>"

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever some way may be another than before. It must be quick and must not raise."""
        self._watchers.append(watcher)

    def _changed(self) -> None:
        for watcher in self._watchers:
            watcher()

    # What accounts need

    def backend(self, account: str, profile: Callable[[], str]) -> Backend:
        """The backend of an account; `profile` says, at the time of each request, which one it is bound to. Without a
        name: of somebody who is no account yet. Its `open` raises LunaError(EGRESS_CLOSED) too."""

        def way() -> Backend:
            taken = self.ways.take(account, profile())
            return self._by(taken) if taken.worker or taken.profile else self._direct

        return EgressBackend(way)

    def refusal(self, account: str, profile_id: str) -> LunaError | None:
        """Why nothing may leave for it now; None when something may."""
        try:
            self.ways.take(account, profile_id)
        except LunaError as error:
            return error
        return None

    def workers(self, account: str, profile_id: str) -> Sequence[str]:
        """The worker whose place a run of the account takes up; empty when it goes without one."""
        try:
            worker = self.ways.take(account, profile_id).worker
        except LunaError:
            return ()
        return (worker,) if worker else ()

    # Connections

    def _by(self, way: Way) -> Backend:
        if way.worker:
            worker = self.network.worker(way.worker)
            return WorkerBackend(self._to_workers, worker=worker.base_url, name=worker.id, key=worker.key)
        return self._through(self.network.profile(way.profile))

    def _through(self, profile: NetworkProfile) -> Backend:
        exit = _exit(profile)
        if exit is not None:
            return self._pools.pool(exit)
        if profile.mode == "direct":
            return self._direct
        raise closed("", f"profile '{profile.id}' has no way of its own but its workers")

    @property
    def _to_workers(self) -> Backend:
        return self._pools.pool(TO_WORKERS)

    def usage(self) -> list[Usage]:
        """What goes on in the pools of connections, the direct one first."""
        return self._pools.usage()

    async def close_expired(self) -> None:
        """Close connections that can serve nobody any more."""
        await self._pools.tidy()

    async def tidy(self) -> None:
        """Close the connections of ways that are no more."""
        exits = [exit for profile in self.network.profiles() if profile.enabled and (exit := _exit(profile))]
        await self._pools.keep_only([STRAIGHT, TO_WORKERS, *exits])

    async def aclose(self) -> None:
        """Close the connections of every way."""
        await self._pools.aclose()

    # Checks

    async def verify_profile(self, profile_id: str) -> Verified:
        """Ask, by this way, which address it shows, and write down what was found. Raises LunaError: NOT_FOUND,
        BAD_REQUEST for one that has no way of its own, INTERNAL when it cannot be written down."""
        profile = self.network.profile(profile_id)
        if profile.mode == "worker-managed":
            raise LunaError(
                Kind.BAD_REQUEST,
                f"Profile '{profile_id}' has no address of its own: its workers have.",
                hint="Verify the workers: POST /api/workers/verify-all.",
            )
        url = profile.verify_ip_url or self.ways.rules.verify_ip_url
        verified = await self._found(own_address(self._through(profile), url), profile.verified)
        await self.network.note_profile(profile, verified)
        return verified

    async def verify_worker(self, worker_id: str) -> Verified:
        """The same of a worker."""
        worker = self.network.worker(worker_id)
        verified = await self._found(self._address_of(worker), worker.verified)
        await self.network.note_worker(worker, verified)
        return verified

    async def verify(self, way: NetworkProfile | Worker) -> Verified:
        """The same of either."""
        return await (self.verify_worker(way.id) if isinstance(way, Worker) else self.verify_profile(way.id))

    async def direct_ip(self) -> Verified:
        """The address of the direct way, asked for now."""
        return await self.verify_profile(DIRECT)

    async def _address_of(self, worker: Worker) -> str:
        key = (("Authorization", f"Bearer {worker.key}"),)
        try:
            return await own_address(self._to_workers, f"{worker.base_url}{IP_PATH}", key)
        except LunaError as error:
            status = error.detail.get("status")
            if isinstance(status, int):
                error.message = f"Worker '{worker.id}' did not tell its address: {why(status)}."
            raise

    async def _found(self, asking: Awaitable[str], before: Verified | None) -> Verified:
        try:
            ip = await asking
        except LunaError as error:
            return (before or Verified(0.0)).failed(self._clock.wall(), error.message)
        now = self._clock.wall()
        return Verified(now, "", ip, now)


def _exit(profile: NetworkProfile) -> Exit | None:
    match profile.mode:
        case "http-proxy" | "https-proxy" | "socks5":
            return Exit("proxy", profile.proxy_url)
        case "local-address":
            return Exit("local-address", profile.local_address)
        case "direct" | "worker-managed":
            return None
