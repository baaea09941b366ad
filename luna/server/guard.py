"""Who may speak to luna at all: the rules that stand before every route.

Pure. Owns the defences that a server on loopback needs against the web pages its user visits:
the Host allow-list (DNS rebinding), Origin and Sec-Fetch-Site (cross-site requests), and the JSON
content type (forms cannot send it). Keys are somebody else's: the `auth` stage's and the admin door's.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from luna.model.dialect import Headers
from luna.model.errors import Kind, LunaError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
_LOOKED_AT = frozenset({"host", "origin", "sec-fetch-site", "upgrade", "content-type"})
_AT_A_DELETE = _LOOKED_AT | {"content-length", "transfer-encoding"}
REMEMBERED = 64
"""What has passed is remembered: a client's requests are all alike in this."""


class Guard:
    """The rules for one process. `hosts` are the names it answers to besides loopback's."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._hosts = LOOPBACK_NAMES | {host.lower().strip("[]") for host in hosts}
        self._passed: set[tuple[str, bool, Headers]] = set()

    def __repr__(self) -> str:
        return f"<Guard {', '.join(sorted(self._hosts))}>"

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Raises LunaError when the request may not go on."""
        looked_at = _LOOKED_AT if method != "DELETE" else _AT_A_DELETE
        headers, is_model = tuple([header for header in headers if header[0] in looked_at]), path[:3] == "/v1"
        if (method, is_model, headers) in self._passed:
            return
        self._check(method, is_model, headers)
        if len(self._passed) >= REMEMBERED:
            self._passed.clear()
        self._passed.add((method, is_model, headers))

    def _check(self, method: str, is_model: bool, headers: Headers) -> None:
        self._check_host([value for name, value in headers if name == "host"])
        changes = method not in SAFE_METHODS
        if changes or is_model:
            self._check_origin(headers)
        if is_model:
            _check_upgrade(headers)
        if changes:
            _check_content_type(method, headers)

    def _check_host(self, hosts: list[str]) -> None:
        if len(hosts) != 1:
            raise LunaError(Kind.BAD_REQUEST, "A request needs exactly one Host header.")
        name = _host_name(hosts[0])
        if not self._answers_to(name):
            raise LunaError(
                Kind.FORBIDDEN,
                f"luna does not answer to the host name {name[:80]!r}.",
                hint="Use 127.0.0.1 or localhost, or add the name to LUNA_ALLOWED_HOSTS.",
            )

    def _answers_to(self, name: str) -> bool:
        if name in self._hosts:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def _check_origin(self, headers: Headers) -> None:
        for name, value in headers:
            if name == "sec-fetch-site" and value not in ("same-origin", "none"):
                raise _foreign(f"Sec-Fetch-Site: {value[:40]}")
            if name == "origin":
                parts = urlsplit(value)
                own = {host for key, host in headers if key == "host"}
                if parts.scheme not in ("http", "https") or parts.netloc not in own:
                    raise _foreign(f"Origin: {value[:80]}")


def _foreign(what: str) -> LunaError:
    return LunaError(
        Kind.FORBIDDEN,
        f"luna takes no requests from other web pages ({what}).",
        hint="Call it from a program, or from luna's own pages.",
    )


@lru_cache(maxsize=64)
def _host_name(host: str) -> str:
    """The name in a Host header, without port and brackets (RFC 9110, section 7.2)."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _check_upgrade(headers: Headers) -> None:
    """Agents that would rather have a WebSocket go over to plain requests at once when they read this status."""
    if any(name == "upgrade" and "websocket" in value.lower() for name, value in headers):
        raise LunaError(
            Kind.UPGRADE_REQUIRED,
            "luna does not speak WebSocket.",
            hint="Send POST requests; with `stream: true` the answer comes as server-sent events.",
        )


def _check_content_type(method: str, headers: Headers) -> None:
    if method == "DELETE":
        length = next((value for name, value in headers if name == "content-length"), "")
        chunked = any(name == "transfer-encoding" for name, _ in headers)
        if not chunked and length in ("", "0"):
            return
    kind = next((value for name, value in headers if name == "content-type"), "")
    if kind == "application/json":
        return
    media = kind.partition(";")[0].strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise LunaError(
            Kind.UNSUPPORTED_MEDIA_TYPE,
            f"The content type is {media or 'missing'}; luna reads application/json.",
            hint="Send the header `Content-Type: application/json`.",
        )
