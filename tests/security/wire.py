"""Bytes to a luna's port as somebody wrote them, and the answers that came back."""

import re
from dataclasses import dataclass

import anyio

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


@dataclass(frozen=True)
class Heard:
    """What came back. `ended`: the server closed the connection."""

    data: bytes
    ended: bool

    @property
    def statuses(self) -> list[int]:
        """Of every answer, in order."""
        return [int(status) for status in _STATUS.findall(self.data)]


async def say(port: int, *pieces: bytes) -> Heard:
    """Send them on a connection of their own, and then a request that ends it; read to the end of the connection."""
    heard = b""
    async with await anyio.connect_tcp("127.0.0.1", port) as connection:
        try:
            for piece in pieces:
                await connection.send(piece)
            with anyio.fail_after(60):
                while True:
                    heard += await connection.receive()
        except anyio.EndOfStream:
            return Heard(heard, True)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return Heard(heard, True)


LAST = b"GET /v1/last HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
"""Answered with 404, and the connection is closed: what was answered before it is what the bytes before it meant."""
