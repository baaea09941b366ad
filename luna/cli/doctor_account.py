"""`luna doctor --live`: the account, with its own way out, for as long as the probes take.

Owns where account and way come from. While a luna works in the data directory the login is only read: two that renewed
it would each undo what the other has. The same goes for the ledger, in which the probes' chat is written down.
"""

from contextlib import AsyncExitStack

import anyio.to_thread

from luna import __version__
from luna.config.preferences import PreferenceFile
from luna.config.settings import Settings
from luna.disk.claim import InUse, claimed
from luna.doctor.chats import ChatBook, Ledgered, Unwritten
from luna.doctor.live import Report, Watcher, probe
from luna.model.ambient import Clock, Ids, SystemClock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import LivePreferences
from luna.qwen.authority import Authority
from luna.qwen.endpoints import Site
from luna.state.account import Account
from luna.state.accounts import Accounts
from luna.state.chats import ChatLedger
from luna.state.credentials import CredentialStore
from luna.state.egress import Egress
from luna.state.network import Network
from luna.state.store import Store
from luna.upstream.pool import PoolBackend
from luna.upstream.watching import WatchingBackend


async def probed(settings: Settings, account_id: str) -> Report:
    """The probes' report. Raises LunaError where there is nobody to ask for, OSError."""
    clock, live, data, watcher = SystemClock(), LivePreferences(), settings.data_dir, Watcher()
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(claimed(data))
            alone = True
        except InUse:
            alone = False
        PreferenceFile(data / "config.json", live)
        direct = PoolBackend(clock=clock)
        stack.push_async_callback(direct.aclose)
        egress = Egress(Network(data / "network.json"), live, direct, clock)
        stack.push_async_callback(egress.aclose)
        site = Site(settings.qwen_base_url, settings.qwen_auth_url)
        accounts = await anyio.to_thread.run_sync(
            lambda: Accounts(
                store=CredentialStore(data / "credentials.json"),
                backend=direct,
                clock=clock,
                site=site,
                env_token=settings.qwen_token,
                env_cookies=settings.qwen_cookies,
                ways=lambda name, profile: WatchingBackend(egress.backend(name, profile), watcher),
            )
        )
        account = _chosen(accounts, account_id)
        authority = account.authority if alone else _borrowed(account, clock)
        report = Report(__version__, site.base_url, account.id, round(clock.wall() * 1000))
        chats: ChatBook = Unwritten()
        if alone:
            store = await stack.enter_async_context(Store.opened(data, settings.database_url))
            ledger = ChatLedger(store, clock)
            await ledger.load()
            chats = Ledgered(ledger, account.id, clock)
        try:
            await probe(authority, watcher, chats, report, clock, Ids())
        finally:
            if alone:
                await authority.keep()
    return report


def _chosen(accounts: Accounts, account_id: str) -> Account:
    if account_id:
        return accounts.require(account_id)
    usable = [account for account in accounts.all() if account.enabled]
    if not usable:
        raise LunaError(
            Kind.NO_ACCOUNT, "There is no account to ask for.", hint="`luna login` adds one; `--account` names one."
        )
    return usable[0]


def _borrowed(account: Account, clock: Clock) -> Authority:
    """The login as it was last written down, never renewed."""
    own = account.authority
    return Authority(own.credentials, site=own.site, backend=own.backend, clock=clock, renewable=False)
