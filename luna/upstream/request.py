"""From an `OutRequest` to what stands on the wire.

Owns the headers that are added and the refusal of what would break the message apart. Pure.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import httpcore

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import Headers, OutRequest

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
"""In a value."""
_TARGET = re.compile(r"[!-~]*")
_URL = re.compile(r"([A-Za-z]+://[^/?#]*)([^#]*)(?:#.*)?", re.DOTALL)
"""Where to, and what is asked for there."""
_USUAL = {"http": 80, "https": 443}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_NOT_ALLOWED = "holds a line break or another character HTTP does not allow"
_NO_ADDRESS = "is not an http or https address with a host"


class Place(NamedTuple):
    """Where a URL leads: what is the same for all requests that go there."""

    host: str
    url: httpcore.URL
    """With no path yet."""
    origin: httpcore.Origin
    header: str
    """The line `Host`."""


class Address(httpcore.URL):
    """A URL at a place. Made without httpcore's constructor, which turns each part into bytes once more."""

    def __init__(self, place: Place, target: bytes) -> None:
        self.scheme = place.url.scheme
        self.host = place.url.host
        self.port = place.url.port
        self.target = target


@dataclass
class Wire:
    """A request in httpcore's terms, made anew for each attempt."""

    host: str
    method: bytes
    url: httpcore.URL
    origin: httpcore.Origin
    head: bytes
    """As it stands on the wire, with the empty line."""
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
        self.origin = wire.origin
        self.headers = []  # they stand in the head
        self.extensions = {"timeout": wire.timeout, "fresh": fresh, "address": wire.address}
        self.stream = ()  # of no use: the body is whole
        self.head = wire.head
        self.body = wire.body


def wire(request: OutRequest) -> Wire:
    """Raises LunaError(BAD_REQUEST) for what cannot be sent. The message names a header, never its value."""
    place, target = _split(request.url)
    if not _TOKEN.fullmatch(request.method):
        raise _unsendable("method", "is no word")
    host, encoding, length = _given(tuple([name for name, _ in request.headers]))
    if _FORBIDDEN.search("".join([value for _, value in request.headers])):
        raise _unsendable(_culprit(request.headers), _NOT_ALLOWED)
    lines = [f"{request.method} {target} HTTP/1.1"]
    if not host:
        lines.append(place.header)
    lines += [f"{name}: {value}" for name, value in request.headers]
    if not encoding:
        lines.append("accept-encoding: identity")
    if not length and (request.body or request.method in _WITH_BODY):
        lines.append(f"content-length: {len(request.body)}")
    lines += ("", "")
    times = request.timeouts
    return Wire(
        host=place.host,
        method=request.method.encode(),
        url=Address(place, target.encode()),
        origin=place.origin,
        head="\r\n".join(lines).encode("latin-1"),
        body=request.body,
        timeout={"connect": times.connect, "head": times.head, "write": times.idle, "read": times.idle},
        address=request.address,
    )


@lru_cache(maxsize=256)
def _given(names: tuple[str, ...]) -> tuple[bool, bool, bool]:
    """Whether a host, a content encoding that is accepted, and a length are among these headers. Raises LunaError for
    a name that is none. Remembered: an account sends the same ones over and over."""
    for name in names:
        if not _TOKEN.fullmatch(name):
            raise _unsendable(f"header {name[:60]!r}", _NOT_ALLOWED)
    lower = {name.lower() for name in names}
    return "host" in lower, "accept-encoding" in lower, "content-length" in lower


def _culprit(headers: Headers) -> str:
    name = next(name for name, value in headers if _FORBIDDEN.search(value))
    return f"header {name[:60]!r}"


def _split(url: str) -> tuple[Place, str]:
    """Where to, and the target to ask for there."""
    found = _URL.fullmatch(url)
    if found is None:
        raise _unsendable("URL", _NO_ADDRESS)
    where, target = found.groups()
    place = _place(where)
    if not _TARGET.fullmatch(target):
        raise _unsendable("URL", "holds a character HTTP does not allow")
    return place, (target if target[:1] == "/" else "/" + target)


@lru_cache(maxsize=256)
def _place(where: str) -> Place:
    try:
        split = urlsplit(where)
        host, port = split.hostname or "", split.port
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError:  # a port that is no number, a host that is no name
        host, port, split = "", None, SplitResult("", "", "", "", "")
    if split.scheme not in _USUAL or not host or port == 0 or split.username is not None:
        raise _unsendable("URL", _NO_ADDRESS)
    name = f"[{host}]" if ":" in host else host
    header = name if port is None or port == _USUAL[split.scheme] else f"{name}:{port}"
    url = httpcore.URL(scheme=split.scheme, host=host, port=port, target="/")
    return Place(host, url, url.origin, f"host: {header}")


def _unsendable(what: str, why: str) -> LunaError:
    return LunaError(
        Kind.BAD_REQUEST,
        f"The outgoing request cannot be sent: its {what} {why}.",
        hint="Check the base URL and the account's stored values.",
    )
