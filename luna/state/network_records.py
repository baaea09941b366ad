"""What a person sets up of the network: profiles and workers, with the checks that each must pass.

Pure. Owns the records, as they also stand in the file, and the policy for the addresses in them (who configures has
shown the admin key, so this machine and its neighbours may be named; a cloud's link-local services may not, and what
holds credentials is not sent in the clear across the internet). Knows neither file nor connections.
"""

import ipaddress
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from luna.model.errors import Kind, LunaError
from luna.upstream.proxy_address import ProxyAddress

DIRECT = "direct"
"""The profile that is always there."""

Mode = Literal["direct", "worker-managed", "http-proxy", "https-proxy", "socks5", "local-address"]
Status = Literal["unverified", "healthy", "offline", "ip-mismatch", "disabled"]
_SCHEMES = {"http-proxy": "http", "https-proxy": "https", "socks5": "socks5"}


class Verified(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What the checks of a way have said so far. Times in seconds since the epoch."""

    tried: float
    """The last check."""
    error: str = ""
    """Why it failed; "" when it did not."""
    ip: str = ""
    """The address that was last seen."""
    at: float = 0.0
    """When that was."""

    def failed(self, now: float, error: str) -> "Verified":
        """A check failed: what was seen before has been seen all the same, and counts as long as it counts."""
        return Verified(now, error, self.ip, self.at)


class NetworkProfile(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A way out of this machine."""

    id: str
    name: str = ""
    mode: Mode = "direct"
    proxy_url: str = ""
    """May hold a password."""
    local_address: str = ""
    expected_ip: str = ""
    enabled: bool = True
    verify_ip_url: str = ""
    verified: Verified | None = None

    def __repr__(self) -> str:
        return f"<NetworkProfile {self.id} {self.mode} {self.status}>"

    @property
    def status(self) -> Status:
        """In one word."""
        return _status(self.enabled, self.verified, self.expected_ip)

    @property
    def way(self) -> tuple[str, ...]:
        """What has been verified, when it has been."""
        return (self.mode, self.proxy_url, self.local_address, self.verify_ip_url)


class Worker(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Another luna that makes the exchanges, from its own address."""

    id: str
    base_url: str
    key: str = ""
    """What it knows us by. A secret."""
    provider_id: str = "qwen-ai"
    account_id: str = ""
    """Only for this account; empty: for all."""
    network_profile_id: str = ""
    """Only for accounts with this profile; empty: for all."""
    enabled: bool = True
    max_concurrent_runs: int | None = None
    """0: no limit, None: as the preferences say."""
    expected_ip: str = ""
    verified: Verified | None = None

    def __repr__(self) -> str:
        return f"<Worker {self.id} {self.status}>"

    @property
    def status(self) -> Status:
        """In one word."""
        return _status(self.enabled, self.verified, self.expected_ip)

    @property
    def way(self) -> tuple[str, ...]:
        """What has been verified, when it has been."""
        return (self.base_url, self.key)


def _status(enabled: bool, verified: Verified | None, expected: str) -> Status:
    if not enabled:
        return "disabled"
    if verified is None:
        return "unverified"
    if verified.error:
        return "offline"
    return "ip-mismatch" if expected and verified.ip != expected else "healthy"


def checked_profile(profile: NetworkProfile) -> NetworkProfile:
    """The profile in its usual form. Raises LunaError(BAD_REQUEST) for one that cannot work."""
    _check_id(profile.id)
    if profile.verify_ip_url:
        _url(profile.verify_ip_url, "verifyIpUrl")
    scheme = _proxy_scheme(profile.proxy_url) if profile.proxy_url else ""
    match profile.mode:
        case "http-proxy" | "https-proxy" | "socks5":
            if scheme != _SCHEMES[profile.mode]:
                raise wrong(
                    "proxyUrl", f"the mode {profile.mode} needs one that begins with {_SCHEMES[profile.mode]}://."
                )
        case "local-address":
            if not profile.local_address:
                raise wrong("localAddress", "it must be one of this machine's addresses.")
        case "direct" | "worker-managed":
            pass
    if profile.id == DIRECT and profile.mode != "direct":
        raise wrong("mode", "the profile 'direct' is the direct way.")
    return msgspec.structs.replace(
        profile,
        local_address=_address(profile.local_address, "localAddress"),
        expected_ip=_address(profile.expected_ip, "expectedIp"),
    )


def checked_worker(worker: Worker) -> Worker:
    """The worker in its usual form. Raises LunaError(BAD_REQUEST) for one that cannot work."""
    _check_id(worker.id)
    parts = _url(worker.base_url, "baseUrl")
    if parts.query or parts.fragment:
        raise wrong("baseUrl", "it must be http(s)://HOST[:PORT][/PATH] and nothing else.")
    if parts.scheme == "http" and not _is_near(parts.hostname or ""):
        raise wrong("baseUrl", "it must be https: prompts, tokens and the worker's key are sent there.")
    if worker.key and not (worker.key.isascii() and worker.key.isprintable() and " " not in worker.key):
        raise wrong("key", "it must be one word of printable ASCII characters.")
    if worker.max_concurrent_runs is not None and worker.max_concurrent_runs < 0:
        raise wrong("maxConcurrentRuns", "it must be 0 (no limit) or more, or null (as the settings say).")
    return msgspec.structs.replace(
        worker, base_url=worker.base_url.rstrip("/"), expected_ip=_address(worker.expected_ip, "expectedIp")
    )


def wrong(field: str, why: str) -> LunaError:
    """What is wrong with a field."""
    return LunaError(Kind.BAD_REQUEST, f"{field}: {why}", param=field)


def _check_id(name: str) -> None:
    if not (0 < len(name) <= 64 and name.isascii() and all(letter.isalnum() or letter in "._-" for letter in name)):
        raise wrong("id", "use up to 64 letters, digits, dots, dashes and underscores.")
    if name in (".", ".."):
        raise wrong("id", "no path can name it.")


def _proxy_scheme(url: str) -> str:
    try:
        proxy = ProxyAddress.parse(url)
    except ValueError as error:
        raise wrong("proxyUrl", str(error)) from None
    _check_host(proxy.host, "proxyUrl")
    return proxy.scheme


def _address(address: str, field: str) -> str:
    if not address:
        return ""
    try:
        return str(ipaddress.ip_address(address.strip()))
    except ValueError:
        raise wrong(field, "it is no IP address.") from None


def _url(url: str, field: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    plain = url.isascii() and url.isprintable() and " " not in url
    if not plain or parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or "@" in parts.netloc:
        raise wrong(field, "it must be an http(s) URL without user and password.")
    _check_host(parts.hostname, field)
    return parts


def _check_host(host: str, field: str) -> None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise wrong(field, "nothing that luna should speak to is at such an address.")


def _is_near(host: str) -> bool:
    """Whether it is this machine, a neighbour, or a name that only they know."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".lan", ".internal", ".home.arpa"))
