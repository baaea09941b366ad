"""The seam between the machine and a client's protocol.

Owns what the machine needs from a protocol: how to read a request, how to write an answer,
how to say that something failed. Each protocol implements `Dialect` in `luna.protocols`;
the machine never looks inside a body.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import msgspec

from luna.model.chat import ChatRequest
from luna.model.errors import LunaError
from luna.model.events import StreamEvent

Headers = tuple[tuple[str, str], ...]


class ClientRequest(msgspec.Struct, frozen=True):
    """A request as it came off the wire. Header names are lower case; `path` is decoded, without the query."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that (lower-case) name, or ""."""
        for key, value in self.headers:
            if key == name:
                return value
        return ""


class Facts(msgspec.Struct, frozen=True):
    """What routing may ask of a body. None: the body does not say."""

    model: str | None = None
    stream: bool | None = None
    tools: tuple[str, ...] = ()


class Parsed(msgspec.Struct, frozen=True):
    """A body after its one JSON decode: the dialect's own document, and what routing may ask of it."""

    document: object
    facts: Facts


class Reply(msgspec.Struct, frozen=True):
    """A complete answer: a document or an error, as opposed to a stream."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Headers = ()


def _nothing_counted() -> int:
    return 0


class AnswerHead(msgspec.Struct, frozen=True):
    """What an encoder must know before the first event."""

    id: str
    model: str
    created: int
    stream: bool
    include_usage: bool
    warnings: tuple[str, ...] = ()
    prompt_tokens: Callable[[], int] = _nothing_counted
    """Estimates what the prompt cost. Called only when the upstream did not say."""
    document: object = None
    """What the dialect's `parse` made of the body, for protocols whose answers repeat parts of their request."""


class Encoder(Protocol):
    """Turns one answer's events into the client's bytes. Pure; how events are batched never matters."""

    content_type: str

    def feed(self, event: StreamEvent) -> bytes:
        """The bytes this event becomes; b"" when it has nothing to say (yet)."""
        ...

    def close(self) -> bytes:
        """What follows `Finish`: an end mark, or the whole document of a non-streamed answer."""
        ...


@runtime_checkable
class Failing(Protocol):
    """An encoder that says itself, in band, that its answer broke: for protocols whose error goes on from what was
    sent before it. The others leave it to `Dialect.error_frame`."""

    def fail(self, error: LunaError, flow_id: str) -> bytes:
        """The last bytes of the stream."""
        ...


_NO_FACTS = Facts()


def parse_body(dialect: "Dialect", request: ClientRequest) -> Parsed | LunaError:
    """The decoded body, or why it could not be decoded: that is told only after the client's key was checked."""
    try:
        return dialect.parse(request)
    except LunaError as error:
        return error


def facts_of(parsed: Parsed | LunaError) -> Facts:
    """What routing may ask of a body; of one that could not be decoded, nothing."""
    return parsed.facts if type(parsed) is Parsed else _NO_FACTS


class Dialect(Protocol):
    """One client protocol on one endpoint."""

    name: str
    id_header: str
    """The header in which this protocol's clients look for the id of a request."""
    heartbeat: bytes
    """What keeps a silent stream alive without meaning anything; b"" where the protocol has no such thing."""

    def parse(self, request: ClientRequest) -> Parsed:
        """Decode the body, once. Raises LunaError(BAD_REQUEST)."""
        ...

    def decode(self, parsed: Parsed, request: ClientRequest) -> ChatRequest:
        """Translate the parsed document. Raises LunaError(BAD_REQUEST) naming the field in `param`."""
        ...

    def answer_id(self, token: str) -> str:
        """The id of an answer in this protocol's style, made of 24 hexadecimal digits."""
        ...

    def encoder(self, head: AnswerHead) -> Encoder:
        """A fresh encoder for one answer."""
        ...

    def error(self, error: LunaError, flow_id: str) -> Reply:
        """An error before anything was sent: status and body in the protocol's shape."""
        ...

    def error_frame(self, error: LunaError, flow_id: str) -> bytes:
        """An error after the status is out: the protocol's in-band form, and its end mark."""
        ...
