"""Puts one process together: state, configuration, engine, application.

Owns the order in which long-lived things are made and closed. Which route of the control plane asks whom is
`luna.server.controls`'s, which comes with the first request to one. Starts no server and watches no file of the
configuration: that is `luna.server.supervise`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from luna.admin.door import Door, load_admin_key, signed_out_file
from luna.admin.stages import StageWatch
from luna.config.diagnostics import Diagnostic
from luna.config.live import LiveConfig
from luna.config.overrides import PromptOverrides
from luna.config.settings import Settings
from luna.core.engine import Engine
from luna.core.live import LiveFlows
from luna.core.registry import Registry
from luna.core.services import Services
from luna.core.snapshot import Snapshot
from luna.model.ambient import Clock, SystemClock
from luna.model.errors import Kind, LunaError
from luna.qwen.endpoints import Site
from luna.server import figures
from luna.server.app import App, LateControl
from luna.server.chosen import Choice
from luna.server.gateway import Gateway
from luna.server.guard import Guard
from luna.server.halting import Halts
from luna.server.memory import open_memory
from luna.server.state import State, open_state
from luna.server.tracing import keep_books
from luna.server.worker import WorkerSide
from luna.state.accounts import Accounts
from luna.state.summaries import Say

if TYPE_CHECKING:
    from starlette.routing import Route
    from starlette.types import ASGIApp

    from luna.admin.bundles import OpenedView

DEMO_PACE = 0.02
"""Seconds between two frames of the look-alike, so that a person sees an answer stream."""


class House(msgspec.Struct, frozen=True):
    """Everything that one process is made of."""

    settings: Settings
    app: App
    config: LiveConfig
    state: State
    live: LiveFlows
    control: LateControl
    worker: WorkerSide
    admin_key: str
    admin_key_is_new: bool

    def hang_up(self) -> None:
        """End what would go on for as long as somebody listens: the server stops only when nobody is served."""
        self.state.bulletin.close()
        self.worker.end()

    @property
    def operations(self) -> "list[Route]":
        """Every route of the admin API and beside it, for its description."""
        return self.control.operations

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
    settings: Settings, *, clock: Clock | None = None, opened: "OpenedView | None" = None
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
            from luna.demo.serve import Lookalike  # which nobody else needs

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
        live_config.on_change(lambda: state.bulletin.publish("config", _files_changed(live_config)))
        live_config.gate = _gate
        tasks = state.background
        tasks.keep("the stage counts", StageWatch(live, state.bulletin).run)
        memory = await open_memory(state.services, state.store, clock, settings.data_dir, _speaker(live_config))
        tasks.keep("the sessions", memory.upkeep.run)
        tasks.keep("the compacted files", memory.files.keep_tidy)

        def controls() -> "tuple[list[Route], ASGIApp]":
            from luna.server.controls import Parts, control_of  # the whole admin API

            return control_of(
                Parts(settings, state, live_config, overrides, live, clock, door, gateway, memory, secrets, opened)
            )

        control = LateControl("luna.server.controls", controls)
        worker = WorkerSide(
            key=settings.worker_key,
            sites=[settings.qwen_base_url, settings.qwen_auth_url],
            backend=state.direct,
            ip_url=lambda: state.preferences.live.current.egress_isolation.verify_ip_url,
        )
        app = App(Guard(settings.allowed_hosts), gateway, control, worker, settings.max_body)
        yield House(settings, app, live_config, state, live, control, worker, admin_key, is_new)


def _files_changed(config: LiveConfig) -> Any:
    from luna.admin.pipeline import files_changed  # with the first change

    return files_changed(config)


async def _gate(routes: Path, now: Snapshot, new: Snapshot) -> list[Diagnostic]:
    from luna.replay.gate import refusals  # with the first change

    return await refusals(routes, now, new)


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
