"""What may be seen of an account: everything but its secrets.

Owns the shape that `/api` shows, and what credentials say of their own end. Times are milliseconds since the epoch, as
LunaProxy's are.
"""

import msgspec

from luna.qwen.credentials import SESSION_COOKIES, Credentials
from luna.qwen.tokens import read_claims


class RestView(msgspec.Struct, frozen=True, rename="camel"):
    """A rest that Qwen asked for."""

    until: int | None
    reason: str


class CircuitView(msgspec.Struct, frozen=True, rename="camel"):
    """The breaker: `closed`, `open` or `half-open`, failures in a row, and when its opening ends."""

    state: str
    failures: int
    until: int | None = None


class AccountView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One account."""

    id: str
    label: str
    provider_id: str
    source: str
    """`env`, `file` or `demo`."""
    site: str
    enabled: bool
    state: str
    """`ready`, `cooling`, `circuit-open`, `blocked`, `login-needed` or `disabled`."""
    reason: str
    way_out: str
    """What helps, where something is in the way."""
    until: int | None
    """When the state ends by itself."""
    retry_after: float | None
    """In how many seconds that is."""
    cooldowns: dict[str, RestView]
    """By what is asked for: `chat`, `media`."""
    circuit: CircuitView
    in_flight: int
    max_concurrent_runs: int | None
    """Its own limit; null: as the settings say, 0: none."""
    network_profile_id: str
    fingerprint: str
    """Tells two sets of credentials apart, and says nothing else about them."""
    renewable: bool
    """luna renews the access token by itself."""
    expires_at: int | None
    """When the login ends, as far as the credentials say."""
    token_expires_at: int | None
    last_used_at: int | None


def milliseconds(seconds: float | None) -> int | None:
    """A moment as `/api` tells it."""
    return None if seconds is None else round(seconds * 1000)


def login_ends(credentials: Credentials) -> tuple[float | None, float | None]:
    """When the access token ends, and when the login does (seconds since the epoch): with the last of its session
    cookies, or with the token where there is none. None where the credentials do not say."""
    claims = read_claims(credentials.token)
    token = claims.expires if claims is not None else None
    session = [cookie for cookie in credentials.cookies if cookie.name in SESSION_COOKIES and cookie.value]
    if not session:
        return token, token
    ends: list[float] = []
    for cookie in session:
        said = read_claims(cookie.value)
        end = said.expires if said is not None and said.expires is not None else cookie.expires
        if end is None:
            return token, None
        ends.append(end)
    return token, max(ends)
