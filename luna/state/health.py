"""How one account is, and what moves it from one state to another.

Owns the states, the rests (one for chats, one for media), the breaker's place among them, and which of Qwen's errors
say anything about an account at all. Knows neither credentials nor other accounts. A rest lasts until a wall time, so
that a restart does not cut it short.

    login-needed ▸ blocked ▸ cooling ▸ circuit-open ▸ ready        the first that holds is shown
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.qwen.refusals import TOKEN_QUOTA
from luna.state.circuit import Circuit

Subject = Literal["chat", "media"]
"""What an account is asked for. Qwen counts pictures and films apart from chats."""
SUBJECTS: tuple[Subject, ...] = ("chat", "media")

PROBE_AFTER = 60.0
"""Seconds after which a blocked account may be tried again, if there is no better one: the user may have passed
the check in the browser meanwhile."""
COOL_DOWN = 60.0
"""Seconds to rest when a rate limit does not say how long."""
QUOTA_COOL_DOWN = 3600.0
"""The same for a quota: one request an hour finds out."""
PASSING = frozenset({Kind.UPSTREAM_TRANSIENT, Kind.UPSTREAM_BROKEN, Kind.TIMEOUT})
"""Failures that the breaker counts."""


class Ready(msgspec.Struct, frozen=True):
    """It can be used."""

    reason: str = ""
    word = "ready"


class Disabled(msgspec.Struct, frozen=True):
    """A person has switched it off."""

    reason: str = "Switched off by hand."
    word = "disabled"


class LoginNeeded(msgspec.Struct, frozen=True):
    """Only new credentials help."""

    reason: str
    word = "login-needed"


class Blocked(msgspec.Struct, frozen=True):
    """The firewall wants to see a human. `since`: seconds since the epoch."""

    reason: str
    since: float
    word = "blocked"


class Cooling(msgspec.Struct, frozen=True):
    """It has to rest until `until` (seconds since the epoch)."""

    reason: str
    until: float
    since: float = 0.0
    word = "cooling"


class CircuitOpen(msgspec.Struct, frozen=True):
    """It failed too often in a row, and is left alone until `until` (seconds since the epoch)."""

    reason: str
    until: float
    word = "circuit-open"


READY = Ready()
State = Ready | Disabled | LoginNeeded | Blocked | Cooling | CircuitOpen


class Health:
    """The health of one account."""

    def __init__(self, clock: Clock) -> None:
        self.circuit = Circuit()
        self.standing: Ready | LoginNeeded | Blocked = READY
        self.well = True
        """It is ready, whatever the time and whatever it is asked for. Where it is not, only a closer look tells."""
        self._clock = clock
        self._rests: dict[Subject, Cooling] = {}

    def __repr__(self) -> str:
        return f"<Health {self.state('chat').word} {self.circuit!r}>"

    def state(self, subject: Subject) -> State:
        """How it is now, when asked for that."""
        if self.well:
            return READY
        if not isinstance(self.standing, Ready):
            return self.standing
        rest = self.rest(subject)
        if rest is not None:
            return rest
        left = self.circuit.left(self._clock.wall())
        if left:
            return CircuitOpen(self.circuit.reason, self._clock.wall() + left)
        return READY

    def rest(self, subject: Subject) -> Cooling | None:
        """The rest that it takes from that, if it does; one that is over is over."""
        rest = self._rests.get(subject)
        if rest is not None and rest.until <= self._clock.wall():
            del self._rests[subject]
            self._look()
            return None
        return rest

    def rests(self) -> Iterator[tuple[Subject, Cooling]]:
        """All rests that it takes."""
        for subject in SUBJECTS:
            rest = self.rest(subject)
            if rest is not None:
                yield subject, rest

    @property
    def due_for_probe(self) -> bool:
        """Blocked for so long that one request may find out whether it still is."""
        return isinstance(self.standing, Blocked) and self._clock.wall() - self.standing.since >= PROBE_AFTER

    @property
    def on_trial(self) -> bool:
        """Whoever uses it now finds out whether it works: one at a time."""
        if self.well:
            return False
        return self.due_for_probe or self.circuit.half_open(self._clock.wall())

    def recognised(self) -> bool:
        """Qwen knows whose credentials they are. True when that changed anything."""
        changed, self.standing = not isinstance(self.standing, Ready), READY
        self._look()
        return changed

    def succeeded(self) -> bool:
        """Qwen answered. A rest goes on: the answer may be to an earlier request. True when that changed anything."""
        if self.well and not self.circuit.failures:
            return False
        tried = self.circuit.until is not None
        if self.circuit.failures:
            self.circuit.close()
        return self.recognised() or tried

    def failed(self, error: LunaError, subject: Subject) -> bool:
        """Qwen refused; most errors say nothing about the account. True when that changed anything."""
        changed = self._failed(error, subject)
        self._look()
        return changed

    def _failed(self, error: LunaError, subject: Subject) -> bool:
        now = self._clock.wall()
        match error.kind:
            case Kind.UPSTREAM_LOGIN:
                self.standing = LoginNeeded(error.message)
            case Kind.UPSTREAM_BLOCKED:
                self.standing = Blocked(error.message, now)
            case Kind.RATE_LIMITED:
                return self._rest(subject, error, COOL_DOWN)
            case Kind.QUOTA_EXHAUSTED if not TOKEN_QUOTA.is_told_by(error):  # that one is about one long prompt
                return self._rest(subject, error, QUOTA_COOL_DOWN)
            case kind if kind in PASSING:
                return self.circuit.failed(now, error.message)
            case _:
                return False
        return True

    def _rest(self, subject: Subject, error: LunaError, default: float) -> bool:
        now = self._clock.wall()
        until = now + (default if error.retry_after is None else error.retry_after)
        known = self._rests.get(subject)
        if known is not None and known.until >= until:
            return False
        self._rests[subject] = Cooling(error.message, until, now)
        return True

    def restore(self, subject: Subject, rest: Cooling) -> None:
        """A rest that began before a restart goes on."""
        self._rests[subject] = rest
        self._look()

    def restore_standing(self, standing: LoginNeeded | Blocked) -> None:
        """So does what only new credentials, or a person, help against."""
        self.standing = standing
        self._look()

    def forgive(self) -> None:
        """A person says: try it again. What only new credentials help against stays."""
        self.circuit.close()
        self._rests.clear()
        if isinstance(self.standing, Blocked):
            self.standing = READY
        self._look()

    def renew(self) -> None:
        """There are new credentials."""
        self.standing = READY
        self.forgive()

    def _look(self) -> None:
        self.well = self.standing is READY and not self._rests and self.circuit.until is None
