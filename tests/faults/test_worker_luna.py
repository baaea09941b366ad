"""Exchanges that another luna makes, over a real server: the same as without it, to the last byte and fault."""

import gzip
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import anyio
import pytest

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import InResponse, OutRequest, Timeouts
from luna.upstream.forward import OUTCOME
from luna.upstream.pool import PoolBackend
from luna.upstream.worker import WorkerBackend
from tests.support.rawserver import Close, RawServer, Script, Stall, Wait, chunked, response
from tests.support.workers import KEY, RunningWorker, running_worker


class Chain:
    """A worker between us and a site, and both of their pools."""

    def __init__(self, site: RawServer, worker: RunningWorker, pool: PoolBackend, backend: WorkerBackend) -> None:
        self.site = site
        self.worker = worker
        self.pool = pool
        self.backend = backend

    async def quiet(self) -> None:
        """Wait until nothing is left of any exchange at the worker."""
        with anyio.fail_after(3):
            while self.worker.side.running:
                await anyio.sleep(0.005)


@asynccontextmanager
async def chain(*scripts: Script | bytes, key: str = KEY, early: bool = False) -> AsyncIterator[Chain]:
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(RawServer(*scripts, early=early))
        beyond, pool = PoolBackend(), PoolBackend()
        await stack.enter_async_context(aclosing(beyond))
        await stack.enter_async_context(aclosing(pool))
        worker = await stack.enter_async_context(running_worker([site.url], beyond))
        yield Chain(site, worker, pool, WorkerBackend(pool, worker=worker.url, name="w1", key=key))


async def read(answer: InResponse) -> bytes:
    try:
        return await answer.read()
    finally:
        await answer.aclose()


async def test_request_and_response_are_what_they_would_be_without_it() -> None:
    body = bytes(range(256)) * 100
    reply = response(
        gzip.compress(b"hello" * 50), headers=["set-cookie: a=1", "set-cookie: b=\xe4", "content-encoding: gzip"]
    )
    async with chain(reply) as c, aclosing(PoolBackend()) as direct:
        request = OutRequest(
            "POST", f"{c.site.url}/api/x?y=%20z", (("Authorization", "Bearer t"), ("X-Odd", "\xe4\t")), body
        )
        here = await direct.open(request)
        there = await c.backend.open(request)
        assert (there.status, there.headers) == (here.status, here.headers)
        assert await read(there) == await read(here) == b"hello" * 50
        plain, passed = c.site.heard
        assert (passed.head, passed.body) == (plain.head, plain.body)
        assert KEY.encode() not in passed.head


async def test_a_large_request_and_a_large_answer_pass() -> None:
    async with chain(response(b"y" * 3_000_000)) as c:
        cookies = (("Cookie", "; ".join(f"c{number}={'v' * 90}" for number in range(300))),)
        answer = await c.backend.open(OutRequest("PUT", f"{c.site.url}/", cookies, b"x" * 5_000_000))
        assert await read(answer) == b"y" * 3_000_000
        assert len(c.site.heard[0].body) == 5_000_000
        assert len(c.site.heard[0].header("cookie")) > 28_000


@pytest.mark.parametrize("status", [204, 304, 404, 429, 500])
async def test_every_status_is_the_sites(status: int) -> None:
    async with chain(response(b"" if status in (204, 304) else b"{}", status=status, headers=["retry-after: 3"])) as c:
        answer = await c.backend.open(OutRequest("GET", c.site.url))
        assert (answer.status, answer.header("retry-after")) == (status, "3")
        await read(answer)


async def test_the_head_comes_before_the_body_and_each_piece_when_it_comes() -> None:
    go, more = anyio.Event(), anyio.Event()
    script: Script = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Wait(go), b"3\r\none\r\n", Wait(more),
                      b"3\r\ntwo\r\n0\r\n\r\n"]  # fmt: skip
    async with chain(script) as c:
        with anyio.fail_after(3):
            answer = await c.backend.open(OutRequest("GET", c.site.url))
            go.set()
            pieces = answer.chunks()
            assert await anext(pieces) == b"one"
            more.set()
            assert await anext(pieces) == b"two"
            with pytest.raises(StopAsyncIteration):
                await anext(pieces)
        await answer.aclose()
        await c.quiet()


