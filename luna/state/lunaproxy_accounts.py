"""LunaProxy's accounts as luna's records, and the way back.

Owns the shape of `providers[]` in a `config.json` of LunaProxy's. Pure. No message holds a credential.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from luna.model.errors import LunaError
from luna.qwen.credentials import Credentials
from luna.qwen.tokens import read_claims
from luna.state.credentials import Record
from luna.state.lunaproxy_fields import PROVIDER, Remark

PROVIDER_NAME = "Qwen AI (International)"
IMPLICIT = "local"
"""What LunaProxy called the account of the credentials that stood beside the list."""
_RESERVED = ("env", "demo")

_PROVIDER_FIELDS = frozenset({"id", "name", "credentials", "accounts", "accountId", "enabled", "status", "type"})
_ACCOUNT_FIELDS = frozenset({"id", "name", "label", "enabled", "credentials", "maxConcurrentRuns"}) | {
    "networkProfileId",
    "status",
    "providerId",
}


@dataclass
class AccountsTaken:
    """What becomes of the providers of a configuration."""

    records: list[Record] = field(default_factory=list)
    found: int = 0
    ignored: list[Remark] = field(default_factory=list)
    wrong: list[Remark] = field(default_factory=list)
    of_luna: bool = False
    """The configuration is luna's own export: 0 is no limit, and not none said."""


def login_of(credentials: Credentials) -> str:
    """By what two sets of credentials of one user are known as such; the credentials' fingerprint where no token
    says who it is."""
    values = [credentials.token, *(cookie.value for cookie in credentials.cookies if cookie.name == "token")]
    for value in values:
        claims = read_claims(value) if value else None
        if claims is not None and (claims.user or claims.email):
            return claims.user or claims.email
    return credentials.fingerprint


def accounts_of(document: Mapping[str, Any]) -> AccountsTaken:
    """The accounts of all providers that luna knows."""
    taken = AccountsTaken(of_luna="version" in document)
    providers = document.get("providers", [])
    if not isinstance(providers, list):
        taken.wrong.append(Remark("providers", "must be a list"))
        return taken
    for number, provider in enumerate(providers):
        if not isinstance(provider, Mapping):
            taken.wrong.append(Remark(f"providers[{number}]", "must be an object"))
        elif provider.get("id") != PROVIDER:
            taken.ignored.append(Remark(f"providers[{number}]", f"luna speaks with {PROVIDER} alone"))
        else:
            _provider(provider, f"providers[{number}]", taken)
    return taken


def _provider(provider: Mapping[str, Any], where: str, taken: AccountsTaken) -> None:
    listed = provider.get("accounts") or []
    if not isinstance(listed, list):
        taken.wrong.append(Remark(f"{where}.accounts", "must be a list"))
        listed = []
    for number, account in enumerate(listed):
        if isinstance(account, Mapping):
            usual = {"id": f"{PROVIDER}-{number}", "name": f"Account {number + 1}"}
            _account(usual | dict(account), f"{where}.accounts[{number}]", taken)
        else:
            taken.found += 1
            taken.wrong.append(Remark(f"{where}.accounts[{number}]", "must be an object"))
    reasons = {
        "oauth": "luna has no other way to log in than Qwen's own",
        "maxConcurrentRuns": "multiThread.defaultProviderMaxConcurrentRuns is the limit of all accounts together",
        "networkProfileId": "accounts name their own network profile",
    }
    own = {} if listed else {"maxConcurrentRuns", "networkProfileId"}
    for key, value in provider.items():
        if key not in _PROVIDER_FIELDS and key not in own and value not in (None, "", {}, []):
            taken.ignored.append(Remark(f"{where}.{key[:60]}", reasons.get(key, "luna knows no such field")))
    if provider.get("credentials"):
        name = provider.get("name")
        beside = {key: provider[key] for key in ("credentials", *sorted(own)) if key in provider}
        identity = {"id": provider.get("accountId") or IMPLICIT, "name": "" if name == PROVIDER_NAME else name}
        _account(identity | beside, f"{where}.credentials", taken)


