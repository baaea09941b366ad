"""`luna serve`: start the proxy and say where it is."""

import argparse
import gc
import logging
import sys
from functools import partial
from pathlib import Path

import anyio

from luna.config.diagnostics import ConfigurationError
from luna.config.settings import Settings, SettingsError
from luna.disk.claim import claimed
from luna.server.assemble import House, assemble
from luna.server.supervise import BindError, resolve, supervise
from luna.state.discretion import DiscreetFormatter, Discretion
from luna.state.keys import ProxyKeys
from luna.state.store.database import DatabaseError, NewerDatabase

KEYLESS = """luna: {host} can be reached from other machines, and there is no proxy key.
Set LUNA_PROXY_KEY to a key that clients must send, or listen on 127.0.0.1 and make one on /api/keys first."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "serve",
        help="start the proxy",
        description="Serve the API, the admin API and the admin pages on one port.",
        epilog="Settings come from LUNA_* environment variables; flags win. Example: luna serve --demo --port 8081",
    )
    command.add_argument("--host", help="address to listen on (LUNA_HOST, default 127.0.0.1)")
    command.add_argument("--port", type=int, help="port to listen on (LUNA_PORT, default 8080)")
    command.add_argument("--data-dir", type=Path, help="where luna keeps its state (LUNA_DATA_DIR, default ./data)")
    command.add_argument("--routes", type=Path, help="the routes file (LUNA_ROUTES, default ./routes.yaml)")
    command.add_argument(
        "--demo", action="store_true", help="let a built-in look-alike of Qwen answer until an account is configured"
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    try:
        settings = Settings.from_environment(
            host=arguments.host,
            port=arguments.port,
            data_dir=arguments.data_dir,
            routes=arguments.routes,
            demo=arguments.demo,
        )
        resolve(settings.host, settings.port)
    except (SettingsError, BindError) as error:
        print(f"luna: {error}", file=sys.stderr)
        return 2
    console = _console(settings.log_level)
    gc.disable()  # until luna serves: `supervise`
    return anyio.run(_serve, settings, console, backend_options={"use_uvloop": True})


def _console(level: str) -> Discretion:
    """Log to stderr, without secrets: those that give themselves away, and those that it is told of later. Its own, for
    lines are said in any thread."""
    discretion = Discretion()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(DiscreetFormatter(discretion, "%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    return discretion


async def _serve(settings: Settings, console: Discretion) -> int:
    try:
        with claimed(settings.data_dir):
            if not settings.loopback and not _keys(settings):
                print(KEYLESS.format(host=settings.host), file=sys.stderr)
                return 2
            async with assemble(settings) as house:
                console.secrets = house.state.discretion.secrets
                return await supervise(house, announce=partial(_announce, house))
    except ConfigurationError as error:
        for diagnostic in error.diagnostics:
            print(diagnostic, file=sys.stderr)
        print("luna: the configuration does not compile; nothing was started.", file=sys.stderr)
        return 1
    except (BindError, SettingsError, DatabaseError, NewerDatabase, OSError) as error:
        print(f"luna: {error}", file=sys.stderr)
        return 2


def _keys(settings: Settings) -> bool:
    """Whether there is a proxy key: one of the environment, or one that was made on /api/keys."""
    return bool(ProxyKeys(settings.proxy_keys, settings.data_dir / "keys.json").all())


def _announce(house: House) -> None:
    settings = house.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    origin = f"http://{host}:{settings.port}"
    print(f"luna listens on {origin}  (OpenAI base URL: {origin}/v1)")
    readiness = house.accounts.readiness()
    if readiness == "demo":
        print("DEMO: no Qwen account is configured; a built-in look-alike answers, not Qwen.")
    elif readiness == "none":
        print("No Qwen account is configured: chats get a 503 that says what to do. `--demo` lets a look-alike answer.")
    if house.admin_key_is_new:
        print(f"Admin, this once: {origin}/login?key={house.admin_key}")
        print("`luna key` prints the admin key again.")
    else:
        print(f"Admin: {origin}/  (`luna key` prints the admin key)")
    sys.stdout.flush()
