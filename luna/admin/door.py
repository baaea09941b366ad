"""The door to the control plane: the admin key, and the browser session it opens.

Owns key and session checks. The key is sent as `Authorization: Bearer`, or once in a URL that turns
it into a cookie. A session is a signed expiry date, so nothing has to be remembered on the server and
a changed key ends them all.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from luna.admin.envelope import refusal
from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError

COOKIE = "luna_session"
SESSION_SECONDS = 7 * 24 * 3600


def load_admin_key(data_dir: Path, configured: str) -> tuple[str, bool]:
    """The admin key, and whether it was made just now: the configured one, the stored one, or a new one (0600)."""
    if configured:
        return configured, False
    path = data_dir / "admin.key"
    try:
        stored = path.read_text().strip()
    except FileNotFoundError:
        stored = ""
    if stored:
        return stored, False
    key = "luna-" + secrets.token_urlsafe(32)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
    return key, True


class Door:
    """Knows the admin key and the sessions signed with it."""

    def __init__(self, key: str, clock: Clock) -> None:
        self._key = key.encode()
        self._clock = clock

    def __repr__(self) -> str:
        return "<Door>"

    def opens(self, key: str) -> bool:
        """True for the admin key; compared in constant time."""
        return hmac.compare_digest(hashlib.sha256(key.encode()).digest(), hashlib.sha256(self._key).digest())

    def session(self) -> str:
        """A fresh session for a browser that has shown the key."""
        expiry = str(int(self._clock.wall()) + SESSION_SECONDS)
        return f"{expiry}.{self._sign(expiry)}"

    def admits(self, session: str) -> bool:
        """True for a session that this key signed and that has not expired."""
        expiry, _, signature = session.partition(".")
        if not hmac.compare_digest(self._sign(expiry).encode(), signature.encode()):
            return False
        return int(expiry) > self._clock.wall()

    def _sign(self, expiry: str) -> str:
        return hmac.new(self._key, f"session:{expiry}".encode(), hashlib.sha256).hexdigest()

    def check(self, headers: Headers) -> None:
        """Raises LunaError(UNAUTHORIZED) unless the request carries the key or a session."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.opens(key.strip()):
            return
        session = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        if session and self.admits(session):
            return
        raise LunaError(
            Kind.UNAUTHORIZED,
            "This route needs the admin key.",
            hint="Send it as `Authorization: Bearer KEY`; `luna key` prints it.",
        )

    def login(self, request: Request) -> Response:
        """`GET /login?key=…`: trade the key for a session cookie. The URL is printed once, at the first start."""
        key = request.query_params.get("key", "")
        if not self.opens(key):
            return refusal(
                LunaError(Kind.UNAUTHORIZED, "That is not the admin key.", hint="`luna key` prints the right one.")
            )
        response = RedirectResponse("/", status_code=303, headers={"cache-control": "no-store"})
        response.set_cookie(COOKIE, self.session(), max_age=SESSION_SECONDS, httponly=True, samesite="strict", path="/")
        return response


class Locked:
    """An ASGI application behind the door: authorises what was dispatched to it, never a URL it rebuilt."""

    def __init__(self, inner: ASGIApp, door: Door) -> None:
        self._inner = inner
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._door.check(Headers(scope=scope))
        except LunaError as error:
            await refusal(error)(scope, receive, send)
            return
        await self._inner(scope, receive, send)
