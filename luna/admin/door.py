"""The door to the control plane: the admin key, and the browser session it opens.

Owns key and session checks. The key is sent as `Authorization: Bearer`, or once in a URL that turns
it into a cookie. A session is a signed number with an expiry date, so that only those that were signed out of
have to be remembered, and a changed key ends them all.
"""

import hashlib
import hmac
import re
import secrets
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from luna.admin.envelope import refusal
from luna.disk.private import Damaged, PrivateFile
from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError

COOKIE = "luna_session"
SESSION_SECONDS = 7 * 24 * 3600
MISSES, MISSES_SECONDS = 5, 60.0
"""So many wrong keys from one address in so many seconds, and it has to wait."""
REMEMBERED = 1_000
"""Addresses whose wrong keys are counted."""


def load_admin_key(data_dir: Path, configured: str) -> tuple[str, bool]:
    """The admin key, and whether it was made just now: the configured one, the stored one, or a new one. Raises
    OSError."""
    if configured:
        return configured, False
    file = admin_key_file(data_dir)
    stored = file.load()
    if stored is not None:
        return stored, False
    key = "luna-" + secrets.token_urlsafe(32)
    file.save(key)
    return key, True


def admin_key_file(data_dir: Path) -> PrivateFile[str]:
    """Where the key that luna made for itself is kept."""
    return PrivateFile(data_dir / "admin.key", _decode, lambda key: f"{key}\n".encode())


def _decode(data: bytes) -> str:
    key = data.decode("ascii", "replace").strip()
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise Damaged("it should be one word of printable ASCII characters")
    return key


class Door:
    """Knows the admin key and the sessions signed with it."""

    def __init__(self, key: str, clock: Clock) -> None:
        self._key = key.encode()
        self._clock = clock
        self._ended: set[str] = set()
        self._misses: dict[str, list[float]] = {}

    def __repr__(self) -> str:
        return "<Door>"

    def try_key(self, key: str, remote: str) -> None:
        """Raises LunaError(UNAUTHORIZED) for a wrong key, and LunaError(RATE_LIMITED) for one that comes from where too
        many wrong ones came from in the last minute, right or wrong."""
        now = self._clock.monotonic()
        missed = [at for at in self._misses.get(remote, ()) if now - at < MISSES_SECONDS]
        if len(missed) >= MISSES:
            raise LunaError(
                Kind.RATE_LIMITED,
                "Too many wrong keys came from there.",
                hint="`luna key` prints the right one.",
                retry_after=missed[0] + MISSES_SECONDS - now,
            )
        if self.opens(key):
            self._misses.pop(remote, None)
            return
        self._misses[remote] = [*missed, now]
        if len(self._misses) > REMEMBERED:
            del self._misses[next(iter(self._misses))]
        raise LunaError(Kind.UNAUTHORIZED, "That is not the admin key.", hint="`luna key` prints the right one.")

    def opens(self, key: str) -> bool:
        """True for the admin key; compared in constant time."""
        return hmac.compare_digest(hashlib.sha256(key.encode()).digest(), hashlib.sha256(self._key).digest())

    def session(self) -> str:
        """A fresh session for a browser that has shown the key."""
        named = f"{int(self._clock.wall()) + SESSION_SECONDS}.{secrets.token_hex(8)}"
        return f"{named}.{self._sign(named)}"

    def admits(self, session: str) -> bool:
        """True for a session that this key signed, that has not expired and was not signed out of."""
        named, _, signature = session.rpartition(".")
        if not hmac.compare_digest(self._sign(named).encode(), signature.encode()):
            return False
        return int(named.partition(".")[0]) > self._clock.wall() and named not in self._ended

    def end(self, session: str) -> None:
        """Sign out of a session."""
        if self.admits(session):
            now = self._clock.wall()
            self._ended = {named for named in self._ended if int(named.partition(".")[0]) > now}
            self._ended.add(session.rpartition(".")[0])

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
        try:
            self.try_key(request.query_params.get("key", ""), remote_of(request.scope))
        except LunaError as error:
            return refusal(error)
        return self.admit(RedirectResponse("/", status_code=303, headers={"cache-control": "no-store"}))

    def admit(self, response: Response) -> Response:
        """The response, with a fresh session in it."""
        response.set_cookie(COOKIE, self.session(), max_age=SESSION_SECONDS, httponly=True, samesite="strict", path="/")
        return response


def remote_of(scope: Scope) -> str:
    """The address that a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


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
