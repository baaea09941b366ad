"""Fetches what a client links to, and nothing that lies inside: no private network, no metadata service, no loopback.

Owns the judgement of addresses and the fetch itself: https alone, the host looked up once and judged, the connection
made to the very address that was judged (a second look-up might answer differently), redirects followed a few times
and judged anew, a bound on size and time, no credentials. It goes out by the backend it is given, hence by the
egress of the account that the request is for. Knows nothing of attachments and of Qwen.
"""

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

import anyio
import msgspec

from luna.model.errors import Kind, LunaError
from luna.upstream import sniff
from luna.upstream.exchange import Backend, InResponse, OutRequest, Timeouts

REDIRECTS = 3
ADDRESSES = 3
"""Of a host with many addresses so many are tried."""
LONGEST = 8192
"""Characters of an address."""
PATIENCE = 30.0
"""Seconds for everything together."""
_TIMEOUTS = Timeouts(connect=8.0, head=15.0, idle=10.0)
_HEADERS = (("Accept", "*/*"), ("User-Agent", "Mozilla/5.0 (compatible; luna)"))
_NOT_THE_ACCOUNTS = frozenset({Kind.UPSTREAM_BROKEN, Kind.TIMEOUT, Kind.FORBIDDEN})
"""Failures of a link say nothing of the account that it was to be fetched for; a worker goes to few hosts."""
_MOVED = frozenset({301, 302, 303, 307, 308})

_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_INSIDE = (
    "localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa", "onion", "test",
    "invalid",
)  # fmt: skip
"""Names that are never public (RFC 6761, RFC 6762, RFC 8375 and what is used like them)."""

_PRIVATE_4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
    )
]  # fmt: skip
"""RFC 6890 and its successors; the last is a cloud's own metadata service at a public address."""
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_PRIVATE_6 = [
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")  # Teredo and the like, 6to4, examples
]
_ISATAP = (b"\0\0\x5e\xfe", b"\x02\0\x5e\xfe")

Resolve = Callable[[str, int], Awaitable[list[str]]]


class Fetched(NamedTuple):
    """What was found there. `media_type` is what the bytes are, else what the server calls them, else ""."""

    data: bytes
    media_type: str


class Link(msgspec.Struct, frozen=True):
    """An address that may be looked up. `url` is written anew, so that what was judged is what is asked for."""

    url: str
    host: str
    port: int


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host, the system's favourite first. Raises OSError."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


class LinkFetcher:
    """Fetches links; one for the process."""

    def __init__(self, *, resolve: Resolve = look_up, patience: float = PATIENCE) -> None:
        self._resolve = resolve
        self._patience = patience

    def __repr__(self) -> str:
        return f"<LinkFetcher within {self._patience:g} s>"

    async def fetch(self, backend: Backend, url: str, limit: int) -> Fetched:
        """What stands at `url`, at most `limit` bytes of it. Raises LunaError: BAD_REQUEST for an address that must
        not be asked, or does not give anything, TOO_LARGE; and what `backend` raises when nothing may go out."""
        link = read_link(url)
        try:
            with anyio.fail_after(self._patience):
                for _ in range(REDIRECTS + 1):
                    found = await self._ask(backend, link, limit)
                    if isinstance(found, Fetched):
                        return found
                    link = found
        except TimeoutError:
            raise _failed(link.host, f"it took longer than {self._patience:g} s") from None
        raise _failed(link.host, f"it led on more than {REDIRECTS} times")

    async def _ask(self, backend: Backend, link: Link, limit: int) -> Fetched | Link:
        response = await self._open(backend, link)
        try:
            if response.status in _MOVED and response.header("location"):
                return read_link(urljoin(link.url, response.header("location")))
            if response.status != 200:
                raise _failed(link.host, f"it answered with status {response.status}")
            data = await _read(response, link, limit)
            return Fetched(data, sniff.media_type(data) or _named_type(response.header("content-type")))
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()

    async def _open(self, backend: Backend, link: Link) -> InResponse:
        """Connect to the first of the host's addresses that answers, after all of them have been judged."""
        addresses = await self._public_addresses(link)
        for position, address in enumerate(addresses, 1):
            try:
                return await backend.open(OutRequest("GET", link.url, _HEADERS, b"", _TIMEOUTS, address=address))
            except LunaError as error:
                if error.kind not in _NOT_THE_ACCOUNTS:
                    raise
                if position == len(addresses) or error.detail.get("phase") != "connect":
                    raise _failed(link.host, error.message) from error
        raise _failed(link.host, "it has no address")

    async def _public_addresses(self, link: Link) -> list[str]:
        try:
            found = await self._resolve(link.host, link.port)
        except (OSError, UnicodeError):
            raise _failed(link.host, "its host cannot be found") from None
        if not all(is_public(address) for address in found):
            raise _refused(link.host, "it leads into a private network")
        return found[:ADDRESSES]


