"""A lean load client: raw sockets, one connection for each stream, times taken at the first byte and at each read."""

import re
import time
from dataclasses import dataclass, field

import anyio
import anyio.abc
import msgspec

from tests.bench.qwen_calls import MODEL, complete, create, created_id

FIRST_TOKEN = re.compile(rb'"content": ?"[^"]')


def chat_body(messages: list[dict[str, str]], *, stream: bool, tools: list[dict[str, object]] | None = None) -> bytes:
    """The body of a chat completion request."""
    document: dict[str, object] = {"model": MODEL, "stream": stream, "messages": messages}
    return msgspec.json.encode(document if tools is None else {**document, "tools": tools})


@dataclass
class Taken:
    """What one request took. Seconds."""

    first: float = 0.0
    total: float = 0.0
    deltas: int = 0
    status: int = 0


@dataclass
class Target:
    """Where to send, and how: a chat completion to luna or the floor, or Qwen's own two calls to the upstream."""

    name: str
    port: int
    direct_token: str = ""
    """Set for the bare upstream: its access token."""
    taken: list[Taken] = field(default_factory=list)

    async def chat(self, prompt: str, *, stream: bool = True, body: bytes = b"") -> Taken:
        """One answer on a connection of its own."""
        began = time.perf_counter()
        connection = await anyio.connect_tcp("127.0.0.1", self.port)
        async with connection:
            if self.direct_token:
                sent = await self._direct(connection, prompt)
            else:
                sent = self._post(body or chat_body([{"role": "user", "content": prompt}], stream=stream))
            await connection.send(sent)
            taken = await _read_to_end(connection, began)
        self.taken.append(taken)
        return taken

    def _post(self, body: bytes) -> bytes:
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def _direct(self, connection: anyio.abc.ByteStream, prompt: str) -> bytes:
        await connection.send(create(self.port, self.direct_token))
        reply = b""
        while not created_id(reply):
            reply += await connection.receive()
        return complete(self.port, self.direct_token, created_id(reply), prompt)


async def _read_to_end(connection: anyio.abc.ByteReceiveStream, began: float) -> Taken:
    taken = Taken()
    tail = b""
    while True:
        try:
            piece = await connection.receive()
        except anyio.EndOfStream:
            break
        if not taken.status:
            taken.status = int(piece[9:12])
        if not taken.first and FIRST_TOKEN.search(piece):
            taken.first = time.perf_counter() - began
        taken.deltas += (tail + piece).count(b"data:") - tail.count(b"data:")
        tail = piece[-4:]
        if piece.endswith(b"0\r\n\r\n"):
            break
    taken.total = time.perf_counter() - began
    if taken.status != 200:
        raise RuntimeError(f"status {taken.status}")
    return taken
