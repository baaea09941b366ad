"""The frames that a recording is made of: one JSON object per line, format version 1.

Owns their shape. `k` says which frame it is, `t` is microseconds since the flow was born, `x` the
number of an exchange with the upstream, counted from 1 in the order in which they were opened.

    head            what was recorded, and all that a replay needs to repeat it
    client.request  what the client sent
    recalled        a response that luna remembered and the flow went on from
    document        the request as it left a request stage; without `doc` it is as it was before, and `[FIRST, COUNT]`
                    among its messages are those of before
    up.request, up.head, up.data, up.end    an exchange with the upstream
    events          a batch as it left a stage; without `events` it is as it was before
    client.start, client.bytes              what the client got, one frame for each send
    error           what went wrong
    truncated       the recording's budget is used up: from here on bodies and events are left out
    end             how it ended

A boundary that has shown itself once and has no frame for a batch passed it on as it was.
"""

import base64
from typing import Any, Literal

import msgspec

VERSION = 1

Headers = tuple[tuple[str, str], ...]


class Frame(msgspec.Struct, frozen=True, tag_field="k", omit_defaults=True):
    """Base of all frames."""

    t: int


class Bytes(Frame, frozen=True, kw_only=True):
    """A frame with bytes. `text` where they are UTF-8; what is not stands around it, in base64: the ends of
    characters that were cut, or everything (in `before`) when it is no text at all."""

    before: str = ""
    text: str = ""
    after: str = ""

    @property
    def data(self) -> bytes:
        """The bytes again. Raises ValueError for what is no base64."""
        if self.before or self.after:
            before, after = (base64.b64decode(part, validate=True) for part in (self.before, self.after))
            return before + self.text.encode() + after
        return self.text.encode()


class Head(Frame, tag="head", frozen=True):
    """First, and once. `v` is the format's version."""

    v: int
    luna: str
    """The version of luna that recorded."""
    flow: str
    born: float
    """Seconds since the epoch."""
    seed: str
    """Of the flow's ids, hexadecimal."""
    route: str
    pipeline: str
    snapshot: str
    """Digest of the configuration."""
    options: msgspec.Raw = msgspec.Raw()
    """Stage name → the options in force for it: a JSON object."""


class ClientRequested(Bytes, tag="client.request", frozen=True):
    """What the client sent."""

    method: str
    path: str
    query: str = ""
    headers: Headers = ()


class Document(Frame, tag="document", frozen=True):
    """The neutral request as it left the stage `boundary`."""

    boundary: str
    doc: msgspec.Raw = msgspec.Raw()
    """A `ChatRequest`. Left out when it is what it was at the boundary before; messages that it has from there stand in
    it as references (`luna.wire.references`)."""


class Recalled(Frame, tag="recalled", frozen=True):
    """A response that luna remembered, as far as the flow asked for it: a replay has no other memory."""

    response: str
    """Its id."""
    document: msgspec.Raw
    """As its client got it: a JSON object."""
    items: msgspec.Raw
    """The conversation up to and with it, in its protocol's items: a JSON list."""


class UpRequest(Bytes, tag="up.request", frozen=True):
    """An exchange begins."""

    x: int
    method: str
    url: str
    headers: Headers = ()
    waited: int = 0
    """Microseconds that the flow had spent in the queue for an account, since the exchange before."""


class UpHead(Frame, tag="up.head", frozen=True):
    """The upstream answers."""

    x: int
    status: int
    headers: Headers = ()


class UpData(Bytes, tag="up.data", frozen=True):
    """One read of the body."""

    x: int


class UpEnd(Frame, tag="up.end", frozen=True):
    """The exchange is over: `complete`, `closed` early by luna itself, or `broken` (then `kind` says how)."""

    x: int
    how: Literal["complete", "closed", "broken"] = "complete"
    kind: str = ""
    message: str = ""
    hint: str = ""


class Events(Frame, tag="events", frozen=True):
    """Batch number `n` (from 1) as it left `boundary`. Left out when it is what it was at the boundary before."""

    boundary: str
    n: int
    events: msgspec.Raw = msgspec.Raw()


class ClientStart(Frame, tag="client.start", frozen=True):
    """The status went out to the client."""

    status: int
    headers: Headers = ()


class ClientBytes(Bytes, tag="client.bytes", frozen=True):
    """One send to the client."""


class Failure(Frame, tag="error", frozen=True):
    """What went wrong on the flow."""

    kind: str
    message: str
    hint: str = ""
    stage: str = ""
    param: str | None = None
    retry_after: float | None = None
    detail: dict[str, Any] = {}

    @property
    def accounts(self) -> list[str]:
        """Those that failed, where it names any."""
        named = self.detail.get("accounts")
        return [str(account) for account in named] if isinstance(named, list) else []


class Truncated(Frame, tag="truncated", frozen=True):
    """From here on only what is small is recorded. `budget` in bytes."""

    budget: int


class End(Frame, tag="end", frozen=True):
    """Last. `reached` is the boundary that the last batch came to, where it did not come to the end; `left_out` the
    bytes that the budget did not allow; `fault` says that the recording itself went wrong and how."""

    outcome: str
    reached: str = ""
    left_out: int = 0
    fault: str = ""


AnyFrame = (
    Head
    | ClientRequested
    | Document
    | Recalled
    | UpRequest
    | UpHead
    | UpData
    | UpEnd
    | Events
    | ClientStart
    | ClientBytes
    | Failure
    | Truncated
    | End
)


def pack(data: bytes) -> dict[str, str]:
    """Bytes → the fields of a `Bytes` frame."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        start, end = _whole_characters(data)
    try:
        text = data[start:end].decode()
    except UnicodeDecodeError:
        text, start, end = "", len(data), len(data)
    packed = {"before": _base64(data[:start]), "text": text, "after": _base64(data[end:])}
    return {name: value for name, value in packed.items() if value}


def _whole_characters(data: bytes) -> tuple[int, int]:
    """Where the first UTF-8 character begins that is not cut, and where the last one ends."""
    start = next((at for at in range(min(3, len(data))) if data[at] & 0xC0 != 0x80), min(3, len(data)))
    for back in range(1, min(3, len(data)) + 1):
        lead = data[-back]
        if lead >= 0xC0:
            size = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2
            return start, len(data) - back if size > back else len(data)
        if lead < 0x80:
            break
    return start, len(data)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