def _account(account: Mapping[str, Any], where: str, taken: AccountsTaken) -> None:
    taken.found += 1
    fields = account.get("credentials")
    try:
        read = Credentials.read({key: value for key, value in (fields or {}).items() if isinstance(value, str)})
    except LunaError as error:
        taken.wrong.append(Remark(where, error.message))
        return
    except AttributeError:
        taken.wrong.append(Remark(f"{where}.credentials", "must be an object"))
        return
    account_id = str(account.get("id") or IMPLICIT)
    usable_id = re.sub(r"[^A-Za-z0-9._-]", "-", account_id)[:64]
    usable_id = f"account-{usable_id}" if usable_id in _RESERVED else usable_id
    twin = next((known for known in taken.records if login_of(known.credentials) == login_of(read)), None)
    if not read:
        taken.ignored.append(Remark(where, "it has neither a token nor a cookie"))
    elif twin is not None:
        taken.ignored.append(Remark(where, f"it is the same login as account '{twin.id}'"))
    elif any(known.id == usable_id for known in taken.records):
        taken.wrong.append(Remark(where, f"there are two accounts with the id '{usable_id}'"))
    else:
        if usable_id != account_id:
            taken.ignored.append(Remark(f"{where}.id", f"the account is called '{usable_id}' here"))
        taken.records.append(_record(account, where, usable_id, read, taken))


def _record(
    account: Mapping[str, Any], where: str, account_id: str, credentials: Credentials, taken: AccountsTaken
) -> Record:
    runs = account.get("maxConcurrentRuns")
    if runs is not None and (not isinstance(runs, int) or isinstance(runs, bool) or runs < 0):
        taken.wrong.append(Remark(f"{where}.maxConcurrentRuns", "must be a whole number of at least 0"))
        runs = None
    if runs == 0 and not taken.of_luna:
        runs = None
    profile = account.get("networkProfileId") or ""
    if not isinstance(profile, str) or len(profile) > 64:
        taken.wrong.append(Remark(f"{where}.networkProfileId", "must be text of up to 64 characters"))
        profile = ""
    for key in account.keys() - _ACCOUNT_FIELDS:
        taken.ignored.append(Remark(f"{where}.{key[:60]}", "luna knows no such field"))
    return Record(
        account_id,
        PROVIDER,
        credentials,
        label=str(account.get("name") or account.get("label") or "")[:200],
        enabled=account.get("enabled", True) is not False and account.get("status") != "disabled",
        max_concurrent_runs=runs,
        network_profile=profile,
    )


def provider_of(records: Iterable[Record], *, with_credentials: bool) -> dict[str, Any]:
    """The one provider, as LunaProxy writes it. The account of the environment stays in the environment."""
    accounts = [_exported(record, with_credentials) for record in records if not record.basis and record.id != "env"]
    return {"id": PROVIDER, "name": PROVIDER_NAME, "credentials": {}, "accounts": accounts}


def _exported(record: Record, with_credentials: bool) -> dict[str, Any]:
    account: dict[str, Any] = {
        "id": record.id,
        "name": record.label,
        "enabled": record.enabled,
        "credentials": _fields(record.credentials) if with_credentials else {},
        "status": "active" if record.enabled else "disabled",
    }
    if record.max_concurrent_runs is not None:
        account["maxConcurrentRuns"] = record.max_concurrent_runs
    if record.network_profile:
        account["networkProfileId"] = record.network_profile
    return account


def _fields(credentials: Credentials) -> dict[str, str]:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in credentials.cookies)
    fields = {"token": credentials.token, "cookies": cookies, "userAgent": credentials.user_agent}
    return {**{name: value for name, value in fields.items() if value}, **credentials.page_headers}
