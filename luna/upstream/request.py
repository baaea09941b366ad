"""From an `OutRequest` to what stands on the wire.

Owns the headers that are added and the refusal of what would break the message apart. Pure.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

import httpcore

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(r"[!-~]*")
_USUAL = {"http": 80, "https": 443}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True)
class Wire:
    """A request in httpcore's terms, made anew for each attempt."""

    host: str
    method: bytes
    url: httpcore.URL
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    timeout: dict[str, float]
    address: str = ""

    def attempt(self, *, fresh: bool) -> httpcore.Request:
        """`fresh`: not on a connection that served before; nor is a request to a given address."""
        return Outgoing(self, fresh=fresh or bool(self.address))


class Outgoing(httpcore.Request):
    """One attempt. Made without httpcore's constructor, which turns every name and value into bytes once more."""

    def __init__(self, wire: Wire, *, fresh: bool) -> None:
        self.method = wire.method
        self.url = wire.url
        self.headers = list(wire.headers)
        self.extensions = {"timeout": wire.timeout, "fresh": fresh, "address": wire.address}
        self.stream = ()  # of no use: the body is whole
        self.body = wire.body


def wire(request: OutRequest) -> Wire:
    """Raises LunaError(BAD_REQUEST) for what cannot be sent. The message names a header, never its value."""
    scheme, host, port, target = _address(request.url)
    if not _TOKEN.fullmatch(request.method):
        raise _unsendable("method", "is no word")
    given = {name.lower() for name, _ in request.headers}
    headers: list[tuple[str, str]] = []
    if "host" not in given:
        name = f"[{host}]" if ":" in host else host
        headers.append(("host", name if port is None or port == _USUAL[scheme] else f"{name}:{port}"))
    headers.extend(request.headers)
    if "accept-encoding" not in given:
        headers.append(("accept-encoding", "identity"))
    if "content-length" not in given and (request.body or request.method in _WITH_BODY):
        headers.append(("content-length", str(len(request.body))))
    times = request.timeouts
    return Wire(
        host=host,
        method=request.method.encode(),
        url=httpcore.URL(scheme=scheme, host=host, port=port, target=target),
        headers=tuple([_field(name, value) for name, value in headers]),
        body=request.body,
        timeout={"connect": times.connect, "head": times.head, "write": times.idle, "read": times.idle},
        address=request.address,
    )


@lru_cache(maxsize=512)
def _field(name: str, value: str) -> tuple[bytes, bytes]:
    """A header, checked. Remembered: an account sends the same ones over and over."""
    if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise _unsendable(f"header {name[:60]!r}", "holds a line break or another character HTTP does not allow")
    return name.encode(), value.encode("latin-1")


def _address(url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host (ASCII), port if one is given, and target."""
    try:
        split = urlsplit(url)
        host, port = split.hostname or "", split.port
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError:  # a port that is no number, a host that is no name
        host, port, split = "", None, SplitResult("", "", "", "", "")
    target = (split.path or "/") + (f"?{split.query}" if split.query else "")
    if split.scheme not in _USUAL or not host or port == 0 or split.username is not None:
        raise _unsendable("URL", "is not an http or https address with a host")
    if not _TARGET.fullmatch(target):
        raise _unsendable("URL", "holds a character HTTP does not allow")
    return split.scheme, host, port, target


def _unsendable(what: str, why: str) -> LunaError:
    return LunaError(
        Kind.BAD_REQUEST,
        f"The outgoing request cannot be sent: its {what} {why}.",
        hint="Check the base URL and the account's stored values.",
    )
