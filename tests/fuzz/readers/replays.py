"""Recordings of anybody's that are replayed, whole and from their first batch on.

replays   what comes of it is another recording, perhaps of a failure, but none that luna did not foresee; or
          LunaError, where the recording does not hold what is needed
"""

from functools import cache

import anyio

from luna.core.snapshot import Snapshot
from luna.model.errors import LunaError
from luna.replay.rerun import Rerun, replay
from luna.wire.reader import Recording, read
from tests.fuzz.guided import Target
from tests.fuzz.readers.recordings import WORDS, recording_seeds
from tests.support.configurations import shipped_snapshot

_UNFORESEEN = "met an unexpected"
"""As the engine says it."""
_PATIENCE = 20.0
"""Seconds."""


@cache
def _snapshot() -> Snapshot:
    return shipped_snapshot()


def replays(data: bytes) -> None:
    """A file."""
    try:
        recording = read(data.splitlines(keepends=True))
    except LunaError:
        return  # that this is as it should be is looked at elsewhere
    for stage in ("", *list(recording.events)[:1]):
        try:
            done = anyio.run(_replayed, recording, stage)
        except LunaError:
            continue
        done.differences()
        failure = done.after.failure
        assert failure is None or _UNFORESEEN not in failure.message, f"unforeseen at {failure.stage}: {failure}"


async def _replayed(recording: Recording, stage: str) -> Rerun:
    with anyio.fail_after(_PATIENCE):
        return await replay(recording, _snapshot(), stage=stage)


TARGETS = {
    "replays": Target("replays", replays, recording_seeds, (*WORDS, b"x-luna-account-id", b"failover"), slow=3.0)
}
