"""ASGI messages as luna uses them: reading a body within bounds, and the line back to one client.

Owns the translation between ASGI and the machine's `ClientRequest` and `Line`; decides nothing.
"""

from collections.abc import Iterable

import anyio
from starlette.types import Receive, Scope, Send

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
    raw: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw)


def request_of(scope: Scope, body: bytes) -> ClientRequest:
    """The request as the machine sees it."""
    return ClientRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers_of(scope),
        body=body,
    )


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, at most `limit` bytes.

    Beyond the limit the rest is read and thrown away before the refusal: answering while a client still sends
    looks to it like a broken connection. Raises LunaError(TOO_LARGE), LunaError(REQUEST_TIMEOUT) when nothing
    comes for a minute, and ClientLeft.
    """
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    too_large = LunaError(
        Kind.TOO_LARGE,
        f"The request body is larger than {limit} bytes.",
        hint="Send less, or raise LUNA_MAX_BODY.",
    )
    if declared.isdigit() and int(declared) > limit + DRAIN_BEYOND_LIMIT:
        raise too_large
    pieces: list[bytes] = []
    size = 0
    while True:
        try:
            with anyio.fail_after(SLOW_CLIENT_SECONDS):
                message = await receive()
        except TimeoutError:
            raise LunaError(
                Kind.REQUEST_TIMEOUT, f"No byte of the request body came for {SLOW_CLIENT_SECONDS:.0f} seconds."
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size <= limit:
            pieces.append(piece)
        elif size > limit + DRAIN_BEYOND_LIMIT:
            raise too_large
        if not message.get("more_body", False):
            break
    if size > limit:
        raise too_large
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class ClientLine:
    """The connection to one client; what the machine calls a `Line`."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.status = 0
        """What went out; 0 as long as nothing did."""
        self.sent = 0
        """Bytes of the body."""

    async def start(self, status: int, headers: Headers) -> None:
        self.status = status
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers] + SECURITY_HEADERS
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def send(self, data: bytes, *, last: bool) -> None:
        self.sent += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

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
