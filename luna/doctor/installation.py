"""Looks at the installation: one finding for each thing that a luna needs to start, to answer, and to be safe.

Owns the checks and what helps in each case. Changes nothing, and shows no secret. Asks this machine, and Qwen's server
for nothing but the time.
"""

import os
import shutil
import socket
import stat
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from luna.config.compile import compile_files
from luna.config.diagnostics import count
from luna.config.files import read_files
from luna.config.preferences import PreferenceFile
from luna.config.settings import Settings
from luna.core.registry import Registry, StageLoadError
from luna.doctor.findings import Finding, failure, ok, warning
from luna.model.ambient import Clock
from luna.model.errors import LunaError
from luna.model.preferences import LivePreferences
from luna.qwen.browser import find_browser
from luna.qwen.endpoints import Site
from luna.server.health import Readiness, disk
from luna.server.static import pages_directory
from luna.state.account import Account
from luna.state.account_view import login_ends
from luna.state.accounts import Accounts
from luna.state.credentials import CredentialStore
from luna.state.keys import ProxyKeys
from luna.state.store.database import DatabaseError, NewerDatabase, journal_left
from luna.state.transfer import reading
from luna.upstream.exchange import Backend, OutRequest, Timeouts
from luna.upstream.replay import ReplayBackend

QUICK = Timeouts(connect=5.0, head=20.0, idle=10.0)
OFF, FAR_OFF = 30.0, 300.0
"""Seconds between the clocks: from the first it is told, from the second a token does not last as long as it seems."""


async def examine(settings: Settings, environ: Mapping[str, str], backend: Backend, clock: Clock) -> list[Finding]:
    """All checks, in the order in which somebody would mend things. `backend` goes straight out."""
    return [
        await anyio.to_thread.run_sync(configuration, settings, environ),
        await anyio.to_thread.run_sync(data_directory, settings.data_dir),
        await anyio.to_thread.run_sync(disk_room, settings.data_dir),
        await anyio.to_thread.run_sync(database, settings),
        *await anyio.to_thread.run_sync(accounts, settings, clock),
        browser(environ),
        await clocks(settings, backend, clock),
        await port(settings, backend),
        pages(pages_directory()),
        await anyio.to_thread.run_sync(exposure, settings),
    ]


def configuration(settings: Settings, environ: Mapping[str, str]) -> Finding:
    """It compiles."""
    name, see = "configuration", "`luna check` says where."
    try:
        registry = Registry(third_party=settings.third_party_stages)
        compiled = compile_files(read_files(settings.routes), registry, environ, settings.record)
    except (StageLoadError, OSError) as error:
        return failure(name, f"{error}.".replace("..", "."), "`luna check` says more.")
    if compiled.snapshot is None:
        return failure(name, f"{settings.routes} has {count(len(compiled.errors), 'error')}.", see)
    snapshot = compiled.snapshot
    text = f"{settings.routes}: {count(len(snapshot.routes), 'route')}, {count(len(snapshot.pipelines), 'pipeline')}"
    if compiled.warnings:
        return warning(name, f"{text}, {count(len(compiled.warnings), 'warning')}.", see)
    return ok(name, text)


def data_directory(folder: Path) -> Finding:
    """luna may write there, and nobody else may read."""
    name = "data directory"
    above = folder
    while not above.exists() and above != above.parent:
        above = above.parent
    if not above.is_dir():
        return failure(name, f"{above} is no directory.", "Name another one with LUNA_DATA_DIR.")
    if not os.access(above, os.W_OK | os.X_OK):
        return failure(name, f"luna may not write to {above}.", "Give it the right to, or set LUNA_DATA_DIR.")
    if above != folder:
        return ok(name, f"{folder} is made at the first start")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        return warning(name, f"Others can look into {folder} ({mode:o}).", f"Run `chmod 700 {folder}`.")
    return ok(name, str(folder))