def read_link(url: str) -> Link:
    """The address in its one plain form. Raises LunaError(BAD_REQUEST) for what must not be asked at all."""
    if any(letter <= " " or letter in "\\\x7f" for letter in url):
        raise _refused("", "it holds characters that no address may hold")
    if len(url) > LONGEST:
        raise _refused("", "it is too long")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused("", "it cannot be read") from None
    if parts.scheme.lower() != "https":
        raise _refused(host, "only https addresses are fetched")
    if "@" in parts.netloc:
        raise _refused(host, "it holds a user name")
    host = _plain_host(host)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=~?')}" if parts.query else ""
    name = f"[{host}]" if ":" in host else host
    where = name if port in (None, 443) else f"{name}:{port}"
    if port == 0:
        raise _refused(host, "it has no port that could be asked")
    plain = f"https://{where}{path}{query}"
    if len(plain) > LONGEST:
        raise _refused(host, "it is too long once it is written in ASCII")
    return Link(plain, host, port or 443)


def _plain_host(host: str) -> str:
    """In ASCII, lower case and without the trailing dot; an IP address only in its usual form."""
    try:
        plain = host.encode("idna").decode("ascii").lower() if not host.isascii() else host.lower()
    except UnicodeError:
        raise _refused("", "its host is no name") from None
    plain = plain.removesuffix(".")
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        if not _NAME.fullmatch(plain):
            # `127.1`, `0x7f000001`, `2130706433`, `localhost` and whatever else a resolver would understand
            raise _refused(plain, "its host is no public name and no plain IP address") from None
        if any(plain.endswith(f".{name}") for name in _INSIDE):
            raise _refused(plain, "its host has a name that is used inside networks only") from None
        return plain
    if not is_public(plain):
        raise _refused(plain, "it leads into a private network")
    return str(address)


def is_public(address: str) -> bool:
    """True for an address on the public internet. Every form that carries an IPv4 address inside an IPv6 one is
    refused: where it would lead is for others to decide."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(read, ipaddress.IPv4Address):
        return not any(read in network for network in _PRIVATE_4)
    if read.scope_id or read not in _PUBLIC_6 or read.packed[8:12] in _ISATAP:
        return False
    return not any(read in network for network in _PRIVATE_6)


async def _read(response: InResponse, link: Link, limit: int) -> bytes:
    promised = response.header("content-length")
    if promised.isdecimal() and int(promised) > limit:
        raise _too_large(link.host, limit)
    pieces: list[bytes] = []
    room = limit
    try:
        async for piece in response.chunks():
            room -= len(piece)
            if room < 0:
                raise _too_large(link.host, limit)
            pieces.append(piece)
    except LunaError as error:
        if error.kind in _NOT_THE_ACCOUNTS:
            raise _failed(link.host, error.message) from error
        raise
    return b"".join(pieces)


def _named_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _refused(host: str, why: str) -> LunaError:
    at = f" at {host[:80]}" if host else ""
    return LunaError(
        Kind.BAD_REQUEST,
        f"The address{at} is not fetched: {why}.",
        hint="Send the file itself, as a data URL.",
    )


def _failed(host: str, what: str) -> LunaError:
    return LunaError(
        Kind.BAD_REQUEST,
        f"The file at {host} cannot be fetched: {what.removesuffix('.')}.",
        hint="See that the address can be opened without signing in, or send the file itself as a data URL.",
    )


def _too_large(host: str, limit: int) -> LunaError:
    return LunaError(
        Kind.TOO_LARGE,
        f"The file at {host} is larger than the {limit // 1_000_000} MB that are fetched.",
        hint="Send a smaller one.",
    )
