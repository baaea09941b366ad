"""All accounts: where they come from, who gets one, and what is kept of them.

Owns the set of accounts (environment, credentials file, look-alike), the choice among them, and the writing down
of what the site rotates. How one account is belongs to `luna.state.account`, asking Qwen about it to
`luna.state.validation`.
"""

import hashlib
import logging
from collections.abc import Mapping
from functools import partial
from typing import Literal

import anyio
import anyio.to_thread

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.qwen.authority import Authority
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.qwen.tokens import read_claims
from luna.state.account import Account, Cooling, Ready, Source
from luna.state.credentials import CredentialStore, Record
from luna.state.lease import Lease
from luna.state.validation import Report, Verdict, report, validate
from luna.upstream.exchange import Backend

log = logging.getLogger("luna.state.accounts")

PROVIDER = "qwen-ai"
"""The one provider that there is, by the name that clients and scripts use."""
ENV, DEMO = "env", "demo"
_RESERVED = (ENV, DEMO)
NONE = "No Qwen account is configured."
NONE_HINT = (
    "Set QWEN_AI_TOKEN or QWEN_AI_COOKIES and restart luna; or send"
    ' POST /api/provider/token {"providerId": "qwen-ai", "credentials": {"token": "…", "cookies": "…"}};'
    " or start luna with --demo to let a look-alike answer."
)


