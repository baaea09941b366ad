"""Runs the process: granian embedded, the watch on the configuration, signals, and the drain.

Owns starting and ending. granian's embedded server is never cancelled (that would leave its port
open): it is told to stop, and what still runs after the grace period is ended by luna itself.
"""

import gc
import logging
import signal
import socket
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup
from granian.server.embed import Server

from luna.server.assemble import House
from luna.server.embedded import embedded_server

log = logging.getLogger("luna.server")

YOUNG = 10_000
"""Objects that may be made before the collector looks at them: Python's own 700 are there several times a request."""


class BindError(Exception):
    """The address cannot be listened on."""


def resolve(host: str, port: int) -> str:
    """`host` as the IP literal granian wants, tried out by binding. Raises BindError with a sentence."""
    try:
        plain = host.encode() if host.isascii() else host  # as bytes it needs no tables of Unicode
        family, _, _, _, address = socket.getaddrinfo(plain, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address[:2])
    except OSError as error:
        raise BindError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return str(address[0])


async def supervise(house: House, *, announce: Callable[[], None], grace: float = 20.0) -> int:
    """Serve until a signal says stop, then drain. Returns the process's exit code: 0, or 1 when the server died
    unasked. The first INT or TERM drains for `grace` seconds, a second one stops at once; HUP reloads the YAML."""
    settings = house.settings
    server = embedded_server(house.app, resolve(settings.host, settings.port), settings.port)
    stopping = anyio.Event()
    gc.freeze()  # what is here now stays, and need not be looked at again
    gc.set_threshold(YOUNG, 20, 20)
    gc.enable()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.config.watch)
        tasks.start_soon(_obey_signals, house, stopping, tasks, grace)
        tasks.start_soon(_stop_when_told, server, stopping)
        announce()
        await server.serve()
        if not stopping.is_set():
            log.error("the server ended by itself")
        tasks.cancel_scope.cancel()
    return 0 if stopping.is_set() else 1


async def _obey_signals(house: House, stopping: anyio.Event, tasks: TaskGroup, grace: float) -> None:
    asked = 0
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for received in signals:
            if received == signal.SIGHUP:
                tasks.start_soon(house.config.reload)
                continue
            asked += 1
            if asked == 1:
                log.info("%s: draining %d flows for up to %.0f s", received.name, len(house.live), grace)
                tasks.start_soon(_drain, house, stopping, grace)
            else:
                log.warning("%s again: stopping now", received.name)
                tasks.start_soon(_drain, house, stopping, 0.0)


async def _drain(house: House, stopping: anyio.Event, grace: float) -> None:
    ended = await house.live.drain(grace)
    if ended:
        log.warning("%d flows had to be ended", ended)
    house.hang_up()
    stopping.set()


async def _stop_when_told(server: Server, stopping: anyio.Event) -> None:
    await stopping.wait()
    server.stop()  # type: ignore[no-untyped-call]
