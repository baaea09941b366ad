"""Signs requests to the object store behind Qwen's uploads: Aliyun OSS, signature version 4.

Pure. Owns the canonical request, the key chain and the header that comes of them (wire document section 6). Knows
neither addresses nor files. The payload itself is not signed, as in every client that was seen.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from luna.upstream.exchange import Headers

ALGORITHM = "OSS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_TERMINATOR = "aliyun_v4_request"
_ALWAYS_SIGNED = frozenset({"content-type", "content-md5"})


class StoreKeys(msgspec.Struct, frozen=True):
    """Temporary credentials of the store; only the id may ever be seen."""

    id: str
    secret: str
    token: str
    """The security token that goes along with every request."""

    def __repr__(self) -> str:
        return f"<StoreKeys {self.id}>"


def signed_headers(
    method: str, bucket: str, key: str, headers: Headers, *, keys: StoreKeys, region: str, now: float
) -> Headers:
    """`headers` and those that prove who sends them. `key`: the object's name, not encoded; `region` with or without
    its `oss-`; `now` in seconds since the epoch: the store refuses what is 15 minutes off."""
    date = datetime.fromtimestamp(int(now), UTC).strftime("%Y%m%dT%H%M%SZ")
    own: Headers = (("x-oss-content-sha256", UNSIGNED), ("x-oss-date", date), ("x-oss-security-token", keys.token))
    proof = authorization(
        method, bucket, key, (*headers, *own), key_id=keys.id, secret=keys.secret, region=region, date=date
    )
    return (*headers, *own, ("Authorization", proof))


def authorization(
    method: str,
    bucket: str,
    key: str,
    headers: Headers,
    *,
    key_id: str,
    secret: str,
    region: str,
    date: str,
    query: Iterable[tuple[str, str]] = (),
) -> str:
    """The value of `Authorization`. `date` as in `x-oss-date`: `20260925T101112Z`. Of `headers` the content type and
    digest and everything called `x-oss-…` are signed, whatever their case and order."""
    scope = f"{date[:8]}/{region.removeprefix('oss-')}/oss/{_TERMINATOR}"
    canonical = _canonical_request(method, bucket, key, headers, query)
    to_sign = "\n".join((ALGORITHM, date, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    chain = f"aliyun_v4{secret}".encode()
    for link in scope.split("/"):
        chain = hmac.digest(chain, link.encode(), "sha256")
    signature = hmac.new(chain, to_sign.encode(), "sha256").hexdigest()
    return f"{ALGORITHM} Credential={key_id}/{scope},Signature={signature}"


def encoded(key: str) -> str:
    """An object's name as it stands in an address: percent-encoded but for the slashes."""
    return quote(key, safe="/~")


def _canonical_request(method: str, bucket: str, key: str, headers: Headers, query: Iterable[tuple[str, str]]) -> str:
    named = ((name.lower(), value.strip()) for name, value in headers)
    signed = sorted((name, value) for name, value in named if name in _ALWAYS_SIGNED or name.startswith("x-oss-"))
    asked = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query)
    return "\n".join(
        (
            method,
            f"/{bucket}/{encoded(key)}",
            "&".join(f"{name}={value}" if value else name for name, value in asked),
            "".join(f"{name}:{value}\n" for name, value in signed),
            "",  # no further headers are signed
            UNSIGNED,
        )
    )
