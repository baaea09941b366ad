"""Logins by the user's own browser: one job at a time, with states that somebody can watch.

Owns the job, its time limit, its end, and the browser's profile folder of each account (with the account it goes).
Opening the browser is `luna.qwen.login`'s business; the credentials go from there to the accounts and are never part of
a job.
"""

import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread
import msgspec
from anyio.abc import TaskGroup

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.qwen.browser import browser_arguments, check_display, check_sandbox, find_browser
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.qwen.login import log_in
from luna.qwen.window import Window
from luna.state.account import Account
from luna.state.account_records import checked_id, user_id, user_of
from luna.state.accounts import Accounts
from luna.upstream.proxy_address import ProxyAddress

log = logging.getLogger("luna.state.capture")

Step = Literal["starting", "opening", "waiting", "reading", "validating", "done", "failed", "cancelled", "timed-out"]
OVER: frozenset[Step] = frozenset({"done", "failed", "cancelled", "timed-out"})
LIMIT = 600.0
"""Seconds that a login may take, unless somebody says otherwise."""
REMEMBERED = 20
LABEL = 120
"""Characters of an account's label."""


class Who(msgspec.Struct, frozen=True):
    """A user of Qwen's, as far as it may be shown. Empty: not known."""

    id: str = ""
    name: str = ""
    email: str = ""
    """Masked."""


class Job(msgspec.Struct, rename="camel"):
    """One login. Times are milliseconds since the epoch. While it waits, `error` says why the login that was found last
    will not do; at its end, why it did not succeed."""

    id: str
    state: Step
    created_at: int
    ends_at: int
    """When it is given up."""
    account_id: str = ""
    account: Who | None = None
    """Whose login it was."""
    error: str = ""
    hint: str = ""
    ended_at: int | None = None
    """None as long as it goes on."""


def _straight(account_id: str) -> ProxyAddress | None:
    return None


