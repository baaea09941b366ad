"""From an `OutRequest` to what stands on the wire.

Owns the headers that are added and the refusal of what would break the message apart. Pure.
"""

import enum
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import Headers, OutRequest, Timeouts

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
"""In a value."""
_CONTROLS = bytes([*range(9), *range(10, 32), 127])
"""All but the tab."""
_TARGET = re.compile(r"[!-~]*")
_ADDRESS = re.compile(r"([A-Za-z]+://[^/]*)(.*)", re.DOTALL)
"""Where to, and what is asked for there."""
_USUAL = {"http": 80, "https": 443}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_NOT_ALLOWED = "holds a line break or another character HTTP does not allow"
_NO_ADDRESS = "is not an http or https address with a host"


class Phase(enum.StrEnum):
    """How far an exchange had come."""

    CONNECT = "connect"
    SEND = "send"
    HEAD = "head"
    BODY = "body"


class Place(NamedTuple):
    """Where a URL leads: what is the same for all requests that go there. A connection leads to one."""

    scheme: str
    host: str
    port: int
    header: str
    """The line `Host`."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


class Wire(msgspec.Struct):
    """A request as it stands on the wire."""

    place: Place
    method: str
    head: bytes
    """With the empty line."""
    body: bytes
    timeouts: Timeouts
    address: str = ""
    phase: Phase = Phase.CONNECT
    """How far it has come."""


def wire(request: OutRequest) -> Wire:
    """Raises LunaError(BAD_REQUEST) for what cannot be sent. The message names a header, never its value."""
    url, method, headers, body = request.url, request.method, request.headers, request.body
    if "#" in url:
        url = url.partition("#")[0]
    address, mark, query = url.partition("?")
    place, path = _address(address)
    if query and not _TARGET.fullmatch(query):
        raise _unsendable("URL", "holds a character HTTP does not allow")
    names, values = zip(*headers, strict=True) if headers else ((), ())
    layout, breaks, counted = _layout(method, place.header, names, bool(body))
    if counted:
        values = (*values, len(body))
    try:
        head = (layout % (path + mark + query, *values)).encode("latin-1")
    except UnicodeEncodeError:
        raise _unsendable(_culprit(headers), _NOT_ALLOWED) from None
    if len(head) - len(head.translate(None, _CONTROLS)) != breaks:
        raise _unsendable(_culprit(headers), _NOT_ALLOWED)
    return Wire(place, method, head, body, request.timeouts, request.address)


@lru_cache(maxsize=256)
def _layout(method: str, host: str, names: tuple[str, ...], body: bool) -> tuple[str, int, bool]:
    """A head with a place for the target, for each value and, if the last says so, for the body's length; and how many
    control characters it has, those at the ends of its lines. Raises LunaError for a name that is none. Remembered: an
    account sends the same headers over and over."""
    if not _TOKEN.fullmatch(method):
        raise _unsendable("method", "is no word")
    for name in names:
        if not _TOKEN.fullmatch(name):
            raise _unsendable(f"header {name[:60]!r}", _NOT_ALLOWED)
    lower = {name.lower() for name in names}
    counted = "content-length" not in lower and (body or method in _WITH_BODY)
    lines = [
        f"{method} \0 HTTP/1.1",
        *(() if "host" in lower else (host,)),
        *(f"{name}: \0" for name in names),
        *(() if "accept-encoding" in lower else ("accept-encoding: identity",)),
        *(("content-length: \0",) if counted else ()),
        "\r\n",
    ]
    return "\r\n".join(lines).replace("%", "%%").replace("\0", "%s"), 2 * len(lines), counted


def _culprit(headers: Headers) -> str:
    name = next(name for name, value in headers if _FORBIDDEN.search(value))
    return f"header {name[:60]!r}"


@lru_cache(maxsize=256)
def _address(address: str) -> tuple[Place, str]:
    """Where a URL without its query leads, and the path to ask for there."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise _unsendable("URL", _NO_ADDRESS)
    where, path = found.groups()
    place = _place(where)
    if not _TARGET.fullmatch(path):
        raise _unsendable("URL", "holds a character HTTP does not allow")
    return place, path or "/"


@lru_cache(maxsize=256)
def _place(where: str) -> Place:
    try:
        split = urlsplit(where)
        host, port = split.hostname or "", split.port
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError:  # a port that is no number, a host that is no name
        host, port, split = "", None, SplitResult("", "", "", "", "")
    if split.scheme not in _USUAL or not host or not _TARGET.fullmatch(host) or port == 0 or split.username is not None:
        raise _unsendable("URL", _NO_ADDRESS)
    usual = _USUAL[split.scheme]
    name = f"[{host}]" if ":" in host else host
    header = name if port is None or port == usual else f"{name}:{port}"
    return Place(split.scheme, host, port or usual, f"host: {header}")


def _unsendable(what: str, why: str) -> LunaError:
    return LunaError(
        Kind.BAD_REQUEST,
        f"The outgoing request cannot be sent: its {what} {why}.",
        hint="Check the base URL and the account's stored values.",
    )
