"""Exchanges with an upstream as a recording holds them, made by hand."""

from typing import Literal

from luna.model.errors import LunaError
from luna.upstream.exchange import Headers, InResponse, OutRequest
from luna.wire.frames import UpEnd, UpRequest, pack
from luna.wire.reader import Chunk, Exchange


def exchange(
    path: str = "/",
    *chunks: bytes,
    method: str = "GET",
    status: int = 200,
    headers: Headers = (),
    body: bytes = b"",
    how: Literal["complete", "closed", "broken", "unfinished"] = "complete",
    error: LunaError | None = None,
    gap: int = 1000,
) -> Exchange:
    """One exchange; the head comes after `gap` microseconds, each chunk and the end after as many more.
    `status` 0: no head ever came."""
    opened = UpRequest(0, 1, method, f"https://upstream.test{path}", (), 0, **pack(body))
    made = Exchange(opened, status, headers, gap if status else 0)
    made.chunks = [Chunk(gap * (number + 2), chunk) for number, chunk in enumerate(chunks)]
    if how != "unfinished":
        told = (error.kind.value, error.message, error.hint) if error is not None else ()
        made.end = UpEnd(gap * (len(chunks) + 2), 1, how, *told)
    return made


def get(path: str = "/", method: str = "GET") -> OutRequest:
    """A request for it."""
    return OutRequest(method, f"https://upstream.test{path}")


async def items(answer: InResponse) -> list[bytes]:
    """All pieces of a body."""
    return [piece async for piece in answer.chunks()]
