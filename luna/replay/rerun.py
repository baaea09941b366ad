"""One recording, run again: the recorded request and the recorded upstream, through a configuration of today.

Owns the deterministic surroundings (the flow's seed, a clock that stands at its birth, an upstream that is
the recording) and the new recording that comes of it. Comparing the two is `luna.wire.diff`'s; events that are put in
at a stage are `luna.replay.injected`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from luna.core.engine import Engine
from luna.core.flow import Flow
from luna.core.live import LiveFlows
from luna.core.snapshot import Route, Snapshot
from luna.model.ambient import REPLAYING, ManualClock
from luna.model.dialect import ClientRequest, Parsed, facts_of, parse_body
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch
from luna.protocols.registry import dialect_for
from luna.replay.injected import CountedIds, Injected, check, from_boundary, pipeline_from
from luna.replay.line import ReplayLine
from luna.replay.surroundings import services_for
from luna.upstream.recording import RecordingBackend
from luna.upstream.replay import ReplayBackend
from luna.wire.diff import Difference, differences
from luna.wire.ledger import Ledger
from luna.wire.reader import Recording, read
from luna.wire.recorder import CURRENT, Recorder
from luna.wire.redact import Redactor


class _Memory:
    """A sink that keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def spill(self, lines: list[bytes]) -> None:
        self.lines += lines

    def finish(self, lines: list[bytes], outcome: str) -> None:
        self.lines += lines


@dataclass(frozen=True)
class Rerun:
    """What came of a replay. `before` is the part of the recording that it can be compared with, `left` the recorded
    exchanges that nobody asked for, `lines` the replay's own recording as it would stand in a file."""

    before: Recording
    after: Recording
    left: list[str]
    lines: list[bytes]

    def differences(self) -> list[Difference]:
        """All boundaries at which it came out differently, in data order."""
        return differences(self.before, self.after, heartbeat=heartbeat_of(self.before))


def heartbeat_of(recording: Recording) -> bytes:
    """What keeps a silent stream of the recorded client's protocol alive."""
    client = recording.client
    return dialect_for(client.method, client.path).heartbeat if client is not None else b""


async def rerun(
    recording: Recording, snapshot: Snapshot, *, pipeline: str = "", speed: float = 0
) -> tuple[Recording, list[str]]:
    """See `replay`: what came of it this time, and the recorded exchanges that nobody asked for."""
    done = await replay(recording, snapshot, pipeline=pipeline, speed=speed)
    return done.after, done.left


async def replay(
    recording: Recording, snapshot: Snapshot, *, pipeline: str = "", speed: float = 0, stage: str = ""
) -> Rerun:
    """Run it again. `pipeline` overrides the route's choice; `speed` 0 is as fast as possible, 1 as it was. With a
    `stage` the recorded events that left it go through what is behind it today; what is before it does not run.
    Raises LunaError: NOT_FOUND for an unknown pipeline or stage, or when no route takes the request; BAD_REQUEST for
    a recording that does not hold what is needed."""
    if not stage:
        return await _run(recording, snapshot, pipeline, speed)
    check(recording, stage)
    drawn = await _drawn(recording, snapshot, pipeline) if recording.exchanges else 0
    backend = ReplayBackend((), speed=speed)
    injected = Injected(recording, stage, drawn=drawn, pause=backend.pause)
    done = await _run(recording, snapshot, pipeline, speed, injected=(stage, injected))
    return replace(done, before=from_boundary(recording, stage), left=[])


async def _drawn(recording: Recording, snapshot: Snapshot, pipeline: str) -> int:
    """How many ids are taken before the first events come: stages behind them go on from there."""
    ids, seen = CountedIds(bytes.fromhex(recording.head.seed)), list[int]()
    await _run(recording, snapshot, pipeline, 0, ids=ids, watch=lambda: seen.append(ids.drawn))
    return seen[0] if seen else 0


async def _run(
    recording: Recording,
    snapshot: Snapshot,
    pipeline: str,
    speed: float,
    *,
    injected: tuple[str, Injected] | None = None,
    ids: CountedIds | None = None,
    watch: Callable[[], None] | None = None,
) -> Rerun:
    client = recording.client
    if client is None:
        raise LunaError(Kind.BAD_REQUEST, "The recording holds no client request.", hint="It was cut at its start.")
    clock = ManualClock(recording.head.born)
    backend = ReplayBackend(recording.exchanges, speed=speed)
    memory = _Memory()
    recorder = _Watched(Ledger(recording.head.flow, clock=clock, redactor=Redactor(), sink=memory), watch)
    dialect = dialect_for(client.method, client.path)
    parsed = parse_body(dialect, client)
    route = _route(snapshot, client, parsed, pipeline)
    if injected is not None:
        stage, far_end = injected
        route = msgspec.structs.replace(route, pipeline=pipeline_from(route.pipeline, far_end, stage))
    ids = ids or CountedIds(bytes.fromhex(recording.head.seed))
    recorder.head(
        luna=recording.head.luna,
        born=recording.head.born,
        seed=ids.seed,
        route=route.name,
        pipeline=route.pipeline.name,
        snapshot=snapshot.digest,
        options={bound.name: bound.options for bound in route.pipeline.stages},
    )
    recorder.client(client)
    flow = Flow(
        client=client,
        dialect=dialect,
        parsed=parsed,
        snapshot=snapshot,
        route=route,
        services=services_for(recording, RecordingBackend(backend), clock),
        clock=clock,
        ids=ids,
        tap=recorder,
    )
    token, quiet = CURRENT.set(recorder), REPLAYING.set(True)
    try:
        await Engine(LiveFlows()).run(flow, ReplayLine(_leaves_after(recording)))
    finally:
        CURRENT.reset(token)
        REPLAYING.reset(quiet)
    return Rerun(recording, read(memory.lines), backend.left, memory.lines)


class _Watched(Recorder):
    """A recorder that tells when the first events come."""

    def __init__(self, ledger: Ledger, watch: Callable[[], None] | None) -> None:
        super().__init__(ledger)
        self._watch = watch

    def events(self, boundary: str, batch: Batch) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch()
        super().events(boundary, batch)


def _leaves_after(recording: Recording) -> int | None:
    gone = recording.end is not None and recording.end.outcome == "client-gone"
    return len(recording.answer) if gone else None


def _route(snapshot: Snapshot, client: ClientRequest, parsed: Parsed | LunaError, pipeline: str) -> Route:
    route = snapshot.route_for(client, facts_of(parsed))
    if pipeline:
        chosen = snapshot.pipelines.get(pipeline)
        if chosen is None:
            raise LunaError(
                Kind.NOT_FOUND,
                f"There is no pipeline '{pipeline}'.",
                hint=f"There are: {', '.join(sorted(snapshot.pipelines))}.",
            )
        base = route or snapshot.routes[0]
        return msgspec.structs.replace(base, name=base.name if route else "(none)", pipeline=chosen)
    if route is None:
        raise LunaError(
            Kind.NOT_FOUND,
            f"No route of today takes {client.method} {client.path}.",
            hint="Name a pipeline with --pipeline.",
        )
    return route
