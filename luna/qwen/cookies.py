"""A user's cookies: pasted from a browser, changed by what the site sets, sent to its hosts.

Pure. Owns parsing, matching and storing of cookies (RFC 6265, as far as one site with two hosts needs it).
Knows neither requests nor files. Never shows a value in its `repr`.

A pasted `Cookie` header does not say which host a cookie came from, so a pasted cookie goes to every host
the jar is asked for; one that the site sets by itself obeys its own Domain and Path and hides the pasted
cookie of its name. Nothing is ever invented or left out: risk cookies are only worth something unchanged.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC

import msgspec

from luna.upstream.exchange import Headers

_AGE = re.compile(r"-?\d{1,15}")
LONGEST = 400 * 86400.0
"""Seconds that a cookie may live at most, as browsers have it."""

_MADE = 64
"""Headers that are remembered."""

ANYWHERE = ""
"""The domain of a pasted cookie."""


class Cookie(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cookie. `domain` is without its leading dot; `expires` in seconds since the epoch, None for a session."""

    name: str
    value: str
    domain: str = ANYWHERE
    host_only: bool = False
    path: str = "/"
    expires: float | None = None

    def __repr__(self) -> str:
        return f"<Cookie {self.name} for {self.domain or 'any host'}{self.path}>"

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same cookie."""
        return (self.name, self.domain, self.path)

    @property
    def sendable(self) -> bool:
        """It has a name, and nothing that would break out of a header or cannot stand in one."""
        text = self.name + self.value
        return bool(self.name) and text.isascii() and text.isprintable() and not set(self.name) & set("=, \t")

    def matches(self, host: str, path: str) -> bool:
        """True when it may go to this host and path."""
        if self.domain != ANYWHERE and host != self.domain and (self.host_only or not host.endswith("." + self.domain)):
            return False
        return path == self.path or path.startswith(self.path if self.path.endswith("/") else self.path + "/")

    def expired(self, now: float) -> bool:
        """True when its time is over."""
        return self.expires is not None and self.expires <= now


class CookieJar:
    """Cookies in the order in which they came."""

    def __init__(self, cookies: Iterable[Cookie] = ()) -> None:
        self._cookies = {cookie.key: cookie for cookie in cookies}
        self._made: dict[tuple[str, str], tuple[str, float]] = {}
        """Headers by host and path, and until when they hold."""

    def __repr__(self) -> str:
        return f"<CookieJar {' '.join(sorted({cookie.name for cookie in self._cookies.values()})) or 'empty'}>"

    def __len__(self) -> int:
        return len(self._cookies)

    @classmethod
    def parse(cls, pasted: str) -> "CookieJar":
        """Read a pasted `Cookie` header (its name in front or not, on one line or several). What is no cookie
        (without a name, or with characters that no header may hold) is left out."""
        text = pasted.strip()
        if text[:7].lower() == "cookie:":
            text = text[7:]
        jar = cls()
        for piece in text.replace("\r", ";").replace("\n", ";").split(";"):
            name, equals, value = piece.strip().partition("=")
            cookie = Cookie(name.strip(), value.strip())
            if equals and cookie.sendable:
                jar._cookies[cookie.key] = cookie
        return jar

    def cookies(self) -> list[Cookie]:
        """All of them, to be stored."""
        return list(self._cookies.values())

    def get(self, name: str) -> str:
        """The value of the newest cookie of that name, or ""."""
        return next((cookie.value for cookie in reversed(self._cookies.values()) if cookie.name == name), "")

    def put(self, name: str, value: str) -> None:
        """Change the value of a cookie wherever it stands, or add it as if it had been pasted."""
        found = [cookie for cookie in self._cookies.values() if cookie.name == name]
        for cookie in found or [Cookie(name, "")]:
            changed = msgspec.structs.replace(cookie, value=value)
            if changed.sendable:
                self._cookies[changed.key] = changed
        self._made.clear()

    def header(self, host: str, path: str, now: float) -> str:
        """The `Cookie` header for this host and path, or "". Of several with one name the most specific is sent."""
        text, until = self._made.get((host, path), ("", -math.inf))
        if now < until:
            return text
        best: dict[str, Cookie] = {}
        until = math.inf
        for cookie in self._cookies.values():
            if cookie.expired(now) or not cookie.matches(host, path):
                continue
            until = min(until, math.inf if cookie.expires is None else cookie.expires)
            rival = best.get(cookie.name)
            if rival is None or _precision(cookie) >= _precision(rival):
                best[cookie.name] = cookie
        text = "; ".join(f"{cookie.name}={cookie.value}" for cookie in best.values())
        if len(self._made) >= _MADE:
            self._made.clear()
        self._made[host, path] = (text, until)
        return text

    def absorb(self, headers: Headers, host: str, path: str, now: float) -> bool:
        """Take in the `set-cookie` headers (lower-case names) of a reply from this host and path. Returns True when
        a value came, changed or went; a mere later expiry is kept too, but is not worth writing down."""
        said = [value for name, value in headers if name == "set-cookie"]
        if not said:
            return False
        before = {key: cookie.value for key, cookie in self._cookies.items()}
        for value in said:
            self._set(value, host, path, now)
        self._made.clear()
        return before != {key: cookie.value for key, cookie in self._cookies.items()}

    def _set(self, header: str, host: str, path: str, now: float) -> None:
        cookie = _parse_set_cookie(header, host, path, now)
        if cookie is None:
            return
        if not cookie.expired(now):
            self._cookies[cookie.key] = cookie
            return
        self._cookies.pop(cookie.key, None)
        self._cookies.pop((cookie.name, ANYWHERE, "/"), None)


def _precision(cookie: Cookie) -> tuple[bool, bool, int]:
    return (cookie.domain != ANYWHERE, cookie.host_only, len(cookie.path))


def _parse_set_cookie(header: str, host: str, path: str, now: float) -> Cookie | None:
    pair, *attributes = header.split(";")
    name, equals, value = pair.strip().partition("=")
    said: dict[str, str] = {}
    for attribute in attributes:
        key, _, setting = attribute.strip().partition("=")
        said[key.strip().lower()] = setting.strip()
    domain = said.get("domain", "").lstrip(".").lower()
    if domain and (("." not in domain and domain != host) or not (host == domain or host.endswith("." + domain))):
        return None
    own_path = said.get("path", "")
    cookie = Cookie(
        name.strip(),
        value.strip(),
        domain=domain or host,
        host_only=not domain,
        path=own_path if own_path.startswith("/") else (path.rpartition("/")[0] or "/"),
        expires=_expiry(said, now),
    )
    return cookie if equals and cookie.sendable else None


def _expiry(said: dict[str, str], now: float) -> float | None:
    """Max-Age wins over Expires; what cannot be read makes a session cookie (RFC 6265 section 5.3)."""
    age = said.get("max-age", "")
    if _AGE.fullmatch(age):
        return now + min(int(age), LONGEST)
    from email.utils import parsedate_to_datetime  # with the first cookie that says it so

    try:
        date = parsedate_to_datetime(said.get("expires", ""))
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
