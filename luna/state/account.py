"""One account and how it is.

Owns the states an account can be in and what moves it from one to another. Knows neither the other accounts nor
the file. Never shows a secret.
"""

from dataclasses import dataclass
from typing import Any, Literal

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.qwen.authority import Authority
from luna.qwen.client import QwenClient
from luna.qwen.endpoints import Site
from luna.qwen.errors import CHALLENGE_HINT
from luna.qwen.refusals import LOGIN_HINT

Source = Literal["env", "file", "demo"]

PROBE_AFTER = 60.0
"""Seconds after which a blocked account may be tried again, if there is no better one: the user may have passed
the check in the browser meanwhile."""
COOL_DOWN = 60.0
"""Seconds to rest when a rate limit does not say how long."""


@dataclass(frozen=True)
class Ready:
    """It can be used."""

    word = "ready"
    reason = ""


@dataclass(frozen=True)
class LoginNeeded:
    """Only new credentials help."""

    reason: str
    word = "login-needed"


@dataclass(frozen=True)
class Blocked:
    """The firewall wants to see a human. `since` is monotonic."""

    reason: str
    since: float
    word = "blocked"


@dataclass(frozen=True)
class Cooling:
    """It has to rest until the monotonic time `until`."""

    reason: str
    until: float
    word = "cooling"


State = Ready | LoginNeeded | Blocked | Cooling


class Account:
    """An account at a site. `source`: the environment, the credentials file, or the look-alike."""

    def __init__(self, id: str, *, label: str, source: Source, authority: Authority, clock: Clock) -> None:
        self.id = id
        self.label = label or id
        self.source = source
        self.authority = authority
        self.in_flight = 0
        """Leases that are out."""
        self.used = 0
        """The number of its latest lease; the larger, the more recent."""
        self._clock = clock
        self._state: State = Ready()

    def __repr__(self) -> str:
        return f"<Account {self.id} {self.source} {self.state.word} in flight={self.in_flight}>"

    @property
    def site(self) -> Site:
        """Where it lives."""
        return self.authority.site

    @property
    def state(self) -> State:
        """How it is now: a rest that is over is over."""
        if isinstance(self._state, Cooling) and self._state.until <= self._clock.monotonic():
            self._state = Ready()
        return self._state

    @property
    def probeable(self) -> bool:
        """True for a blocked account that may be tried again."""
        return isinstance(self._state, Blocked) and self._clock.monotonic() - self._state.since >= PROBE_AFTER

    def client(self, ids: Ids, now: float | None = None) -> QwenClient:
        """A voice for one flow, which supplies its ids and the time of its birth; for anybody else it is now."""
        return QwenClient(self.authority, self._clock.wall() if now is None else now, ids)

    def renew(self, authority: Authority) -> None:
        """There are new credentials."""
        self.authority, self._state = authority, Ready()

    def succeeded(self) -> None:
        """Qwen answered it. A rest goes on: the answer may be to an earlier request."""
        if isinstance(self._state, LoginNeeded | Blocked):
            self._state = Ready()

    def failed(self, error: LunaError) -> None:
        """Qwen refused it; most errors say nothing about the account."""
        now = self._clock.monotonic()
        match error.kind:
            case Kind.UPSTREAM_LOGIN:
                self._state = LoginNeeded(error.message)
            case Kind.UPSTREAM_BLOCKED:
                self._state = Blocked(error.message, now)
            case Kind.RATE_LIMITED:
                wait = COOL_DOWN if error.retry_after is None else error.retry_after
                self._state = Cooling(error.message, now + wait)
            case _:
                pass

    def refusal(self) -> LunaError | None:
        """Why it cannot be used now; None when it can."""
        now = self._clock.monotonic()
        match self.state:
            case Ready():
                return None
            case LoginNeeded(reason):
                return LunaError(Kind.UPSTREAM_LOGIN, f"Account '{self.id}' needs a login. {reason}", hint=LOGIN_HINT)
            case Blocked(reason, since):
                if self.probeable:
                    return None
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

    def describe(self) -> dict[str, Any]:
        """What may be shown of it: everything but its secrets."""
        state = self.state
        shown: dict[str, Any] = {
            "id": self.id,
            "label": self.label,
            "source": self.source,
            "site": self.site.base_url,
            "state": state.word,
            "inFlight": self.in_flight,
            "fingerprint": self.authority.credentials.fingerprint,
        }
        if state.reason:
            shown["reason"] = state.reason
        if isinstance(state, Cooling):
            shown["retryAfter"] = round(state.until - self._clock.monotonic(), 1)
        return shown
