"""How an exchange travels to a worker luna and back: the form on the wire, for both sides.

Pure. Owns two headers, each one line of base64url of JSON: `x-luna-exchange` describes the request that the worker
shall make (its body is the body), `x-luna-outcome` what came of it (the body that follows is the body, and breaks off
where that one does). A failure on the worker's side is an outcome too, so that it is not taken for the upstream's.
"""

import base64
import binascii
from typing import TypeVar

import msgspec

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import Headers, OutRequest, Timeouts

EXCHANGE = "x-luna-exchange"
OUTCOME = "x-luna-outcome"
PATH = "/worker/exchange"
IP_PATH = "/worker/egress-ip"

SLACK = 5.0
"""Seconds that one side waits longer than the other, so that the one that knows more speaks first: the worker of a
head that does not come, this side of a body that stalls."""
SLOWEST = 64 * 1024
"""Bytes a second. The worker sends a request on when it has all of it: until then nothing comes back."""
TEXT_LIMIT = 500
"""Characters of a worker's message that are passed on."""

_KINDS = {
    kind.value: kind for kind in (Kind.BAD_REQUEST, Kind.FORBIDDEN, Kind.UPSTREAM_BROKEN, Kind.TIMEOUT)
}  # what `Backend.open` may raise: a worker says nothing of accounts

S = TypeVar("S", bound=msgspec.Struct)


class Described(msgspec.Struct, omit_defaults=True):
    """A request but for its body. Times in seconds."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    connect: float
    head: float
    idle: float
    address: str = ""
    """See `OutRequest.address`."""


class Failure(msgspec.Struct, omit_defaults=True):
    """Why the worker could not make it."""

    kind: str
    message: str
    hint: str = ""
    phase: str = ""


class Outcome(msgspec.Struct, omit_defaults=True):
    """What came of it: a status with headers, or a failure."""

    status: int = 0
    headers: list[tuple[str, str]] = []
    failure: Failure | None = None


def describe(request: OutRequest) -> str:
    """The header's value for a request."""
    times = request.timeouts
    return _pack(
        Described(
            request.method,
            request.url,
            list(request.headers),
            times.connect,
            times.head,
            times.idle + SLACK,
            request.address,
        )
    )


def request_of(value: str, body: bytes) -> OutRequest:
    """The request that a header and a body describe. Raises ValueError for what is none."""
    said = _unpack(value, Described)
    times = Timeouts(connect=said.connect, head=said.head, idle=said.idle)
    return OutRequest(said.method, said.url, tuple(said.headers), body, times, said.address)


def succeeded(status: int, headers: Headers) -> str:
    """The header's value for a response."""
    return _pack(Outcome(status, list(headers)))


def failed(error: LunaError) -> str:
    """The header's value for a failure."""
    phase = str(error.detail.get("phase", ""))
    return _pack(Outcome(failure=Failure(error.kind.value, error.message, error.hint, phase)))


def outcome_of(value: str) -> Outcome:
    """What the header says. Raises the failure that it tells, as LunaError, and ValueError for what is no outcome."""
    outcome = _unpack(value, Outcome)
    if outcome.failure is not None:
        raise _told(outcome.failure)
    if not 100 <= outcome.status <= 999:
        raise ValueError("no status")
    return outcome


def through(request: OutRequest, worker: str, key: str) -> OutRequest:
    """The request to the worker that has it make `request`."""
    headers = (
        ("Authorization", f"Bearer {key}"),
        ("Content-Type", "application/octet-stream"),
        (EXCHANGE, describe(request)),
    )
    times = request.timeouts
    patience = times.connect + times.head + len(request.body) / SLOWEST + SLACK
    return OutRequest("POST", f"{worker}{PATH}", headers, request.body, msgspec.structs.replace(times, head=patience))


def _told(said: Failure) -> LunaError:
    return LunaError(
        _KINDS.get(said.kind, Kind.UPSTREAM_BROKEN),
        said.message[:TEXT_LIMIT],
        hint=said.hint[:TEXT_LIMIT],
        detail={"phase": said.phase[:20]} if said.phase else None,
    )


def _pack(value: msgspec.Struct) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode()


def _unpack(value: str, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(base64.b64decode(value, altchars=b"-_", validate=True), type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        raise ValueError("What came is no exchange between two lunas.") from None
