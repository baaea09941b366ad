"""Reads what Qwen says about uploads: where a file may go, and how far the reading of a document is.

Pure. Owns the checks: the store's keys go to the store of the site and nowhere else, whatever a reply says (wire
document section 6). Sends nothing.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from luna.model.errors import Kind, LunaError
from luna.qwen.endpoints import Site
from luna.qwen.oss import StoreKeys, encoded

_STORE = re.compile(r"oss-[a-z0-9-]{1,60}\.aliyuncs\.com")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_REGION = re.compile(r"(?:oss-)?[a-z0-9-]{1,40}")
_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_VISIBLE = re.compile(r"[!-~]{1,8192}")
_OWN_DOMAIN = ".qwen.ai"
DEFAULT_REGION = "oss-ap-southeast-1"


class Permit(msgspec.Struct, frozen=True):
    """Leave to put one object into the store."""

    file_id: str
    file_url: str
    """Where the site itself reads the object; signed."""
    put_url: str
    bucket: str
    key: str
    region: str
    keys: StoreKeys

    def __repr__(self) -> str:
        return f"<Permit {self.file_id} {self.bucket}/{self.key}>"

    @property
    def user(self) -> str:
        """Qwen's id of the owner: object names begin with it."""
        return self.key.partition("/")[0]


def read_permit(data: Mapping[str, Any], site: Site) -> Permit:
    """The reply of `getstsToken`, checked. Raises LunaError(UPSTREAM_BROKEN) naming what is wrong, never its value,
    but for the store's host."""
    bucket, key = _text(data, "bucketname", _BUCKET), _key(data)
    return Permit(
        file_id=_text(data, "file_id", _ID, "id"),
        file_url=_file_url(data, site),
        put_url=_put_url(data, site, bucket, key),
        bucket=bucket,
        key=key,
        region=_text({"region": DEFAULT_REGION, **data}, "region", _REGION),
        keys=StoreKeys(
            _text(data, "access_key_id", _VISIBLE),
            _text(data, "access_key_secret", _VISIBLE),
            _text(data, "security_token", _VISIBLE),
        ),
    )


def parse_item(reply: Mapping[str, Any], file_id: str) -> dict[str, Any]:
    """What the reply of `parse/status` says of one file; empty when it says nothing of it."""
    listed: object = reply.get("data")
    while isinstance(listed, Mapping):
        listed = [listed] if listed.get("status") is not None else listed.get("list") or listed.get("data")
    items = [dict(item) for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
    named = next((item for item in items if item.get("file_id") == file_id), None)
    if named is None and len(items) == 1 and not items[0].get("file_id"):
        return items[0]
    return named or {}


def _put_url(data: Mapping[str, Any], site: Site, bucket: str, key: str) -> str:
    endpoint = _text(data, "endpoint", _VISIBLE)
    parts = _split(endpoint if "://" in endpoint else f"https://{endpoint}", "endpoint")
    host = parts.hostname or ""
    if parts.path not in ("", "/") or parts.query:
        raise _unusable("endpoint")
    if _is_loopback(host):
        if not _is_loopback(urlsplit(site.base_url).hostname or ""):
            raise _strange(host)
        return f"{parts.scheme}://{parts.netloc}/{bucket}/{encoded(key)}"
    if parts.scheme != "https" or parts.port not in (None, 443) or not _is_store(host, site):
        raise _strange(host)
    return f"https://{bucket}.{host}/{encoded(key)}"


def _is_store(host: str, site: Site) -> bool:
    """The public store, or a host of the site's own."""
    own = urlsplit(site.base_url).hostname or ""
    if _STORE.fullmatch(host) or host == own or host.endswith(f".{own}"):
        return True
    return own.endswith(_OWN_DOMAIN) and host.endswith(_OWN_DOMAIN)


def _file_url(data: Mapping[str, Any], site: Site) -> str:
    url = _text(data, "file_url", _VISIBLE, "url")
    parts = _split(url, "file_url")
    plain = _is_loopback(parts.hostname or "") and _is_loopback(urlsplit(site.base_url).hostname or "")
    if parts.scheme != "https" and not plain:
        raise _unusable("file_url")
    return url


def _key(data: Mapping[str, Any]) -> str:
    key = data.get("file_path")
    if not isinstance(key, str) or not 0 < len(key.encode("utf-8", "replace")) < 1024 or not key.isprintable():
        raise _unusable("file_path")
    key = key.removeprefix("/")
    if "\\" in key or any(step in ("", ".", "..") for step in key.split("/")):
        raise _unusable("file_path")
    return key


def _text(data: Mapping[str, Any], name: str, shape: re.Pattern[str], other: str = "") -> str:
    value = data.get(name) or data.get(other)
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise _unusable(name)
    return value


def _split(url: str, name: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unusable(name) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or port == 0:
        raise _unusable(name)
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unusable(name: str) -> LunaError:
    return LunaError(
        Kind.UPSTREAM_BROKEN,
        f"Qwen's permit for the upload is not in a form that luna knows ({name}).",
        hint="Try again; if it stays so, Qwen has changed and luna must follow.",
        detail={"field": name},
    )


def _strange(host: str) -> LunaError:
    return LunaError(
        Kind.UPSTREAM_BROKEN,
        f"Qwen's permit names a store that luna does not trust ({host[:80]}); nothing was sent there.",
        hint="If this is a new store of Qwen's, luna must learn its name.",
        detail={"field": "endpoint"},
    )
