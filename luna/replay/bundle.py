"""One flow in one file, for somebody else's machine: what is in a bundle, and how it is made.

Owns the form. A bundle is a zip of `bundle.json` (what it is), `recording.jsonl`, `run.json`, `log.json`,
`settings.json` and the files of the configuration below `config/`. All of it is about nobody (`luna.replay.anonymous`),
and nothing is made when a secret is still in it. How one is read is `luna.replay.unpack`.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from luna.config.files import Files
from luna.replay import fixture
from luna.replay.anonymous import Anonymity, anonymous
from luna.replay.machine import Versions
from luna.state.log_archive import LogEntry
from luna.state.run import RunRecord
from luna.wire.reader import Recording
from luna.wire.writing import lines_of

FORMAT = 1
ABOUT, RECORDING, RUN, LOG, SETTINGS = "bundle.json", "recording.jsonl", "run.json", "log.json", "settings.json"
CONFIG = "config/"
_WHEN = (2020, 1, 1, 0, 0, 0)
"""Every file's date: the same flow makes the same bundle."""


class About(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a bundle says of itself."""

    format: int
    flow: str
    versions: Versions
    recorded_by: str
    """The luna that made the recording."""
    snapshot: str
    """Digest of the configuration that the flow was born under."""
    same_configuration: bool
    """Whether the files are those."""


@dataclass(frozen=True)
class Contents:
    """Everything that goes into one. `secrets` must not be in it in any spelling; `places` and `names` are what this
    machine calls itself, and become something else."""

    recording: Recording
    files: Files
    digest: str
    """Of the configuration that `files` are."""
    versions: Versions
    run: RunRecord | None = None
    log: Sequence[LogEntry] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Sequence[str] = ()
    places: Sequence[str] = ()
    names: Sequence[str] = ()


def pack(contents: Contents) -> bytes:
    """The bundle. Blocks. Raises LunaError(FORBIDDEN) with the place when a secret would be in it."""
    files, unnamed = _files(contents)
    fixture.check_secrets([*contents.secrets, *contents.places], files)
    fixture.check_secrets(contents.secrets, {}, unnamed)  # an answer that names a folder is none the worse for it
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _WHEN), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _files(contents: Contents) -> tuple[dict[str, bytes], Recording]:
    """What it holds, and the recording in it."""
    recording = contents.recording
    who = Anonymity(recording, contents.secrets, places=contents.places, names=contents.names)
    kept: dict[str, bytes] = {}
    rest: dict[str, bytes] = {}
    if contents.run is not None:
        rest[RUN] = msgspec.json.encode(contents.run)
    rest[LOG] = msgspec.json.encode(contents.log)
    rest[SETTINGS] = msgspec.json.format(msgspec.json.encode(contents.settings), indent=2)
    rest |= {f"{CONFIG}{name}": data for name, data in _configuration(contents.files)}
    for data in rest.values():
        who.learn(data)
    unnamed = anonymous(recording, who=who)
    about = About(
        format=FORMAT,
        flow=recording.head.flow,
        versions=contents.versions,
        recorded_by=recording.head.luna,
        snapshot=recording.head.snapshot,
        same_configuration=recording.head.snapshot == contents.digest,
    )
    kept[ABOUT] = msgspec.json.format(msgspec.json.encode(about), indent=2)
    kept[RECORDING] = b"".join(lines_of(unnamed))
    for name, data in rest.items():
        kept[name] = who.data(data)
    return kept, unnamed


def _configuration(files: Files) -> Iterable[tuple[str, bytes]]:
    """routes.yaml is called so, whatever it was called. Code is left out: whoever opens a bundle must not run it."""
    if not files.routes.problem:
        yield "routes.yaml", files.routes.data
    for file in (*files.pipelines, *files.prompts):
        if not file.problem:
            yield file.name, file.data
