"""What a Qwen token says of itself.

Pure: reads the claims of a JWT without verifying anything, since only the server can. Garbage is never an
error, it is simply a token that says nothing (wire document section 2.3).
"""

import base64
import math
from typing import Any

import msgspec

GUEST_DOMAIN = "@guest.com"


class Claims(msgspec.Struct, frozen=True):
    """The claims that matter. Times in seconds since the epoch, None when the token does not say."""

    kind: str = ""
    """`access_token` for the short-lived ones; older, long-lived tokens have none."""
    user: str = ""
    email: str = ""
    issued: float | None = None
    expires: float | None = None

    @property
    def lifetime(self) -> float | None:
        """Seconds from issue to expiry, whatever the clocks say."""
        if self.issued is None or self.expires is None or self.expires <= self.issued:
            return None
        return self.expires - self.issued

    @property
    def guest(self) -> bool:
        """True for a visitor without an account."""
        return self.email.lower().endswith(GUEST_DOMAIN)


def read_claims(token: str) -> Claims | None:
    """The claims of a JWT, or None when `token` is no JWT that can be read. Never raises."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        document = msgspec.json.decode(payload)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return Claims(
        kind=_text(document.get("type")),
        user=_text(document.get("id") or document.get("sub") or document.get("user_id")),
        email=_text(document.get("email")),
        issued=_moment(document.get("iat")),
        expires=_moment(document.get("exp")),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _moment(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        moment = float(value)
    except OverflowError:
        return None
    return moment if math.isfinite(moment) and moment > 0 else None