async def test_connections_serve_again_on_both_sides() -> None:
    async with chain(chunked(b"hello")) as c:
        for _ in range(4):
            assert await read(await c.backend.open(OutRequest("GET", c.site.url))) == b"hello"
        assert c.site.accepted == 1
        assert len(c.pool.pool.connections) == 1


@pytest.mark.parametrize("seen", [b"", b"2\r\nha\r\n"])
async def test_a_body_that_breaks_off_there_breaks_off_here(seen: bytes) -> None:
    async with chain([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + seen, Close()]) as c:
        answer = await c.backend.open(OutRequest("GET", c.site.url))
        got: list[bytes] = []
        with pytest.raises(LunaError) as failure:
            async for piece in answer.chunks():
                got.append(piece)  # noqa: PERF401 - what came before the break is looked at
        assert failure.value.kind is Kind.UPSTREAM_BROKEN
        assert failure.value.detail["phase"] == "body"
        assert b"".join(got) == (b"ha" if seen else b"")
        await answer.aclose()
        await c.quiet()


async def test_a_body_that_stalls_there_is_too_slow_here() -> None:
    async with chain([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nha", Stall()]) as c:
        answer = await c.backend.open(OutRequest("GET", c.site.url, timeouts=Timeouts(idle=0.2)))
        with pytest.raises(LunaError) as failure:
            await answer.read()
        assert failure.value.kind is Kind.TIMEOUT
        await answer.aclose()
        await c.quiet()
        await left(c.site)


async def left(site: RawServer) -> None:
    with anyio.fail_after(3):
        while site.open:
            await anyio.sleep(0.005)


async def test_a_head_that_does_not_come_is_told_by_the_worker() -> None:
    async with chain([Stall()]) as c:
        with pytest.raises(LunaError, match=r"too slow \(head\)") as failure:
            await c.backend.open(OutRequest("GET", c.site.url, timeouts=Timeouts(head=0.2)))
        assert (failure.value.kind, failure.value.detail) == (Kind.TIMEOUT, {"phase": "head"})
        await c.quiet()
        await left(c.site)


async def test_who_leaves_before_the_head_leaves_the_site_too() -> None:
    async with chain([Stall()]) as c:
        with anyio.move_on_after(0.3):
            await c.backend.open(OutRequest("GET", c.site.url))
        assert len(c.site.heard) == 1
        await c.quiet()
        await left(c.site)


async def test_who_leaves_in_the_middle_of_the_body_leaves_the_site_too() -> None:
    async with chain([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nha", Stall()]) as c:
        answer = await c.backend.open(OutRequest("GET", c.site.url))
        assert await anext(answer.chunks()) == b"ha"
        await answer.aclose()
        await c.quiet()
        await left(c.site)


async def test_a_worker_that_must_stop_breaks_off_what_it_is_doing() -> None:
    async with chain([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nha", Stall()]) as c:
        answer = await c.backend.open(OutRequest("GET", c.site.url))
        assert await anext(answer.chunks()) == b"ha"
        assert c.worker.side.running == 1
        c.worker.side.end()
        with pytest.raises(LunaError, match="body"):
            await answer.read()
        await answer.aclose()
        await c.quiet()


async def test_a_site_that_cannot_be_reached_is_the_sites_failure() -> None:
    async with chain(response(b"")) as c:
        port = c.site.port
    site = f"http://127.0.0.1:{port}"
    async with aclosing(PoolBackend()) as pool, running_worker([site], pool) as worker:
        backend = WorkerBackend(pool, worker=worker.url, name="w1", key=KEY)
        with pytest.raises(LunaError, match=r"127\.0\.0\.1 broke \(connect\)") as failure:
            await backend.open(OutRequest("GET", site))
    assert failure.value.detail == {"phase": "connect"}


async def test_a_worker_that_cannot_be_reached_is_a_failure_too() -> None:
    async with aclosing(PoolBackend()) as pool:
        backend = WorkerBackend(pool, worker="http://127.0.0.1:1", name="w1", key=KEY)
        with pytest.raises(LunaError, match="connect") as failure:
            await backend.open(OutRequest("GET", "https://chat.example/"))
    assert failure.value.kind is Kind.UPSTREAM_BROKEN


async def test_another_key_is_refused_before_anything_is_done() -> None:
    async with chain(response(b"hello"), key="another") as c:
        with pytest.raises(LunaError, match="its key is another one") as failure:
            await c.backend.open(OutRequest("POST", c.site.url, body=b"x" * 200_000))
        assert failure.value.kind is Kind.UPSTREAM_BROKEN
        assert "another" not in failure.value.hint
        assert c.site.accepted == 0


async def test_a_luna_without_a_key_is_no_worker() -> None:
    async with aclosing(PoolBackend()) as pool, running_worker(["http://x"], pool, key="") as worker:
        with pytest.raises(LunaError, match="it is no worker"):
            await WorkerBackend(pool, worker=worker.url, name="w1", key="").open(OutRequest("GET", "http://x/"))


async def test_it_does_not_go_anywhere_else() -> None:
    async with chain(response(b"hello")) as c, RawServer(response(b"secret")) as inside:
        for url in (inside.url, "http://169.254.169.254/latest/meta-data", "https://example.com/", "ftp://x/", "x"):
            with pytest.raises(LunaError, match="does not go to") as failure:
                await c.backend.open(OutRequest("GET", url))
            assert failure.value.kind is Kind.FORBIDDEN
        assert (c.site.accepted, inside.accepted) == (0, 0)


@pytest.mark.parametrize(
    "answer",
    [
        response(b"the-secret-of-the-machine"),
        response(b"", headers=[f"{OUTCOME}: the-secret-of-the-machine"]),
        response(b"", headers=[f"{OUTCOME}: e30="]),
        response(b"the-secret-of-the-machine", status=500),
        response(b"", status=302, headers=["location: http://127.0.0.1:1/the-secret-of-the-machine"]),
        b"-ERR the-secret-of-the-machine\r\n\r\n",
    ],
)
async def test_what_is_no_worker_is_not_repeated_and_not_followed(answer: bytes) -> None:
    async with RawServer([answer, Close()]) as server, aclosing(PoolBackend()) as pool:
        backend = WorkerBackend(pool, worker=server.url, name="w1", key=KEY)
        with pytest.raises(LunaError) as failure:
            await backend.open(OutRequest("GET", "https://chat.example/"))
        assert failure.value.kind is Kind.UPSTREAM_BROKEN
        assert "secret" not in f"{failure.value!r} {failure.value.told} {failure.value.detail}"
        assert len(server.heard) == 1


async def test_its_address_is_all_that_is_told() -> None:
    told = response(b'{"ip": "203.0.113.9", "secret": "of the machine"}')
    others = response(b"the secret of the machine"), response(b"", status=302, headers=["location: /"])
    answers: list[tuple[int, bytes]] = []
    async with (
        RawServer(told, *others) as ip,
        aclosing(PoolBackend()) as pool,
        running_worker([], pool, ip_url=lambda: ip.url) as worker,
    ):
        for _ in range(3):
            key = ("Authorization", f"Bearer {KEY}")
            answer = await pool.open(OutRequest("GET", f"{worker.url}/worker/egress-ip", (key,)))
            answers.append((answer.status, await read(answer)))
    assert answers[0] == (200, b'{"ip":"203.0.113.9"}')
    assert [status for status, _ in answers] == [200, 502, 502]
    assert not any(b"secret" in body for _, body in answers)


OTHERS = [
    ("GET", "/worker/exchange", 404),
    ("POST", "/worker/egress-ip", 404),
    ("GET", "/worker/", 404),
    ("POST", "/worker/exchange", 400),
]


@pytest.mark.parametrize(("method", "path", "status"), OTHERS)
async def test_nothing_else_is_there(method: str, path: str, status: int) -> None:
    async with aclosing(PoolBackend()) as pool, running_worker([], pool) as worker:
        for authorization, expected in ((f"Bearer {KEY}", status), ("Bearer x", 401), (f"Basic {KEY}", 401), ("", 401)):
            headers = (("Authorization", authorization),) if authorization else ()
            answer = await pool.open(OutRequest(method, f"{worker.url}{path}", headers))
            await read(answer)
            assert answer.status == expected
