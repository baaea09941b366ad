"""Network profiles and workers: the ways by which accounts may leave, as a person has set them up.

Owns the set of them and their file (`network.json`, private: proxies have passwords and workers have keys). What a
record must be like is `luna.state.network_records`'; which way an account takes is `luna.state.egress`'s decision.
"""

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
import msgspec

from luna.disk.private import Damaged, PrivateFile, json_decoder, json_encoder
from luna.model.errors import Kind, LunaError
from luna.state.network_records import DIRECT as DIRECT
from luna.state.network_records import Mode as Mode
from luna.state.network_records import NetworkProfile as NetworkProfile
from luna.state.network_records import Status as Status
from luna.state.network_records import Verified as Verified
from luna.state.network_records import Worker as Worker
from luna.state.network_records import checked_profile, checked_worker
from luna.upstream.proxy_address import ProxyAddress

R = TypeVar("R", NetworkProfile, Worker)

VERSION = 1
MOST = 1_000
"""Profiles, and workers: more are a mistake."""


class _Document(msgspec.Struct, omit_defaults=True, rename="camel"):
    version: int = VERSION
    profiles: list[NetworkProfile] = []
    workers: list[Worker] = []


_plain = json_decoder(_Document, VERSION)


def _decode(data: bytes) -> _Document:
    document = _plain(data)
    try:
        profiles = [checked_profile(profile) for profile in document.profiles]
        workers = [checked_worker(worker) for worker in document.workers]
    except LunaError as error:
        raise Damaged(error.message) from None
    return _Document(VERSION, profiles, workers)


