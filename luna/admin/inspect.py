"""`/api/flows/{id}/timeline`, `…/boundaries/{name}`, `…/batches/{n}`, `…/compare/{other}`, `…/replay`: time travel.

A recorded flow at any boundary, and runs of it side by side. Whatever takes an id takes that of a flow or of a replay
that is still kept. Work of any size is done in a worker thread.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import anyio
import anyio.to_thread
import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.flow_faces import FlowFaces
from luna.admin.inspect_views import (
    BoundaryPage,
    BoundaryQuery,
    ComparisonView,
    StoryView,
    TimelineQuery,
    TimelineView,
    boundary_page,
    difference_view,
    side_view,
    story_view,
    timeline_view,
)
from luna.admin.operation import Operation
from luna.admin.paging import query_of
from luna.config.compile import compile_files
from luna.config.live import LiveConfig
from luna.config.overlay import Setting
from luna.core.snapshot import Snapshot
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.replay.rerun import Rerun, heartbeat_of, replay
from luna.wire.diff import differences
from luna.wire.reader import Recording

Resend = Callable[[ClientRequest, Snapshot | None, str], Awaitable[str]]
"""Sends a client's request once more, by a configuration (None: the one in force) and a pipeline ("": the route's);
the new flow's id, once it is over."""


class ReplayBody(msgspec.Struct, forbid_unknown_fields=True, rename={"stage": "from"}):
    """How to run a recorded flow again."""

    level: Annotated[
        Literal["upstream", "events", "request"],
        Meta(
            description="`upstream`: against the recorded bytes. `events`: what left the stage `from` goes through the "
            "stages behind it. `request`: the client's request is sent again, and Qwen answers it."
        ),
    ] = "upstream"
    pipeline: Annotated[str, Meta(max_length=200, description="Instead of the route's.")] = ""
    options: Annotated[list[str], Meta(max_length=100, description="`stage.option=value`, the value as in YAML.")] = []
    stage: Annotated[str, Meta(max_length=200)] = ""
    speed: Annotated[float, Meta(ge=0, le=100, description="1: as fast as it was; 0: at once.")] = 0


