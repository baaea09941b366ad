"""The tokens that the look-alike hands out: JSON Web Tokens (RFC 7519) signed with HS256.

Owns their claims and their signature. Whether a token has been revoked is `luna.demo.state`'s business.
"""

import base64
import hashlib
import hmac
from typing import Literal

import msgspec

from luna.model.ambient import Clock, Ids

TokenType = Literal["access_token", "session_token", "refresh_token"]

LIFETIME: dict[TokenType, int] = {
    "access_token": 900,
    "session_token": 30 * 86400,
    "refresh_token": 30 * 86400,
}
"""Seconds. The wire document, section 2.3."""

_HEADER = {"alg": "HS256", "kid": "legacy", "typ": "JWT"}


class Claims(msgspec.Struct, frozen=True):
    """What a token says. `exp` and `iat` are whole seconds since the epoch."""

    id: str
    """The user's."""
    last_password_change: int
    type: TokenType
    exp: int
    iat: int
    jti: str
    """Keeps apart two tokens that were made in the same second."""


class Mint:
    """Makes tokens and tells its own from others."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._secret = ids.token("").encode()

    def __repr__(self) -> str:
        return "<Mint HS256>"

    def make(self, user: str, kind: TokenType) -> str:
        """A fresh token."""
        now = int(self._clock.wall())
        claims = Claims(
            id=user,
            last_password_change=1_750_000_000,
            type=kind,
            exp=now + LIFETIME[kind],
            iat=now,
            jti=self._ids.uuid(),
        )
        signed = f"{_encode(msgspec.json.encode(_HEADER))}.{_encode(msgspec.json.encode(claims))}"
        return f"{signed}.{self._sign(signed)}"

    def read(self, token: str) -> Claims | None:
        """The claims, or None when the token is not one of ours. Says nothing about expiry."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(signed).encode()):
            return None
        payload = signed.partition(".")[2]
        return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=Claims)

    def expired(self, claims: Claims) -> bool:
        """True once the token's time is over."""
        return self._clock.wall() >= claims.exp

    def _sign(self, signed: str) -> str:
        return _encode(hmac.digest(self._secret, signed.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
