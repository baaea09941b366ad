"""The services that a replay runs with: the recorded accounts without their secrets, the recorded upstream.

Owns what a recording implies about the process it was made in: which accounts were tried, whether a key
was refused, which answer a continued chat hung on, which responses were remembered.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from luna.core.services import Services
from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.model.events import Notice
from luna.model.preferences import LivePreferences, Preferences, SessionPreferences
from luna.qwen.authority import MARGIN, Authority
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
RENEWAL = urlsplit(Site().refresh()).path
RENEWED_BEFORE = MARGIN / 2
"""Seconds that a token lasts that is renewed before it ends."""

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
    renewed, ids = _renewed(recording), _RenewalIds(recording)
    for number, tried in enumerate(dict.fromkeys([*_failed(recording), name])):
        own = _session(recording) if number < renewed else Credentials(token=PLACEHOLDER)
        authority = Authority(own, site=site, backend=backend, clock=clock, ids=ids)
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
    tried = recording.failure.accounts if recording.failure is not None else []
    failed = (str((notice.data or {}).get("account", "")) for notice in _notices(recording, "failover"))
    return list(dict.fromkeys([*tried, *failed]))


def _notices(recording: Recording, kind: str) -> Iterator[Notice]:
    batches = (batch for boundary in recording.events.values() for batch in boundary)
    return (event for batch in batches for event in batch if isinstance(event, Notice) and event.kind == kind)


def _header(recording: Recording, name: str) -> str:
    return next((value for key, value in recording.headers if key == name), "")


def _site(exchanges: list[Exchange]) -> Site:
    """Where Qwen was: its renewals may have gone elsewhere."""
    origins = {_renews(exchange): _origin(exchange) for exchange in reversed(exchanges)}
    if not origins:
        return Site()
    somewhere = next(iter(origins.values()))
    base = origins.get(False, somewhere)
    return Site(base, origins.get(True, base))


def _origin(exchange: Exchange) -> str:
    parts = urlsplit(exchange.opened.url)
    return f"{parts.scheme}://{parts.netloc}"


def _renewed(recording: Recording) -> int:
    """How often a token was renewed on the way."""
    return sum(map(_renews, recording.exchanges))


class _RenewalIds(Ids):
    """Those of the renewals' requests: an account draws them, not the flow, so they do not grow from its seed."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(b"")
        renewals = [exchange.opened.headers for exchange in recording.exchanges if _renews(exchange)]
        self._recorded = [value for each in renewals for name, value in each if name.lower() == "x-request-id"][::-1]

    def uuid(self) -> str:
        return self._recorded.pop() if self._recorded else super().uuid()


def _renews(exchange: Exchange) -> bool:
    return urlsplit(exchange.opened.url).path == RENEWAL


def _session(recording: Recording) -> Credentials:
    """Credentials whose token is renewed where that of the flow was: before a request, for it was about to end; or
    after one that was refused for it, and was made again. What cannot be renewed any more has ended."""
    exchanges = recording.exchanges
    at = next(number for number, exchange in enumerate(exchanges) if _renews(exchange))
    before, after = exchanges[max(0, at - 1)], next((one for one in exchanges[at:] if not _renews(one)), None)
    refused = at > 0 and (after is None or _asked(before) == _asked(after))
    left = RENEWED_BEFORE if after is not None else 0.0
    token = PLACEHOLDER if refused else _ending(recording.head.born + left)
    return Credentials.read({"token": token, "refreshToken": PLACEHOLDER})


def _asked(exchange: Exchange) -> tuple[str, str]:
    return exchange.opened.method, urlsplit(exchange.opened.url).path


def _ending(at: float) -> str:
    """A token that says when it ends, and nothing else."""
    claims = base64.urlsafe_b64encode(msgspec.json.encode({"exp": at})).decode().rstrip("=")
    return f"e30.{claims}.{PLACEHOLDER}"


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
