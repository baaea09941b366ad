"""One recording, run again: the recorded request and the recorded upstream, through a configuration of today.

Owns the deterministic surroundings (the flow's seed, a clock that stands at its birth, an upstream that is
the recording) and the new recording that comes of it. Comparing the two is `luna.wire.diff`'s.
"""

from dataclasses import replace

from luna.core.engine import Engine
from luna.core.flow import Flow
from luna.core.live import LiveFlows
from luna.core.routing import RequestFacts
from luna.core.snapshot import Route, Snapshot
from luna.model.ambient import Ids, ManualClock
from luna.model.dialect import ClientRequest, Parsed, facts_of, parse_body
from luna.model.errors import Kind, LunaError
from luna.protocols.registry import dialect_for
from luna.replay.line import ReplayLine
from luna.replay.surroundings import services_for
from luna.upstream.recording import RecordingBackend
from luna.upstream.replay import ReplayBackend
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


async def rerun(
    recording: Recording, snapshot: Snapshot, *, pipeline: str = "", speed: float = 0
) -> tuple[Recording, list[str]]:
    """Run it again; returns what came of it this time, and the recorded exchanges that nobody asked for.
    `pipeline` overrides the route's choice; `speed` 0 is as fast as possible, 1 as it was.
    Raises LunaError(NOT_FOUND) for an unknown pipeline or when no route takes the request."""
    client = recording.client
    if client is None:
        raise LunaError(Kind.BAD_REQUEST, "The recording holds no client request.", hint="It was cut at its start.")
    clock = ManualClock(recording.head.born)
    backend = ReplayBackend(recording.exchanges, speed=speed)
    memory = _Memory()
    recorder = Recorder(Ledger(recording.head.flow, clock=clock, redactor=Redactor(), sink=memory))
    dialect = dialect_for(client.method, client.path)
    parsed = parse_body(dialect, client)
    route = _route(snapshot, client, parsed, pipeline)
    ids = Ids(bytes.fromhex(recording.head.seed))
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
    token = CURRENT.set(recorder)
    try:
        await Engine(LiveFlows()).run(flow, ReplayLine(_leaves_after(recording)))
    finally:
        CURRENT.reset(token)
    return read(memory.lines), backend.left


def _leaves_after(recording: Recording) -> int | None:
    gone = recording.end is not None and recording.end.outcome == "client-gone"
    return len(recording.answer) if gone else None


def _route(snapshot: Snapshot, client: ClientRequest, parsed: Parsed | LunaError, pipeline: str) -> Route:
    route = snapshot.route_for(RequestFacts.of(client), facts_of(parsed))
    if pipeline:
        chosen = snapshot.pipelines.get(pipeline)
        if chosen is None:
            raise LunaError(
                Kind.NOT_FOUND,
                f"There is no pipeline '{pipeline}'.",
                hint=f"There are: {', '.join(sorted(snapshot.pipelines))}.",
            )
        base = route or snapshot.routes[0]
        return replace(base, name=base.name if route else "(none)", pipeline=chosen)
    if route is None:
        raise LunaError(
            Kind.NOT_FOUND,
            f"No route of today takes {client.method} {client.path}.",
            hint="Name a pipeline with --pipeline.",
        )
    return route