class Captures:
    """The logins of this process. Give it a task group (`attend`) before the first."""

    def __init__(self, accounts: Accounts, site: Site, profiles: Path, clock: Clock, ids: Ids | None = None) -> None:
        self._accounts = accounts
        self._site = site
        self._profiles = profiles
        self._clock = clock
        self._ids = ids or Ids()
        self._jobs: dict[str, Job] = {}
        self._scope: anyio.CancelScope | None = None
        self._over = anyio.Event()
        self._tasks: TaskGroup | None = None
        self.watch: Callable[[Job], None] = lambda job: None
        self.way: Callable[[str], ProxyAddress | None] = _straight
        """By which proxy the browser goes for an account ("" for a new one). Raises LunaError(EGRESS_CLOSED)."""

    def __repr__(self) -> str:
        return f"<Captures {len(self._jobs)} jobs{', one open' if self._scope else ''}>"

    def attend(self, tasks: TaskGroup) -> None:
        """Jobs run in this task group from now on."""
        self._tasks = tasks
        self._accounts.watch(self._account_changed)

    def jobs(self) -> list[Job]:
        """The latest first."""
        return list(self._jobs.values())[::-1]

    def job(self, job_id: str) -> Job:
        """Raises LunaError(NOT_FOUND)."""
        found = self._jobs.get(job_id)
        if found is None:
            raise LunaError(Kind.NOT_FOUND, f"There is no login {job_id[:40]!r}.", hint="Begin another one.")
        return found

    def begin(self, *, account_id: str = "", seconds: float = LIMIT, headless: bool = False) -> Job:
        """Open the browser for somebody to log in. The account `account_id` gets the credentials, without one the one
        that the login belongs to. Raises LunaError: CONFLICT while another is open, for an account that has its
        credentials from elsewhere, and for what is in the way of opening a browser; BAD_REQUEST for an id that no
        account can have; EGRESS_CLOSED when nothing may leave for the account."""
        if self._tasks is None:
            raise LunaError(Kind.DRAINING, "luna is not ready for logins yet, or not any more.")
        if self._scope is not None:
            raise LunaError(Kind.CONFLICT, "A login window is open already.", hint="Finish or cancel that login first.")
        self._check_account(account_id)
        arguments = browser_arguments()
        headless = headless or any(argument.startswith("--headless") for argument in arguments)
        browser = find_browser()
        if not headless:
            check_display()
        check_sandbox(arguments)
        window = Window(browser, self._profile(account_id), headless, arguments, self.way(account_id))
        now = self._clock.wall()
        job = Job(self._ids.token("login_"), "starting", round(now * 1000), round((now + seconds) * 1000), account_id)
        self._jobs[job.id] = job
        while len(self._jobs) > REMEMBERED:
            del self._jobs[next(iter(self._jobs))]
        self.watch(job)
        self._scope, self._over = anyio.CancelScope(), anyio.Event()
        self._tasks.start_soon(self._run, job, window, seconds, self._scope)
        return job

    async def cancel(self, job_id: str) -> Job:
        """End a login that is not over, and wait until its window has closed. Raises LunaError(NOT_FOUND)."""
        job = self.job(job_id)
        if job.state not in OVER and self._scope is not None:
            over = self._over
            self._end(job, "cancelled")
            self._scope.cancel()
            await over.wait()
        return job

    def _check_account(self, account_id: str) -> None:
        account = self._accounts.find(account_id)
        if account is not None and account.source != "file":
            raise LunaError(
                Kind.CONFLICT,
                f"The login of account '{account_id}' does not come from here.",
                hint="Log in without naming an account: that makes one of its own.",
                param="accountId",
            )
        if account_id:
            checked_id(account_id)

    async def _run(self, job: Job, window: Window, seconds: float, scope: anyio.CancelScope) -> None:
        try:
            with scope, anyio.move_on_after(seconds) as limit:
                await self._log_in(job, window)
            if limit.cancelled_caught:
                error = job.error or f"Nobody logged in within {seconds:g} seconds."
                self._end(job, "timed-out", error, "Begin again, perhaps with a longer time limit.")
        finally:
            self._end(job, "cancelled")
            self._scope = None
            self._over.set()

    async def _log_in(self, job: Job, window: Window) -> None:
        fresh = not job.account_id
        if fresh:
            await _discard(window.profile)  # or it would be the login of the one before
        try:
            credentials = await log_in(self._site, window, partial(self._to, job), partial(self._judge, job))
            # The user has done their part: what is written now is not given up half-way.
            with anyio.CancelScope(shield=True):
                account = await self._take_in(job, credentials)
                if fresh:
                    await _adopt(window.profile, self._profile(account.id))
        except LunaError as error:
            log.warning("a login did not succeed: %s", error.message)
            self._end(job, "cancelled" if error.kind is Kind.CANCELLED else "failed", error.message, error.hint)
            return
        finally:
            if fresh:
                with anyio.CancelScope(shield=True):
                    await _discard(window.profile)
        job.account_id = account.id
        self._end(job, "done")

    async def _take_in(self, job: Job, credentials: Credentials) -> Account:
        """Store them: as the account that was named, or as the one of the user whom Qwen named."""
        if job.account_id:
            return await self._accounts.take_in(credentials, account_id=job.account_id)
        who = job.account or Who()
        account_id = user_of(credentials) or user_id(who.id or who.name)
        known = self._accounts.find(account_id) is not None
        account = await self._accounts.take_in(credentials, account_id=account_id)
        name = who.name or who.email
        return account if known or not name else await self._accounts.edit(account.id, label=name[:LABEL])

    async def _judge(self, job: Job, credentials: Credentials) -> bool:
        """Whether that is the login that was wanted; the job says why not."""
        self._to(job, "validating")
        verdict = await self._accounts.try_out(credentials)
        if not verdict.valid:
            job.error, job.hint = verdict.error, "Log in in the window."
            return False
        who = msgspec.convert(verdict.info or {}, Who)
        account = self._accounts.find(job.account_id)
        if account is not None and _of_others(account, credentials):
            job.error = f"That is the login of {who.email or 'somebody else'}, not of account '{account.id}'."
            job.hint = "Log out in the window and log in as the account's user; or cancel, and add it as another one."
            return False
        job.account, job.error, job.hint = who, "", ""
        return True

    # States

    def _to(self, job: Job, state: Step) -> None:
        if job.state not in OVER:
            job.state = state
            self.watch(job)

    def _end(self, job: Job, state: Step, error: str = "", hint: str = "") -> None:
        if job.state not in OVER:
            job.error, job.hint, job.ended_at = error, hint, round(self._clock.wall() * 1000)
            self._to(job, state)

    # Profiles

    def _profile(self, account_id: str) -> Path:
        return self._profiles / (f"account-{account_id}" if account_id else "new")

    def _account_changed(self, account: Account | None) -> None:
        if account is None or self._tasks is None or self._accounts.find(account.id) is not None:
            return
        profile = self._profile(account.id)
        if profile.is_dir():  # the account is gone, and its cookies go with it
            self._tasks.start_soon(_discard, profile)


def _of_others(account: Account, credentials: Credentials) -> bool:
    """True when both name a user, and not the same."""
    known, new = user_of(account.authority.credentials), user_of(credentials)
    return bool(known and new and known != new)


async def _discard(profile: Path) -> None:
    await anyio.to_thread.run_sync(partial(shutil.rmtree, profile, ignore_errors=True))


async def _adopt(profile: Path, its_own: Path) -> None:
    """The profile of a new login becomes its account's. Without one the next login begins at the form."""

    def move() -> None:
        shutil.rmtree(its_own, ignore_errors=True)
        profile.rename(its_own)

    try:
        await anyio.to_thread.run_sync(move)
    except OSError as error:
        log.warning("the browser's profile cannot be kept: %s", error.strerror)
