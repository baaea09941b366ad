"""What a change of the configuration would do to flows that were really there: each is run through both.

Owns the comparison, its bounds in time and size, and the shape of what is found. Where recordings lie and which
configurations are meant is told from outside; it runs where it is called (in a server: `luna.replay.aside`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import anyio
import msgspec

from luna.core.snapshot import Snapshot
from luna.model.ambient import Clock, SystemClock
from luna.model.errors import LunaError
from luna.replay import fixture
from luna.replay.aside import without_pauses
from luna.replay.rerun import heartbeat_of, rerun
from luna.wire.diff import differences
from luna.wire.reader import Recording, read
from luna.wire.store import Recordings

LAST = 20
"""Flows that are looked at, unless somebody says otherwise."""
SECONDS = 20.0
"""For all of them together."""
SECONDS_EACH = 5.0
SHOWN = 20_000
"""Characters of a difference."""


@dataclass(frozen=True)
class Case:
    """One recording. `name` is the flow's id, or the name of a fixture; `load` blocks and raises LunaError, OSError."""

    kind: Literal["flow", "fixture"]
    name: str
    load: Callable[[], Recording]
    golden: Callable[[], dict[str, bytes]] | None = None


class FlowForecast(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What becomes of one."""

    kind: Literal["flow", "fixture"]
    name: str
    request: str = ""
    """`POST /v1/chat/completions`."""
    verdict: Literal["same", "changes", "unknown"]
    """`unknown`: it cannot be run; `problem` says why."""
    boundary: str = ""
    """The first one at which it comes out differently."""
    further: list[str] = []
    """The others."""
    diff: str = ""
    """A unified diff of what stands at the first."""
    cut: bool = False
    before: str = ""
    """How it ends: the outcome, or the failure."""
    after: str = ""
    problem: str = ""
    breaks: bool = False
    """A pinned fixture that came out as pinned, and would no longer."""


class Forecast(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What becomes of all."""

    findings: list[FlowForecast]
    passed_over: int = 0
    """How many were not looked at: the time was up."""

    @property
    def changes(self) -> list[FlowForecast]:
        """Those that come out differently."""
        return [finding for finding in self.findings if finding.verdict == "changes"]


def flows_in(recordings: Recordings, last: int) -> list[Case]:
    """The newest recorded flows. Blocks."""
    recordings.flush()
    return [Case("flow", entry.flow, partial(_read, entry.path)) for entry in recordings.list()[:last]]


def fixtures_in(folder: Path) -> list[Case]:
    """The pinned fixtures of a folder. Blocks."""
    return [
        Case("fixture", path.name, partial(fixture.load, path), partial(fixture.golden, path))
        for path in fixture.pinned(folder)
    ]


async def forecast(
    cases: Iterable[Case],
    before: Snapshot | None,
    after: Snapshot,
    *,
    clock: Clock | None = None,
    seconds: float = SECONDS,
) -> Forecast:
    """Run each through both; without a `before`, compare with what was recorded."""
    clock = clock or SystemClock()
    until = clock.monotonic() + seconds
    old, new = without_pauses(before) if before is not None else None, without_pauses(after)
    findings: list[FlowForecast] = []
    waiting = list(cases)
    while waiting and clock.monotonic() < until:
        findings.append(await _look(waiting.pop(0), old, new))
    return Forecast(findings=findings, passed_over=len(waiting))


async def _look(case: Case, before: Snapshot | None, after: Snapshot) -> FlowForecast:
    try:
        recording = case.load()
        golden = case.golden() if case.golden is not None else None
        fixture.check_complete(recording)
        with anyio.fail_after(SECONDS_EACH):
            old = (await rerun(recording, before))[0] if before is not None else recording
    except (LunaError, OSError, TimeoutError) as error:
        return FlowForecast(kind=case.kind, name=case.name, verdict="unknown", problem=_told(error))
    client = recording.client
    request = f"{client.method} {client.path}" if client is not None else ""
    try:
        with anyio.fail_after(SECONDS_EACH):
            new = (await rerun(recording, after))[0]
    except (LunaError, TimeoutError) as error:
        return FlowForecast(
            kind=case.kind,
            name=case.name,
            request=request,
            verdict="changes",
            boundary="route",
            before=_end(old),
            problem=_told(error),
            breaks=golden is not None and fixture.outputs(old) == golden,
        )
    found = differences(old, new, heartbeat=heartbeat_of(recording))
    diff = found[0].diff if found else ""
    return FlowForecast(
        kind=case.kind,
        name=case.name,
        request=request,
        verdict="changes" if found else "same",
        boundary=found[0].boundary if found else "",
        further=[difference.boundary for difference in found[1:]],
        diff=diff[:SHOWN],
        cut=len(diff) > SHOWN,
        before=_end(old),
        after=_end(new),
        breaks=golden is not None and fixture.outputs(old) == golden and fixture.outputs(new) != golden,
    )


def _end(recording: Recording) -> str:
    if recording.failure is not None:
        return recording.failure.kind
    return recording.end.outcome if recording.end is not None else ""


def _told(error: Exception) -> str:
    match error:
        case LunaError():
            return error.told
        case TimeoutError():
            return f"It took longer than {SECONDS_EACH:.0f} seconds."
        case OSError():
            return error.strerror or str(error)
    return str(error)


def _read(path: Path) -> Recording:
    with path.open("rb") as lines:
        return read(lines)
