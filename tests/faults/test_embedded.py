"""What stands between granian and luna: the body is on its way before the application runs, and comes whole."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from luna.server.embedded import begin_at_once, embedded_server
from tests.support.ports import free_port


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    port = free_port()
    server = embedded_server(app, "127.0.0.1", port)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            await up(client)
            yield client
        server.stop()  # type: ignore[no-untyped-call]


async def up(client: httpx2.AsyncClient) -> None:
    with anyio.fail_after(10):
        while True:
            try:
                await client.get("/")
            except httpx2.ConnectError:
                await anyio.sleep(0.01)
            else:
                return


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
async def test_a_body_comes_whole(size: int) -> None:
    said = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with served(echo) as client:
        answer = await client.post("/", content=said)
        assert (answer.status_code, answer.content) == (200, said)


async def test_the_body_is_on_its_way_before_the_application_runs() -> None:
    begun: list[object] = []

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(getattr(receive, "__self__", None))
        await echo(scope, receive, send)

    async with served(look) as client:
        await client.post("/", content=b"x")
    assert {type(line).__name__ for line in begun} == {"_Begun"}, "granian goes another way: see ADR 39"


async def test_who_leaves_is_told_of_after_the_body() -> None:
    told: list[str] = []
    left = anyio.Event()

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/":
            await echo(scope, receive, send)
            return
        while not told or told[-1] != "http.disconnect":
            told.append((await receive())["type"])
        left.set()

    async with served(wait) as client:
        with pytest.raises(httpx2.ReadTimeout):
            await client.post("/wait", content=b"x", timeout=0.2)
        with anyio.fail_after(5):
            await left.wait()
    assert told[0] == "http.request"
    assert told[-1] == "http.disconnect"


class Line:
    def __init__(self) -> None:
        self.asked = 0

    def receive(self) -> Awaitable[Message]:
        self.asked += 1
        return self._message(self.asked)

    async def _message(self, number: int) -> Message:
        return {"type": "http.request", "body": b"%d" % number}

    async def send(self, message: Message) -> None:
        raise NotImplementedError


class Request:
    def __init__(self) -> None:
        self.scope: Scope = {"type": "http"}
        self.proto = Line()
        self.ends: list[BaseException | None] = []

    def done(self) -> None:
        self.ends.append(None)

    def err(self, error: BaseException) -> None:
        self.ends.append(error)


async def test_one_piece_is_asked_for_ahead_and_no_more() -> None:
    request, heard = Request(), []

    async def answer(scope: Scope, line: Line) -> None:
        heard.append(request.proto.asked)
        heard.extend([(await line.receive())["body"] for _ in range(3)])

    coroutine = begin_at_once(answer)(request)
    assert request.proto.asked == 1
    await coroutine
    assert (heard, request.ends) == ([1, b"1", b"2", b"3"], [None])


async def test_what_the_application_raises_is_the_servers() -> None:
    request, error = Request(), RuntimeError("no")

    async def answer(scope: Scope, line: Line) -> None:
        await line.receive()
        raise error

    await begin_at_once(answer)(request)
    assert request.ends == [error]
