"""Reads a bundle that somebody sent.

Owns what is believed of it: nothing. Names are taken from a list of allowed ones, sizes are counted while they are
read, and nothing is ever unpacked by a name that the file chose. What is in it is `luna.replay.bundle`'s.
"""

import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from luna.model.errors import Kind, LunaError
from luna.replay.bundle import ABOUT, CONFIG, FORMAT, LOG, RECORDING, RUN, SETTINGS, About
from luna.state.log_archive import LogEntry
from luna.state.run import RunRecord
from luna.wire.reader import Recording, read

T = TypeVar("T")

LARGEST = 128 * 1024 * 1024
"""Bytes of a bundle, and of all that is in it together."""
MOST = 1000
"""Files in it."""
_PIECE = 64 * 1024
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_CONFIG = re.compile(
    rf"config/(?:routes\.yaml|pipelines/{_PART}\.ya?ml|prompts/(?:{_PART}/){{0,8}}{_PART}\.md)", re.ASCII
)
_FLOW = re.compile(r"flow_[\w-]{1,59}", re.ASCII)
_PLAIN = frozenset({ABOUT, RECORDING, RUN, LOG, SETTINGS})


@dataclass(frozen=True)
class Bundle:
    """What was in it."""

    about: About
    recording: Recording
    lines: bytes
    """The recording as it stands there."""
    run: RunRecord | None
    log: list[LogEntry]
    settings: dict[str, Any]
    config: dict[str, bytes]
    """By name, relative to the folder of routes.yaml."""


def unpack(path: Path) -> Bundle:
    """Read all of it into memory. Blocks. Raises LunaError(BAD_REQUEST) for what is no bundle, OSError."""
    if path.stat().st_size > LARGEST:
        raise _refused(f"it is larger than {LARGEST // 1024 // 1024} MiB")
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                files = _read(archive)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OSError) as error:
            raise _refused(f"it is no zip file that can be read ({str(error)[:200]})") from error
    for name in (ABOUT, RECORDING):
        if name not in files:
            raise _refused(f"there is no {name} in it")
    about = _decoded(files, ABOUT, About)
    if about.format != FORMAT:
        raise _refused(f"it has format {about.format}, and this luna reads {FORMAT}")
    recording = read(files[RECORDING].splitlines(keepends=True))
    run = _decoded(files, RUN, RunRecord) if RUN in files else None
    flows = {recording.head.flow, about.flow, *([run.id, run.recording] if run is not None else [])}
    if len(flows) != 1 or not _FLOW.fullmatch(about.flow):
        raise _refused("it is not about one flow")
    return Bundle(
        about,
        recording,
        files[RECORDING],
        run,
        _decoded(files, LOG, list[LogEntry]) if LOG in files else [],
        _decoded(files, SETTINGS, dict[str, Any]) if SETTINGS in files else {},
        {name.removeprefix(CONFIG): data for name, data in files.items() if name.startswith(CONFIG)},
    )


def _read(archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MOST:
        raise _refused(f"there are more than {MOST} files in it")
    left = LARGEST
    files: dict[str, bytes] = {}
    for entry in entries:
        name = entry.filename
        if name not in _PLAIN and not _CONFIG.fullmatch(name):
            raise _refused(f"there is a file {name[:80]!r} in it, which no bundle has")
        if name in files:
            raise _refused(f"there are two files {name[:80]!r} in it")
        if entry.flag_bits & 0x1:
            raise _refused("it is encrypted")
        files[name] = _bounded(archive, entry, left)
        left -= len(files[name])
    return files


def _bounded(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    """However small it says that it is."""
    pieces: list[bytes] = []
    with archive.open(entry) as file:
        while piece := file.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise _refused(f"there are more than {LARGEST // 1024 // 1024} MiB in it")
            pieces.append(piece)
    return b"".join(pieces)


def _decoded(files: dict[str, bytes], name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(files[name], type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(f"{name} cannot be read: {str(error)[:200]}") from error


def _refused(why: str) -> LunaError:
    return LunaError(
        Kind.BAD_REQUEST,
        f"That is no bundle of luna's: {why}.",
        hint="`luna bundle FLOW` makes one; ask for it again.",
    )
