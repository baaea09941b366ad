"""Where it happens: luna, the relay that breaks connections, and the look-alike, in one process and one event loop.

Owns what is counted before and after a fault, and the accounts: each way of asking has one of its own, so that what a
fault does to an account is nobody else's trouble. In one process every task and every open file is in sight.
"""

import shutil
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import msgspec

from luna.config.settings import shipped_routes
from luna.demo.serve import Lookalike
from luna.model.ambient import Clock, Ids, SystemClock
from luna.qwen.authority import Authority
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.state.account import Account
from luna.state.run import TERMINAL, RunRecord
from luna.state.run_archive import RunFilter
from luna.upstream.pool import PoolBackend
from luna.upstream.pools import Direct
from tests.gauntlet.relay import Relay
from tests.gauntlet.speech import WAYS, Got, Way, understand
from tests.support.house import Running, running_luna

PATIENCE = 1.5
"""Seconds that luna waits for the upstream's head, and for anything in its answer."""
RUN = 30.0
"""Seconds that a run may take in all."""
SETTLING = 30.0
"""Seconds after which what is left counts as left over."""
_OPTIONS = {
    "  - use: schedule\n": f"    run-timeout: {RUN}s\n",
    "  - use: qwen\n": f"    head-timeout: {PATIENCE}s\n    idle-timeout: {PATIENCE}s\n    busy-wait: 100ms\n",
}
_PREFERENCES = {
    "multiThread": {
        "globalMaxConcurrentRuns": 0,
        "defaultProviderMaxConcurrentRuns": 0,
        "defaultAccountMaxConcurrentRuns": 0,
    }
}


@dataclass(frozen=True)
class Counts:
    """What there is at one moment."""

    flows: int
    leases: int
    runs: int
    exchanges: int
    connections: int
    """Connections to the upstream."""
    snapshots: int
    """Snapshots that some flow still carries."""
    seats: int
    """Runs that hold a seat, or wait for one."""
    tasks: int
    files: int
    """File descriptors."""

    def beyond(self, before: "Counts") -> str:
        """What there is more of than before; "" for nothing."""
        more = {name: getattr(self, name) - getattr(before, name) for name in self.__dataclass_fields__}
        return ", ".join(f"{name} +{count}" for name, count in more.items() if count > 0)