def disk_room(folder: Path) -> Finding:
    """There is room."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    state = disk(folder)
    if state == "unknown":
        return warning("disk", "How much room there is cannot be found out.")
    text = f"{shutil.disk_usage(folder).free // 1024**2} MiB free"
    if state == "full":
        return failure("disk", f"{text}: nothing can be kept.", "Make room.")
    return warning("disk", f"{text}.", "Make room soon.") if state == "low" else ok("disk", text)


def database(settings: Settings) -> Finding:
    """It opens, and this luna knows its version."""
    kind = "PostgreSQL" if settings.database_url.startswith("postgres") else "luna.db"
    try:
        with reading(settings.data_dir, settings.database_url) as connection:
            if connection is None:
                return ok("database", f"{kind} is made at the first start")
        beside = journal_left(settings.database_url, settings.data_dir)
        return ok("database", f"{kind} opens{f'; {beside}' if beside else ''}")
    except NewerDatabase as error:
        return failure("database", f"{error}.", "Use the luna that wrote it, or another data directory.")
    except (DatabaseError, OSError) as error:
        help_ = "luna moves a damaged file aside at its start." if kind == "luna.db" else "See LUNA_DATABASE_URL."
        return failure("database", f"{error}.".replace("..", "."), help_)


def accounts(settings: Settings, clock: Clock) -> list[Finding]:
    """There is one, and its credentials say that they hold. Without a file that can be read nothing is moved aside."""
    path = settings.data_dir / "credentials.json"
    try:
        found = Accounts(
            store=CredentialStore(path),
            backend=ReplayBackend(()),
            clock=clock,
            site=Site(settings.qwen_base_url, settings.qwen_auth_url),
            env_token=settings.qwen_token,
            env_cookies=settings.qwen_cookies,
        ).all()
    except OSError as error:
        return [failure("accounts", f"{path} cannot be read: {error.strerror or error}.", "See that luna may.")]
    if not found:
        way = "`luna login`, or the page Accounts. `luna serve --demo` lets a look-alike answer until then."
        return [warning("accounts", "No Qwen account is configured.", way)]
    return [_account(account, clock.wall()) for account in found]


def _account(account: Account, now: float) -> Finding:
    name, again = f"account {account.id}", f"Log in again: `luna login --account {account.id}`."
    if not account.enabled:
        return warning(name, "It is switched off.", "Switch it on, on the page Accounts.")
    token, login = login_ends(account.authority.credentials)
    if not account.authority.credentials or (login is not None and login <= now):
        return failure(name, "Its login has ended." if login else "It has no credentials that can be used.", again)
    if account.authority.renewable:
        return ok(name, f"the token is renewed by itself, the login lasts {_until(login, now)}")
    text = f"The token lasts {_until(token, now)} and cannot be renewed."
    return warning(name, text, "Give it the page's whole Cookie header, too.")


def _until(end: float | None, now: float) -> str:
    if end is None:
        return "for a time that nobody knows"
    left = max(0.0, end - now)
    return f"{left / 86400:.0f} days" if left > 2 * 86400 else f"{left / 60:.0f} minutes"


def browser(environ: Mapping[str, str]) -> Finding:
    """The one that `luna login` opens."""
    try:
        return ok("browser", str(find_browser(environ)))
    except LunaError as error:
        return warning("browser", error.message, error.hint)


async def clocks(settings: Settings, backend: Backend, clock: Clock) -> Finding:
    """This machine's against the upstream's (the `Date` of RFC 9110, section 6.6.1)."""
    live = LivePreferences()
    PreferenceFile(settings.data_dir / "config.json", live)
    if live.current.egress_isolation.enabled:
        return warning("clock", "Not compared: nothing may go to Qwen directly (egressIsolation).")
    try:
        response = await backend.open(OutRequest("GET", f"{settings.qwen_base_url}/", timeouts=QUICK))
        await response.aclose()
    except LunaError as error:
        return warning("clock", f"Not compared: {error.message}", "See that this machine reaches Qwen.")
    return skew(response.header("date"), clock.wall())


def skew(date: str, now: float) -> Finding:
    """What the upstream's date says of our time."""
    try:
        off = parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        return warning("clock", "Not compared: the upstream does not say what time it is.")
    if abs(off) < OFF:
        return ok("clock", "agrees with the upstream's")
    text = f"This machine's clock is {abs(off):.0f} s {'behind' if off > 0 else 'ahead of'} the upstream's."
    mend = "Have the clock set by NTP."
    return failure("clock", text, mend) if abs(off) >= FAR_OFF else warning("clock", text, mend)


async def port(settings: Settings, backend: Backend) -> Finding:
    """Free, or a luna's."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "localhost") else settings.host  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    origin = f"http://{shown}:{settings.port}"
    try:
        response = await backend.open(OutRequest("GET", f"{origin}/health/ready", timeouts=QUICK))
        try:
            said = await response.read(64 * 1024)
        finally:
            await response.aclose()
        ready = msgspec.json.decode(said, type=Readiness)
    except LunaError as error:
        if error.detail.get("phase") == "connect":
            return _free(settings, host)
        return failure("port", f"What listens on {origin} is no luna.", "End it, or choose another with --port.")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return failure("port", f"What listens on {origin} is no luna.", "End it, or choose another with --port.")
    if ready.reasons:
        told = " ".join(f"{reason.message} {reason.hint}".strip() for reason in ready.reasons)
        tell = failure if ready.status == "not-ready" else warning
        return tell("port", f"A luna runs on {origin}. {told}")
    return ok("port", f"a luna runs on {origin} and is ready")


def _free(settings: Settings, host: str) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host.strip("[]"), settings.port))
    except OSError as error:
        why = error.strerror or str(error)
        return failure("port", f"luna cannot listen on {host}:{settings.port}: {why}.", "Choose another: LUNA_PORT.")
    return ok("port", f"{settings.port} is free; no luna runs there")


def pages(directory: Path | None) -> Finding:
    """They are built."""
    if directory is None:
        return warning("pages", "The admin pages are not built.", "`make run` builds them; it needs Node.js with npm.")
    return ok("pages", str(directory))


def exposure(settings: Settings) -> Finding:
    """Who can reach luna needs a key."""
    try:
        keys = ProxyKeys(settings.proxy_keys, settings.data_dir / "keys.json").all()
    except OSError as error:
        return failure("exposure", f"keys.json cannot be read: {error.strerror or error}.", "See that luna may.")
    if settings.loopback:
        asked = f"clients need one of {count(len(keys), 'proxy key')}" if keys else "no proxy key is asked for"
        return ok("exposure", f"only this machine reaches {settings.host}; {asked}")
    if not keys:
        text = f"{settings.host} can be reached from other machines, and there is no proxy key."
        return failure("exposure", text, "Set LUNA_PROXY_KEY, or listen on 127.0.0.1.")
    return ok("exposure", f"other machines reach {settings.host}; clients need one of {count(len(keys), 'proxy key')}")
