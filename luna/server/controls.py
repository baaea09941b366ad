"""Which route of the control plane asks whom.

Owns that wiring. Imported with the first request to the control plane, for it brings the whole admin API.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.routing import Route
from starlette.types import ASGIApp

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
    workers,
)
from luna.admin.bundles import OpenedView
from luna.admin.debug_tasks import Workings
from luna.admin.door import Door
from luna.admin.flow_faces import FlowFaces
from luna.admin.flows import Flows
from luna.admin.inspect import Inspector
from luna.config.editing import ConfigFiles
from luna.config.live import LiveConfig
from luna.config.overrides import PromptOverrides
from luna.config.settings import Settings
from luna.core.live import LiveFlows
from luna.model.ambient import Clock
from luna.protocols.registry import dialect_for
from luna.qwen.catalogue import Catalogue
from luna.server import health, keeping, pages, static
from luna.server.again import Again
from luna.server.control import control_plane
from luna.server.gateway import Gateway
from luna.server.memory import Remembrance
from luna.server.probes import Probes
from luna.server.state import State
from luna.state.drift import Drift
from luna.state.uploads import Uploads
from luna.wire.store import Recordings


@dataclass(frozen=True)
class Parts:
    """Whom the routes may ask."""

    settings: Settings
    state: State
    config: LiveConfig
    overrides: PromptOverrides
    live: LiveFlows
    clock: Clock
    door: Door
    gateway: Gateway
    memory: Remembrance
    secrets: Callable[[], list[str]]
    opened: OpenedView | None


def control_of(parts: Parts) -> tuple[list[Route], ASGIApp]:
    """Every route of the admin API and beside it, and the application that has them."""
    settings, state, config, live, clock = parts.settings, parts.state, parts.config, parts.live, parts.clock
    memory, door = parts.memory, parts.door
    faces = FlowFaces(state.services[Recordings])
    workings = Workings(live, state.runs, state.accounts, config.cell, state.egress.usage, clock)
    api = [
        *_api(settings, state, config, parts.overrides, live, clock, faces),
        *sessions.routes(memory.archive, memory.upkeep, state.chats, state.runs, state.preferences.live, parts.secrets),
        *debug.routes(_probes(parts.gateway, state, clock)),
        *debug_tasks.routes(workings),
        *inspect.routes(Inspector(faces, config, Again(parts.gateway) if parts.opened is None else None)),
        *keeping.routes(state, config, parts.secrets, settings.data_dir, parts.opened),
    ]
    front: list[Route] = [
        *health.routes(config, state.accounts, live, state.store, settings.data_dir),
        *metrics.routes(state.metrics, door, open=settings.loopback),
        *signin.routes(door, state.audit),
        *elsewhere.routes(),
    ]
    operations: list[Route] = [*api, *front]
    operations += openapi.routes(operations)
    front += debug_tasks.at_the_root(workings, door)
    built = static.pages_directory()
    last = static.Pages(built).routes() if built else pages.routes(config, state.accounts)
    control = control_plane(door=door, audit=state.audit, api=[*api, operations[-1]], open_routes=front, pages=last)
    return operations, control


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
