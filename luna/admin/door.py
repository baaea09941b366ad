"""The door to the control plane: the admin key, and the browser session it opens.

Owns key and session checks. The key is sent as `Authorization: Bearer`, or once in a URL that turns it into a cookie.
A session is a signed number with an expiry date, so that only those that were signed out of have to be remembered, and
a changed key ends them all. Who tries wrong keys has to wait: `luna.admin.patience`.
"""

import hashlib
import hmac
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio.to_thread
import msgspec

from luna.admin.envelope import refusal, unwritable
from luna.admin.patience import Patience
from luna.disk.private import Damaged, PrivateFile, json_encoder
from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError

if TYPE_CHECKING:  # what the control plane is made of comes with the first request to it
    from starlette.datastructures import Headers
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "luna_session"
SESSION_SECONDS = 7 * 24 * 3600
LOGIN_MISSES, KEY_MISSES = 5, 60
"""Wrong keys from one place in a minute: of people, and of programs."""


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


def signed_out_file(data_dir: Path) -> PrivateFile[dict[str, int]]:
    """Where the sessions are kept that were signed out of before their time was over."""
    path = data_dir / "signed-out.json"
    return PrivateFile(path, _decode_sessions, json_encoder, advice="Sessions that were signed out of are open again.")


def _decode_sessions(data: bytes) -> dict[str, int]:
    try:
        return msgspec.json.decode(data, type=dict[str, int])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Damaged(str(error)) from None


class Door:
    """Knows the admin key and the sessions signed with it. `port` is in the cookie's name, for cookies do not tell
    the ports of a host apart; `signed_out` remembers across restarts."""

    def __init__(
        self, key: str, clock: Clock, *, port: int = 0, signed_out: PrivateFile[dict[str, int]] | None = None
    ) -> None:
        self._key = key.encode()
        self._digest = hashlib.sha256(self._key).digest()
        self._clock = clock
        self._file = signed_out
        self._ended: dict[str, int] = (signed_out.load() if signed_out is not None else None) or {}
        """By session: when it would have ended anyway."""
        self._patience = {"login": Patience(LOGIN_MISSES, clock), "key": Patience(KEY_MISSES, clock)}
        self.cookie = f"{COOKIE}_{port}" if port else COOKIE

    def __repr__(self) -> str:
        return "<Door>"

    def try_key(self, key: str, remote: str) -> None:
        """Somebody signs in. Raises LunaError(UNAUTHORIZED) for a wrong key, and LunaError(RATE_LIMITED) for any that
        comes from where too many wrong ones have come from lately."""
        self._try(key, remote, "login", "That is not the admin key.")

    def _try(self, key: str, remote: str, what: Literal["login", "key"], refusal: str) -> None:
        patience = self._patience[what]
        patience.check(remote)
        if not self.opens(key):
            patience.missed(remote)
            raise LunaError(Kind.UNAUTHORIZED, refusal, hint="`luna key` prints the right one.")

    def opens(self, key: str) -> bool:
        """True for the admin key; compared in constant time."""
        return hmac.compare_digest(hashlib.sha256(key.encode("utf-8", "replace")).digest(), self._digest)

    def session(self) -> str:
        """A fresh session for a browser that has shown the key."""
        named = f"{int(self._clock.wall()) + SESSION_SECONDS}.{secrets.token_hex(8)}"
        return f"{named}.{self._sign(named)}"

    def admits(self, session: str) -> bool:
        """True for a session that this key signed, that has not expired and was not signed out of."""
        named, _, signature = session.rpartition(".")
        if not hmac.compare_digest(self._sign(named).encode(), signature.encode("utf-8", "replace")):
            return False
        return int(named.partition(".")[0]) > self._clock.wall() and named not in self._ended

    async def end(self, session: str) -> None:
        """Sign out of a session. Raises LunaError(INTERNAL) when that cannot be written down."""
        if not self.admits(session):
            return
        now, named = self._clock.wall(), session.rpartition(".")[0]
        self._ended = {other: until for other, until in self._ended.items() if until > now}
        self._ended[named] = int(named.partition(".")[0])
        if self._file is not None:
            try:
                await anyio.to_thread.run_sync(self._file.save, dict(self._ended))
            except OSError as error:
                raise unwritable("You are signed out until luna is restarted; that", error) from error

    def _sign(self, named: str) -> str:
        return hmac.new(self._key, f"session:{named}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def check(self, headers: "Headers", remote: str = "") -> str:
        """Who it is: `key`, or `session` with the beginning of its number. Raises LunaError(UNAUTHORIZED) unless the
        request carries the key or a session, and LunaError(RATE_LIMITED) for keys from where too many wrong ones have
        come from lately."""
        from starlette.requests import cookie_parser

        session = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        if session and (who := self.who(session)):
            return who
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key.strip():
            self._try(key.strip(), remote, "key", "That is not the admin key.")
            return "key"
        raise LunaError(
            Kind.UNAUTHORIZED,
            "This route needs the admin key.",
            hint="Send it as `Authorization: Bearer KEY`; `luna key` prints it.",
        )

    def admit(self, response: "Response") -> str:
        """Put a fresh session into the response; returns who it is from now on."""
        session = self.session()
        response.set_cookie(self.cookie, session, max_age=SESSION_SECONDS, httponly=True, samesite="strict", path="/")
        return self.who(session)

    def who(self, session: str) -> str:
        """`session` with the beginning of its number; "" for one that is none."""
        return f"session {session.split('.')[1][:4]}" if self.admits(session) else ""


def remote_of(scope: "Scope") -> str:
    """The address that a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


class Locked:
    """An ASGI application behind the door: authorises what was dispatched to it, never a URL it rebuilt. Says who it
    is in `scope["state"]["actor"]`."""

    def __init__(self, inner: "ASGIApp", door: Door) -> None:
        self._inner = inner
        self._door = door

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        from starlette.datastructures import Headers

        try:
            actor = self._door.check(Headers(scope=scope), remote_of(scope))
        except LunaError as error:
            await refusal(error)(scope, receive, send)
            return
        state = {**scope.get("state", {}), "actor": actor}  # the server may share its own among requests
        await self._inner({**scope, "state": state}, receive, send)
