"""Makes the services that keep something: accounts, sessions, runs, files, and what watches over them.

Owns the order in which they are made and what runs in the background for each. What they do is `luna.state`'s; who may
ask them is `luna.server.assemble`'s business.
"""

from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import anyio.to_thread
import msgspec

from luna import __version__
from luna.config.preferences import PreferenceFile
from luna.config.settings import Settings
from luna.core.services import Services
from luna.model.ambient import Clock
from luna.model.errors import LunaError
from luna.model.preferences import LivePreferences
from luna.qwen.catalogue import Catalogue
from luna.qwen.endpoints import Site
from luna.server.background import Background, background
from luna.server.tracing import Traces, open_traces
from luna.state.account import Account
from luna.state.account_states import AccountStates
from luna.state.accounts import Accounts
from luna.state.audit import Audit
from luna.state.breakpoints import Breakpoints
from luna.state.bulletin import Bulletin
from luna.state.capture import Captures
from luna.state.capture_way import browser_way
from luna.state.chat_desk import ChatDesk
from luna.state.chat_lanes import Lanes
from luna.state.chats import ChatLedger
from luna.state.cleanup import Cleanup
from luna.state.credentials import CredentialStore
from luna.state.discretion import Discretion
from luna.state.drift import Drift, Finding
from luna.state.egress import Egress
from luna.state.keys import ProxyKeys
from luna.state.log_archive import LogEntry
from luna.state.logs import Logs
from luna.state.metrics import Metrics
from luna.state.network import Network
from luna.state.overflow_files import OverflowFiles
from luna.state.responses import Responses
from luna.state.run_news import RunNews
from luna.state.runs import Runs
from luna.state.scheduler import Scheduler
from luna.state.session_expiry import tidy
from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.state.turns import Turns
from luna.state.uploads import Uploads
from luna.state.verification import Verification
from luna.upstream.chaos import ChaosBackend
from luna.upstream.exchange import Backend
from luna.upstream.guard import LinkFetcher
from luna.upstream.pools import Direct, Pools
from luna.upstream.recording import RecordingBackend
from luna.upstream.watching import WatchingBackend
from luna.wire.store import Recordings

HOUR = 3600.0
CONNECTIONS = 15.0
"""Seconds between two looks for connections that can serve nobody any more."""


class State(msgspec.Struct, frozen=True):
    """Everything that outlives a request, as it was made for one process."""

    services: Services
    preferences: PreferenceFile
    store: Store
    accounts: Accounts
    scheduler: Scheduler
    keys: ProxyKeys
    runs: Runs
    logs: Logs
    metrics: Metrics
    discretion: Discretion
    chats: ChatDesk
    sessions: Sessions
    overflow: OverflowFiles
    network: Network
    egress: Egress
    direct: Backend
    bulletin: Bulletin
    audit: Audit
    captures: Captures
    breakpoints: Breakpoints
    traces: Traces | None
    background: Background
    """Where what runs beside the requests is started."""


async def open_state(settings: Settings, clock: Clock, stack: AsyncExitStack) -> State:
    """Make all of it; `stack` closes it in reverse. Raises OSError, DatabaseError, NewerDatabase."""
    data, services = settings.data_dir, Services()
    live, discretion = LivePreferences(), Discretion()
    preferences = PreferenceFile(data / "config.json", live)
    store = await stack.enter_async_context(Store.opened(data, settings.database_url))
    runs, logs, metrics = _books(services, store, clock, live, discretion)
    await runs.recover()
    await logs.recover()
    stack.callback(logs.flush)
    stack.enter_context(logs.listening())
    traces = open_traces(settings, discretion, clock, stack)

    pools = Pools(clock)
    direct = Direct(pools)
    network = Network(data / "network.json")
    egress = Egress(network, live, direct, clock, pools)
    stack.push_async_callback(egress.aclose)
    drift = _drift(services, data, clock)
    site = Site(settings.qwen_base_url, settings.qwen_auth_url)
    accounts = Accounts(
        store=CredentialStore(data / "credentials.json"),
        backend=_watched(direct, drift, traces),
        ways=lambda account, profile: _watched(egress.backend(account, profile), drift, traces),
        clock=clock,
        site=site,
        env_token=settings.qwen_token,
        env_cookies=settings.qwen_cookies,
    )
    await accounts.restore(AccountStates(store, clock))
    scheduler = _scheduler(services, accounts, live, egress, clock)
    keys = ProxyKeys(settings.proxy_keys, data / "keys.json", clock=clock, required=not settings.loopback)
    recordings = Recordings(data / "recordings", luna=__version__, clock=clock)
    stack.push_async_callback(anyio.to_thread.run_sync, recordings.close)

    sessions, turns = Sessions(store, live), Turns()
    chats = await _chats(store, accounts, live, clock, turns, sessions)
    overflow = OverflowFiles(data / "overflow", store, clock, live)
    await overflow.start()
    services.provide(LivePreferences, live)
    services.provide(Accounts, accounts)
    services.provide(ProxyKeys, keys)
    services.provide(Recordings, recordings)
    _by_themselves(services, store, clock)
    services.provide(Turns, turns)
    services.provide(Sessions, sessions)
    services.provide(ChatLedger, chats.ledger)
    services.provide(OverflowFiles, overflow)

    bulletin = Bulletin(clock.monotonic)
    audit = Audit(store, clock)
    captures = Captures(accounts, site, data / "browser", clock)
    captures.way = partial(browser_way, accounts, egress)
    tasks = await stack.enter_async_context(background())
    captures.attend(tasks.tasks)
    state = State(
        services=services,
        preferences=preferences,
        store=store,
        accounts=accounts,
        scheduler=scheduler,
        keys=keys,
        runs=runs,
        logs=logs,
        metrics=metrics,
        discretion=discretion,
        chats=chats,
        sessions=sessions,
        overflow=overflow,
        network=network,
        egress=egress,
        direct=direct,
        bulletin=bulletin,
        audit=audit,
        captures=captures,
        breakpoints=Breakpoints(clock),
        traces=traces,
        background=tasks,
    )
    _keep(state, tasks, clock)
    return state


