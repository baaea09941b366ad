"""All accounts: where they come from and what is kept of them.

Owns the set of accounts (environment, credentials file, look-alike), the writing down of what people say of them and
of what the site rotates, and the news that one of them has changed. How one account is belongs to
`luna.state.account`, who may serve what to `luna.state.choice`, asking Qwen to `luna.state.validation`.
"""

import logging
from collections.abc import Callable, Mapping

import anyio
import anyio.to_thread
from msgspec import UNSET, UnsetType

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.qwen.authority import Authority
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.state import choice
from luna.state.account import PROVIDER as PROVIDER
from luna.state.account import Account, Source
from luna.state.account_records import (
    DEMO,
    ENV,
    ENV_LABEL,
    apply,
    checked_id,
    digest,
    record_of,
    record_of_environment,
    user_of,
)
from luna.state.account_states import AccountStates
from luna.state.credentials import CredentialStore, Record
from luna.state.roster import Roster
from luna.state.validation import Report, Verdict, check, report, validate
from luna.upstream.exchange import Backend

log = logging.getLogger("luna.state.accounts")

Ways = Callable[[str, Callable[[], str]], Backend]
"""Gives an account, by its id ("" for who is none yet), its backend; the function says at any time which network
profile it is bound to."""


class Accounts(Roster):
    """Every account of this process. The one of the environment is called `env`, the look-alike's `demo`. Raises
    OSError when the store cannot be read."""

    def __init__(
        self,
        *,
        store: CredentialStore,
        backend: Backend,
        clock: Clock,
        site: Site,
        env_token: str = "",
        env_cookies: str = "",
        ids: Ids | None = None,
        ways: Ways | None = None,
    ) -> None:
        """`ways`: the way out of each account; without, all of them go out by `backend`."""
        super().__init__()
        self.store = store
        self._backend = backend
        self._ways = ways or (lambda account_id, profile: backend)
        self._clock = clock
        self._site = site
        self._ids = ids or Ids()
        self._writing = anyio.Lock()
        self._states: AccountStates | None = None
        self._env_credentials = Credentials()
        self._env_basis = digest(env_token, env_cookies) if env_token.strip() or env_cookies.strip() else ""
        records = {record.id: record for record in store.load() if record.provider == PROVIDER}
        kept = records.pop(ENV, None)
        if self._env_basis:
            self._add_environment(env_token, env_cookies, kept)
        for record in records.values():
            apply(record, self._add(record.id, record.credentials, label=record.label, source="file"))

    async def restore(self, states: AccountStates) -> None:
        """Take up the states of before a restart, and keep them from now on. Raises LunaError(INTERNAL)."""
        await states.restore(self._accounts)
        self._states = states
        self.tell()

    # What is kept

    async def save(
        self,
        credentials: Mapping[str, str],
        *,
        account_id: str = "",
        label: str = "",
        provider_id: str = PROVIDER,
        new: bool = False,
        enabled: bool = True,
        max_concurrent_runs: int | None = None,
        network_profile: str = "",
    ) -> Account:
        """Add an account, or give one new credentials: fields that are given replace what it had. Without an id the
        one that the token names is meant, else the only one there is. `new`: it must not be there yet; what
        follows holds for a new one only. Raises LunaError: BAD_REQUEST, CONFLICT."""
        if provider_id != PROVIDER:
            raise LunaError(
                Kind.BAD_REQUEST,
                f"There is no provider {provider_id[:40]!r}.",
                hint=f"luna has one: {PROVIDER}.",
                param="providerId",
            )
        account_id = checked_id(account_id.strip() or self._id_for(Credentials.read(credentials), new))
        known = self._accounts.get(account_id)
        if known is not None and new:
            raise LunaError(
                Kind.CONFLICT,
                f"There is an account '{account_id}' already.",
                hint=f"Give it the new credentials with PATCH /api/accounts/{account_id}, or choose another id.",
                param="id",
            )
        merged = Credentials.read(credentials, known.authority.credentials if known is not None else None)
        if not merged:
            raise LunaError(
                Kind.BAD_REQUEST,
                "The account would have neither a token nor a cookie.",
                hint='Send `"credentials": {"token": "…", "cookies": "…"}`; one of the two is enough.',
                param="credentials",
            )
        account = self._put(account_id, merged)
        account.label = label or account.label
        if known is None:
            account.enabled, account.max_concurrent_runs = enabled, max_concurrent_runs
            account.network_profile = network_profile
        self._changed(account)
        await self._write_or_say("The credentials are in use")
        return account

    async def take_in(self, credentials: Credentials, *, account_id: str = "") -> Account:
        """Add an account, or give one other credentials, whole as they are. Without an id the user whom they name is
        meant. Raises LunaError."""
        account = self._put(checked_id(account_id or self._id_for(credentials, new=False)), credentials)
        self._changed(account)
        await self._write_or_say("The credentials are in use")
        return account

    def _put(self, account_id: str, credentials: Credentials) -> Account:
        account = self._accounts.get(account_id)
        if account is None:
            return self._add(account_id, credentials, label="", source="file")
        account.renew(self._authority(credentials, self._way(account)))
        return account

    async def edit(
        self,
        account_id: str,
        *,
        label: str | UnsetType = UNSET,
        enabled: bool | UnsetType = UNSET,
        max_concurrent_runs: int | UnsetType | None = UNSET,
        network_profile: str | UnsetType = UNSET,
    ) -> Account:
        """Change what a person may say of an account; in force at once. Raises LunaError(NOT_FOUND)."""
        account = self.require(account_id)
        if label is not UNSET:
            account.label = label.strip() or (ENV_LABEL if account_id == ENV else account_id)
        if enabled is not UNSET:
            account.enabled = enabled
        if max_concurrent_runs is not UNSET:
            account.max_concurrent_runs = max_concurrent_runs
        if network_profile is not UNSET:
            account.network_profile = network_profile
        self._changed(account)
        await self._write_or_say("The change is in force")
        return account

    async def remove(self, account_id: str) -> bool:
        """Forget an account of the file, and its credentials with it. Flows that hold it go on."""
        account = self._accounts.get(account_id)
        if account is None or account.source != "file":
            return False
        del self._accounts[account_id]
        if self._states is not None:
            self._states.forget(account_id)
        self.tell(account)
        await self._write_or_say("The account is gone for now")
        return True

    def add_demo(self, site: Site, *, token: str = "", cookies: Mapping[str, str] | None = None) -> Account:
        """The look-alike's account, for as long as there is no real one."""
        pasted = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())
        authority = Authority(
            Credentials.read({"token": token, "cookies": pasted}),
            site=site,
            backend=self._backend,
            clock=self._clock,
            ids=self._ids,
        )
        made = Account(DEMO, label="look-alike", source="demo", authority=authority, clock=self._clock)
        self._demo = self._minded(made)
        return made

    def adopt(self, account: Account) -> None:
        """Take in an account that was made elsewhere and is not to be written down."""
        self._accounts[account.id] = self._minded(account)
        self.tell(account)

    # What Qwen says of them

    async def validate(self, credentials: Mapping[str, str]) -> Verdict:
        """Try credentials at the real site without keeping them."""
        try:
            return await self.try_out(Credentials.read(credentials))
        except LunaError as error:
            return Verdict(False, error=error.told)

    async def try_out(self, credentials: Credentials) -> Verdict:
        """The same, of credentials that have been read; by the way of the account that they name, if it is known."""
        known = self._accounts.get(user_of(credentials))
        way = self._way(known) if known is not None else self._ways("", str)
        return await validate(credentials, site=self._site, backend=way, clock=self._clock, ids=self._ids)

    async def status(self) -> Report:
        """Ask for every account whether it is alive."""
        return await report(self.all(), self._ids, none=f"{choice.NONE} {choice.NONE_HINT}")

    async def check(self, account_id: str) -> Verdict:
        """Ask for one. Raises LunaError(NOT_FOUND)."""
        return await check(self.require(account_id), self._ids)

    # How it is kept

    def _changed(self, account: Account) -> None:
        if self._states is not None and self._accounts.get(account.id) is account:
            self._states.note(account)
        self.tell(account)

    def _minded(self, account: Account) -> Account:
        account.changed, account.gate = self._changed, self._gate
        return account

    def _add_environment(self, token: str, cookies: str, kept: Record | None) -> None:
        credentials, problem = Credentials(), None
        try:
            credentials = Credentials.read({"token": token, "cookies": cookies})
        except LunaError as error:
            problem = LunaError(Kind.UPSTREAM_LOGIN, f"QWEN_AI_TOKEN or QWEN_AI_COOKIES: {error.told}")
            log.error("the account of the environment cannot be used: %s", error.told)
        self._env_credentials = credentials
        if kept is not None and kept.basis == self._env_basis:
            credentials = kept.credentials  # the same login, as the site has renewed it since
        account = self._add(ENV, credentials, label=ENV_LABEL, source="env")
        if kept is not None:
            apply(kept, account)
        if problem is not None:
            account.failed(problem)

    def _add(self, account_id: str, credentials: Credentials, *, label: str, source: Source) -> Account:
        authority = self._authority(credentials, self._ways(account_id, lambda: account.network_profile))
        account = Account(account_id, label=label, source=source, authority=authority, clock=self._clock)
        self._accounts[account_id] = self._minded(account)
        return account

    def _way(self, account: Account) -> Backend:
        """The way out of an account, by the profile that it has when it goes; also after it was removed."""
        return self._ways(account.id, lambda: account.network_profile)

    def _authority(self, credentials: Credentials, way: Backend) -> Authority:
        return Authority(
            credentials,
            site=self._site,
            backend=way,
            clock=self._clock,
            ids=self._ids,
            keep=self._rotated,
        )

    async def _rotated(self, authority: Authority) -> None:
        """The site changed somebody's credentials. Written is what the accounts have now: an authority that was
        replaced meanwhile has no say."""
        try:
            await self._write()
        except OSError as error:
            log.error("renewed credentials cannot be written down: %s (%r)", error.strerror, authority)

    async def _write(self) -> None:
        async with self._writing:
            records = [record for account in self._accounts.values() if (record := self._record(account)) is not None]
            await anyio.to_thread.run_sync(self.store.save, records)

    async def _write_or_say(self, what: str) -> None:
        try:
            await self._write()
        except OSError as error:
            raise LunaError(
                Kind.INTERNAL,
                f"{what}, but that cannot be written to {self.store.path.name}: {error.strerror or error}.",
                hint="See that luna may write to its data directory, then do it again.",
            ) from error

    def _record(self, account: Account) -> Record | None:
        if account.source != "env":
            return record_of(account)
        return record_of_environment(account, self._env_credentials, self._env_basis)

    def _id_for(self, credentials: Credentials, new: bool) -> str:
        """The user that the credentials name, else the only account there is, else `default`."""
        stored = [account.id for account in self._accounts.values() if account.source == "file"]
        return user_of(credentials) or (stored[0] if len(stored) == 1 and not new else "default")