class Network:
    """All profiles and workers of this process. Raises OSError when the file cannot be read."""

    def __init__(self, path: Path) -> None:
        self._file = PrivateFile(path, _decode, json_encoder, advice="Set the profiles up again, or repair it.")
        document = self._file.load() or _Document()
        self._profiles = _sorted(document.profiles)
        self._profiles.setdefault(DIRECT, NetworkProfile(DIRECT, "Direct"))
        self._workers = _sorted(document.workers)
        self._writing = anyio.Lock()
        self._watchers: list[Callable[[], None]] = []
        self._secrets: list[str] | None = None

    def __repr__(self) -> str:
        return f"<Network {len(self._profiles)} profiles, {len(self._workers)} workers>"

    @property
    def problems(self) -> list[str]:
        """What went wrong with the file, for people."""
        return self._file.problems

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` after every change. It must be quick and must not raise."""
        self._watchers.append(watcher)

    # What there is

    def profiles(self) -> list[NetworkProfile]:
        """All, by name; the direct one first."""
        return sorted(self._profiles.values(), key=lambda profile: profile.id != DIRECT)

    def profile(self, profile_id: str) -> NetworkProfile:
        """Raises LunaError(NOT_FOUND)."""
        return _found(self._profiles, profile_id, "network profile")

    def find_profile(self, profile_id: str) -> NetworkProfile | None:
        """The profile of that id."""
        return self._profiles.get(profile_id)

    def workers(self) -> list[Worker]:
        """All of them, by name."""
        return list(self._workers.values())

    def worker(self, worker_id: str) -> Worker:
        """Raises LunaError(NOT_FOUND)."""
        return _found(self._workers, worker_id, "worker")

    def find_worker(self, worker_id: str) -> Worker | None:
        """The worker of that id."""
        return self._workers.get(worker_id)

    def worker_limit(self, worker_id: str) -> int | None:
        """How many runs at once the worker allows; None: as the preferences say."""
        worker = self._workers.get(worker_id)
        return worker.max_concurrent_runs if worker is not None else None

    def secrets(self) -> list[str]:
        """Every value that no recording may show."""
        if self._secrets is None:
            keys = [worker.key for worker in self._workers.values() if worker.key]
            proxies = [ProxyAddress.parse(p.proxy_url) for p in self._profiles.values() if p.proxy_url]
            self._secrets = [*keys, *(proxy.password for proxy in proxies if proxy.password)]
        return self._secrets

    # What a person says

    async def put_profile(self, profile: NetworkProfile) -> NetworkProfile:
        """Add or replace one; in force at once. What is known of its address holds as long as the way is the same.
        Raises LunaError: BAD_REQUEST for one that cannot work, CONFLICT for one too many."""
        profile = _with_findings(checked_profile(profile), self._profiles.get(profile.id))
        self._profiles = _added(self._profiles, profile)
        await self._changed()
        return profile

    async def remove_profile(self, profile_id: str) -> None:
        """Raises LunaError(NOT_FOUND, CONFLICT)."""
        profile = self.profile(profile_id)
        if profile.id == DIRECT:
            raise LunaError(Kind.CONFLICT, "The direct way cannot be removed.", hint="Disable it instead.")
        users = [worker.id for worker in self.workers() if worker.network_profile_id == profile_id]
        if users:
            raise LunaError(
                Kind.CONFLICT,
                f"Network profile '{profile_id}' is that of worker '{users[0]}'.",
                hint="Give the worker another profile first.",
            )
        del self._profiles[profile_id]
        await self._changed()

    async def put_worker(self, worker: Worker) -> Worker:
        """Add or replace one; without a key it keeps its own, or gets one. Raises LunaError: BAD_REQUEST for one that
        cannot work, NOT_FOUND for its profile, CONFLICT for one too many."""
        known = self._workers.get(worker.id)
        key = worker.key or (known.key if known else "") or secrets.token_urlsafe(32)
        worker = checked_worker(msgspec.structs.replace(worker, key=key))
        if worker.network_profile_id:
            self.profile(worker.network_profile_id)
        worker = _with_findings(worker, known)
        self._workers = _added(self._workers, worker)
        await self._changed()
        return worker

    async def remove_worker(self, worker_id: str) -> None:
        """Raises LunaError(NOT_FOUND)."""
        self.worker(worker_id)
        del self._workers[worker_id]
        await self._changed()

    # What luna finds out

    async def note_profile(self, checked: NetworkProfile, verified: Verified) -> None:
        """Write down what a check of that profile found, unless it has become another way meanwhile."""
        known = self._profiles.get(checked.id)
        if known is not None and known.way == checked.way:
            self._profiles[known.id] = msgspec.structs.replace(known, verified=verified)
            await self._changed()

    async def note_worker(self, checked: Worker, verified: Verified) -> None:
        """The same of a worker."""
        known = self._workers.get(checked.id)
        if known is not None and known.way == checked.way:
            self._workers[known.id] = msgspec.structs.replace(known, verified=verified)
            await self._changed()

    async def _changed(self) -> None:
        """Tell everybody, then write it down. Raises LunaError(INTERNAL) when that cannot be."""
        self._secrets = None
        for watcher in self._watchers:
            watcher()
        async with self._writing:
            document = _Document(VERSION, self.profiles(), self.workers())
            try:
                await anyio.to_thread.run_sync(self._file.save, document)
            except OSError as error:
                raise LunaError(
                    Kind.INTERNAL,
                    f"The change is in force, but cannot be written to {self._file.path.name}: {error.strerror}.",
                    hint="See that luna may write to its data directory, then save it again.",
                ) from error


def _sorted(records: Iterable[R]) -> dict[str, R]:
    return {record.id: record for record in sorted(records, key=lambda record: record.id)}


def _added(known: dict[str, R], record: R) -> dict[str, R]:
    if record.id not in known and len(known) >= MOST:
        raise LunaError(Kind.CONFLICT, f"There are {MOST} already.", hint="Remove those that are not used.")
    return _sorted({**known, record.id: record}.values())


def _with_findings(record: R, known: R | None) -> R:
    verified = known.verified if known is not None and known.way == record.way else None
    return msgspec.structs.replace(record, verified=verified)


def _found(among: dict[str, R], name: str, what: str) -> R:
    found = among.get(name)
    if found is None:
        listed = ", ".join(sorted(among)) or "none"
        raise LunaError(Kind.NOT_FOUND, f"There is no {what} {name[:80]!r}.", hint=f"Known are: {listed}.")
    return found
