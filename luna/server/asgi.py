"""ASGI messages as luna uses them: reading a body within bounds, and the line back to one client.

Owns the translation between ASGI and the machine's `ClientRequest` and `Line`; decides nothing.
"""

from collections.abc import Awaitable
from itertools import chain

import anyio
from starlette.types import Receive, Scope, Send

from luna.model.alarm import Patience
from luna.model.dialect import ClientRequest, Headers, Reply
from luna.model.errors import Kind, LunaError

DRAIN_BEYOND_LIMIT = 64 * 1024 * 1024
SLOW_CLIENT_SECONDS = 60.0
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
"""Of every answer, whatever it is."""


class ClientLeft(Exception):
    """The client closed its connection before its request was complete: there is nobody to answer."""


def headers_of(scope: Scope) -> Headers:
    """The request's headers, names in lower case, values as Latin-1 text (RFC 9110, section 5.5)."""
    raw = tuple(zip(*scope["headers"], strict=True))
    if not raw:
        return ()
    # All in one go: no header can hold a NUL.
    names, values = b"\0".join(raw[0]).decode("latin-1"), b"\0".join(raw[1]).decode("latin-1")
    return tuple(zip(names.lower().split("\0"), values.split("\0"), strict=True))


def request_of(scope: Scope, headers: Headers, body: bytes) -> ClientRequest:
    """The request as the machine sees it."""
    return ClientRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
    )


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, at most `limit` bytes.

    Beyond the limit the rest is read and thrown away before the refusal: answering while a client still sends
    looks to it like a broken connection. Raises LunaError(TOO_LARGE), LunaError(REQUEST_TIMEOUT) when nothing
    comes for a minute, and ClientLeft.
    """
    declared = _declared(scope)
    if declared is not None and declared > limit + DRAIN_BEYOND_LIMIT:
        raise _too_large(limit)
    pieces: list[bytes] = []
    size = 0
    patience = Patience()
    try:
        while True:
            patience.set(SLOW_CLIENT_SECONDS)
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size <= limit:
                pieces.append(piece)
            elif size > limit + DRAIN_BEYOND_LIMIT:
                raise _too_large(limit)
            # The server would tell us once more that this was all.
            if size == declared or not message.get("more_body", False):
                break
    except anyio.get_cancelled_exc_class():
        if not patience.over():
            raise
        said = f"No byte of the request body came for {SLOW_CLIENT_SECONDS:.0f} seconds."
        raise LunaError(Kind.REQUEST_TIMEOUT, said) from None
    finally:
        patience.close()
    if size > limit:
        raise _too_large(limit)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _declared(scope: Scope) -> int | None:
    """How long the body is said to be; None where that does not bind (RFC 9112, section 6.3)."""
    length: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = value
    return int(length) if length is not None and length.isdigit() else None


def _too_large(limit: int) -> LunaError:
    return LunaError(
        Kind.TOO_LARGE,
        f"The request body is larger than {limit} bytes.",
        hint="Send less, or raise LUNA_MAX_BODY.",
    )


class ClientLine:
    """The connection to one client; what the machine calls a `Line`."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.status = 0
        """What went out; 0 as long as nothing did."""
        self.sent = 0
        """Bytes of the body."""

    def start(self, status: int, headers: Headers) -> Awaitable[None]:
        self.status = status
        # All in one go: what stages and replies say has no NUL in it, the answer sees to that.
        encoded = "\0".join(chain.from_iterable(headers)).encode("latin-1").split(b"\0")
        pairs = [*zip(encoded[::2], encoded[1::2], strict=True), *SECURITY_HEADERS]
        return self._send({"type": "http.response.start", "status": status, "headers": pairs})

    def send(self, data: bytes, *, last: bool) -> Awaitable[None]:
        self.sent += len(data)
        return self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def send_reply(send: Send, reply: Reply, more: Headers = ()) -> None:
    """Answer with a document, outside of any flow."""
    headers = (
        ("content-type", reply.content_type),
        ("content-length", str(len(reply.body))),
        *reply.headers,
        *more,
    )
    encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
    encoded += SECURITY_HEADERS
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": reply.body})
