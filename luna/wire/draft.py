"""Brings lines to disk, in one thread, without ever making a flow wait.

Owns the thread, the temporary files and what happens when the disk refuses. Knows neither the
policy nor what the lines say.
"""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

log = logging.getLogger("luna.recordings")

BACKLOG = 64 * 1024 * 1024
"""Bytes that may wait for the disk; recordings beyond that are dropped."""
GATHER_SECONDS = 0.05
"""How long the first job waits for others: a thread that woke for each would take the interpreter away from the flows
each time."""
_PRESSING = 4 * 1024 * 1024
"""Bytes that are not kept waiting."""
_CLOSE_SECONDS = 10.0
_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC

Job = Callable[[], None]


class Writer:
    """One thread that runs jobs in order; it starts with the first."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._closed = False
        # Each is changed by one thread only: the first by the flows', the second by the writer.
        self._taken = 0
        self._done = 0

    def __repr__(self) -> str:
        state = "closed" if self._closed else "running" if self._thread else "idle"
        return f"<Writer {state} waiting={self.waiting} bytes>"

    @property
    def waiting(self) -> int:
        """Bytes that were handed over and are not on disk yet."""
        return self._taken - self._done

    def put(self, job: Job, size: int) -> bool:
        """Run `job` soon. False, and it will not be run, when too much is waiting or the writer has been closed."""
        if self._closed or (size and self.waiting + size > BACKLOG):
            return False
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
            self._thread.start()
        self._taken += size
        self._jobs.put(lambda: self._account(job, size))
        if self.waiting > _PRESSING:
            self._hurry.set()
        return True

    def flush(self) -> None:
        """Return when every job put so far has run."""
        done = threading.Event()
        if self.put(done.set, 0):
            self._hurry.set()
            done.wait()

    def close(self) -> None:
        """Run what is waiting, then stop."""
        self._closed = True
        if self._thread is not None:
            self._jobs.put(None)
            self._hurry.set()
            self._thread.join(_CLOSE_SECONDS)

    def _account(self, job: Job, size: int) -> None:
        try:
            job()
        finally:
            self._done += size

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            self._hurry.wait(GATHER_SECONDS)
            self._hurry.clear()
            try:
                while job is not None:
                    job()
                    job = self._jobs.get_nowait()
                return
            except Empty:
                pass


class Draft:
    """A recording on its way to disk: a `Sink`. It becomes a file of its name when it is finished and kept."""

    def __init__(
        self, folder: Path, name: str, writer: Writer, *, keep_always: bool, kept: Callable[[str, int], None]
    ) -> None:
        """`kept` is told, in the writer's thread, the name and the size of a recording that has got its name."""
        self._folder = folder
        self._name = name
        self._part = f"{folder}/{name.removesuffix('.jsonl')}.part"
        self._writer = writer
        self._keep_always = keep_always
        self._kept = kept
        self._spilled = False
        self._lost = False
        self._file: int | None = None
        self._size = 0

    def __repr__(self) -> str:
        return f"<Draft {self._name} {'lost' if self._lost else f'{self._size} bytes'}>"

    def spill(self, lines: list[bytes]) -> None:
        """Write these lines; more will follow."""
        self._spilled = True
        self._put(lines, self._append)

    def finish(self, lines: list[bytes], outcome: str) -> None:
        """Write the last lines and keep the file, or drop everything."""
        if self._keep_always or outcome == "failed":
            self._put(lines, self._publish)
        elif self._spilled:
            self._writer.put(self._drop, 0)

    def _put(self, lines: list[bytes], write: Callable[[bytes], None]) -> None:
        size = sum(map(len, lines))
        if not self._writer.put(lambda: self._try(write, lines), size):
            self._lose("the disk is too slow, or luna is shutting down")
            self._writer.put(self._drop, 0)

    # In the writer's thread.

    def _try(self, write: Callable[[bytes], None], lines: list[bytes]) -> None:
        if self._lost:
            return
        try:
            write(b"\n".join([*lines, b""]))
        except OSError as error:
            self._lose(error.strerror or type(error).__name__)
            self._drop()

    def _append(self, data: bytes) -> None:
        if self._file is None:
            try:
                self._file = os.open(self._part, _NEW_FILE, 0o600)
            except FileNotFoundError:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._file = os.open(self._part, _NEW_FILE, 0o600)
        self._size += len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def _publish(self, data: bytes) -> None:
        self._append(data)
        self._close()
        Path(self._part).rename(f"{self._folder}/{self._name}")
        self._kept(self._name, self._size)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _drop(self) -> None:
        with suppress(OSError):
            self._close()
            Path(self._part).unlink(missing_ok=True)

    def _lose(self, why: str) -> None:
        if not self._lost:
            self._lost = True
            log.warning("A recording was lost (%s): %s.", self._name, why)
