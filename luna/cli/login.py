"""`luna login`: log in to Qwen in the browser, from a terminal.

Owns the conversation with the person. A luna that runs opens the window itself and has the account at once
(`luna.cli.running`); without one the credentials are written into the data directory, where the next start finds them.
"""

import argparse
import logging
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from luna.cli.running import RunningLuna
from luna.config.preferences import PreferenceFile
from luna.config.settings import Settings, SettingsError
from luna.disk.claim import InUse, claimed
from luna.model.ambient import SystemClock
from luna.model.errors import LunaError
from luna.model.preferences import LivePreferences
from luna.qwen.endpoints import Site
from luna.state.account_records import ENV
from luna.state.accounts import Accounts
from luna.state.capture import LIMIT, OVER, Captures, Job
from luna.state.capture_way import browser_way
from luna.state.credentials import CredentialStore
from luna.state.egress import Egress
from luna.state.network import Network
from luna.upstream.pool import PoolBackend

_SAID = {
    "opening": "Opening the browser …",
    "waiting": "Log in in the window that has opened. Ctrl-C gives up.",
    "reading": "Logged in; reading …",
    "validating": "Asking Qwen whose login it is …",
}


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "login",
        help="log in to Qwen in your browser",
        description="Open your Chrome or Chromium at Qwen's page; once you have logged in, luna takes token, cookies"
        " and the page's own headers along. It fills in nothing and solves nothing.",
        epilog="LUNA_BROWSER says which browser; without it luna looks for one.",
    )
    command.add_argument("--account", default="", help="the account that gets the login (default: the login's own)")
    command.add_argument("--timeout", type=_seconds, default=LIMIT, help="seconds to wait (default: %(default).0f)")
    command.add_argument("--headless", action="store_true", help="without a window, where the profile is logged in")
    command.add_argument("--data-dir", type=Path, help="where luna keeps its state (LUNA_DATA_DIR, default ./data)")
    command.add_argument("--port", type=int, help="the port of the luna that runs (LUNA_PORT, default 8080)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Log in; 0 when an account has it."""
    logging.basicConfig(level="CRITICAL", format="luna: %(message)s")
    try:
        settings = Settings.from_environment(data_dir=arguments.data_dir, port=arguments.port)
    except SettingsError as error:
        print(f"luna: {error}", file=sys.stderr)
        return 2
    try:
        job = anyio.run(_log_in, settings, arguments)
    except InUse:
        print(
            f"luna: a luna works in this data directory, but none that knows its admin key answers on port"
            f" {settings.port}. Say its port with --port, and its key by LUNA_ADMIN_KEY if it has one from there.",
            file=sys.stderr,
        )
        return 2
    except OSError as error:
        print(f"luna: {error}", file=sys.stderr)
        return 2
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
        return 1
    if job.state == "done":
        who = (job.account.email or job.account.name) if job.account is not None else ""
        print(f"Account '{job.account_id}' is logged in{f' ({who})' if who else ''}.")
        return 0
    print(f"luna: {job.error or 'The login was given up.'} {job.hint}".rstrip(), file=sys.stderr)
    return 1


async def _log_in(settings: Settings, arguments: argparse.Namespace) -> Job:
    telling = _Telling()
    async with AsyncExitStack() as stack:
        running = await RunningLuna.found(settings, stack)
        if running is not None:
            return await running.log_in(
                telling, account_id=arguments.account, seconds=arguments.timeout, headless=arguments.headless
            )
        stack.enter_context(claimed(settings.data_dir))
        return await _by_ourselves(settings, arguments, telling, stack)


async def _by_ourselves(
    settings: Settings, arguments: argparse.Namespace, telling: "_Telling", stack: AsyncExitStack
) -> Job:
    """The same parts as a luna that serves has, as far as a login needs them."""
    clock, live, data = SystemClock(), LivePreferences(), settings.data_dir
    PreferenceFile(data / "config.json", live)
    direct = PoolBackend(clock=clock)
    stack.push_async_callback(direct.aclose)
    egress = Egress(Network(data / "network.json"), live, direct, clock)
    stack.push_async_callback(egress.aclose)
    site = Site(settings.qwen_base_url, settings.qwen_auth_url)
    store = CredentialStore(data / "credentials.json")
    before = await anyio.to_thread.run_sync(store.load)
    accounts = Accounts(store=store, backend=direct, clock=clock, site=site, ways=egress.backend)
    captures = Captures(accounts, site, data / "browser", clock)
    captures.watch, captures.way = telling, partial(browser_way, accounts, egress)
    refused: LunaError | None = None
    job: Job | None = None
    async with anyio.create_task_group() as tasks:
        captures.attend(tasks)
        try:
            job = captures.begin(account_id=arguments.account, seconds=arguments.timeout, headless=arguments.headless)
        except LunaError as error:  # raised outside, where it is not one of a group
            refused = error
    if refused is not None:
        raise refused
    assert job is not None and job.state in OVER, "the task group waits for it"
    if job.state == "done":
        # The environment of the luna that serves may not be ours; what is kept of its account stays.
        after = await anyio.to_thread.run_sync(store.load)
        kept = [record for record in before if record.id == ENV]
        await anyio.to_thread.run_sync(store.save, [*after, *kept])
    return job


class _Telling:
    """Says each news once."""

    def __init__(self) -> None:
        self._last = ("", "")

    def __call__(self, job: Job) -> None:
        news = (job.state, job.error)
        if news == self._last or job.state in OVER:
            return
        self._last = news
        if job.state == "waiting" and job.error:
            print(f"{job.error} {job.hint}", flush=True)
        elif job.state in _SAID:
            print(_SAID[job.state], flush=True)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("it must be between 1 and 3600 seconds")
    return seconds