def _drift(services: Services, data: Path, clock: Clock) -> Drift:
    """What is new in what comes from Qwen."""
    drift = Drift(clock, path=data / "drift.json")
    services.provide(Drift, drift)
    return drift


def _watched(backend: Backend, drift: Drift, traces: Traces | None) -> Backend:
    """What is made to go wrong is recorded as if it had come; what comes is looked at."""
    watched = WatchingBackend(RecordingBackend(ChaosBackend(backend)), drift.saw)
    return watched if traces is None else traces.around(watched)


def _scheduler(
    services: Services, accounts: Accounts, live: LivePreferences, egress: Egress, clock: Clock
) -> Scheduler:
    """The queue, which gives no account whose way out is closed, and counts the places of workers."""

    def gate(account: Account) -> LunaError | None:
        return None if account.source == "demo" else egress.refusal(account.id, account.network_profile)

    accounts.gate = gate
    egress.watch(accounts.tell)
    scheduler = Scheduler(
        accounts,
        live,
        clock=clock,
        workers=lambda account: egress.workers(account.id, account.network_profile),
        worker_limit=egress.network.worker_limit,
    )
    services.provide(Scheduler, scheduler)
    services.provide(Egress, egress)
    return scheduler


def _by_themselves(services: Services, store: Store, clock: Clock) -> None:
    """Services that only stages know."""
    services.provide(Catalogue, Catalogue(clock))
    services.provide(Uploads, Uploads(clock, store, metrics=services[Metrics]))
    services.provide(LinkFetcher, LinkFetcher())
    services.provide(Responses, Responses())


def _books(
    services: Services, store: Store, clock: Clock, live: LivePreferences, discretion: Discretion
) -> tuple[Runs, Logs, Metrics]:
    runs, logs = Runs(store, clock, live), Logs(store, clock, live, discretion)
    metrics = Metrics(clock.wall())
    services.provide(Runs, runs)
    services.provide(Logs, logs)
    services.provide(Metrics, metrics)
    return runs, logs, metrics


async def _chats(
    store: Store, accounts: Accounts, live: LivePreferences, clock: Clock, turns: Turns, sessions: Sessions
) -> ChatDesk:
    ledger, lanes = ChatLedger(store, clock), Lanes(accounts, clock)
    await ledger.load()
    cleanup = Cleanup(
        ledger,
        lanes,
        live,
        clock,
        generating=lambda chat: turns.generators(chat) > 0,
        on_deleted=sessions.forget_chat,
    )
    return ChatDesk(ledger, cleanup, lanes, clock)


def _keep(state: State, tasks: Background, clock: Clock) -> None:
    """What each of them does beside the requests."""

    async def forget() -> None:
        await tidy(state.sessions, clock.wall())
        state.audit.tidy()

    tasks.keep("the settings", state.preferences.watch)
    tasks.keep("the runs", state.runs.keep)
    tasks.keep("the log", state.logs.keep)
    tasks.keep("the chats", state.chats.cleanup.run)
    tasks.keep("the overflow files", state.overflow.keep_tidy)
    tasks.keep("the proxy keys", state.keys.watch)
    verification = Verification(
        state.egress, lambda: [(a.id, a.network_profile) for a in state.accounts.all() if a.enabled], clock
    )
    state.accounts.watch(lambda _: verification.stir())
    tasks.keep("the checks of the ways out", verification.run)
    tasks.repeat("forgetting", HOUR, forget)
    tasks.repeat("closing connections", CONNECTIONS, state.egress.close_expired)
    drift = state.services[Drift]
    tasks.keep("the look at new shapes", drift.run)

    def found(findings: list[Finding]) -> None:
        for finding in findings:
            state.metrics.drift.add(finding.kind)
        state.bulletin.publish("drift", {"open": drift.open})

    drift.watchers.append(found)
    news = RunNews(state.bulletin, clock.monotonic)
    news.follow(state.runs)
    tasks.keep("the news of runs", news.keep)
    state.logs.watch(partial(_tell_lines, state.bulletin))
    state.preferences.live.watch(lambda _: state.bulletin.publish("config", {"changed": "settings"}))
    state.audit.watch(lambda change: state.bulletin.publish("audit", change))
    state.captures.watch = lambda job: state.bulletin.publish("capture", job)
    state.network.watch(lambda: state.bulletin.publish("config", {"changed": "network"}))
    state.accounts.watch(lambda one: state.bulletin.publish("accounts", {"id": one.id if one is not None else None}))
    state.breakpoints.watch(lambda: state.bulletin.publish("breakpoints", state.breakpoints.news()))


def _tell_lines(bulletin: Bulletin, entries: list[LogEntry]) -> None:
    """Tell the pages of new lines: in batches, as the log takes them in."""
    if bulletin.watched:
        from luna.admin.logs import view  # it is there already: somebody watches

        bulletin.publish("logs", [view(entry) for entry in entries])
