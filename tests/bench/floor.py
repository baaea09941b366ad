"""The floor: the least that Python on granian can do between an OpenAI client and the upstream.

Two upstream calls as the protocol wants them, deltas decoded and encoded again by msgspec, what came in one
read sent in one send. No stages, no checks, no recordings, no errors.

    python -m tests.bench.floor PORT UPSTREAM_PORT TOKEN
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.abc
import msgspec
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from tests.bench.qwen_calls import complete, create, created_id

Message = dict[str, Any]


class Delta(msgspec.Struct):
    content: str = ""


class Choice(msgspec.Struct):
    delta: Delta


class Frame(msgspec.Struct):
    choices: list[Choice] = []


class ChatMessage(msgspec.Struct):
    content: str


class Chat(msgspec.Struct):
    messages: list[ChatMessage]
    stream: bool = False


FRAME = msgspec.json.Decoder(Frame)
CHAT = msgspec.json.Decoder(Chat)
PREFIX = (
    b'data: {"id":"chatcmpl-0","object":"chat.completion.chunk","created":0,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":'
)
SUFFIX = b'},"finish_reason":null}]}\n\n'


class Floor:
    def __init__(self, upstream: int, token: str) -> None:
        self.upstream = upstream
        self.token = token
        self.idle: list[anyio.abc.SocketStream] = []

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if scope["path"] != "/v1/chat/completions":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
            return
        chat = CHAT.decode(body)
        connection = self.idle.pop() if self.idle else await anyio.connect_tcp("127.0.0.1", self.upstream)
        chat_id = await self._create(connection)
        await connection.send(complete(self.upstream, self.token, chat_id, chat.messages[-1].content))
        if chat.stream:
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-type", b"text/event-stream")],
                }
            )
        texts: list[str] = []
        buffer, ended = b"", False
        while not ended:
            piece = await connection.receive()
            ended = piece.endswith(b"0\r\n\r\n")
            *lines, buffer = (buffer + piece).split(b"\n")
            out: list[bytes] = []
            for line in lines:
                if line.startswith(b"data: "):
                    for choice in FRAME.decode(line[6:]).choices:
                        if chat.stream:
                            out.append(PREFIX + msgspec.json.encode(choice.delta.content) + SUFFIX)
                        else:
                            texts.append(choice.delta.content)
            if out:
                await send({"type": "http.response.body", "body": b"".join(out), "more_body": True})
        self.idle.append(connection)
        if chat.stream:
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        else:
            whole = msgspec.json.encode({"choices": [{"message": {"role": "assistant", "content": "".join(texts)}}]})
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": whole})

    async def _create(self, connection: anyio.abc.SocketStream) -> str:
        await connection.send(create(self.upstream, self.token))
        reply = b""
        while not created_id(reply):
            reply += await connection.receive()
        return created_id(reply)


async def main(port: int, upstream: int, token: str) -> None:
    server = Server(
        Floor(upstream, token),
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
    anyio.run(main, int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], backend_options={"use_uvloop": True})
