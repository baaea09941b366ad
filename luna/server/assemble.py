"""Puts one process together: state, configuration, engine, application.

Owns the order in which long-lived things are made and closed, and which route asks whom. Starts no server and watches
no file of the configuration: that is `luna.server.supervise`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.routing import Route

from luna.admin import (
    account_usage,
    accounts,
    audit,
    breakpoints,
    capture,
    chat_cleanup,
    config,
    debug,
    debug_tasks,
    drift,
    egress,
    elsewhere,
    events,
    explain,
    files,
    flows,
    inspect,
    keys,
    logs,
    metrics,
    models,
    network,
    openapi,
    overflow,
    overview,
    pipeline,
    prompts,
    provider,
    runs,
    runtime,
    sessions,
    signin,
    stages,
    workers,
)
from luna.admin.bundles import OpenedView
from luna.admin.debug_tasks import Workings
from luna.admin.door import Door, load_admin_key, signed_out_file
from luna.admin.flow_faces import FlowFaces
from luna.admin.flows import Flows
from luna.admin.inspect import Inspector
from luna.config.editing import ConfigFiles
from luna.config.live import LiveConfig
from luna.config.overrides import PromptOverrides
from luna.config.settings import Settings
from luna.core.engine import Engine
from luna.core.live import LiveFlows
from luna.core.registry import Registry
from luna.core.services import Services
from luna.demo.serve import Lookalike
from luna.model.ambient import Clock, SystemClock
from luna.model.errors import Kind, LunaError
from luna.protocols.registry import dialect_for
from luna.qwen.catalogue import Catalogue
from luna.qwen.endpoints import Site
from luna.server import figures, health, keeping, pages, static
from luna.server.again import Again
from luna.server.app import App, control_plane
from luna.server.chosen import Choice
from luna.server.gateway import Gateway
from luna.server.guard import Guard
from luna.server.halting import Halts
from luna.server.memory import open_memory
from luna.server.probes import Probes
from luna.server.state import State, open_state
from luna.server.tracing import keep_books
from luna.server.worker import WorkerSide
from luna.state.accounts import Accounts
from luna.state.drift import Drift
from luna.state.summaries import Say
from luna.state.uploads import Uploads
from luna.wire.store import Recordings

DEMO_PACE = 0.02
"""Seconds between two frames of the look-alike, so that a person sees an answer stream."""


@dataclass(frozen=True)
class House:
    """Everything that one process is made of."""

    settings: Settings
    app: App
    config: LiveConfig
    state: State
    live: LiveFlows
    operations: list[Route]
    """Every route of the admin API and beside it, for its description."""
    worker: WorkerSide
    admin_key: str
    admin_key_is_new: bool

    def hang_up(self) -> None:
        """End what would go on for as long as somebody listens: the server stops only when nobody is served."""
        self.state.bulletin.close()
        self.worker.end()

    @property
    def services(self) -> Services:
        """What stages ask for by type."""
        return self.state.services

    @property
    def accounts(self) -> Accounts:
        """The accounts."""
        return self.state.accounts


@asynccontextmanager
async def assemble(
    settings: Settings, *, clock: Clock | None = None, opened: OpenedView | None = None
) -> AsyncIterator[House]:
    """Build everything from the settings; close it in reverse. `opened`: it shows a bundle. Raises ConfigurationError
    when the YAML does not compile at the start, OSError when the data directory cannot be used, DatabaseError and
    NewerDatabase."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        overrides = PromptOverrides(settings.data_dir / "prompts.json")
        registry = Registry(third_party=settings.third_party_stages)
        live_config = await LiveConfig.load(settings, registry, clock, edit=overrides.edit)
        state = await open_state(settings, clock, stack)
        if settings.demo:
            lookalike = await stack.enter_async_context(Lookalike(clock=clock, pace=DEMO_PACE))
            login = lookalike.login("demo")
            state.accounts.add_demo(Site(lookalike.url, lookalike.url), token=login.token, cookies=login.cookies)
        live = LiveFlows()
        Halts(state.breakpoints, state.runs.find_active, live)
        admin_key, is_new = load_admin_key(settings.data_dir, settings.admin_key)
        secrets = _secrets(settings, state, admin_key)
        state.discretion.secrets = secrets
        figures.observe(state, live, clock, settings.data_dir)
        door = Door(admin_key, clock, port=settings.port, signed_out=signed_out_file(settings.data_dir))
        gateway = Gateway(
            engine=Engine(live),
            cell=live_config.cell,
            services=state.services,
            books=keep_books(state.runs, state.metrics, state.logs, state.traces, state.accounts),
            clock=clock,
            max_body=settings.max_body,
            secrets=secrets,
            choice=Choice(door),
            key_required=not settings.loopback,
        )
        live_config.on_change(lambda: state.bulletin.publish("config", pipeline.files_changed(live_config)))
        tasks = state.background
        tasks.keep("the stage counts", stages.StageWatch(live, state.bulletin).run)
        memory = await open_memory(state.services, state.store, clock, settings.data_dir, _speaker(live_config))
        tasks.keep("the sessions", memory.upkeep.run)
        tasks.keep("the compacted files", memory.files.keep_tidy)
        faces = FlowFaces(state.services[Recordings])
        workings = Workings(live, state.runs, state.accounts, live_config.cell, state.egress.usage, clock)
        api = [
            *_api(settings, state, live_config, overrides, live, clock, faces),
            *sessions.routes(memory.archive, memory.upkeep, state.chats, state.runs, state.preferences.live, secrets),
            *debug.routes(_probes(gateway, state, clock)),
            *debug_tasks.routes(workings),
            *inspect.routes(Inspector(faces, live_config, Again(gateway) if opened is None else None)),
            *keeping.routes(state, live_config, secrets, settings.data_dir, opened),
        ]
        front: list[Route] = [
            *health.routes(live_config, state.accounts, live, state.store, settings.data_dir),
            *metrics.routes(state.metrics, door, open=settings.loopback),
            *signin.routes(door, state.audit),
            *elsewhere.routes(),
        ]
        operations: list[Route] = [*api, *front]
        operations += openapi.routes(operations)
        front += debug_tasks.at_the_root(workings, door)
        built = static.pages_directory()
        last = static.Pages(built).routes() if built else pages.routes(live_config, state.accounts)
        control = control_plane(door=door, audit=state.audit, api=[*api, operations[-1]], open_routes=front, pages=last)
        worker = WorkerSide(
            key=settings.worker_key,
            sites=[settings.qwen_base_url, settings.qwen_auth_url],
            backend=state.direct,
            ip_url=lambda: state.preferences.live.current.egress_isolation.verify_ip_url,
        )
        app = App(Guard(settings.allowed_hosts), gateway, control, worker, settings.max_body)
        yield House(settings, app, live_config, state, live, operations, worker, admin_key, is_new)


