"""`/api/provider/*`: credentials in, their state out, never the credentials themselves.

Field names are LunaProxy's (`providerId`, `accountId`, `credentials`), so that its scripts go on working.
"""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.operation import Operation
from luna.model.errors import Kind, LunaError
from luna.state.account import PROVIDER
from luna.state.account_view import milliseconds
from luna.state.accounts import Accounts


class TokenBody(msgspec.Struct, rename="camel"):
    """`POST /api/provider/token`. `token` with `tokenKey` is the old spelling of one entry of `credentials`."""

    provider_id: str
    credentials: dict[str, str] = {}
    token: str = ""
    token_key: str = "token"  # noqa: S105 - the name of a field
    account_id: str = ""
    name: str = ""

    def all_credentials(self) -> dict[str, str]:
        """Every non-empty credential of the body, by its key."""
        single = {self.token_key: self.token} if self.token else {}
        return {key: value for key, value in {**single, **self.credentials}.items() if value.strip()}


class ValidateBody(msgspec.Struct, rename="camel"):
    """`POST /api/provider/validate`."""

    provider_id: str
    credentials: dict[str, str] = {}


class Saved(msgspec.Struct, rename="camel"):
    """The answer to a stored credential."""

    success: bool
    account_id: str


class Validity(msgspec.Struct, rename="camel", omit_defaults=True):
    """What Qwen says of a set of credentials. `expiresAt` (milliseconds since the epoch) is when the login ends, where
    the credentials say so."""

    ok: bool
    valid: bool
    account_info: dict[str, Any] | None = None
    error: str | None = None
    expires_at: int | None = None


class StatusQuery(msgspec.Struct, rename="camel"):
    """Of which provider."""

    provider_id: str = PROVIDER


class ProviderStatus(msgspec.Struct, rename="camel"):
    """`status` is alive, dead or warn; `accounts` says the same of each account."""

    ok: bool
    status: str
    detail: str
    accounts: list[dict[str, Any]]
    """`id`, `label`, `source`, `state` and the reason; never a credential."""


def _known(provider_id: str) -> None:
    if provider_id != PROVIDER:
        raise LunaError(
            Kind.BAD_REQUEST,
            f"There is no provider {provider_id[:40]!r}.",
            hint=f"luna has one: {PROVIDER}.",
            param="providerId",
        )


def routes(accounts: Accounts) -> list[Operation]:
    """The routes of this subject."""

    async def token(request: Request) -> Response:
        body = await read(request, TokenBody)
        _known(body.provider_id)
        credentials = body.all_credentials()
        if not credentials:
            raise LunaError(
                Kind.BAD_REQUEST,
                "There is no credential in the body.",
                hint='Send `"credentials": {"token": "…", "cookies": "…"}`; one of the two is enough.',
                param="credentials",
            )
        account = await accounts.save(credentials, account_id=body.account_id, label=body.name)
        return json(Saved(success=True, account_id=account.id))

    async def validate(request: Request) -> Response:
        body = await read(request, ValidateBody)
        _known(body.provider_id)
        verdict = await accounts.validate(body.credentials)
        return json(
            Validity(
                ok=True,
                valid=verdict.valid,
                account_info=verdict.info,
                error=verdict.error or None,
                expires_at=milliseconds(verdict.expires_at),
            )
        )

    async def status(request: Request) -> Response:
        _known(request.query_params.get("providerId", PROVIDER))
        report = await accounts.status()
        return json(ProviderStatus(ok=True, status=report.status, detail=report.detail, accounts=report.accounts))

    ask = "Ask Qwen of every account whether it is alive."
    return [
        Operation("POST", "/provider/token", token, "Store credentials.", takes=TokenBody, gives=Saved),
        Operation("POST", "/provider/validate", validate, "Try them.", takes=ValidateBody, gives=Validity),
        Operation("GET", "/provider/status", status, ask, asks=StatusQuery, gives=ProviderStatus),
    ]
