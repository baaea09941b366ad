"""Where tasks and threads are, read off their frames: file, line and function of each, never a value.

Owns the way from a task to the innermost place that it waits at: through coroutines, and through the generators that
they iterate over, which nothing but the garbage collector's references leads to. Which flow a task works for is told
by the `flow` in its own frames.
"""

import gc
import inspect
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from types import FrameType
from typing import Any

from anyio import TaskInfo

from luna.core.flow import Flow

DEEPEST = 60
"""Frames of one stack, from the outermost."""
_MARKS = ("site-packages", "lib-dynload")


def frames_of(task: TaskInfo) -> list[FrameType]:
    """The frames of a task that waits, the outermost first."""
    found: list[FrameType] = []
    at: Any = getattr(task, "coro", None)
    while at is not None and len(found) < DEEPEST:
        frame, inner = _step(at)
        if frame is not None:
            found.append(frame)
        at = inner
    return found


def _step(at: Any) -> tuple[FrameType | None, Any]:
    """The frame of something that may be awaited, and what it awaits."""
    if inspect.iscoroutine(at):
        return at.cr_frame, at.cr_await
    if inspect.isasyncgen(at):
        return at.ag_frame, at.ag_await
    if inspect.isgenerator(at):
        return at.gi_frame, at.gi_yieldfrom
    led = (one for one in gc.get_referents(at) if inspect.isasyncgen(one) or inspect.iscoroutine(one))
    return None, next(led, None)


def flow_of(frames: Sequence[FrameType]) -> Flow | None:
    """The flow that is worked for there."""
    for frame in frames:
        values = frame.f_locals
        for one in (values.get("flow"), getattr(values.get("self"), "_flow", None)):
            if isinstance(one, Flow):
                return one
    return None


def places(frames: Sequence[FrameType]) -> list[str]:
    """`luna/core/engine.py:84 run`, and so on."""
    return [f"{_short(frame.f_code.co_filename)}:{frame.f_lineno} {frame.f_code.co_qualname}" for frame in frames]


def threads() -> Iterator[tuple[str, list[str]]]:
    """Every thread by its name, and where it is, the outermost place first."""
    now = sys._current_frames()
    for thread in threading.enumerate():
        frame, found = now.get(thread.ident or 0), list[FrameType]()
        while frame is not None and len(found) < DEEPEST:
            found.append(frame)
            frame = frame.f_back
        yield thread.name, places(found[::-1])


def _short(name: str) -> str:
    """A file without what is this machine's: from its package on."""
    parts = PurePath(name).parts
    for mark in _MARKS:
        if mark in parts:
            return "/".join(parts[parts.index(mark) + 1 :])
    if "luna" in parts:
        last = len(parts) - 1 - parts[::-1].index("luna")
        return "/".join(parts[last:])
    return "/".join(parts[-2:])
