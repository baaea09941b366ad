"""What is shown of what comes back: heads always, documents whole, accepted streams not at all."""

import contextlib

from anyio.lowlevel import checkpoint

from luna.model.errors import LunaError
from luna.upstream.exchange import InResponse, OutRequest
from luna.upstream.response import broken
from luna.upstream.watching import LARGEST, Look, WatchingBackend
from tests.support.scripted import SSE, Answer, Says, ScriptedBackend

JSON = (("content-type", "application/json"),)
ASKED = OutRequest("POST", "https://chat.qwen.ai/api/v2/x")


class Eye:
    def __init__(self, answer: Answer, *, wanted: bool = True) -> None:
        self.seen: list[tuple[int, bytes | None]] = []
        self.wanted = wanted
        scripted = ScriptedBackend()
        scripted.on("POST", "/api/v2/x", answer)
        self.backend = WatchingBackend(scripted, self._watch)

    def _watch(self, request: OutRequest, response: InResponse) -> Look | None:
        assert request is ASKED
        return (lambda body: self.seen.append((response.status, body))) if self.wanted else None

    async def read(self) -> bytes:
        response = await self.backend.open(ASKED)
        try:
            return b"".join([chunk async for chunk in response.chunks()])
        finally:
            await response.aclose()


async def test_a_document_is_shown_when_it_has_been_read() -> None:
    eye = Eye(Says((b"ab", b"cd"), headers=JSON))
    assert await eye.read() == b"abcd"
    assert eye.seen == [(200, b"abcd")]


async def test_a_stream_is_given_out_as_it_is() -> None:
    eye = Eye(Says((b"data: x\n\n",), headers=(("content-type", SSE),)))
    response = await eye.backend.open(ASKED)
    assert type(response).__module__ == "tests.support.scripted"
    await checkpoint()
    assert eye.seen == [(200, None)]
    await response.aclose()


async def test_a_stream_that_is_a_refusal_is_shown() -> None:
    eye = Eye(Says((b"data: x\n\n",), headers=(("content-type", SSE), ("x-actual-status-code", "429"))))
    await eye.read()
    assert eye.seen == [(200, b"data: x\n\n")]


async def test_of_a_page_only_the_head_is_shown() -> None:
    eye = Eye(Says((b"<html>",), status=503, headers=(("content-type", "text/html"),)))
    assert await eye.read() == b"<html>"
    assert eye.seen == [(503, None)]


async def test_of_what_is_too_large_only_the_head_is_shown() -> None:
    eye = Eye(Says((b"x" * LARGEST, b"y"), headers=JSON))
    assert len(await eye.read()) == LARGEST + 1
    assert eye.seen == [(200, None)]


async def test_of_what_was_not_read_to_its_end_only_the_head_is_shown() -> None:
    eye = Eye(Says((b"ab", broken("h", "body", "cut")), headers=JSON))
    with contextlib.suppress(LunaError):
        await eye.read()
    assert eye.seen == [(200, None)]


async def test_what_is_not_wanted_is_not_shown_and_has_nothing_around_it() -> None:
    eye = Eye(Says((b"{}",), headers=JSON), wanted=False)
    response = await eye.backend.open(ASKED)
    assert type(response).__module__ == "tests.support.scripted"
    assert await response.read() == b"{}"
    await response.aclose()
    assert eye.seen == []
