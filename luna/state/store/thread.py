"""A thread of its own for one who calls often: it lives as long as its owner, and is asked without ceremony.

Owns the thread and the way there and back. A hop costs one wake of the thread and one of the event loop; that of
`anyio.to_thread` adds a checkpoint, a place in a limiter and a copy of the context to each. Knows nothing of what runs.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue

import anyio
from anyio.lowlevel import current_token

_Job = tuple[Callable[[], object], Callable[[BaseException | None], None]]


class OwnThread:
    """Runs one call after the other; it starts with the first."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<OwnThread {self._name} {'running' if self._thread else 'idle'}>"

    async def run(self, work: Callable[[], object]) -> None:
        """Run `work` there and return when it is done; raises what it raises. Not to be cut short: who is cancelled
        meanwhile hears of it afterwards."""
        loop, over = current_token().native_token, anyio.Event()
        failure: BaseException | None = None

        def done(error: BaseException | None) -> None:
            nonlocal failure
            failure = error
            over.set()

        def tell(error: BaseException | None) -> None:
            try:
                loop.call_soon_threadsafe(done, error)  # type: ignore[attr-defined]
            except RuntimeError:
                if not loop.is_closed():  # type: ignore[attr-defined]
                    raise

        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._jobs.put((work, tell))
        try:
            await over.wait()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await over.wait()
            raise
        if failure is not None:
            raise failure

    def close(self) -> None:
        """End it after what it was asked for. Blocks."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, tell = job
            failure: BaseException | None = None
            try:
                work()
            except BaseException as error:
                failure = error
            tell(failure)
            del job, work, tell, failure
