"""A proxy, as its URL tells.

Owns the reading of the URL. Nothing that is said of one repeats its user or password.
"""

from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

Scheme = Literal["http", "https", "socks5"]
_SCHEMES: dict[str, Scheme] = {
    "http": "http",
    "https": "https",
    "socks": "socks5",
    "socks5": "socks5",
    "socks5h": "socks5",
}
_PORTS: dict[Scheme, int] = {"http": 80, "https": 443, "socks5": 1080}


class ProxyAddress(msgspec.Struct, frozen=True):
    """Where a proxy is and how one signs in."""

    scheme: Scheme
    host: str
    port: int
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"<ProxyAddress {self}>"

    def __str__(self) -> str:
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> "ProxyAddress":
        """`http://`, `https://` or `socks5://` (`socks5h://`), with user and password perhaps. Raises ValueError with
        a sentence that does not repeat them."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError("it is not a URL.") from None
        scheme = _SCHEMES.get(parts.scheme)
        if scheme is None:
            raise ValueError("its scheme must be http, https or socks5.")
        printable = host.isascii() and host.isprintable() and " " not in host
        if not printable or not host or port == 0 or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("it must be SCHEME://[USER:PASSWORD@]HOST:PORT and nothing else.")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if scheme == "socks5" and (max(map(_size, (user, password))) > 255 or (password and not user)):
            raise ValueError("its user and its password may each have 255 bytes, and a password needs a user.")
        if scheme != "socks5" and ":" in user:
            raise ValueError("its user must not hold a colon (RFC 7617).")
        return cls(scheme, host, _PORTS[scheme] if port is None else port, user, password)


def _size(text: str) -> int:
    return len(text.encode())
