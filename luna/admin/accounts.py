"""`/api/accounts`: every account, what it may do and how it is; credentials go in and never come out.

LunaProxy kept accounts in its configuration file alone; names are those of that file (`label` was `name`). Times are
milliseconds since the epoch.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.operation import Operation
from luna.admin.paging import query_of
from luna.model.errors import Kind, LunaError
from luna.state.account import PROVIDER, Account
from luna.state.account_view import AccountView, milliseconds
from luna.state.accounts import Accounts
from luna.state.scheduler import Scheduler
from luna.state.slots import Slot

Runs = Annotated[int, Meta(ge=0, le=10_000, description="Runs at once; 0: no limit.")]
Label = Annotated[str, Meta(max_length=120)]
ProfileId = Annotated[str, Meta(max_length=64, description="A network profile; empty: directly.")]


class NewAccount(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`POST /api/accounts`. Without an `id` the account is called after the user that the token names."""

    credentials: dict[str, str]
    """`token`, `cookies`, or both; also `refresh_token`, `userAgent`."""
    id: str = ""
    label: Label = ""
    enabled: bool = True
    max_concurrent_runs: Runs | None = None
    network_profile_id: ProfileId = ""


class AccountChange(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`PATCH /api/accounts/{id}`: what is given changes, the rest stays. `maxConcurrentRuns` null: as the settings
    say."""

    label: Label | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    max_concurrent_runs: Runs | UnsetType | None = UNSET
    network_profile_id: ProfileId | UnsetType = UNSET
    credentials: dict[str, str] | UnsetType = UNSET


class AccountEntry(AccountView, frozen=True, kw_only=True, rename="camel"):
    """One account, and how busy it is. `limit` is the one in force, 0: none."""

    running: int
    limit: int


class AccountList(msgspec.Struct, frozen=True):
    """`GET /api/accounts`."""

    accounts: list[AccountEntry]


class AccountsQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which accounts to list."""

    state: Annotated[
        Literal["", "ready", "cooling", "circuit-open", "blocked", "login-needed", "disabled"],
        Meta(description="Only those in this state."),
    ] = ""


class Checked(msgspec.Struct, frozen=True, rename="camel"):
    """What Qwen says of an account's credentials. `status` is alive, dead, or warn where it is not clear."""

    ok: bool
    valid: bool
    status: str
    account: AccountEntry
    account_info: dict[str, Any] | None
    error: str | None
    expires_at: int | None


class AccountRemoved(msgspec.Struct, frozen=True):
    """The account is gone."""

    ok: bool = True


class Reset(msgspec.Struct, frozen=True, rename="camel"):
    """The account is tried again from now on."""

    ok: bool
    provider_id: str
    account_id: str
    account: AccountEntry


class _Desk:
    """The routes' work."""

    def __init__(self, accounts: Accounts, scheduler: Scheduler) -> None:
        self._accounts = accounts
        self._scheduler = scheduler

    def _named(self, request: Request) -> Account:
        return self._accounts.require(request.path_params["id"])

    def _entry(self, account: Account) -> AccountEntry:
        slot = Slot("account", account.id)
        seen = account.view()
        fields = {name: getattr(seen, name) for name in seen.__struct_fields__}
        return AccountEntry(**fields, running=self._scheduler.count(slot), limit=self._scheduler.limits.of(slot))

    async def listing(self, request: Request) -> Response:
        state = query_of(request, AccountsQuery).state
        shown = [self._entry(account) for account in self._accounts.all()]
        return json(AccountList([one for one in shown if state in ("", one.state)]))

    async def create(self, request: Request) -> Response:
        body = await read(request, NewAccount)
        account = await self._accounts.save(
            body.credentials,
            account_id=body.id,
            label=body.label,
            enabled=body.enabled,
            max_concurrent_runs=body.max_concurrent_runs,
            network_profile=body.network_profile_id,
            new=True,
        )
        return json(self._entry(account), 201)

    async def show(self, request: Request) -> Response:
        return json(self._entry(self._named(request)))

    async def change(self, request: Request) -> Response:
        account, body = self._named(request), await read(request, AccountChange)
        if body.credentials is not UNSET:
            _of_the_file(account, "be given other credentials")
            await self._accounts.save(body.credentials, account_id=account.id)
        await self._accounts.edit(
            account.id,
            label=body.label,
            enabled=body.enabled,
            max_concurrent_runs=body.max_concurrent_runs,
            network_profile=body.network_profile_id,
        )
        return json(self._entry(account))

    async def remove(self, request: Request) -> Response:
        account = self._named(request)
        _of_the_file(account, "be removed")
        await self._accounts.remove(account.id)
        return json(AccountRemoved())

    async def validate(self, request: Request) -> Response:
        account = self._named(request)
        verdict = await self._accounts.check(account.id)
        return json(
            Checked(
                ok=True,
                valid=verdict.valid,
                status=verdict.status,
                account=self._entry(account),
                account_info=verdict.info,
                error=verdict.error or None,
                expires_at=milliseconds(verdict.expires_at),
            )
        )

    async def enable(self, request: Request) -> Response:
        return json(self._entry(await self._accounts.edit(self._named(request).id, enabled=True)))

    async def disable(self, request: Request) -> Response:
        return json(self._entry(await self._accounts.edit(self._named(request).id, enabled=False)))

    async def reset(self, request: Request) -> Response:
        if request.path_params["provider"] != PROVIDER:
            raise LunaError(Kind.NOT_FOUND, "There is no such provider.", hint=f"luna has one: {PROVIDER}.")
        account = self._named(request)
        account.forgive()
        return json(Reset(ok=True, provider_id=PROVIDER, account_id=account.id, account=self._entry(account)))


def routes(accounts: Accounts, scheduler: Scheduler) -> list[Operation]:
    """The routes of this subject."""
    desk, one = _Desk(accounts, scheduler), "/accounts/{id}"
    circuit = "/providers/{provider}/accounts/{id}/reset-circuit"
    try_again = "Try it again from now on: its breaker, its rests and its block are forgotten."
    off = "Switch it off; what it is doing goes on."
    return [
        Operation("GET", "/accounts", desk.listing, "All accounts.", asks=AccountsQuery, gives=AccountList),
        Operation("POST", "/accounts", desk.create, "Add one.", takes=NewAccount, gives=AccountEntry, status=201),
        Operation("GET", one, desk.show, "One account.", gives=AccountEntry),
        Operation("PATCH", one, desk.change, "Change one, at once.", takes=AccountChange, gives=AccountEntry),
        Operation("DELETE", one, desk.remove, "Forget one; what it is doing goes on.", gives=AccountRemoved),
        Operation("POST", f"{one}/validate", desk.validate, "Ask Qwen whether it is good.", gives=Checked),
        Operation("POST", f"{one}/enable", desk.enable, "Switch it on.", gives=AccountEntry),
        Operation("POST", f"{one}/disable", desk.disable, off, gives=AccountEntry),
        Operation("POST", circuit, desk.reset, try_again, gives=Reset),
    ]


def _of_the_file(account: Account, what: str) -> None:
    match account.source:
        case "file":
            return
        case "env":
            raise LunaError(
                Kind.CONFLICT,
                f"Account '{account.id}' stands in the environment and cannot {what} here.",
                hint="Change QWEN_AI_TOKEN and QWEN_AI_COOKIES and restart luna; or disable it"
                f" (POST /api/accounts/{account.id}/disable) and add another one.",
            )
        case "demo":
            raise LunaError(
                Kind.CONFLICT,
                f"Account '{account.id}' is the look-alike's and cannot {what}.",
                hint="It steps back as soon as there is a real account.",
            )
