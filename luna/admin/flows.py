"""`/api/flows`: runs as rows, filtered as people write filters; one of them with everything there is about it.

A flow is a run (`luna.state.runs`) with its recording (`luna.wire`) and its log lines (`luna.state.logs`), put
together here. Cancelling one is `POST /api/runs/{id}/cancel`. Times are milliseconds since the epoch.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin import flow_faces
from luna.admin.envelope import json, read
from luna.admin.flow_faces import MOST as LARGEST_PART
from luna.admin.flow_faces import PAGE, FacePart, FacePiece, FlowFaces, RecordingView, StageChanges
from luna.admin.logs import LogView
from luna.admin.logs import view as line_view
from luna.admin.operation import Operation
from luna.admin.paging import page, query_of
from luna.admin.runs import RunView
from luna.admin.runs import view as run_view
from luna.core.live import LiveFlows
from luna.core.snapshot import SnapshotCell
from luna.filters.conditions import Condition
from luna.filters.explain import Saying, explain, sentence
from luna.filters.operators import OPERATORS, Field, Value
from luna.filters.parse import parse
from luna.filters.scan import LONGEST, FilterError
from luna.model.errors import Kind, LunaError
from luna.state.log_archive import LogFilter
from luna.state.logs import Logs
from luna.state.run import RunRecord
from luna.state.run_archive import RunFilter
from luna.state.run_row import RunRow, row_of
from luna.state.runs import Runs, unknown_run

LINES = 500
"""Log lines that are shown of one flow; the newest ones."""
MANY = 200
"""Ids in one question."""

FilterText = Annotated[str, Meta(max_length=LONGEST, description="`~m qwen* & ~e`: see GET /api/flows/operators.")]


class FlowQuery(msgspec.Struct, forbid_unknown_fields=True):
    """`GET /api/flows`."""

    filter: FilterText = ""
    ids: Annotated[str, Meta(description=f"Only those of these flows, separated by commas; at most {MANY}.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    before: Annotated[str, Meta(description="The `x-next-cursor` of the page before.")] = ""


class FilterBody(msgspec.Struct, forbid_unknown_fields=True):
    """A filter that somebody is writing."""

    filter: str


class FilterVerdict(msgspec.Struct):
    """What a filter says, in words; or where it says nothing that can be understood (`column` counts from 1)."""

    valid: bool
    explanation: str = ""
    sayings: list[Saying] = []
    column: int | None = None
    problem: str = ""
    expected: str = ""


class OperatorView(msgspec.Struct):
    """One letter of the filter language."""

    letter: str
    field: Field
    value: Value
    example: str
    about: str


class CountQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which flows are meant."""

    filter: FilterText = ""


class FlowCount(msgspec.Struct):
    """How many a filter wants, and how many of them are over."""

    total: int
    over: int


class StageTime(msgspec.Struct):
    """How long a request stage took."""

    name: str
    ms: float


class FlowDetail(msgspec.Struct, rename="camel"):
    """Everything about one flow but the bodies. `record` is what its route says today: `off`, `errors` or `all`."""

    run: RunView
    stages: list[StageTime]
    log: list[LogView]
    recording: RecordingView | None = None
    recording_problem: str = ""
    """Why there is none, where there should be one."""
    record: str = ""
    stage: str = ""
    """The stage at work, while it goes on."""


class PartQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which part of a body."""

    offset: Annotated[int, Meta(ge=0, description="Bytes; what the part before gave as `next`.")] = 0
    limit: Annotated[int, Meta(ge=4, le=LARGEST_PART, description="Bytes.")] = PAGE
    pretty: Annotated[bool, Meta(description="Lay JSON out in lines.")] = False


class PieceQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which pieces of a stream."""

    after: Annotated[int, Meta(ge=0, description="The number of the last one that is there already.")] = 0
    limit: Annotated[int, Meta(ge=1, le=2000)] = 500


class FlowsDeleted(msgspec.Struct):
    """How many flows were forgotten, and how many recordings with them."""

    deleted: int
    recordings: int


