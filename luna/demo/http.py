"""A small HTTP/1.1 server: connections, requests, and responses whose every write can be controlled.

Owns the bytes on the socket. Each connection has a task that reads (so that a client that leaves
is noticed while its answer is still being written) and a task that answers. How a response reaches
the socket is a `Delivery`; faults put their own in its place. Knows nothing of Qwen.
"""

import http
import logging
import urllib.parse
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import anyio
import httptools
from anyio.abc import ByteSendStream, ByteStream

log = logging.getLogger("luna.demo")

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024

Headers = tuple[tuple[str, str], ...]


class HangUp(Exception):
    """Raised by a delivery to close the connection where it stands."""


@dataclass(frozen=True)
class Request:
    """A whole request. Header names are lower case, `path` is percent-decoded, `query` keeps a name's last value."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Headers
    body: bytes
    keep_alive: bool = True

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path} body={len(self.body)}>"

    def header(self, name: str) -> str:
        """The first header of that (lower-case) name, or ""."""
        return next((value for key, value in self.headers if key == name), "")

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """Name to value, from all `cookie` headers."""
        pairs = [pair for key, value in self.headers if key == "cookie" for pair in value.split(";")]
        return {name.strip(): value.strip() for name, _, value in (pair.partition("=") for pair in pairs)}


@dataclass(frozen=True)
class Reply:
    """A whole response; `content-length` is added."""

    status: int
    body: bytes = b""
    headers: Headers = ()


class Delivery:
    """Puts one response on the socket, faithfully. A fault overrides a part of it."""

    def headers(self, headers: Headers) -> Headers:
        """The headers that go out."""
        return headers

    def encode(self, data: bytes) -> bytes:
        """A piece of the body as it goes out."""
        return data

    def flush(self) -> bytes:
        """What the encoding still holds at the end of the body."""
        return b""

    async def send(self, socket: ByteSendStream, head: bytes, before: bytes, data: bytes, after: bytes) -> None:
        """Write `data`, a piece of the body, framed by `before` and `after`; `head` is empty but for the first."""
        await socket.send(b"".join((head, before, data, after)))


class Exchange:
    """One request and the response to it: either one `reply`, or `start` and as many `write` as it takes."""

    def __init__(self, request: Request, socket: ByteSendStream) -> None:
        self.request = request
        self.delivery = Delivery()
        self.left = False
        """True once the client has gone."""
        self.started = False
        self.ended = False
        """True once the end mark of a chunked body has been given to the socket."""
        self._socket = socket
        self._head = b""

    def __repr__(self) -> str:
        state = "left" if self.left else "started" if self.started else "waiting"
        return f"<Exchange {self.request.method} {self.request.path} {state}>"

    def _render_head(self, status: int, headers: Headers) -> bytes:
        self.started = True
        if not self.request.keep_alive:
            headers = (*headers, ("connection", "close"))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n{lines}\r\n".encode("latin-1")

    async def reply(self, reply: Reply) -> None:
        """Send a whole response."""
        body = self.delivery.encode(reply.body) + self.delivery.flush()
        headers = (*self.delivery.headers(reply.headers), ("content-length", str(len(body))))
        head = self._render_head(reply.status, headers)
        await self.delivery.send(self._socket, head, b"", b"" if self.request.method == "HEAD" else body, b"")

    def start(self, status: int, headers: Headers) -> None:
        """Begin a chunked response. The head goes out with the first write."""
        self._head = self._render_head(status, (*self.delivery.headers(headers), ("transfer-encoding", "chunked")))

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Send a piece of the body: one chunk, one write. The `last` takes the end mark along."""
        data = self.delivery.encode(data)
        if last:
            data += self.delivery.flush()
            self.ended = True
        head, self._head = self._head, b""
        before, after = (b"%x\r\n" % len(data), b"\r\n") if data else (b"", b"")
        await self.delivery.send(self._socket, head, before, data, after + b"0\r\n\r\n" if last else after)


Answerer = Callable[[Exchange], Awaitable[None]]


class _Inbox:
    """httptools' callbacks: bytes in, whole requests out."""

    def __init__(self) -> None:
        self.requests: deque[Request] = deque()
        self._parser = httptools.HttpRequestParser(self)
        self.on_message_begin()

    def feed(self, data: bytes) -> None:
        """Raises httptools.HttpParserError when it is not HTTP or too large."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._head_size = self._body_size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._grow_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))
        self._grow_head(len(name) + len(value))

    def _grow_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > MAX_HEAD:
            raise ValueError("the head is too large")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        self._body_size += len(body)
        if self._body_size > MAX_BODY:
            raise ValueError("the body is too large")

    def on_message_complete(self) -> None:
        url = urllib.parse.urlsplit(self._url.decode("latin-1"))
        self.requests.append(
            Request(
                method=self._parser.get_method().decode("latin-1"),
                path=urllib.parse.unquote(url.path),
                query=dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True)),
                headers=tuple(self._headers),
                body=b"".join(self._body),
                keep_alive=self._parser.should_keep_alive(),
            )
        )


class Connection:
    """One client, from its first request to its last."""

    def __init__(self, socket: ByteStream, answer: Answerer) -> None:
        self._socket = socket
        self._answer = answer
        self._inbox = _Inbox()
        self._arrived = anyio.Event()
        self._over = False
        self._garbled = False
        self._exchange: Exchange | None = None
        self._scope = anyio.CancelScope()

    def __repr__(self) -> str:
        return f"<Connection {self._exchange!r}{' over' if self._over else ''}>"

    async def run(self) -> None:
        """Serve until the client or an answer ends the connection. Raises nothing but cancellation."""
        async with self._socket, anyio.create_task_group() as tasks:
            tasks.start_soon(self._read)
            while (request := await self._next()) is not None:
                if not await self._serve(request):
                    break
            tasks.cancel_scope.cancel()

    async def _read(self) -> None:
        while not self._over:
            try:
                self._inbox.feed(await self._socket.receive())
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                self._over = True
                if self._exchange is not None:
                    self._exchange.left = True
                    self._scope.cancel()
            except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError):
                self._over = self._garbled = True
            self._arrived.set()

    async def _next(self) -> Request | None:
        while not self._inbox.requests:
            if self._garbled:
                await self._refuse()
            if self._over:
                return None
            self._arrived = anyio.Event()
            await self._arrived.wait()
        return self._inbox.requests.popleft()

    async def _refuse(self) -> None:
        request = Request("", "", {}, (), b"", keep_alive=False)
        await self._serve(request, Reply(400, b"Bad Request", (("content-type", "text/plain"),)))

    async def _serve(self, request: Request, reply: Reply | None = None) -> bool:
        """Answer one request; False when the connection must not be used again."""
        exchange = self._exchange = Exchange(request, self._socket)
        self._scope = anyio.CancelScope()
        try:
            with self._scope:
                await (self._answer(exchange) if reply is None else exchange.reply(reply))
        except (HangUp, anyio.BrokenResourceError, anyio.ClosedResourceError):
            return False
        except Exception:  # one broken answer must not take the listener and everybody else's answers with it
            log.exception("the look-alike failed on %s %s", request.method, request.path)
            if not exchange.started:
                await self._serve(request, Reply(500, b"Internal Server Error", (("content-type", "text/plain"),)))
            return False
        finally:
            self._exchange = None
        return request.keep_alive and not exchange.left
