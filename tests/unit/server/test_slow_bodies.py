"""A client that sends its body slowly is waited for, one that stops in the middle is told so, and whoever is cancelled
meanwhile is cancelled."""

import anyio
import pytest
from starlette.types import Message

from luna.model.errors import Kind, LunaError
from luna.server import asgi
from luna.server.asgi import read_body

SCOPE = {"type": "http", "headers": []}


class Client:
    """Sends these pieces with so many seconds before each, and nothing more."""

    def __init__(self, *pieces: bytes, pause: float = 0.0, more: bool = False) -> None:
        self.pieces = [*pieces]
        self.pause = pause
        self.more = more
        self.waiting = anyio.Event()

    async def __call__(self) -> Message:
        if not self.pieces:
            self.waiting.set()
            await anyio.sleep_forever()
        await anyio.sleep(self.pause)
        piece = self.pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": self.more or bool(self.pieces)}


async def test_a_slow_client_is_waited_for_as_long_as_something_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "SLOW_CLIENT_SECONDS", 2.0)
    begun = anyio.current_time()
    pieces = [b"x"] * 5
    assert await read_body(SCOPE, Client(*pieces, pause=0.5), 100) == b"xxxxx"
    assert anyio.current_time() - begun > 2.0


async def test_one_that_stops_in_the_middle_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "SLOW_CLIENT_SECONDS", 0.02)
    with anyio.fail_after(20) as scope:
        with pytest.raises(LunaError) as told:
            await read_body(SCOPE, Client(b"x", more=True), 100)
        assert told.value.kind is Kind.REQUEST_TIMEOUT
        await anyio.sleep(0.001)  # and its task goes on as if nothing had been
    assert not scope.cancelled_caught


async def test_whoever_is_cancelled_meanwhile_is_cancelled() -> None:
    client = Client(more=True)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read_body, SCOPE, client, 100)
            await client.waiting.wait()
            tasks.cancel_scope.cancel()
    assert tasks.cancel_scope.cancelled_caught
