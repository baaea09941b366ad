"""A far end that says again what a recording says left a stage: everything before that stage is passed over.

Owns the pipeline that is left when events are put in at a boundary, what the stages that are left out would have left
behind on the flow (headers, ids, what was counted), and the part of the recording that such a replay can be compared
with.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import msgspec

from luna.core.flow import Flow
from luna.core.snapshot import BoundStage, Pipeline
from luna.core.stage import AroundStage, EncodeStage, RequestStage, ResponseStage, TransportStage
from luna.model.ambient import Ids
from luna.model.errors import Kind, LunaError
from luna.model.events import Stream, Usage
from luna.wire.boundaries import unknown
from luna.wire.reader import Recording

_MACHINES_OWN = frozenset({"content-type", "content-length", "cache-control", "x-luna-flow", "x-luna-ignored"})

Pause = Callable[[int], Awaitable[None]]
"""Lets so many recorded microseconds pass, at the replay's speed."""


class CountedIds(Ids):
    """Ids that can be brought to where another supply of the same seed stands."""

    @property
    def drawn(self) -> int:
        """How many were taken."""
        return self._drawn

    def skip_to(self, drawn: int) -> None:
        """Go on after so many, unless that is passed already."""
        self._drawn = max(self._drawn, drawn)


class Injected(TransportStage):
    """Serves one recorded flow."""

    use = "recorded-events"

    def __init__(self, recording: Recording, stage: str, *, drawn: int, pause: Pause) -> None:
        self._recording = recording
        self._stage = stage
        self._batches = recording.events[stage]
        self._drawn = drawn
        self._pause = pause
        self._at = 0
        self._usage: Usage | None = None

    def __repr__(self) -> str:
        return f"<Injected {self._at}/{len(self._batches)} at {self._stage}>"

    async def stream(self, flow: Flow) -> Stream:
        """Goes on where it was left when a stage has the model asked again: what the model said then comes next."""
        self._prepare(flow)
        times = [moment.t for moment in self._recording.batches]
        before = times[self._at - 1] if 0 < self._at <= len(times) else 0
        while self._at < len(self._batches):
            batch, now = self._batches[self._at], times[self._at] if self._at < len(times) else before
            self._at += 1
            await self._pause(now - before)
            before = now
            self._usage = next((event for event in reversed(batch) if isinstance(event, Usage)), self._usage)
            yield batch
        failure = self._recording.failure
        if failure is not None:
            kind = next((kind for kind in Kind if kind.value == failure.kind), Kind.UPSTREAM_BROKEN)
            raise LunaError(
                kind,
                failure.message,
                hint=failure.hint,
                stage=failure.stage,
                param=failure.param,
                retry_after=failure.retry_after,
                detail=dict(failure.detail),
            )

    def _prepare(self, flow: Flow) -> None:
        if isinstance(flow.ids, CountedIds):
            flow.ids.skip_to(self._drawn)
        self._usage = None
        flow.meter = lambda: self._usage
        own = {*_MACHINES_OWN, flow.dialect.id_header}
        for name, value in self._recording.headers:
            if name not in own and name not in flow.headers:
                flow.headers[name] = value


def injectable(recording: Recording) -> list[str]:
    """The boundaries at which events can be put in."""
    return list(recording.events)


def check(recording: Recording, stage: str) -> None:
    """Raises LunaError: NOT_FOUND for a boundary without events, BAD_REQUEST where the recording lost some."""
    if stage not in recording.events:
        if stage in recording.documents:
            message = f"At '{stage}' a document was recorded, and only events can be put in."
            hint = f"Name one of: {', '.join(recording.events) or 'none'}."
            raise LunaError(Kind.BAD_REQUEST, message, hint=hint, param="stage")
        raise unknown(recording, stage)
    if recording.truncated:
        raise LunaError(
            Kind.BAD_REQUEST,
            "The recording has lost events: its budget was used up.",
            hint="Replay it from the upstream's bytes as far as they go.",
        )


def pipeline_from(pipeline: Pipeline, injected: Injected, stage: str) -> Pipeline:
    """What is left of the pipeline behind `stage`, with the request's way down as it is. Raises LunaError(NOT_FOUND)
    where the pipeline has no such stage, or one that does not give events."""
    place = next((at for at, bound in enumerate(pipeline.stages) if bound.name == stage), None)
    if place is None or not isinstance(pipeline.stages[place].stage, ResponseStage | TransportStage):
        names = [bound.name for bound in pipeline.stages if isinstance(bound.stage, ResponseStage | TransportStage)]
        raise LunaError(
            Kind.NOT_FOUND,
            f"Pipeline '{pipeline.name}' has no stage '{stage}' that gives events.",
            hint=f"It has: {', '.join(names) or 'none'}.",
            param="stage",
        )
    kept: list[BoundStage] = [
        bound
        for bound in pipeline.stages[:place]
        if isinstance(bound.stage, RequestStage) and not isinstance(bound.stage, AroundStage)
    ]
    behind = [bound for bound in pipeline.stages[place + 1 :] if isinstance(bound.stage, ResponseStage | EncodeStage)]
    return msgspec.structs.replace(pipeline, stages=(*kept, BoundStage(stage, injected, {}), *behind))


def from_boundary(recording: Recording, stage: str) -> Recording:
    """The recording without what such a replay cannot have: the upstream, and the boundaries before."""
    names = list(recording.events)
    kept = names[names.index(stage) :]
    events = {name: recording.events[name] for name in kept}
    return replace(recording, exchanges=[], events=events)
