"""What an account needs to prove who it is.

Pure. Owns the shape of credentials, the names under which people hand them over, and their cleaning. Where they
are kept is `luna.state.credentials`' business. No value ever shows in a `repr`.
"""

import hashlib
from collections.abc import Mapping

import msgspec

from luna.model.errors import Kind, LunaError
from luna.qwen.cookies import Cookie, CookieJar
from luna.qwen.endpoints import PAGE_HEADERS, USER_AGENT, Browser

TOKEN_KEYS = ("token", "accessToken", "access_token", "apiKey")
COOKIE_KEYS = ("cookies", "cookie")
REFRESH_KEYS = ("refresh_token", "refreshToken")
AGENT_KEYS = ("userAgent", "user_agent", "user-agent")
SESSION_COOKIES = ("refresh_token", "token")
"""Cookies with which a new access token can be had; either is enough."""


class Credentials(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token, cookies, or both; and what the browser they come from says of itself."""

    token: str = ""
    cookies: tuple[Cookie, ...] = ()
    user_agent: str = ""
    page_headers: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Credentials token={'yes' if self.token else 'no'} cookies={len(self.cookies)}>"

    def __bool__(self) -> bool:
        return bool(self.token or self.cookies)

    @property
    def browser(self) -> Browser:
        """The browser that luna speaks as."""
        return Browser(self.user_agent or USER_AGENT, self.page_headers)

    @property
    def fingerprint(self) -> str:
        """Eight digits by which a person can tell two sets of credentials apart."""
        values = [self.token, *(f"{cookie.name}={cookie.value}" for cookie in self.cookies)]
        return hashlib.sha256("\0".join(values).encode()).hexdigest()[:8]

    def secrets(self) -> list[str]:
        """Every value that must never be seen."""
        found = [self.token, *(cookie.value for cookie in self.cookies), *self.page_headers.values()]
        return [value for value in found if value]

    @classmethod
    def read(cls, fields: Mapping[str, str], base: "Credentials | None" = None) -> "Credentials":
        """Credentials as a person hands them over, by any of the names above; captured page headers by their own.
        A field that is given replaces the one of `base`, an empty one clears it. Raises LunaError(BAD_REQUEST)."""
        base = base or cls()
        token, pasted = _first(fields, TOKEN_KEYS), _first(fields, COOKIE_KEYS)
        refresh, agent = _first(fields, REFRESH_KEYS), _first(fields, AGENT_KEYS)
        jar = CookieJar(base.cookies) if pasted is None else CookieJar.parse(pasted)
        if pasted and pasted.strip() and not len(jar):
            raise _unusable("cookies", "no cookie can be read from it", "Paste the whole Cookie header of the page.")
        if refresh is not None:
            jar.put("refresh_token", _line("refresh_token", refresh))
        page = {name.lower(): _line(name, value) for name, value in fields.items() if name.lower() in PAGE_HEADERS}
        return cls(
            token=base.token if token is None else _token(token),
            cookies=tuple(cookie for cookie in jar.cookies() if cookie.value),
            user_agent=base.user_agent if agent is None else _line("userAgent", agent),
            page_headers={**base.page_headers, **page},
        )


def _first(fields: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """The first that is given and not empty, else "" when one is given at all, else None."""
    given = [fields[name] for name in names if name in fields]
    return next((value for value in given if value.strip()), "" if given else None)


def _token(pasted: str) -> str:
    """A token as people paste it: in quotes, or with `Bearer` in front."""
    token = pasted.strip().strip("\"'").strip()
    if token[:7].lower() == "bearer ":
        token = token[7:].strip()
    if " " in token:
        raise _unusable("token", "it has spaces inside", "Paste the value of the token alone.")
    return _line("token", token)


def _line(name: str, value: str) -> str:
    value = value.strip()
    if value and not (value.isascii() and value.isprintable()):
        raise _unusable(name, "it has characters that cannot stand in a header", "Copy it again, as one line.")
    return value


def _unusable(name: str, why: str, hint: str) -> LunaError:
    return LunaError(
        Kind.BAD_REQUEST, f"The credential '{name}' cannot be used: {why}.", hint=hint, param=f"credentials.{name}"
    )
