"""Replays in a running luna: in a thread with a loop of its own, within a time, without a word in the log.

Owns that nothing of a replay is felt or seen by those whose requests are served meanwhile (ADR 0022). A stage that
pauses before it tries again does so by its `sleep`; here no time passes.
"""

import copy
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
from msgspec.structs import replace

from luna.core.snapshot import BoundStage, Pipeline, Snapshot

T = TypeVar("T")

_ONE = anyio.CapacityLimiter(1)
"""One replay at a time in a process: the second core belongs to the requests."""
_silent: set[int] = set()


async def aside(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives, awaited in a worker thread on a loop of its own. It has to end by itself. Raises as it
    does."""
    return await anyio.to_thread.run_sync(_run, work, limiter=_ONE)


def _run(work: Callable[[], Awaitable[T]]) -> T:
    async def awaited() -> T:
        return await work()

    with silence():
        return anyio.run(awaited)


@contextmanager
def silence() -> Iterator[None]:
    """What is logged in this thread meanwhile is not heard: it is about a flow that was told of already."""
    own = threading.get_ident()
    handlers = [*logging.getLogger("luna").handlers, *logging.getLogger().handlers]
    _silent.add(own)
    for handler in handlers:
        handler.addFilter(_heard)  # adding it twice adds it once
    try:
        yield
    finally:
        _silent.discard(own)


def _heard(record: logging.LogRecord) -> bool:
    return record.thread not in _silent


def without_pauses(snapshot: Snapshot) -> Snapshot:
    """The same configuration in which nobody waits."""
    pipelines = {name: _hurried(pipeline) for name, pipeline in snapshot.pipelines.items()}
    routes = tuple(replace(route, pipeline=_hurried(route.pipeline)) for route in snapshot.routes)
    return replace(snapshot, pipelines=pipelines, routes=routes)


def _hurried(pipeline: Pipeline) -> Pipeline:
    return replace(pipeline, stages=tuple(_at_once(bound) for bound in pipeline.stages))


def _at_once(bound: BoundStage) -> BoundStage:
    if not hasattr(bound.stage, "sleep"):
        return bound
    hurried = copy.copy(bound.stage)
    hurried.sleep = _no_time
    return replace(bound, stage=hurried)


async def _no_time(_: float) -> None:
    await anyio.lowlevel.checkpoint()