class Flows:
    """Puts together what is known of flows."""

    def __init__(
        self,
        runs: Runs,
        logs: Logs,
        live: LiveFlows,
        faces: FlowFaces,
        cell: SnapshotCell,
        now: Callable[[], float],
    ) -> None:
        self._runs = runs
        self._logs = logs
        self._live = live
        self._cell = cell
        self._now = now
        self.faces = faces

    def __repr__(self) -> str:
        return f"<Flows {self._runs!r}>"

    def condition(self, text: str) -> Condition | None:
        """What a filter says as of now. Raises FilterError."""
        return parse(text, self._now())

    async def listing(self, request: Request) -> Response:
        query = query_of(request, FlowQuery)
        condition = self.condition(query.filter)
        if query.ids:
            ids = [id for id in query.ids.split(",") if id]
            if len(ids) > MANY:
                raise LunaError(Kind.BAD_REQUEST, f"That are more than {MANY} ids.", param="ids")
            among = await self._runs.among(ids, condition)
            return json([row_of(record) for record in sorted(among, key=_place, reverse=True)])
        found = await self._runs.find(RunFilter(condition=condition), limit=query.limit, before=query.before)
        return page(request, [row_of(record) for record in found.records], found.cursor)

    async def count(self, request: Request) -> Response:
        return json(FlowCount(*await self._runs.count(self.condition(query_of(request, CountQuery).filter))))

    async def check(self, request: Request) -> Response:
        body = await read(request, FilterBody)
        try:
            sayings = explain(self.condition(body.filter))
        except FilterError as error:
            return json(FilterVerdict(False, column=error.column, problem=error.problem, expected=error.expected))
        return json(FilterVerdict(True, sentence(sayings), sayings))

    async def show(self, request: Request) -> Response:
        record = await self._runs.get(_id(request))
        if record is None:
            raise unknown_run(_id(request))
        flow = self._live.find(record.id)
        lines = await self._logs.find(LogFilter(flow=record.id), limit=LINES)
        recording, problem = None, ""
        if flow is None and record.recording:
            try:
                recording = flow_faces.view(await self.faces.open(record.recording))
            except LunaError as error:  # everything else there is to see of the flow is still there
                problem = error.message
        policy = next((route.record for route in self._cell.current.routes if route.name == record.route), "")
        return json(
            FlowDetail(
                run=run_view(record),
                stages=[StageTime(name, ms) for name, ms in _times(record.stages)],
                log=[line_view(entry) for entry in reversed(lines.entries)],
                recording=recording,
                recording_problem=problem,
                record=policy,
                stage=flow.stage if flow is not None else "",
            )
        )

    async def part(self, request: Request) -> Response:
        query = query_of(request, PartQuery)
        name = str(request.path_params["name"])
        return json(await self.faces.part(_id(request), name, query.offset, query.limit, query.pretty))

    async def pieces(self, request: Request) -> Response:
        query = query_of(request, PieceQuery)
        return json(await self.faces.pieces(_id(request), str(request.path_params["name"]), query.after, query.limit))

    async def stage(self, request: Request) -> Response:
        return json(await self.faces.stage(_id(request), str(request.path_params["name"])))

    async def delete(self, request: Request) -> Response:
        record = await self._runs.get(_id(request))
        if record is None or not await self._runs.delete(record.id):
            raise unknown_run(_id(request))
        return json(FlowsDeleted(1, await self.faces.discard([record.recording])))

    async def delete_wanted(self, request: Request) -> Response:
        condition = self.condition(query_of(request, CountQuery).filter)
        deleted, recordings = await self._runs.delete_wanted(condition)
        return json(FlowsDeleted(deleted, await self.faces.discard(recordings)))


async def _operators(_: Request) -> Response:
    return json(
        [OperatorView(each.letter, each.field, each.value, each.example, each.about) for each in OPERATORS.values()]
    )


def routes(flows: Flows) -> list[Operation]:
    """The routes of this subject."""
    said = "What a filter says."
    return [
        Operation("GET", "/flows", flows.listing, "Flows, the newest first.", asks=FlowQuery, gives=list[RunRow]),
        Operation(
            "DELETE",
            "/flows",
            flows.delete_wanted,
            "Forget the flows that a filter wants and that are over, with their recordings.",
            asks=CountQuery,
            gives=FlowsDeleted,
        ),
        Operation("GET", "/flows/count", flows.count, "How many flows there are.", asks=CountQuery, gives=FlowCount),
        Operation("GET", "/flows/operators", _operators, "The filter language.", gives=list[OperatorView]),
        Operation("POST", "/flows/filter", flows.check, said, takes=FilterBody, gives=FilterVerdict, reads=True),
        Operation("GET", "/flows/{id}", flows.show, "One flow, with everything but the bodies.", gives=FlowDetail),
        Operation("DELETE", "/flows/{id}", flows.delete, "Forget a flow that is over.", gives=FlowsDeleted),
        Operation(
            "GET", "/flows/{id}/face/{name}", flows.part, "A body, part by part.", asks=PartQuery, gives=FacePart
        ),
        Operation(
            "GET",
            "/flows/{id}/pieces/{name}",
            flows.pieces,
            "What came or went, piece by piece, with its times.",
            asks=PieceQuery,
            gives=list[FacePiece],
        ),
        Operation("GET", "/flows/{id}/stage/{name}", flows.stage, "What a stage has changed.", gives=StageChanges),
    ]


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _place(record: RunRecord) -> tuple[float, str]:
    return record.created_at, record.id


def _times(written: str) -> list[tuple[str, float]]:
    """The stages of a run and their milliseconds; none where the row is damaged."""
    try:
        return msgspec.json.decode(written, type=list[tuple[str, float]]) if written else []
    except msgspec.DecodeError:
        return []
