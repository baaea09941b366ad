"""What runs beside the requests for as long as the process does.

Owns the one task group of all of it: a task that fails is named and begun again after a while, so that a full disk in
the one does not end the other. What the tasks do belongs to whoever they are.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from luna.model.errors import LunaError

log = logging.getLogger("luna.server.background")

AGAIN = 60.0
"""Seconds after which a task that failed is begun again."""


class Background:
    """Starts tasks that are to run until the end."""

    def __init__(self, tasks: TaskGroup) -> None:
        self.tasks = tasks
        self._names: list[str] = []

    def __repr__(self) -> str:
        return f"<Background {', '.join(self._names)}>"

    def keep(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Run something that ends only by being cancelled."""
        self._names.append(name)
        self.tasks.start_soon(self._keep, name, work, AGAIN, name=name)

    def repeat(self, name: str, every: float, work: Callable[[], Awaitable[object]]) -> None:
        """Do something every so many seconds."""
        self._names.append(name)
        self.tasks.start_soon(self._repeat, name, every, work, name=name)

    async def _keep(self, name: str, work: Callable[[], Awaitable[object]], pause: float) -> None:
        while True:
            try:
                await work()
            except (LunaError, OSError) as error:
                log.error("%s had to stop and begins again in %.0f s: %s", name, pause, error)
            await anyio.sleep(pause)

    async def _repeat(self, name: str, every: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            await anyio.sleep(every)
            try:
                await work()
            except (LunaError, OSError) as error:
                log.error("%s did not work this time: %s", name, error)


@asynccontextmanager
async def background() -> AsyncIterator[Background]:
    """The task group; it is cancelled at the end of the block. What the block raises comes out as it is."""
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield Background(tasks)
        except Exception as error:  # carried out of the task group, which would wrap it
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
