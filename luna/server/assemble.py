"""Puts one process together: services, configuration, engine, application.

Owns the order in which long-lived things are made and closed. Starts no server and watches nothing:
that is `luna.server.supervise`.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import anyio.to_thread

from luna import __version__
from luna.admin import pipeline, prompts, provider
from luna.admin.door import Door, load_admin_key
from luna.config.live import LiveConfig
from luna.config.overrides import PromptOverrides
from luna.config.settings import Settings
from luna.core.engine import Engine
from luna.core.live import LiveFlows
from luna.core.registry import Registry
from luna.core.services import Services
from luna.demo.serve import Lookalike
from luna.model.ambient import Clock, SystemClock
from luna.qwen.catalogue import Catalogue
from luna.qwen.endpoints import Site
from luna.server import health, pages
from luna.server.app import App, control_plane
from luna.server.gateway import Gateway
from luna.server.guard import Guard
from luna.state.accounts import Accounts
from luna.state.credentials import CredentialStore
from luna.state.keys import ProxyKeys
from luna.state.responses import Responses
from luna.state.turns import Turns
from luna.upstream.exchange import Backend
from luna.upstream.pool import PoolBackend
from luna.upstream.recording import RecordingBackend
from luna.wire.store import Recordings

DEMO_PACE = 0.02
"""Seconds between two frames of the look-alike, so that a person sees an answer stream."""


@dataclass(frozen=True)
class House:
    """Everything that one process is made of."""

    settings: Settings
    app: App
    config: LiveConfig
    services: Services
    live: LiveFlows
    accounts: Accounts
    admin_key: str
    admin_key_is_new: bool


@asynccontextmanager
async def assemble(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[House]:
    """Build everything from the settings; close it in reverse. Raises ConfigurationError when the YAML does not
    compile at the start, OSError when the data directory cannot be used."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        overrides = PromptOverrides(settings.data_dir / "prompts.json")
        registry = Registry(third_party=settings.third_party_stages)
        config = await LiveConfig.load(settings, registry, clock, edit=overrides.edit)
        backend: Backend = RecordingBackend(PoolBackend(clock=clock))
        stack.push_async_callback(backend.aclose)
        accounts = Accounts(
            store=CredentialStore(settings.data_dir / "credentials.json"),
            backend=backend,
            clock=clock,
            site=Site(settings.qwen_base_url, settings.qwen_auth_url),
            env_token=settings.qwen_token,
            env_cookies=settings.qwen_cookies,
        )
        if settings.demo:
            lookalike = await stack.enter_async_context(Lookalike(clock=clock, pace=DEMO_PACE))
            login = lookalike.login("demo")
            accounts.add_demo(Site(lookalike.url, lookalike.url), token=login.token, cookies=login.cookies)
        recordings = Recordings(settings.data_dir / "recordings", luna=__version__, clock=clock)
        stack.push_async_callback(anyio.to_thread.run_sync, recordings.close)

        services = Services()
        services.provide(Accounts, accounts)
        services.provide(Catalogue, Catalogue(clock))
        services.provide(Turns, Turns())
        services.provide(ProxyKeys, ProxyKeys(settings.proxy_keys))
        services.provide(Responses, Responses())
        services.provide(Recordings, recordings)

        live = LiveFlows()
        admin_key, is_new = load_admin_key(settings.data_dir, settings.admin_key)
        gateway = Gateway(
            engine=Engine(live),
            cell=config.cell,
            services=services,
            clock=clock,
            max_body=settings.max_body,
            secrets=lambda: [*accounts.secrets(), *settings.proxy_keys, admin_key],
            key_required=not settings.loopback,
        )
        control = control_plane(
            door=Door(admin_key, clock),
            api=[*pipeline.routes(config, live), *prompts.routes(overrides, config), *provider.routes(accounts)],
            open_routes=[*health.routes(config, accounts, live), *pages.routes(config, accounts)],
        )
        app = App(Guard(settings.allowed_hosts), gateway, control, settings.max_body)
        yield House(settings, app, config, services, live, accounts, admin_key, is_new)
