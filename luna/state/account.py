"""One account: who it is, what a person said of it, and whether it can be used now.

Owns the account's settings, its count of leases, and the words in which it refuses. How it is belongs to
`luna.state.health`; the other accounts and the file are unknown here. Never shows a secret.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.qwen.authority import Authority
from luna.qwen.client import QwenClient
from luna.qwen.endpoints import Site
from luna.qwen.errors import CHALLENGE_HINT
from luna.qwen.refusals import LOGIN_HINT
from luna.state.account_view import AccountView, CircuitView, RestView, login_ends, milliseconds
from luna.state.health import (
    PROBE_AFTER,
    Blocked,
    CircuitOpen,
    Cooling,
    Disabled,
    Health,
    LoginNeeded,
    Ready,
    State,
    Subject,
)

PROVIDER = "qwen-ai"
"""The one provider that there is, by the name that clients and scripts use."""
Source = Literal["env", "file", "demo"]


def _unwatched(_: "Account") -> None:
    return None


def _open(_: "Account") -> LunaError | None:
    return None


class Account:
    """An account at a site. `source`: the environment, the credentials file, or the look-alike."""

    def __init__(self, id: str, *, label: str, source: Source, authority: Authority, clock: Clock) -> None:
        self.id = id
        self.label = label or id
        self.source = source
        self.authority = authority
        self.enabled = True
        self.max_concurrent_runs: int | None = None
        """How many runs at once; 0: no limit, None: as the preferences say."""
        self.network_profile = ""
        """The network profile that it goes out through; empty: directly."""
        self.health = Health(clock)
        self.in_flight = 0
        """Leases that are out."""
        self.used = 0
        """The number of its latest lease; the larger, the more recent."""
        self.used_at: float | None = None
        """When that was, in seconds since the epoch."""
        self.changed: Callable[[Account], None] = _unwatched
        """Called when its state or its settings are others than before."""
        self.gate: Callable[[Account], LunaError | None] = _open
        """Says why nothing may leave for it, whatever its state; None when all is well."""
        self._clock = clock
        self._tried = False
        """Somebody is finding out whether it works."""

    def __repr__(self) -> str:
        return f"<Account {self.id} {self.source} {self.state.word} in flight={self.in_flight}>"

    @property
    def site(self) -> Site:
        """Where it lives."""
        return self.authority.site

    @property
    def state(self) -> State:
        """How it is now, for chats."""
        return self.state_for("chat")

    def state_for(self, subject: Subject) -> State:
        """How it is now, when asked for that."""
        return self.health.state(subject) if self.enabled else Disabled()

    @property
    def on_trial(self) -> bool:
        """Whoever takes it now finds out whether it works."""
        return self.health.on_trial

    def client(self, ids: Ids, now: float | None = None) -> QwenClient:
        """A voice for one flow, which supplies its ids and the time of its birth; for anybody else it is now."""
        return QwenClient(self.authority, self._clock.wall() if now is None else now, ids)

    # What happens to it

    def take(self, number: int) -> bool:
        """It is given away for the `number`-th time. True when that is a trial."""
        self.used, self.used_at = number, self._clock.wall()
        self.in_flight += 1
        if self._tried or self.health.well or not self.on_trial:
            return False
        self._tried = True
        return True

    def give_back(self, trial: bool) -> None:
        """The end of what `take` began."""
        self.in_flight -= 1
        if trial:
            self._tried = False
            self.changed(self)

    def renew(self, authority: Authority) -> None:
        """There are new credentials."""
        self.authority = authority
        self.health.renew()
        self.changed(self)

    def succeeded(self) -> None:
        """Qwen answered it."""
        if self.health.succeeded():
            self.changed(self)

    def recognised(self) -> None:
        """Qwen knows its credentials; whether it would answer is another question."""
        if self.health.recognised():
            self.changed(self)

    def failed(self, error: LunaError, subject: Subject = "chat") -> None:
        """Qwen refused it; most errors say nothing about the account."""
        if self.health.failed(error, subject):
            self.changed(self)

    def forgive(self) -> None:
        """A person says: try it again."""
        self.health.forgive()
        self.changed(self)

    # Whether it can be used

    def comes_back(self, subject: Subject = "chat") -> float | None:
        """Seconds until it can be used without anybody's doing; 0 when it can be used now, or any moment; None when
        only a person can help."""
        if self.gate(self) is not None:
            return None
        match self.state_for(subject):
            case Ready():
                return 0.0
            case Cooling(until=until) | CircuitOpen(until=until):
                return max(0.0, until - self._clock.wall())
            case Blocked() if self.health.due_for_probe:
                return 0.0
            case Disabled() | LoginNeeded() | Blocked():
                return None

    def refusal(self, subject: Subject = "chat") -> LunaError | None:
        """Why it cannot be used now; None when it can."""
        if self.enabled and self.health.well:
            return self.gate(self)
        now = self._clock.wall()
        match self.state_for(subject):
            case Ready():
                return self._under_trial() if self._tried and self.on_trial else self.gate(self)
            case Disabled():
                return LunaError(
                    Kind.NO_ACCOUNT,
                    f"Account '{self.id}' is switched off.",
                    hint=f"POST /api/accounts/{self.id}/enable switches it on.",
                )
            case LoginNeeded(reason):
                return LunaError(Kind.UPSTREAM_LOGIN, f"Account '{self.id}' needs a login. {reason}", hint=LOGIN_HINT)
            case Blocked(reason, since):
                if self.health.due_for_probe:
                    return self._under_trial() if self._tried else self.gate(self)
                return LunaError(
                    Kind.UPSTREAM_BLOCKED,
                    f"Account '{self.id}' is blocked. {reason}",
                    hint=CHALLENGE_HINT,
                    retry_after=since + PROBE_AFTER - now,
                )
            case Cooling(reason, until):
                return LunaError(
                    Kind.RATE_LIMITED,
                    f"Account '{self.id}' has to rest. {reason}",
                    hint="Wait, or add another account.",
                    retry_after=until - now,
                )
            case CircuitOpen(reason, until):
                return LunaError(
                    Kind.UPSTREAM_TRANSIENT,
                    f"Account '{self.id}' failed {self.health.circuit.failures} times in a row. {reason}",
                    hint="luna tries it again by itself.",
                    retry_after=until - now,
                )

    def _under_trial(self) -> LunaError:
        reason = self.health.circuit.reason or self.health.standing.reason
        return LunaError(
            Kind.UPSTREAM_TRANSIENT,
            f"Account '{self.id}' failed before and is being tried again right now. {reason}",
            hint="Wait a moment.",
            retry_after=1.0,
        )

    # What may be seen of it

    def view(self) -> AccountView:
        """Everything but its secrets."""
        state, now, circuit = self.state, self._clock.wall(), self.health.circuit
        refusal = self.refusal()
        token, login = login_ends(self.authority.credentials)
        rests = {subject: RestView(milliseconds(rest.until), rest.reason) for subject, rest in self.health.rests()}
        open_now = "open" if circuit.left(now) else "half-open" if circuit.half_open(now) else "closed"
        return AccountView(
            id=self.id,
            label=self.label,
            provider_id=PROVIDER,
            source=self.source,
            site=self.site.base_url,
            enabled=self.enabled,
            state=state.word,
            reason=state.reason or (refusal.message if refusal is not None else ""),
            way_out=refusal.hint if refusal is not None else "",
            until=milliseconds(state.until) if isinstance(state, Cooling | CircuitOpen) else None,
            retry_after=round(state.until - now, 1) if isinstance(state, Cooling | CircuitOpen) else None,
            cooldowns={str(subject): rest for subject, rest in rests.items()},
            circuit=CircuitView(open_now, circuit.failures, milliseconds(circuit.until)),
            in_flight=self.in_flight,
            max_concurrent_runs=self.max_concurrent_runs,
            network_profile_id=self.network_profile,
            fingerprint=self.authority.credentials.fingerprint,
            renewable=self.authority.renewable,
            expires_at=milliseconds(login),
            token_expires_at=milliseconds(token),
            last_used_at=milliseconds(self.used_at),
        )

    def describe(self) -> dict[str, Any]:
        """The same, as plain values."""
        shown: dict[str, Any] = msgspec.to_builtins(self.view())
        return shown
