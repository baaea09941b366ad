"""Accounts at the look-alike that each leave by a way of their own, and everything that an account ever sends."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.lowlevel
from anyio.abc import ByteStream

from luna.demo.serve import Lookalike
from luna.model.ambient import Ids, SystemClock
from luna.model.preferences import EgressIsolation, LivePreferences, Preferences
from luna.qwen.client import QwenClient
from luna.qwen.endpoints import Site
from luna.qwen.files import Content, have_read, put_file
from luna.qwen.payload import Turn, completion_body
from luna.state.account import Account
from luna.state.accounts import Accounts
from luna.state.credentials import CredentialStore
from luna.state.egress import Egress
from luna.state.network import DIRECT, Network, NetworkProfile, Verified, Worker
from luna.upstream.exchange import InResponse, OutRequest, Timeouts
from luna.upstream.guard import LinkFetcher
from luna.upstream.pool import PoolBackend
from luna.upstream.pools import Pools
from luna.upstream.recording import RecordingBackend
from tests.support.certificates import serving, trusting
from tests.support.proxies import ConnectProxy, NamedNetwork, Proxy, SocksProxy
from tests.support.rawserver import RawServer, response
from tests.support.samples import PNG
from tests.support.workers import KEY, RunningWorker, running_worker

MODEL = "qwen3.7-plus"
LINK_ADDRESS = "93.184.216.34"
LINK_HOST = "pictures.example"
HERE = "198.51.100.1"


class CountingLookalike(Lookalike):
    """Counts the connections that reach it."""

    connections = 0

    async def _connected(self, socket: ByteStream) -> None:
        self.connections += 1
        await super()._connected(socket)


@dataclass
class NoWay:
    """The direct way, which nobody may take; what was tried is kept."""

    tried: list[OutRequest] = field(default_factory=list)

    async def open(self, request: OutRequest) -> InResponse:
        self.tried.append(request)
        raise AssertionError(f"{request.method} {request.url} went straight out")

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass
class Isolated:
    """Account a goes by an HTTP proxy, b by a SOCKS proxy, c by a worker."""

    site: CountingLookalike
    http: Proxy
    socks: Proxy
    worker: RunningWorker
    beyond: NamedNetwork
    """Where the worker's connections went."""
    direct: NoWay
    network: Network
    live: LivePreferences
    egress: Egress
    accounts: Accounts
    fetcher: LinkFetcher

    def account(self, name: str) -> Account:
        return self.accounts.require(name)

    def rules(self, **rules: Any) -> None:
        """Other rules from now on."""
        self.live.replace(Preferences(egress_isolation=EgressIsolation(**rules)))

    def carried(self) -> tuple[int, int, int]:
        """How many connections each way has carried so far."""
        return (self.http.carried, self.socks.carried, len(self.beyond.connected))

    async def verified(self, *profiles: str) -> None:
        """As if the addresses had been asked for."""
        now = SystemClock().wall()
        for number, name in enumerate((DIRECT, *profiles)):
            ip = HERE if name == DIRECT else f"203.0.113.{number}"
            await self.network.note_profile(self.network.profile(name), Verified(now, "", ip, now))
        for worker in self.network.workers():
            await self.network.note_worker(worker, Verified(now, "", "203.0.113.99", now))


@asynccontextmanager
async def isolated(directory: Path, certificate: Path) -> AsyncIterator[Isolated]:
    """All of it, with isolation on and every way verified. `certificate` is that of `LINK_HOST`."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(CountingLookalike())
        pictures = await stack.enter_async_context(RawServer(response(PNG), tls=serving(certificate)))
        names = {LINK_ADDRESS: ("127.0.0.1", pictures.port)}
        http = await stack.enter_async_context(ConnectProxy(user="user-a", password="password-a", names=names))
        socks = await stack.enter_async_context(SocksProxy(user="user-b", password="password-b", names=names))
        beyond = NamedNetwork(names)
        far = PoolBackend(network=beyond, context=lambda: trusting(certificate))
        stack.push_async_callback(far.aclose)
        worker = await stack.enter_async_context(running_worker([site.url], far))

        network = Network(directory / "network.json")
        await network.put_profile(NetworkProfile("by-http", mode="http-proxy", proxy_url=http.url))
        await network.put_profile(NetworkProfile("by-socks", mode="socks5", proxy_url=socks.url))
        await network.put_profile(NetworkProfile("by-worker", mode="worker-managed"))
        await network.put_worker(Worker("w", worker.url, KEY, network_profile_id="by-worker"))
        live, direct = LivePreferences(), NoWay()
        egress = Egress(network, live, direct, clock, Pools(clock, lambda: trusting(certificate)))
        stack.push_async_callback(egress.aclose)
        accounts = Accounts(
            store=CredentialStore(directory / "credentials.json"),
            backend=direct,
            clock=clock,
            site=Site(site.url, site.url),
            ids=Ids(b"isolated"),
            ways=lambda account, profile: RecordingBackend(egress.backend(account, profile)),
        )
        made = Isolated(
            site, http, socks, worker, beyond, direct, network, live, egress, accounts, LinkFetcher(resolve=_resolve)
        )
        made.rules(enabled=True)
        await made.verified("by-http", "by-socks")
        for name, profile in (("a", "by-http"), ("b", "by-socks"), ("c", "by-worker")):
            login = site.login(name)
            await accounts.save(
                {"token": login.token, "cookies": login.cookie_header},
                account_id=name,
                network_profile=profile,
                new=True,
            )
        yield made


async def _resolve(host: str, port: int) -> list[str]:
    await anyio.lowlevel.checkpoint()
    return [LINK_ADDRESS]


async def _sleep(_: float) -> None:
    await anyio.lowlevel.checkpoint()


Act = Callable[[Isolated, Account], Awaitable[object]]


async def _validate(house: Isolated, account: Account) -> None:
    assert (await house.accounts.check(account.id)).valid


async def _renew(_: Isolated, account: Account) -> None:
    before = account.authority.generation
    await account.authority.renew(before)
    assert account.authority.generation == before + 1


async def _models(_: Isolated, account: Account) -> None:
    assert await _client(account).models()


async def _chat(_: Isolated, account: Account) -> None:
    """What a turn is, with all that goes before and after it."""
    client = _client(account)
    chat = await client.create_chat(MODEL, "a title")
    body = completion_body(Turn(chat, MODEL, "Hello", 1, "m1", "a1"))
    answer = await client.complete(chat, body, Timeouts())
    try:
        assert b"data:" in await answer.read()
    finally:
        await answer.aclose()
    await client.stop(chat)
    assert await client.current_answer(chat)
    assert await client.chats(1)
    await client.delete_chat(chat)


async def _upload(_: Isolated, account: Account) -> None:
    """Permit, store, and the reading of a document."""
    client, clock = _client(account), SystemClock()
    content = Content("a.txt", "document", "text/plain", b"words" * 50_000)
    file = await put_file(client, content, clock=clock, sleep=_sleep)
    await have_read(client, file, clock=clock, sleep=_sleep, patience=5)


async def _link(house: Isolated, account: Account) -> None:
    """A picture that a client links to."""
    found = await house.fetcher.fetch(_client(account).backend, f"https://{LINK_HOST}/cat.png", 1_000_000)
    assert found.data == PNG


def _client(account: Account) -> QwenClient:
    return account.client(Ids(b"client"))


ACTS: dict[str, Act] = {
    "validation": _validate,
    "renewal": _renew,
    "models": _models,
    "chat": _chat,
    "upload": _upload,
    "link": _link,
}
"""Everything that is ever sent for an account."""
