"""By which way an account may leave now, or why by none.

Owns the decision and nothing else. It fails closed: where an account's way is missing, disabled, unverified, or not
what was expected, there is no other one, unless the person has allowed exactly that (`fallbackToDirect` without
`strict`). An account keeps its worker as long as that one can be used, so that the world sees it at one address.
"""

import hashlib
import logging
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import EgressIsolation, LivePreferences
from luna.state.network import DIRECT, Network, NetworkProfile, Verified, Worker

log = logging.getLogger("luna.state.ways")

HINT = "See GET /api/egress, the network profiles, and settings.egressIsolation."


class Way(msgspec.Struct, frozen=True):
    """The way that a request takes. Empty strings: straight out."""

    profile: str = ""
    worker: str = ""
    ip: str = ""
    """The address that it was last seen to have."""


class Ways:
    """Decides, for each account and each request anew."""

    def __init__(self, network: Network, preferences: LivePreferences, clock: Clock) -> None:
        self._network = network
        self._preferences = preferences
        self._clock = clock
        self._told: dict[str, str] = {}
        """By account: why it goes out directly, as the log has it."""
        self._bound_by: dict[tuple[str, str], Way] = {}
        """The ways without isolation, by account and profile. Nothing of them depends on the time."""
        network.watch(self._bound_by.clear)

    def __repr__(self) -> str:
        return f"<Ways {self._network!r} isolated={self.rules.enabled}>"

    @property
    def rules(self) -> EgressIsolation:
        """What the person has allowed."""
        return self._preferences.current.egress_isolation

    def take(self, account: str, profile_id: str) -> Way:
        """The way of an account that is bound to that profile ("" for none). Raises LunaError(EGRESS_CLOSED)."""
        rules = self._preferences.current.egress_isolation
        if not rules.enabled:
            try:
                return self._bound_by[account, profile_id]
            except KeyError:
                way = self._bound_by[account, profile_id] = self._bound(account, profile_id)
                return way
        try:
            way = self._isolated(account, profile_id)
        except LunaError as closed:
            if rules.strict or not rules.fallback_to_direct:
                raise
            way = self._directly(account)
            if self._told.get(account) != closed.message:
                self._told[account] = closed.message
                log.warning("account '%s' goes out directly: %s", account, closed.message)
        else:
            self._told.pop(account, None)
        return way

    def fitting(self, account: str, profile_id: str) -> list[Worker]:
        """The workers that are meant for such an account, whatever their state."""
        return [
            worker
            for worker in self._network.workers()
            if worker.enabled
            and worker.account_id in ("", account)
            and (not profile_id or worker.network_profile_id in ("", profile_id))
        ]

    def needed(self, account: str, profile_id: str) -> Iterator[NetworkProfile | Worker]:
        """What has to be verified before the account may leave; nothing without isolation."""
        if not (self.rules.enabled and self.rules.verify_before_use):
            return
        profile = self._network.find_profile(profile_id) if profile_id else None
        if profile_id and (profile is None or not profile.enabled):
            return
        if profile is None or profile.mode == "worker-managed":
            yield from self.fitting(account, profile_id)
        else:
            yield profile
        direct = self._network.profile(DIRECT)
        if self.rules.strict and direct.enabled:
            yield direct

    # Without isolation

    def _bound(self, account: str, profile_id: str) -> Way:
        """Only a profile that somebody gave to the account counts; but then it does."""
        if not profile_id:
            return self._directly(account)
        profile = self._profile(account, profile_id)
        match profile.mode:
            case "direct":
                return self._directly(account)
            case "worker-managed":
                return _by_worker(profile_id, self._worker(account, profile_id, checked=False))
            case _:
                return _by_profile(profile)

    # With it

    def _isolated(self, account: str, profile_id: str) -> Way:
        profile = self._profile(account, profile_id) if profile_id else None
        if profile is None or profile.mode == "worker-managed":
            return _by_worker(profile_id, self._worker(account, profile_id, checked=True))
        if profile.mode == "direct" and self.rules.strict:
            raise closed(account, f"its profile '{profile_id}' is the direct way")
        problem = self._problem(profile.verified, profile.expected_ip)
        if problem:
            raise closed(account, f"profile '{profile_id}' {problem}")
        return self._directly(account) if profile.mode == "direct" else _by_profile(profile)

    def _directly(self, account: str) -> Way:
        direct = self._network.profile(DIRECT)
        if not direct.enabled:
            raise closed(account, "it has no way of its own, and the direct one is disabled")
        return Way("", "", direct.verified.ip if direct.verified else "")

    def _profile(self, account: str, profile_id: str) -> NetworkProfile:
        profile = self._network.find_profile(profile_id)
        if profile is None:
            raise closed(account, f"its network profile '{profile_id}' does not exist")
        if not profile.enabled:
            raise closed(account, f"its network profile '{profile_id}' is disabled")
        return profile

    def _worker(self, account: str, profile_id: str, *, checked: bool) -> Worker:
        """The account's own before one for all, one that answered before one that did not."""

        def rank(worker: Worker) -> tuple[bool, bool, int]:
            return (worker.account_id != account, worker.status != "healthy", _weight(account, worker.id))

        fitting = sorted(self.fitting(account, profile_id), key=rank)
        if not fitting:
            raise closed(account, "there is no enabled worker for it")
        problem = ""
        for worker in fitting:
            found = self._problem(worker.verified, worker.expected_ip) if checked else ""
            if not found:
                return worker
            problem = problem or f"worker '{worker.id}' {found}"
        raise closed(account, problem)

    def _problem(self, verified: Verified | None, expected: str) -> str:
        """Why an address that was seen, or was not, will not do; "" when it will."""
        rules, straight = self.rules, self._network.profile(DIRECT)
        direct, ip = straight.verified, verified.ip if verified is not None else ""
        if ip and expected and ip != expected:
            return "shows another address than the expected one"
        if rules.strict and ip and direct is not None and direct.ip == ip:
            return "shows the same address as the direct way"
        if not rules.verify_before_use:
            return ""
        if verified is None or not ip:
            failed = f" ({verified.error})" if verified is not None and verified.error else ""
            return f"has not been verified{failed}"
        if self._too_old(verified.at):
            failed = f" ({verified.error})" if verified.error else ""
            return f"was verified more than {rules.verify_max_age_minutes:g} minutes ago{failed}"
        if rules.strict and straight.enabled and (direct is None or self._too_old(direct.tried)):
            return "cannot be told from the direct way, whose address has not been asked for lately"
        return ""

    def _too_old(self, at: float) -> bool:
        return self._clock.wall() - at > self.rules.verify_max_age_minutes * 60


def _by_profile(profile: NetworkProfile) -> Way:
    return Way(profile.id, "", profile.verified.ip if profile.verified else "")


def _by_worker(profile_id: str, worker: Worker) -> Way:
    return Way(profile_id or worker.network_profile_id, worker.id, worker.verified.ip if worker.verified else "")


@lru_cache(maxsize=4096)
def _weight(account: str, worker: str) -> int:
    """Which of equal workers an account takes: spread evenly, and when one comes or goes only those who had it move
    (rendezvous hashing)."""
    return int.from_bytes(hashlib.blake2b(f"{account}\0{worker}".encode(), digest_size=8).digest(), "big")


def closed(account: str, why: str) -> LunaError:
    """Nothing may leave for the account."""
    return LunaError(
        Kind.EGRESS_CLOSED,
        f"Nothing may leave for account '{account}': {why}." if account else f"Nothing may leave: {why}.",
        hint=HINT,
        detail={"account": account},
    )
