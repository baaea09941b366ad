"""Only one process at a time may change a data directory.

Owns the lock: `.lock` in the directory, held by the operating system for as long as the process lives, so that a
killed one leaves nothing to clear away. Two that wrote there at once would each undo what the other has written.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InUse(OSError):
    """Another process works in the directory."""


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """The directory is this process's for as long as the block runs; it is made where there is none. Raises InUse,
    OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"Another luna works in {directory}. Stop it first.") from None
        yield
    finally:
        os.close(descriptor)
