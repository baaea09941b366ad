"""The floor: the least that Python on granian can do between an OpenAI client and an upstream that speaks the same.

The request is decoded and encoded again by msgspec, so is each delta; what came in one read goes out in one send. No
stages, no checks, no recordings, no errors, and one upstream call where Qwen's protocol wants two.

    python -m tests.bench.field.floor PORT UPSTREAM_PORT
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.abc
import msgspec
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]


class Delta(msgspec.Struct, omit_defaults=True):
    content: str | None = None


class Choice(msgspec.Struct):
    delta: Delta
    finish_reason: str | None = None


class Frame(msgspec.Struct):
    choices: list[Choice]


class ChatMessage(msgspec.Struct):
    role: str
    content: str


class Chat(msgspec.Struct, omit_defaults=True):
    model: str
    messages: list[ChatMessage]
    stream: bool = False
    tools: list[Any] = []


FRAME = msgspec.json.Decoder(Frame)
CHAT = msgspec.json.Decoder(Chat)
ENCODER = msgspec.json.Encoder()
CHUNK = (
    b'data: {"id":"chatcmpl-0","object":"chat.completion.chunk","created":0,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":%b},"finish_reason":null}]}\n\n'
)
DONE = b"[DONE]"
MOST_READ = 256 * 1024


class Answer:
    """An HTTP/1.1 answer, as far as it has come: chunked, or of a length that its head says."""

    def __init__(self) -> None:
        self._rest = b""
        self._left = -1
        self._chunked = False
        self.over = False

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces of the body that are whole with these bytes."""
        data = self._rest + data
        at = 0
        if self._left < 0:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return []
            head, at, self._left = data[:end].lower(), end + 4, 0
            self._chunked = b"transfer-encoding: chunked" in head
            if not self._chunked:
                self._left = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        if not self._chunked:
            self.over = len(data) - at == self._left
            self._rest = b"" if self.over else data
            self._left = self._left if self.over else -1
            return [data[at:]] if self.over else []
        pieces: list[bytes] = []
        while (line := data.find(b"\r\n", at)) >= 0:
            size = int(data[at:line], 16)
            end = line + 2 + size
            if end + 2 > len(data):
                break
            if not size:
                self.over = True
                break
            pieces.append(data[line + 2 : end])
            at = end + 2
        self._rest = data[at:]
        return pieces


class Floor:
    """An ASGI application."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.head = (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n" % upstream
        )
        self.idle: list[anyio.abc.SocketStream] = []

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        message = await receive()
        body = message.get("body", b"")
        if message.get("more_body"):
            parts = [body]
            while message.get("more_body"):
                message = await receive()
                parts.append(message.get("body", b""))
            body = b"".join(parts)
        if scope["path"] != "/v1/chat/completions":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
            return
        chat = CHAT.decode(body)
        sent = ENCODER.encode(chat)
        connection = self.idle.pop() if self.idle else await anyio.connect_tcp("127.0.0.1", self.upstream)
        await connection.send(b"%bcontent-length: %d\r\n\r\n%b" % (self.head, len(sent), sent))
        if chat.stream:
            await self._stream(connection, send)
        else:
            await self._whole(connection, send)
        self.idle.append(connection)

    async def _stream(self, connection: anyio.abc.SocketStream, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        answer = Answer()
        while not answer.over:
            out: list[bytes] = []
            for piece in answer.feed(await connection.receive(MOST_READ)):
                for event in piece.split(b"\n\n"):
                    if event and (data := event[6:]) != DONE:
                        out += [
                            CHUNK % ENCODER.encode(choice.delta.content)
                            for choice in FRAME.decode(data).choices
                            if choice.delta.content is not None
                        ]
            if out:
                await send({"type": "http.response.body", "body": b"".join(out), "more_body": True})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})

    async def _whole(self, connection: anyio.abc.SocketStream, send: Send) -> None:
        answer = Answer()
        pieces: list[bytes] = []
        while not answer.over:
            pieces += answer.feed(await connection.receive())
        whole = ENCODER.encode(msgspec.json.decode(b"".join(pieces)))
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]},
        )
        await send({"type": "http.response.body", "body": whole})


async def main(port: int, upstream: int) -> None:
    """Serve until killed."""
    server = Server(
        Floor(upstream),
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        backlog=1024,
        backpressure=4096,
        websockets=False,
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]), int(sys.argv[2]), backend_options={"use_uvloop": True})
