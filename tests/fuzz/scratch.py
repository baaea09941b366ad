"""A folder for what a reader must find on disk; gone when the process ends. In memory where there is such a place."""

import atexit
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")


def scratch() -> Path:
    """A new one."""
    folder = tempfile.mkdtemp(prefix="luna-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