NOTHING = Counts(0, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass
class Arena:
    """A luna with short patience, and everything around it."""

    luna: Running
    relay: Relay
    lookalike: Lookalike
    folder: Path
    base: Counts
    """What there was when nothing had happened yet."""
    accounts: dict[Way, str] = field(default_factory=dict)
    number: int = 0

    @property
    def port(self) -> int:
        return self.luna.port

    def fresh_accounts(self, ways: Collection[Way] = WAYS) -> None:
        """Each of these ways of asking gets a new one, which is not written down: that would be half of the time."""
        self.number += 1
        accounts = self.luna.house.accounts
        for position, way in enumerate(ways):
            login = self.lookalike.login(f"user-{self.number}-{position}")
            authority = Authority(
                Credentials.read({"token": login.token, "cookies": login.cookie_header}),
                site=Site(self.relay.url, self.relay.url),
                backend=self.pool,
                clock=SystemClock(),
                ids=Ids(),
            )
            name = f"account-{self.number}-{position}"
            accounts.adopt(Account(name, label=name, source="file", authority=authority, clock=SystemClock()))
            self.accounts[way] = name

    async def ask(self, way: Way, prompt: str) -> Got:
        """One request on a connection of its own, read to its end."""
        return understand(way, await self.exchange(way.request(prompt, account=self.accounts[way])))

    async def exchange(self, request: bytes) -> bytes:
        """Send it, and read until the connection is closed."""
        raw = b""
        with anyio.fail_after(60):
            async with await anyio.connect_tcp("127.0.0.1", self.port) as connection:
                await connection.send(request)
                try:
                    while True:
                        raw += await connection.receive()
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    return raw

    async def quiet(self) -> Counts:
        """What there is when nobody asks anything: the same for half a second."""
        same, before = 0, NOTHING
        with anyio.fail_after(SETTLING):
            while same < 10:
                await anyio.sleep(0.05)
                await self.forget_connections()
                now = self.count()
                same = same + 1 if now == before and not (now.flows or now.connections) else 0
                before = now
        return before

    def count(self) -> Counts:
        """What there is now."""
        house = self.luna.house
        seen = house.state.scheduler.describe()
        return Counts(
            flows=len(house.live),
            leases=house.accounts.leases,
            runs=len(house.state.runs.active()),
            exchanges=int(repr(self.pool).partition("exchanges=")[2].partition("/")[0]),
            connections=len(self.pool.pool.connections),
            snapshots=len(house.live.by_snapshot()),
            seats=len(seen.running) + len(seen.waiting),
            tasks=len(anyio.get_running_tasks()),
            files=len(_open_files()),
        )

    @property
    def pool(self) -> PoolBackend:
        """luna's connections to the upstream."""
        direct = self.luna.house.state.direct
        assert isinstance(direct, Direct)
        return direct.pool

    async def forget_connections(self) -> None:
        """Close those that serve nobody, so that the next request opens one."""
        await self.pool.pool.close_idle()

    async def settled(self) -> str:
        """Wait until there is no more than at the beginning; what is left, where it stays."""
        beyond = ""
        with anyio.move_on_after(SETTLING):
            while True:
                await self.forget_connections()
                beyond = self.count().beyond(self.base)
                if not beyond:
                    return ""
                await anyio.sleep(0.01)
        return beyond

    async def run_of(self, flow: str) -> RunRecord | None:
        """What is written of a flow, once it is over."""
        with anyio.move_on_after(SETTLING):
            while True:
                record = await self.luna.house.state.runs.get(flow)
                if record is not None and record.status in TERMINAL:
                    return record
                await anyio.sleep(0.01)
        return await self.luna.house.state.runs.get(flow)

    async def latest(self, account: str) -> RunRecord | None:
        """The last run of an account, for a client that was told no id."""
        page = await self.luna.house.state.runs.find(RunFilter(account=account), limit=1)
        return await self.run_of(page.records[0].id) if page.records else None


@asynccontextmanager
async def arena(folder: Path, *, clock: Clock | None = None, patient: bool = False) -> AsyncIterator[Arena]:
    """Everything that runs, warmed up. `patient`: luna waits for its upstream as long as what ships says; wherever the
    upstream is not what fails, so that a machine that stalls is not taken for one."""
    routes = configuration(folder / "configuration", {} if patient else _OPTIONS)
    data = folder / "data"
    data.mkdir(mode=0o700)
    (data / "config.json").write_bytes(msgspec.json.encode({"version": 1, "settings": _PREFERENCES}))
    (data / "config.json").chmod(0o600)
    async with Lookalike(linger=0.0) as lookalike, Relay(urlsplit(lookalike.url).port or 0) as relay:
        named = {"LUNA_ROUTES": str(routes), "LUNA_QWEN_BASE_URL": relay.url, "LUNA_MAX_BODY": "256KiB"}
        async with running_luna(data, environ=named, clock=clock, account=False, beside=lookalike) as luna:
            built = Arena(luna, relay, lookalike, folder, NOTHING)
            built.fresh_accounts()
            async with anyio.create_task_group() as tasks:
                for way in WAYS:
                    tasks.start_soon(_warm, built, way)
            built.base = await built.quiet()
            yield built


def open_files(process: int | str) -> list[str]:
    """Where each file descriptor of a process leads to."""
    names: list[str] = []
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since, as the one that listed them
            names.append(str(descriptor.readlink()))
    return names


def _open_files() -> list[str]:
    """What each file descriptor leads to, but for the database's: it keeps a pool, which grows to its size."""
    return [name for name in open_files("self") if "/luna.db" not in name]


async def _warm(arena: Arena, way: Way) -> None:
    got = await arena.ask(way, f"[[say:ready]] {way}")
    assert got.text == "ready", got


def configuration(folder: Path, options: Mapping[str, str]) -> Path:
    """A copy of what ships, with these lines after those; the path of its routes file."""
    shipped = shipped_routes().parent
    folder.mkdir()
    for part in ("pipelines", "prompts"):
        shutil.copytree(shipped / part, folder / part)
    chat = folder / "pipelines" / "chat.yaml"
    written = chat.read_text()
    for line, more in options.items():
        assert written.count(line) == 1
        written = written.replace(line, line + more)
    for old, new in (("heartbeat: 10s", "heartbeat: 200ms"), ("commit-after: 15s", "commit-after: 300ms")):
        assert written.count(old) == 1
        written = written.replace(old, new)
    chat.write_text(written)
    return Path(shutil.copy(shipped / "routes.yaml", folder / "routes.yaml"))
