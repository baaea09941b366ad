"""A worker luna on a real server: `async with running_worker(…) as worker`, then go through `worker.url`."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import anyio
from starlette.types import ASGIApp

from luna.server.app import App
from luna.server.embedded import embedded_server
from luna.server.worker import WorkerSide
from luna.upstream.exchange import Backend
from tests.support.ports import free_port

KEY = "the-key-of-the-worker"


@dataclass
class RunningWorker:
    """It, and where it listens."""

    url: str
    side: WorkerSide


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The URL of a real server for an ASGI application."""
    port = free_port()
    server = embedded_server(cast("App", app), "127.0.0.1", port)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        with anyio.fail_after(5):
            while True:
                try:
                    await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                except OSError:
                    await anyio.sleep(0.002)
                else:
                    break
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stop()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def running_worker(
    sites: Iterable[str], backend: Backend, *, key: str = KEY, ip_url: Callable[[], str] = lambda: "http://127.0.0.1:1/"
) -> AsyncIterator[RunningWorker]:
    """A worker for these sites that goes out by `backend`. What still runs at the end is broken off."""
    side = WorkerSide(key=key, sites=sites, backend=backend, ip_url=ip_url)
    async with serving(side) as url:
        try:
            yield RunningWorker(url, side)
        finally:
            side.end()
