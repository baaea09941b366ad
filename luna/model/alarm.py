"""A timer that seldom rings: for patience with the network, and for looking at a client once in a while (ADR 0023);
the tasks that such a timer begins (ADR 0030); and what is done while there is nothing else to do (ADR 0038).

Owns the use of the event loop's own timers and tasks. A cancel scope around each read costs more than the read; an
alarm costs two assignments, because what is armed stays armed: it looks, when it would ring, whether it still should.
A task group must be entered before anybody knows whether there will be a task, and most often there is none.
"""

import asyncio  # noqa: TID251 - anyio has timers only in cancel scopes
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

log = logging.getLogger("luna.alarm")

T = TypeVar("T")


def _nobody() -> None:
    pass


class Alarm:
    """Calls `ring`, in the event loop, when it was set so many seconds ago and neither set anew nor put off since.
    It belongs to one event loop. Close it when it is of no use any more: else it lives until it would have rung."""

    __slots__ = ("_due", "_loop", "_ring", "_timer")

    def __init__(self, ring: Callable[[], object]) -> None:
        self._ring = ring
        self._due = math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Alarm {'set' if self.pending else 'off'}>"

    def set(self, seconds: float) -> None:
        """Ring so many seconds from now. Call it within the event loop."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        self._due = due = loop.time() + seconds
        timer = self._timer
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timer = loop.call_at(due, self._look)

    def set_at_most(self, seconds: float) -> float:
        """Ring so many seconds from now, unless it is to ring before that. Returns that moment, for `until`. Call it
        within the event loop."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if due < self._due:
            self.set(seconds)
        return due

    def until(self, moment: float) -> float:
        """Seconds from now to that moment."""
        return moment - self._loop.time() if self._loop is not None else math.inf

    @property
    def pending(self) -> bool:
        """It is set, and has not rung."""
        return self._due != math.inf

    @property
    def left(self) -> float:
        """Seconds until it rings: infinitely many when it is not set."""
        return self._due - self._loop.time() if self._loop is not None else math.inf

    def off(self) -> None:
        """Do not ring."""
        self._due = math.inf

    def close(self) -> None:
        """Never ring again, and let go of everything: whom it would have called mostly has it."""
        self._due, self._ring = math.inf, _nobody
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._loop is None or self._due == math.inf:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._due = math.inf
            self._ring()


class Patience(Alarm):
    """Ends a wait of the task that makes it, by cancellation, when it rings: where no scope is open yet that would have
    to be told. Whoever waits asks `over` of each cancellation whether it was this."""

    __slots__ = ("_task",)

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "only a task can wait"
        # As `Alarm` has it: one for each request, so it is not called for that.
        self._ring, self._due, self._loop, self._timer = task.cancel, math.inf, loop, None
        self._task = task

    def over(self) -> bool:
        """True when it rang and nobody else has cancelled the task, which is then not cancelled any more."""
        return not self.pending and not self._task.uncancel()


def soon(work: Callable[[], object]) -> None:
    """Have it done as soon as whoever runs now waits for something, the network for instance. Only for what those who
    need it do themselves where it has not been done yet: if it fails, it is theirs to fail. Call it within the event
    loop."""
    asyncio.get_running_loop().call_soon(_try, work)


def _try(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception as error:  # whatever it is, whoever needs the work meets it again
        log.debug("left to whoever needs it: %s: %s", type(error).__name__, error)


class Soon(Generic[T]):
    """Something that is made as soon as whoever runs now waits (`soon`), and at the latest when it is asked for."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make
        self._made: T
        soon(self)

    def __repr__(self) -> str:
        return "<Soon>" if self._make is not None else f"<Soon {self._made!r}>"

    def __call__(self) -> T:
        """It. Raises what making it raises, each time until it is made."""
        if self._make is not None:
            self._made = self._make()
            self._make = None
        return self._made


class Beside:
    """Tasks that begin, now and then, while another is at its work, and end with it. When one fails, `failed` is called
    to have the work come to an end."""

    __slots__ = ("_failed", "error", "tasks")

    def __init__(self, failed: Callable[[], object]) -> None:
        self._failed = failed
        self.tasks: set[asyncio.Task[None]] = set()
        """Those that go on. As long as there are none there is nothing to close."""
        self.error: BaseException | None = None
        """What the first one that failed has raised."""

    def __repr__(self) -> str:
        return f"<Beside {len(self.tasks)} tasks>"

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begin one. Call it within the event loop."""
        task = asyncio.get_running_loop().create_task(_worked(work))
        self.tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.error = self.error or error
            self._failed()

    async def close(self) -> None:
        """Cancel those that go on, and wait for their end. Shield it."""
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)


async def _worked(work: Callable[[], Awaitable[None]]) -> None:
    await work()
