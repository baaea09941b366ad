"""The services that a replay runs with: the recorded account without its secrets, the recorded upstream.

Owns what a recording implies about the process it was made in: which account answered, whether a key
was refused, which answer a continued chat hung on.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from luna.core.services import Services
from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.qwen.authority import Authority
from luna.qwen.catalogue import Catalogue
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.state.account import Account, Source
from luna.state.accounts import Accounts
from luna.state.credentials import CredentialStore
from luna.state.keys import ProxyKeys
from luna.state.lease import Lease
from luna.state.responses import Responses
from luna.state.turns import Place, Turns
from luna.upstream.exchange import Backend
from luna.wire.reader import Exchange, Recording

NOWHERE = Path("no-such-folder") / "credentials.json"
"""Where there is nothing to load; a replayed account is never written down."""
PLACEHOLDER = "replay-of-a-recorded-session"
"""Stands where the token stood; recordings hold none."""


_REFUSALS = frozenset({Kind.NO_ACCOUNT, Kind.RATE_LIMITED, Kind.UPSTREAM_LOGIN, Kind.UPSTREAM_BLOCKED})


class _Completion(msgspec.Struct):
    parent_id: str | None = None


def services_for(recording: Recording, backend: Backend, clock: Clock) -> Services:
    """What the stages of the replayed flow will ask for."""
    site = _site(recording.exchanges)
    refusal = _refusal(recording)
    accounts = (
        Accounts(store=CredentialStore(NOWHERE), backend=backend, clock=clock, site=site)
        if refusal is None
        else _Refusing(refusal, store=CredentialStore(NOWHERE), backend=backend, clock=clock, site=site)
    )
    account = _account(
        recording, Authority(Credentials(token=PLACEHOLDER), site=site, backend=backend, clock=clock), clock
    )
    accounts.adopt(account)
    services = Services()
    services.provide(Accounts, accounts)
    services.provide(Catalogue, Catalogue(clock))
    services.provide(Turns, _turns(recording, account.id))
    services.provide(ProxyKeys, _keys(recording))
    services.provide(Responses, Responses())
    return services


def _account(recording: Recording, authority: Authority, clock: Clock) -> Account:
    name = _header(recording, "x-luna-account-id") or "replay"
    source: Source = "demo" if _header(recording, "x-luna-demo") == "true" else "file"
    return Account(name, label=name, source=source, authority=authority, clock=clock)


class _Refusing(Accounts):
    """Accounts that are in the state in which they refused the recorded flow."""

    def __init__(self, refusal: LunaError, **like_any: Any) -> None:
        super().__init__(**like_any)
        self._refusal = refusal

    def lease(self, preferred: str = "") -> Lease:
        return Lease(self._refuse)

    def _refuse(self) -> Account:
        raise self._refusal


def _refusal(recording: Recording) -> LunaError | None:
    """Why no account would serve the flow: it failed before anything was sent, for a reason that accounts have."""
    failure = recording.failure
    if failure is None or recording.exchanges or failure.kind not in _REFUSALS:
        return None
    return LunaError(Kind(failure.kind), failure.message, hint=failure.hint, retry_after=failure.retry_after)


def _header(recording: Recording, name: str) -> str:
    return next((value for key, value in recording.headers if key == name), "")


def _site(exchanges: list[Exchange]) -> Site:
    if not exchanges:
        return Site()
    parts = urlsplit(exchanges[0].opened.url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return Site(origin, origin)


def _turns(recording: Recording, account: str) -> Turns:
    """A chat that was continued hung on an answer; it stands in what was sent."""
    turns = Turns()
    chat = _header(recording, "x-luna-provider-session-id")
    created = any(exchange.opened.url.endswith("/chats/new") for exchange in recording.exchanges)
    for exchange in recording.exchanges:
        if chat and not created and "/chat/completions?" in exchange.opened.url:
            parent = msgspec.json.decode(exchange.opened.data, type=_Completion).parent_id
            if parent:
                turns.note(chat, Place(account, parent))
                break
    return turns


def _keys(recording: Recording) -> ProxyKeys:
    """Keys are not recorded: a flow that was refused for its key is refused again, any other is let in."""
    failure = recording.failure
    refused = failure is not None and failure.kind == "unauthorized"
    return ProxyKeys([PLACEHOLDER] if refused else [])
