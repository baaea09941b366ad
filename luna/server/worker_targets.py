"""Where a worker goes for another luna, and where not: it is no open proxy.

Pure. Owns the rule. Qwen's own sites, the stores where Qwen keeps files, and what a client links to: a plain public
https address that the asking luna has looked up and judged, and that is judged here again, for this machine has a
network of its own.
"""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest
from luna.upstream.guard import is_public, read_link

_STORE = re.compile(r"[a-z0-9-]{1,63}\.oss-[a-z0-9-]{1,60}\.aliyuncs\.com")
_PORTS = {"http": 80, "https": 443}
_OWN_DOMAIN = "qwen.ai"


class Targets:
    """The rule for one worker. `sites`: base URLs of Qwen, or of a look-alike."""

    def __init__(self, sites: Iterable[str]) -> None:
        self._origins = {_origin(site) for site in sites}
        hosts = {host for _, host, _ in self._origins}
        own = any(host == _OWN_DOMAIN or host.endswith(f".{_OWN_DOMAIN}") for host in hosts)
        self._domains = {host for host in hosts | ({_OWN_DOMAIN} if own else set()) if not _is_address(host)}

    def __repr__(self) -> str:
        return f"<Targets {', '.join(sorted(host for _, host, _ in self._origins))}>"

    def check(self, request: OutRequest) -> None:
        """Raises LunaError(FORBIDDEN)."""
        try:
            scheme, host, port = _origin(request.url)
        except ValueError:
            raise _refused("what is no URL") from None
        if request.address:
            self._check_link(request)
        elif not ((scheme, host, port) in self._origins or (scheme == "https" and port == 443 and self._own(host))):
            raise _refused(host[:80] or "nowhere")

    def _own(self, host: str) -> bool:
        """A look-alike on this machine has its store in itself."""
        stores = bool(self._domains) and _STORE.fullmatch(host) is not None
        return stores or any(host.endswith(f".{domain}") for domain in self._domains)

    def _check_link(self, request: OutRequest) -> None:
        try:
            link = read_link(request.url)
        except LunaError as error:
            raise _refused("such an address") from error
        plain = request.method == "GET" and not request.body and link.url == request.url
        if not plain or not is_public(request.address):
            raise _refused(f"{link.host[:80]} at {request.address[:45]!r}")


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; loopback has one name. Raises ValueError."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    return parts.scheme, "localhost" if _is_loopback(host) else host, parts.port or _PORTS.get(parts.scheme, 0)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _refused(where: str) -> LunaError:
    return LunaError(
        Kind.FORBIDDEN,
        f"This worker does not go to {where}.",
        hint="A worker goes to Qwen and its file store, and fetches public https links.",
    )
