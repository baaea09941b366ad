"""The services that a replay runs with: the recorded accounts without their secrets, the recorded upstream.

Owns what a recording implies about the process it was made in: which accounts were tried, whether a key
was refused, which answer a continued chat hung on, which responses were remembered.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from luna.core.services import Services
from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.model.events import Notice
from luna.model.preferences import LivePreferences, Preferences, SessionPreferences
from luna.qwen.authority import Authority
from luna.qwen.catalogue import Catalogue
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.replay.conversation import RecordedConversation, RecordedMemory
from luna.state.account import Account, Source
from luna.state.accounts import Accounts
from luna.state.choice import Wish
from luna.state.credentials import CredentialStore
from luna.state.keys import ProxyKeys
from luna.state.responses import Remembered, Responses
from luna.state.scheduler import Scheduler
from luna.state.session_memory import SessionMemory
from luna.state.sessions import Sessions
from luna.state.turns import Place, Turns
from luna.upstream.exchange import Backend
from luna.wire.reader import Exchange, Recording

NOWHERE = Path("no-such-folder") / "credentials.json"
"""Where there is nothing to load; a replayed account is never written down."""
PLACEHOLDER = "replay-of-a-recorded-session"
"""Stands where the token stood; recordings hold none."""


_REFUSALS = frozenset(
    {
        Kind.NO_ACCOUNT,
        Kind.RATE_LIMITED,
        Kind.UPSTREAM_LOGIN,
        Kind.UPSTREAM_BLOCKED,
        Kind.UPSTREAM_TRANSIENT,
        Kind.EGRESS_CLOSED,
    }
)


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
    name = _header(recording, "x-luna-account-id") or "replay"
    for tried in dict.fromkeys([*_failed(recording), name]):
        authority = Authority(Credentials(token=PLACEHOLDER), site=site, backend=backend, clock=clock)
        accounts.adopt(_account(recording, tried, authority, clock))
    services = Services()
    services.provide(Accounts, accounts)
    services.provide(Scheduler, Scheduler(accounts, clock=clock))
    services.provide(Catalogue, Catalogue(clock))
    services.provide(Turns, _turns(recording, name))
    services.provide(ProxyKeys, _keys(recording))
    services.provide(Responses, _responses(recording))
    known = next((chat.whereabouts for chat in recording.documents.values() if chat.whereabouts is not None), None)
    if known is not None:
        services.provide(Sessions, RecordedConversation(known))
    recalled = next(_notices(recording, "recalled"), None)
    if recalled is not None:
        memory = RecordedMemory(recalled)
        services.provide(SessionMemory, memory)
        options = SessionPreferences(rolling_history_k=memory.recent)
        services.provide(LivePreferences, LivePreferences(Preferences(session=options)))
    return services


def _account(recording: Recording, name: str, authority: Authority, clock: Clock) -> Account:
    source: Source = "demo" if _header(recording, "x-luna-demo") == "true" else "file"
    return Account(name, label=name, source=source, authority=authority, clock=clock)


class _Refusing(Accounts):
    """Accounts that are in the state in which they refused the recorded flow."""

    def __init__(self, refusal: LunaError, **like_any: Any) -> None:
        super().__init__(**like_any)
        self._refusal = refusal

    def choices(self, wish: Wish) -> list[Account]:
        return []

    def comes_back(self, wish: Wish) -> float | None:
        return None

    def refusal_for(self, wish: Wish) -> LunaError:
        return self._refusal


def _refusal(recording: Recording) -> LunaError | None:
    """Why no account would serve the flow: it failed before anything was sent, for a reason that accounts have."""
    failure = recording.failure
    if failure is None or recording.exchanges or failure.kind not in _REFUSALS:
        return None
    return LunaError(Kind(failure.kind), failure.message, hint=failure.hint, retry_after=failure.retry_after)


def _failed(recording: Recording) -> list[str]:
    """The accounts that could not serve the flow, in the order in which they were tried."""
    tried: list[str] = []
    if recording.failure is not None:
        tried = [str(account) for account in recording.failure.detail.get("accounts", ())]
    failed = (str((notice.data or {}).get("account", "")) for notice in _notices(recording, "failover"))
    return list(dict.fromkeys([*tried, *failed]))


def _notices(recording: Recording, kind: str) -> Iterator[Notice]:
    batches = (batch for boundary in recording.events.values() for batch in boundary)
    return (event for batch in batches for event in batch if isinstance(event, Notice) and event.kind == kind)


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
                turns.note(Place(account, chat, parent))
                break
    return turns


def _keys(recording: Recording) -> ProxyKeys:
    """Keys are not recorded: a flow that was refused for its key is refused again, any other is let in."""
    failure = recording.failure
    refused = failure is not None and failure.kind == "unauthorized"
    return ProxyKeys([PLACEHOLDER] if refused else [])


def _responses(recording: Recording) -> Responses:
    """What the flow asked for was remembered, and nothing else that anybody knows of."""
    responses = Responses()
    for frame in recording.recalled:
        responses.remember(frame.response, Remembered(bytes(frame.document), bytes(frame.items)))
    return responses
