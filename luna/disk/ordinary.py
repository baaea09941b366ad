"""The way to write a file that a person edits too.

Owns survival and manners: a write is a new file that takes the old one's place, with its permissions and, where that
is allowed, its owner; a link stays a link, and what it leads to is written. A file that is mounted by itself cannot be
replaced and is written in place. Knows nothing of what the files say; synchronous.
"""

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Put a file in its place, durably, be it the first of its name; folders that are missing are made. Raises OSError,
    and then the file is as it was."""
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    # The name begins with a dot and ends like no file of a configuration: who watches the folder does not look at it.
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            _dress(file.fileno(), target)
            os.fsync(file.fileno())
        try:
            fresh.replace(target)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            _write_in_place(target, data)
    finally:
        fresh.unlink(missing_ok=True)
    _sync(target.parent)


def remove(path: Path) -> None:
    """Delete a file, or the link in its place. Raises OSError."""
    path.unlink()
    _sync(path.parent)


def writable(path: Path) -> bool:
    """True when `write` can be expected to work."""
    target = Path(os.path.realpath(path))
    if target.exists() and not os.access(target, os.W_OK):
        return False
    folder = next((each for each in target.parents if each.exists()), target)
    return os.access(folder, os.W_OK | os.X_OK)


def _dress(descriptor: int, target: Path) -> None:
    """Permissions and owner as the file has them; a new one may be read by whoever may read its folder."""
    try:
        old = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, stat.S_IMODE(target.parent.stat().st_mode) & 0o644)
        return
    new = os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        with suppress(PermissionError):  # only root may give a file away
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _write_in_place(target: Path, data: bytes) -> None:
    with target.open("r+b") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """Make the renames last."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
