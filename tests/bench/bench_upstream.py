"""What an exchange costs, luna's connections beside httpcore's own, in one interleaved run.

    python -m tests.bench.bench_upstream

CPU time of this process alone; the server runs in another. The ratios carry over, the figures do not.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpcore
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from luna.upstream.exchange import OutRequest
from luna.upstream.pool import PoolBackend

DELTA = b'data: {"choices":[{"delta":{"role":"assistant","content":"Hello","phase":"answer","status":"typing"}}]}\n\n'
CHUNK = b"%x\r\n%b\r\n" % (len(DELTA), DELTA)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
SHORT = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"ok":true}'
FAST_DELTAS = 20_000
PACED_DELTAS = 40
PACE_SECONDS = 0.05
STREAMS = 100
CONNECTIONS = 256
ROUNDS = 3

Exchange = Callable[[str], Coroutine[Any, Any, None]]


async def serve() -> None:
    """Answer `/short`, `/fast` and `/paced` until killed; the first line of output is the port."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    print(listener.listeners[0].extra(SocketAttribute.local_port), flush=True)
    await listener.serve(_converse)


async def _converse(stream: SocketStream) -> None:
    received = BufferedByteReceiveStream(stream)
    try:
        while True:
            head = await received.receive_until(b"\r\n\r\n", 65536)
            match head.split(b" ", 2)[1]:
                case b"/short":
                    await stream.send(SHORT)
                case b"/fast":
                    await stream.send(STREAM_HEAD)
                    for _ in range(FAST_DELTAS // 100):
                        await stream.send(CHUNK * 100)
                    await stream.send(b"0\r\n\r\n")
                case _:
                    await stream.send(STREAM_HEAD)
                    for _ in range(PACED_DELTAS):
                        await stream.send(CHUNK)
                        await anyio.sleep(PACE_SECONDS)
                    await stream.send(b"0\r\n\r\n")
    except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.IncompleteRead):
        await stream.aclose()


@asynccontextmanager
async def ours(base: str) -> AsyncIterator[Exchange]:
    """luna's pool."""
    backend = PoolBackend(connections=CONNECTIONS)

    async def exchange(path: str) -> None:
        answer = await backend.open(OutRequest("GET", base + path))
        async for _ in answer.chunks():
            pass
        await answer.aclose()

    yield exchange
    await backend.aclose()


@asynccontextmanager
async def theirs(base: str) -> AsyncIterator[Exchange]:
    """httpcore as it comes, with the timeouts that luna sets."""
    timeouts = {"timeout": {"connect": 15.0, "read": 180.0, "write": 180.0}}
    async with httpcore.AsyncConnectionPool(max_connections=CONNECTIONS) as pool:

        async def exchange(path: str) -> None:
            async with pool.stream("GET", base + path, extensions=timeouts) as answer:
                async for _ in answer.aiter_stream():
                    pass

        yield exchange


async def measure(exchange: Exchange) -> dict[str, float]:
    """Microseconds of CPU for each figure."""
    figures: dict[str, float] = {}

    async def timed(name: str, work: Callable[[], Awaitable[None]], units: int) -> None:
        started = time.process_time()
        await work()
        figures[name] = (time.process_time() - started) / units * 1e6

    async def in_turn(times: int) -> None:
        for _ in range(times):
            await exchange("/short")

    async def side_by_side() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(STREAMS):
                group.start_soon(exchange, "/paced")

    await in_turn(20)
    await timed("short request, µs", lambda: in_turn(300), 300)
    await timed("one fast stream, µs/delta", lambda: exchange("/fast"), FAST_DELTAS)
    await timed(f"{STREAMS} paced streams, µs/delta", side_by_side, STREAMS * PACED_DELTAS)
    await timed(f"short request, {STREAMS} idle connections, µs", lambda: in_turn(60), 60)
    return figures


async def compare(port: int) -> None:
    """Rounds of one and the other; medians."""
    runs: dict[str, list[dict[str, float]]] = {"httpcore": [], "luna": []}
    for _ in range(ROUNDS):
        for name, make in (("httpcore", theirs), ("luna", ours)):
            async with make(f"http://127.0.0.1:{port}") as exchange:
                runs[name].append(await measure(exchange))
    print(f"{'':44}{'httpcore':>10}{'luna':>10}{'ratio':>8}")
    for figure in runs["luna"][0]:
        before, after = (statistics.median(run[figure] for run in runs[name]) for name in ("httpcore", "luna"))
        print(f"{figure:44}{before:>10.1f}{after:>10.1f}{before / after:>7.1f}x")


def main() -> None:
    """Start the server in a process of its own, compare, stop it."""
    server = subprocess.Popen([sys.executable, "-m", __spec__.name, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        anyio.run(compare, int(server.stdout.readline()), backend_options={"use_uvloop": True})
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        anyio.run(serve, backend_options={"use_uvloop": True})
    else:
        main()
