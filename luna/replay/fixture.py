"""A flow kept as a fixture: a folder that the test suite replays, `fixtures/wire/NAME/`.

Owns what is in it (`recording.jsonl`, about nobody, and the golden outputs `events.jsonl` and `client.http`), how it is
made of a recording, and how it is checked. What stands in the recording is what a replay made of the flow when it was
kept, so that a fixture is true to itself: whatever comes out differently later is a change.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from luna.core.snapshot import Snapshot
from luna.model.errors import Kind, LunaError
from luna.replay.anonymous import anonymous
from luna.replay.minimise import Shortened, Trait, same_divergence, same_outcome, shortest, trait_of
from luna.replay.rerun import replay, rerun
from luna.wire import canaries
from luna.wire.diff import first_divergence
from luna.wire.reader import Recording, read

RECORDING, EVENTS, CLIENT = "recording.jsonl", "events.jsonl", "client.http"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)


@dataclass(frozen=True)
class Made:
    """A fixture that is not on disk yet."""

    name: str
    files: Mapping[str, bytes]
    trait: Trait
    shortened: Shortened | None = None


async def make(
    recording: Recording,
    snapshot: Snapshot,
    name: str,
    *,
    minimise: bool = False,
    against: Snapshot | None = None,
    secrets: Iterable[str] = (),
) -> Made:
    """Make one of a flow. `minimise` looks for the shortest stream that shows the same: that `against` makes something
    else of it than `snapshot`, where that is given and so; else how it ends. Raises LunaError: BAD_REQUEST for a name
    or a recording that cannot be one, FORBIDDEN when a secret would be in it."""
    known = tuple(secrets)
    check_name(name)
    check_complete(recording)
    plain, _ = await rerun(recording, snapshot)
    unnamed = anonymous(recording, known)
    done = await replay(unnamed, snapshot)
    if trait_of(done.after) != trait_of(plain):
        raise LunaError(
            Kind.CONFLICT,
            "Without names and ids the flow comes out differently, so it cannot be kept.",
            hint="Keep the recording itself, or say what it shows with a flow that holds nothing personal.",
        )
    trait, shortened = trait_of(done.after), None
    if minimise:
        trait, shortened = await _shortened(unnamed, snapshot, against)
        done = await replay(shortened.recording, snapshot)
    files = {RECORDING: b"".join(line.rstrip(b"\n") + b"\n" for line in done.lines)} | outputs(done.after)
    again, _ = await rerun(read(files[RECORDING].splitlines()), snapshot)
    if (difference := first_divergence(done.after, again)) is not None:
        raise LunaError(
            Kind.CONFLICT,
            f"The flow does not come out the same twice: {difference.boundary}.",
            hint="`luna replay` shows where; a stage that is not deterministic cannot be pinned.",
        )
    check_secrets(known, {f"{name}/{file}": data for file, data in files.items()}, done.after)
    return Made(name, files, trait, shortened)


async def _shortened(recording: Recording, snapshot: Snapshot, against: Snapshot | None) -> tuple[Trait, Shortened]:
    if against is not None:
        trait, shows = await same_divergence(recording, snapshot, against)
        if trait is not None:
            return trait, await shortest(recording, shows)
    trait, shows = await same_outcome(recording, snapshot)
    return trait, await shortest(recording, shows)


def outputs(recording: Recording) -> dict[str, bytes]:
    """The golden outputs: what the far end made of the upstream's bytes, and what the client got."""
    batches = next(iter(recording.events.values()), [])
    events = [msgspec.json.encode(event) for batch in batches for event in batch]
    if recording.failure is not None:
        events.append(msgspec.json.encode({"failed": recording.failure.kind, "at": recording.failure.stage}))
    headers = "".join(f"{name}: {value}\n" for name, value in recording.headers)
    return {
        EVENTS: b"".join(line + b"\n" for line in events),
        CLIENT: f"{recording.status}\n{headers}\n".encode() + recording.answer,
    }


def check_name(name: str) -> None:
    """Raises LunaError(BAD_REQUEST)."""
    if not NAME.fullmatch(name):
        raise LunaError(
            Kind.BAD_REQUEST,
            f"{name[:80]!r} is no name for a fixture.",
            hint="Use letters, digits, '.', '_' and '-'; begin with a letter or a digit.",
            param="name",
        )


def check_complete(recording: Recording) -> None:
    """Raises LunaError(BAD_REQUEST) for a recording of which something is missing."""
    end = recording.end
    if recording.truncated or end is None or end.left_out or end.fault:
        raise LunaError(
            Kind.BAD_REQUEST,
            "The recording is not complete, so a replay of it would show something else.",
            hint="It was cut when its budget was used up, or the process ended. Record the flow again.",
        )
    if recording.client is None:
        raise LunaError(Kind.BAD_REQUEST, "The recording holds no client request.", hint="It was cut at its start.")


def check_secrets(secrets: Iterable[str], files: Mapping[str, bytes], recording: Recording | None = None) -> None:
    """The last look before anything leaves. Raises LunaError(FORBIDDEN) with the place, never with the secret."""
    looked_at = dict(files)
    if recording is not None:  # a stream may spell it out in pieces
        for boundary, batches in recording.events.items():
            said = "".join(getattr(e, "text", "") or getattr(e, "json", "") for batch in batches for e in batch)
            looked_at[f"the events of {boundary}, put together"] = said.encode("utf-8", "surrogatepass")
    leak = canaries.find(secrets, looked_at)
    if leak is not None:
        raise LunaError(
            Kind.FORBIDDEN,
            f"A secret of the running configuration stands in {leak}. Nothing was written.",
            hint="Somebody put it into a prompt or an answer; record a flow without it.",
        )


def write(made: Made, folder: Path) -> Path:
    """Put it into `folder`, whole or not at all. Raises LunaError(CONFLICT) when the name is taken, OSError. Blocks."""
    target = folder / made.name
    taken = LunaError(
        Kind.CONFLICT,
        f"There is a fixture '{made.name}' already.",
        hint="Choose another name, or delete its folder first.",
        param="name",
    )
    if os.path.lexists(target):
        raise taken
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".fixture-", dir=folder))
    try:
        for name, data in made.files.items():
            (draft / name).write_bytes(data)
        draft.chmod(0o755)
        try:
            draft.rename(target)
        except OSError as error:
            if os.path.lexists(target):
                raise taken from error
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def pinned(folder: Path) -> list[Path]:
    """The fixtures in a folder that are recordings, by name. Blocks."""
    try:
        return sorted(path.parent for path in folder.glob(f"*/{RECORDING}") if not path.parent.name.startswith("."))
    except OSError:
        return []


def load(folder: Path) -> Recording:
    """The recording of one. Raises LunaError(BAD_REQUEST), OSError. Blocks."""
    with (folder / RECORDING).open("rb") as lines:
        return read(lines)


def golden(folder: Path) -> dict[str, bytes]:
    """The golden outputs that lie there. Raises OSError. Blocks."""
    return {name: (folder / name).read_bytes() for name in (EVENTS, CLIENT)}