class Accounts:
    """Every account of this process. Accounts of the environment are shown as `env`; the look-alike's is used only
    while there is no other. Raises OSError when the store cannot be read."""

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
    ) -> None:
        self.store = store
        self._backend = backend
        self._clock = clock
        self._site = site
        self._ids = ids or Ids()
        self._writing = anyio.Lock()
        self._taken = 0
        self._demo: Account | None = None
        self._accounts: dict[str, Account] = {}
        self._env_credentials = Credentials()
        self._env_basis = _digest(env_token, env_cookies) if env_token.strip() or env_cookies.strip() else ""
        records = {record.id: record for record in store.load() if record.provider == PROVIDER}
        rotated = records.pop(ENV, None)
        if self._env_basis:
            self._add_environment(env_token, env_cookies, rotated)
        for record in records.values():
            self._add(record.id, record.credentials, label=record.label, source="file")

    def __repr__(self) -> str:
        return f"<Accounts {', '.join(map(repr, self.all())) or 'none'}>"

    # Who there is

    def all(self) -> list[Account]:
        """The accounts that may be used: all real ones, or else the look-alike's."""
        real = list(self._accounts.values())
        return real or ([self._demo] if self._demo is not None else [])

    def find(self, account_id: str) -> Account | None:
        """The account of that id."""
        return next((account for account in self.all() if account.id == account_id), None)

    @property
    def leases(self) -> int:
        """How many are out."""
        known = [*self._accounts.values(), *([self._demo] if self._demo is not None else [])]
        return sum(account.in_flight for account in known)

    def readiness(self) -> Literal["ready", "demo", "none"]:
        """Whether a chat would find an account now."""
        usable = [account for account in self.all() if account.refusal() is None]
        if not usable:
            return "none"
        return "demo" if usable[0].source == DEMO else "ready"

    def secrets(self) -> list[str]:
        """Every value that no recording may show, as of now."""
        known = [*self._accounts.values(), *([self._demo] if self._demo is not None else [])]
        return [secret for account in known for secret in account.authority.credentials.secrets()]

    # Who gets one

    def lease(self, preferred: str = "") -> Lease:
        """An account for one flow: the preferred one, or the least busy that is ready. Entering raises
        LunaError: NO_ACCOUNT, NOT_FOUND for an unknown preferred one, or why those there are cannot be used."""
        return Lease(partial(self._take, preferred))

    def _take(self, preferred: str) -> Account:
        account = self._preferred(preferred) if preferred else self._least_busy()
        self._taken += 1
        account.used = self._taken
        account.in_flight += 1
        return account

    def _preferred(self, account_id: str) -> Account:
        account = self.find(account_id)
        if account is None:
            known = ", ".join(account.id for account in self.all()) or "none"
            raise LunaError(
                Kind.NOT_FOUND,
                f"There is no account {account_id[:80]!r}.",
                hint=f"Known are: {known}.",
                param="account",
            )
        refusal = account.refusal()
        if refusal is not None:
            raise refusal
        return account

    def _least_busy(self) -> Account:
        accounts = self.all()
        if not accounts:
            raise LunaError(Kind.NO_ACCOUNT, NONE, hint=NONE_HINT)
        ready = [account for account in accounts if isinstance(account.state, Ready)]
        usable = ready or [account for account in accounts if account.refusal() is None]
        if usable:
            return min(usable, key=lambda account: (account.in_flight, account.used))
        # The one that will be back first speaks for all.
        cooling = [account for account in accounts if isinstance(account.state, Cooling)]
        refusals = [refusal for account in cooling or accounts if (refusal := account.refusal()) is not None]
        raise min(refusals, key=lambda refusal: (refusal.retry_after is None, refusal.retry_after or 0.0))

    # What is kept

    async def save(
        self, credentials: Mapping[str, str], *, account_id: str = "", label: str = "", provider_id: str = PROVIDER
    ) -> Account:
        """Add an account, or give one new credentials: fields that are given replace what it had. Without an id the
        one that the token names is meant, else the only one there is. Raises LunaError(BAD_REQUEST)."""
        if provider_id != PROVIDER:
            raise LunaError(
                Kind.BAD_REQUEST,
                f"There is no provider {provider_id[:40]!r}.",
                hint=f"luna has one: {PROVIDER}.",
                param="providerId",
            )
        fresh = Credentials.read(credentials)
        account_id = account_id.strip() or self._id_of(fresh)
        if account_id in _RESERVED or not _is_id(account_id):
            raise LunaError(
                Kind.BAD_REQUEST,
                f"An account cannot be called {account_id[:40]!r}.",
                hint="Use up to 64 letters, digits, dots, dashes and underscores; 'env' and 'demo' are taken.",
                param="accountId",
            )
        known = self._accounts.get(account_id)
        merged = Credentials.read(credentials, known.authority.credentials if known is not None else None)
        if not merged:
            raise LunaError(
                Kind.BAD_REQUEST,
                "The account would have neither a token nor a cookie.",
                hint='Send `"credentials": {"token": "…", "cookies": "…"}`; one of the two is enough.',
                param="credentials",
            )
        if known is None:
            known = self._add(account_id, merged, label=label, source="file")
        else:
            known.renew(self._authority(merged))
            known.label = label or known.label
        try:
            await self._write()
        except OSError as error:
            raise LunaError(
                Kind.INTERNAL,
                f"The credentials are in use, but cannot be written to {self.store.path.name}: {error.strerror}.",
                hint="See that luna may write to its data directory, then save them again.",
            ) from error
        return known

    async def remove(self, account_id: str) -> bool:
        """Forget an account of the file, and its credentials with it. Flows that hold it go on."""
        account = self._accounts.get(account_id)
        if account is None or account.source != "file":
            return False
        del self._accounts[account_id]
        await self._write()
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
        self._demo = Account(DEMO, label="look-alike", source="demo", authority=authority, clock=self._clock)
        return self._demo

    # What Qwen says of them

    def adopt(self, account: Account) -> None:
        """Take in an account that was made elsewhere and is not to be written down."""
        self._accounts[account.id] = account

    async def validate(self, credentials: Mapping[str, str]) -> Verdict:
        """Try credentials at the real site without keeping them."""
        try:
            read = Credentials.read(credentials)
        except LunaError as error:
            return Verdict(False, error=error.told)
        return await validate(read, site=self._site, backend=self._backend, clock=self._clock, ids=self._ids)

    async def status(self) -> Report:
        """Ask for every account whether it is alive."""
        return await report(self.all(), self._ids, none=f"{NONE} {NONE_HINT}")

    def _add_environment(self, token: str, cookies: str, rotated: Record | None) -> None:
        credentials, problem = Credentials(), None
        try:
            credentials = Credentials.read({"token": token, "cookies": cookies})
        except LunaError as error:
            problem = LunaError(Kind.UPSTREAM_LOGIN, f"QWEN_AI_TOKEN or QWEN_AI_COOKIES: {error.told}")
            log.error("the account of the environment cannot be used: %s", error.told)
        self._env_credentials = credentials
        if rotated is not None and rotated.basis == self._env_basis:
            credentials = rotated.credentials  # the same login, as the site has renewed it since
        account = self._add(ENV, credentials, label="environment", source="env")
        if problem is not None:
            account.failed(problem)

    def _add(self, account_id: str, credentials: Credentials, *, label: str, source: Source) -> Account:
        authority = self._authority(credentials)
        account = Account(account_id, label=label, source=source, authority=authority, clock=self._clock)
        self._accounts[account_id] = account
        return account

    def _authority(self, credentials: Credentials) -> Authority:
        return Authority(
            credentials,
            site=self._site,
            backend=self._backend,
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

    def _record(self, account: Account) -> Record | None:
        """What is kept of an account; nothing of the environment's that stands in the environment."""
        credentials = account.authority.credentials
        if account.source != "env":
            return Record(account.id, PROVIDER, credentials, label=account.label)
        if credentials == self._env_credentials:
            return None
        return Record(account.id, PROVIDER, credentials, label=account.label, basis=self._env_basis)

    def _id_of(self, credentials: Credentials) -> str:
        """A stable id for the user that the credentials name, else the only account there is, else `default`."""
        values = [credentials.token, *(cookie.value for cookie in credentials.cookies if cookie.name == "token")]
        for value in values:
            claims = read_claims(value)
            if claims is not None and (claims.user or claims.email):
                return "qwen-" + _digest(claims.user or claims.email)[:8]
        stored = [account.id for account in self._accounts.values() if account.source == "file"]
        return stored[0] if len(stored) == 1 else "default"


def _digest(*values: str) -> str:
    return hashlib.sha256("\0".join(values).encode()).hexdigest()


def _is_id(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and all(letter.isalnum() or letter in "._-" for letter in text)
