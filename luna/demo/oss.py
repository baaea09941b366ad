"""The object store's side of an upload: it believes no request whose signature it cannot make itself.

Owns the check of signature version 4 (wire document, section 6), written from the description and not from luna's own
signer, and the store's way of saying no. Pure but for the shelf that knows the permits.
"""

import datetime
import hashlib
import hmac
from collections.abc import Mapping
from xml.sax.saxutils import escape

from luna.demo.http import Reply, Request
from luna.demo.shelf import BUCKET, REGION, File, Shelf

SKEW = 900.0
"""Seconds that a request's date may be off."""
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


class Denied(Exception):
    """The store says no. `more`: further elements of the reply, as (name, value)."""

    def __init__(self, status: int, code: str, message: str, more: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.more = more

    def reply(self, request_id: str) -> Reply:
        """As XML, with everything that the real store gives away in it."""
        fields = (("Code", self.code), ("Message", self.message), ("RequestId", request_id), *self.more)
        inner = "".join(f"  <{name}>{escape(value)}</{name}>\n" for name, value in fields)
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n{inner}</Error>\n'.encode()
        return Reply(self.status, body, (("content-type", "application/xml"), ("x-oss-request-id", request_id)))


def judge(request: Request, key: str, shelf: Shelf, now: float) -> File:
    """The file that may be stored under `key` by this request. `now` in seconds since the epoch. Raises Denied."""
    headers = {name: value.strip() for name, value in request.headers}
    proof = _proof(headers.get("authorization", ""))
    file = shelf.by_access_key(proof["AccessKey"])
    if file is None:
        raise Denied(403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records.")
    date = _date(headers, now)
    if not hmac.compare_digest(headers.get("x-oss-security-token", "").encode(), file.token.encode()):
        raise Denied(403, "InvalidSecurityToken", "The security token you provided is invalid.")
    if now > file.until:
        raise Denied(403, "SecurityTokenExpired", "The security token you provided has expired.")
    _check_payload(headers, request.body)
    _check_signature(request.method, key, headers, date, proof, file)
    if key != file.key:
        raise Denied(403, "AccessDenied", "You have no right to access this object.")
    if len(request.body) != file.size:
        raise Denied(400, "InvalidArgument", "The object has another size than was announced.")
    return file


def _proof(authorization: str) -> dict[str, str]:
    """The parts of the header."""
    scheme, _, rest = authorization.partition(" ")
    if scheme != "OSS4-HMAC-SHA256":
        raise Denied(403, "AccessDenied", "You have no right to access this object because of bucket acl.")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    scope = parts.get("Credential", "").split("/")
    if len(scope) != 5 or "Signature" not in parts:
        raise Denied(400, "InvalidArgument", "The Authorization header is malformed.")
    names = ("AccessKey", "Date", "Region", "Product", "End")
    return {**dict(zip(names, scope, strict=True)), "Signature": parts["Signature"]}


def _date(headers: Mapping[str, str], now: float) -> str:
    date = headers.get("x-oss-date", "")
    try:
        said = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    except ValueError:
        raise Denied(403, "AccessDenied", "OSS authentication requires a valid Date.") from None
    if abs(said.timestamp() - now) > SKEW:
        raise Denied(
            403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."
        )
    return date


def _check_payload(headers: Mapping[str, str], body: bytes) -> None:
    told = headers.get("x-oss-content-sha256", "")
    if told not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
        raise Denied(400, "InvalidArgument", "Invalid x-oss-content-sha256.")
    if not headers.get("content-type"):
        raise Denied(400, "InvalidArgument", "The Content-Type is missing.")


def _check_signature(
    method: str, key: str, headers: Mapping[str, str], date: str, proof: Mapping[str, str], file: File
) -> None:
    region = REGION[len("oss-") :]
    scope = [date[:8], region, "oss", "aliyun_v4_request"]
    if [proof["Date"], proof["Region"], proof["Product"], proof["End"]] != scope:
        raise Denied(403, "SignatureDoesNotMatch", "The credential scope is not the one that was expected.")
    lines = [method, "".join(_encoded(byte) for byte in f"/{BUCKET}/{key}".encode()), ""]
    signed = [name for name in sorted(headers) if name in ("content-type", "content-md5") or name[:6] == "x-oss-"]
    lines.extend(f"{name}:{headers[name]}" for name in signed)
    canonical = "\n".join([*lines, "", "", headers["x-oss-content-sha256"]])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"OSS4-HMAC-SHA256\n{date}\n{'/'.join(scope)}\n{digest}"
    secret = b"aliyun_v4" + file.secret.encode()
    for step in scope:
        secret = hmac.new(secret, step.encode(), hashlib.sha256).digest()
    expected = hmac.new(secret, to_sign.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, proof["Signature"]):
        raise Denied(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
            (
                ("OSSAccessKeyId", file.access_key),
                ("SignatureProvided", proof["Signature"]),
                ("StringToSign", to_sign),
                ("CanonicalRequest", canonical),
            ),
        )


def _encoded(byte: int) -> str:
    return chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"