class Inspector:
    """Opens recordings at their boundaries, and runs them again."""

    def __init__(self, faces: FlowFaces, config: LiveConfig, resend: Resend | None) -> None:
        """`resend` is None where nobody can be asked."""
        self._faces = faces
        self._config = config
        self._resend = resend

    def __repr__(self) -> str:
        return f"<Inspector {self._faces!r} {self._faces.kept!r}>"

    async def timeline(self, request: Request) -> Response:
        query, id = query_of(request, TimelineQuery), _id(request)
        return json(await _aside(timeline_view, await self._faces.open(id), id, query))

    async def boundary(self, request: Request) -> Response:
        query, recording = query_of(request, BoundaryQuery), await self._faces.open(_id(request))
        return json(await _aside(boundary_page, recording, str(request.path_params["name"]), query))

    async def batch(self, request: Request) -> Response:
        number = str(request.path_params["n"])
        recording = await self._faces.open(_id(request))
        n = int(number[:9]) if number.isascii() and number.isdigit() else 0
        return json(await _aside(story_view, recording, n, heartbeat_of(recording)))

    async def compare(self, request: Request) -> Response:
        ids = _id(request), str(request.path_params["other"])
        before, after = [await self._faces.open(id) for id in ids]
        return json(await _aside(_comparison, before, after, *ids))

    async def replay(self, request: Request) -> Response:
        body, id = await read(request, ReplayBody), _id(request)
        recording = await self._faces.open(id)
        if (body.level == "events") != bool(body.stage):
            raise LunaError(
                Kind.BAD_REQUEST,
                "Events are put in at a stage, and only they are.",
                hint="Name the stage in `from` with level `events`, and leave it out with the others.",
                param="from",
            )
        snapshot = await self._snapshot(body.options)
        if body.level == "request":
            return json(await self._sent_again(recording, id, snapshot if body.options else None, body.pipeline))
        done = await anyio.to_thread.run_sync(partial(_replayed, recording, snapshot, body))
        kept = self._faces.kept.keep(done.after, sum(map(len, done.lines)))
        return json(await _aside(_outcome_of, done, recording, id, kept))

    async def _sent_again(
        self, recording: Recording, id: str, snapshot: Snapshot | None, pipeline: str
    ) -> ComparisonView:
        if self._resend is None:
            hint = "Replay it against the recorded bytes, or send it from a luna of your own: `luna serve`."
            raise LunaError(Kind.FORBIDDEN, "This luna shows a bundle, and nobody answers.", hint=hint, param="level")
        if recording.client is None:
            raise LunaError(Kind.BAD_REQUEST, "The recording holds no client request.", hint="It was cut at its start.")
        flow = await self._resend(recording.client, snapshot, pipeline)
        after = await self._faces.open(flow)
        return await _aside(_comparison, recording, after, id, flow)

    async def _snapshot(self, options: list[str]) -> Snapshot:
        """The configuration in force, or the one on disk with these options over it. Raises LunaError(BAD_REQUEST)."""
        current = self._config.cell.current
        if not options:
            return current
        try:
            overlay = [Setting.read(option) for option in options]
        except ValueError as error:
            raise LunaError(Kind.BAD_REQUEST, f"An option cannot be read: {error}.", param="options") from None
        recipe = self._config.recipe
        compiled = await anyio.to_thread.run_sync(
            lambda: compile_files(recipe.read(), recipe.registry, recipe.environ, recipe.record, overlay)
        )
        if compiled.snapshot is None:
            first = compiled.errors[0].seen_from(recipe.routes.parent, Path.cwd())
            hint = "The message says where; options are spelled as in the pipeline's file."
            raise LunaError(Kind.BAD_REQUEST, f"With these options: {first}", hint=hint, param="options")
        return msgspec.structs.replace(compiled.snapshot, version=current.version)


def _replayed(recording: Recording, snapshot: Snapshot, body: ReplayBody) -> Rerun:
    """In a thread and a loop of its own: a replay works without a pause."""
    return anyio.run(partial(replay, recording, snapshot, pipeline=body.pipeline, speed=body.speed, stage=body.stage))


def _outcome_of(done: Rerun, recording: Recording, id: str, kept: str) -> ComparisonView:
    found = [difference_view(difference) for difference in done.differences()]
    return ComparisonView(side_view(recording, id), side_view(done.after, kept), found, done.left)


def _comparison(before: Recording, after: Recording, id: str, other: str) -> ComparisonView:
    found = differences(before, after, heartbeat=heartbeat_of(before))
    return ComparisonView(side_view(before, id), side_view(after, other), [difference_view(each) for each in found])


_aside = anyio.to_thread.run_sync


def routes(inspector: Inspector) -> list[Operation]:
    """The routes of this subject."""
    return [
        Operation(
            "GET",
            "/flows/{id}/timeline",
            inspector.timeline,
            "A recorded flow on one time axis, with its boundaries.",
            asks=TimelineQuery,
            gives=TimelineView,
        ),
        Operation(
            "GET",
            "/flows/{id}/boundaries/{name}",
            inspector.boundary,
            "The document at a boundary, or its events, page by page.",
            asks=BoundaryQuery,
            gives=BoundaryPage,
        ),
        Operation(
            "GET",
            "/flows/{id}/batches/{n}",
            inspector.batch,
            "A batch from the bytes that caused it to the bytes that it became.",
            gives=StoryView,
        ),
        Operation(
            "GET",
            "/flows/{id}/compare/{other}",
            inspector.compare,
            "Two recordings, boundary by boundary.",
            gives=ComparisonView,
        ),
        Operation(
            "POST",
            "/flows/{id}/replay",
            inspector.replay,
            "Run a recorded flow again, and say where it comes out differently.",
            takes=ReplayBody,
            gives=ComparisonView,
            offline=True,
        ),
    ]


def _id(request: Request) -> str:
    return str(request.path_params["id"])