def _probes(gateway: Gateway, state: State, clock: Clock) -> Probes:
    return Probes(
        gateway,
        runs=state.runs,
        recordings=state.services[Recordings],
        scheduler=state.scheduler,
        ledger=state.chats.ledger,
        uploads=state.services[Uploads],
        clock=clock,
    )


def _speaker(live_config: LiveConfig) -> Say:
    """Fills in prompts of the configuration in force."""

    def say(prompt: str, /, **variables: str) -> str:
        found = live_config.cell.current.prompts.find(prompt)
        if found is None:
            raise LunaError(Kind.INTERNAL, f"There is no prompt '{prompt}'.", hint="Put it back into prompts/.")
        return found.render(**variables)

    return say


def _secrets(settings: Settings, state: State, admin_key: str) -> Callable[[], list[str]]:
    """Every value that no recording and no log may show, as of now."""
    fixed = [*settings.proxy_keys, admin_key, *([settings.worker_key] if settings.worker_key else [])]
    return lambda: [*state.accounts.secrets(), *state.network.secrets(), *fixed]


def _api(
    settings: Settings,
    state: State,
    live_config: LiveConfig,
    overrides: PromptOverrides,
    live: LiveFlows,
    clock: Clock,
    faces: FlowFaces,
) -> list[Route]:
    """All routes below /api."""
    return [
        *account_usage.routes(state.store, clock),
        *accounts.routes(state.accounts, state.scheduler),
        *audit.routes(state.audit),
        *breakpoints.routes(state.breakpoints, live_config.cell),
        *capture.routes(state.captures),
        *chat_cleanup.routes(state.chats),
        *config.routes(settings, state.preferences, state.keys),
        *drift.routes(state.services[Drift]),
        *egress.routes(state.egress, state.accounts),
        *events.routes(state.bulletin),
        *explain.routes(live_config, dialect_for),
        *files.routes(ConfigFiles(live_config)),
        *flows.routes(Flows(state.runs, state.logs, live, faces, live_config.cell, clock.wall)),
        *keys.routes(state.keys),
        *logs.routes(state.logs, state.runs),
        *models.routes(state.accounts, state.services[Catalogue], live_config.cell, state.runs),
        *network.routes(state.network, state.egress, state.accounts),
        *overflow.routes(state.overflow),
        *overview.routes(state.runs, clock.wall),
        *pipeline.routes(live_config, live),
        *prompts.routes(overrides, live_config),
        *provider.routes(state.accounts),
        *runs.routes(state.runs, live),
        *runtime.routes(state.scheduler, state.runs),
        *workers.routes(state.network, state.egress),
    ]
