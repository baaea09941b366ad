"""Tokens for tests: unsigned, with whatever claims they need."""

import base64

import msgspec


def jwt(**claims: object) -> str:
    """A JWT with these claims."""
    body = base64.urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=").decode()
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.c2lnbmF0dXJl"


def access_token(issued: float, lifetime: float = 900, *, user: str = "u1", mark: str = "") -> str:
    """A short-lived access token. `mark` keeps two apart."""
    return jwt(id=user, type="access_token", iat=issued, exp=issued + lifetime, mark=mark)
