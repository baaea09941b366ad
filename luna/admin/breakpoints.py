"""`/api/breakpoints` and `/api/halted`: where flows are to wait, those that wait, and what becomes of them.

Owns the shapes alone; who waits and what is decided belongs to `luna.state.breakpoints`. Times are milliseconds since
the epoch. A held request is a `ChatRequest`, held events are those of a recording (docs/breakpoints.md).
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.flows import FilterBody, FilterText, FilterVerdict, OperatorView
from luna.admin.operation import Operation
from luna.core.snapshot import Snapshot, SnapshotCell
from luna.core.stage import TransportStage
from luna.filters.explain import explain, sentence
from luna.filters.operators import LIVE_OPERATORS
from luna.filters.scan import FilterError
from luna.model.errors import Kind, LunaError
from luna.state.breakpoint import Breakpoint, Halted
from luna.state.breakpoints import LIMIT, LONGEST, Breakpoints
from luna.state.gate import AnswerByHand, CallByHand, joined

Side = Literal["request", "response"]


class BreakpointBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`POST /api/breakpoints`."""

    boundary: Annotated[str, Meta(max_length=80, description="The stage behind which to wait; empty for any.")] = ""
    filter: FilterText = ""
    limit_ms: Annotated[
        int, Meta(ge=1000, le=int(LONGEST * 1000), description="After so long a flow goes on by itself.")
    ] = int(LIMIT * 1000)
    repeated: Annotated[bool, Meta(description="For every flow that comes, not for the first one alone.")] = False
    whole: Annotated[bool, Meta(description="Wait with the whole answer, not with its beginning.")] = False


class BreakpointView(msgspec.Struct, rename="camel"):
    """A breakpoint that is armed. `hits` says how many flows have waited there."""

    id: str
    boundary: str
    filter: str
    limit_ms: int
    repeated: bool
    whole: bool
    armed_at: int
    hits: int


class HaltedView(msgspec.Struct, rename="camel"):
    """A flow that waits, with the text of its breakpoint's filter. `calls`: the calls among the events that it waits
    with, by name."""

    id: str
    flow: str
    breakpoint: str
    filter: str
    boundary: str
    side: Side
    since: int
    until: int
    model: str
    client: str
    preview: str
    stream: bool
    calls: list[str]


class BreakpointsView(msgspec.Struct):
    """Everything there is about breakpoints now."""

    armed: list[BreakpointView]
    halted: list[HaltedView]


class HaltedDetail(HaltedView, rename="camel"):
    """The same, with what it waits with: a request, or events in which deltas that follow one another are one.
    `answerable`: somebody may answer by hand."""

    answerable: bool
    document: Any = None
    events: list[Any] | None = None


class BoundaryView(msgspec.Struct):
    """A stage behind which flows can wait."""

    name: str
    side: Side
    pipelines: list[str]


class EditBody(msgspec.Struct, forbid_unknown_fields=True):
    """What is to go on in the place of what was held: a request, or events; one of the two."""

    document: dict[str, Any] | UnsetType = UNSET
    events: list[Any] | UnsetType = UNSET


class CallBody(msgspec.Struct, forbid_unknown_fields=True):
    """A call. `arguments` is a JSON object, as text."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    arguments: str = "{}"


class AnswerBody(msgspec.Struct, forbid_unknown_fields=True):
    """An answer in the model's place: words, calls, or both."""

    text: str = ""
    calls: Annotated[list[CallBody], Meta(max_length=50)] = []


class AbortBody(msgspec.Struct, forbid_unknown_fields=True):
    """Why, for the client."""

    reason: Annotated[str, Meta(max_length=500)] = ""


class BreakpointDone(msgspec.Struct):
    """It is done."""

    ok: bool = True


class _Desk:
    """Answers the routes."""

    def __init__(self, breakpoints: Breakpoints, cell: SnapshotCell) -> None:
        self._points = breakpoints
        self._cell = cell

    async def everything(self, _: Request) -> Response:
        armed = [_armed(self._points, one) for one in self._points.armed]
        return json(BreakpointsView(armed, [HaltedView(**_halted(one)) for one in self._points.halted]))

    async def arm(self, request: Request) -> Response:
        body = await read(request, BreakpointBody)
        _check_boundary(self._cell.current, self._points, body)
        made = self._points.arm(
            boundary=body.boundary,
            filter=body.filter.strip(),
            limit=body.limit_ms / 1000,
            repeated=body.repeated,
            whole=body.whole,
        )
        return json(_armed(self._points, made), 201)

    async def disarm(self, request: Request) -> Response:
        self._points.disarm(_id(request))
        return json(BreakpointDone())

    async def check(self, request: Request) -> Response:
        body = await read(request, FilterBody)
        try:
            sayings = explain(self._points.condition(body.filter))
        except FilterError as error:
            return json(FilterVerdict(False, column=error.column, problem=error.problem, expected=error.expected))
        return json(FilterVerdict(True, sentence(sayings), sayings))

    async def operators(self, _: Request) -> Response:
        known = LIVE_OPERATORS.values()
        return json([OperatorView(each.letter, each.field, each.value, each.example, each.about) for each in known])

    async def boundaries(self, _: Request) -> Response:
        return json(boundaries_of(self._cell.current))

    async def show(self, request: Request) -> Response:
        halted = self._points.get(_id(request))
        events = joined(halted.events) if halted.side == "response" else None
        return json(
            HaltedDetail(**_halted(halted), answerable=not halted.calling, document=halted.document, events=events)
        )

    async def resume(self, request: Request) -> Response:
        self._points.resume(_id(request))
        return json(BreakpointDone())

    async def edit(self, request: Request) -> Response:
        body = await read(request, EditBody)
        if (body.document is UNSET) is (body.events is UNSET):
            raise LunaError(Kind.BAD_REQUEST, "Give `document` or `events`, one of the two.", param="document")
        if body.events is UNSET:
            self._points.edit_document(_id(request), body.document)
        else:
            self._points.edit_events(_id(request), body.events)
        return json(BreakpointDone())

    async def answer(self, request: Request) -> Response:
        body = await read(request, AnswerBody)
        calls = tuple(CallByHand(call.name, call.arguments) for call in body.calls)
        self._points.answer(_id(request), AnswerByHand(body.text, calls))
        return json(BreakpointDone())

    async def abort(self, request: Request) -> Response:
        body = await read(request, AbortBody)
        self._points.abort(_id(request), body.reason.strip())
        return json(BreakpointDone())


def routes(breakpoints: Breakpoints, cell: SnapshotCell) -> list[Operation]:
    """The routes of this subject."""
    desk = _Desk(breakpoints, cell)
    base, one, done = "/breakpoints", "/halted/{id}", BreakpointDone
    said, where = "What a filter says of flows in progress.", "The stages behind which flows can wait."
    verdict, views = FilterVerdict, list[OperatorView]
    end, instead = "End it with an error for its client.", "Let it go on with another request, or other events."
    arm = "Arm one, until luna ends."
    return [
        Operation("GET", base, desk.everything, "Breakpoints, and flows that wait.", gives=BreakpointsView),
        Operation("POST", base, desk.arm, arm, takes=BreakpointBody, gives=BreakpointView, status=201),
        Operation("GET", f"{base}/boundaries", desk.boundaries, where, gives=list[BoundaryView]),
        Operation("GET", f"{base}/operators", desk.operators, "The filter language for them.", gives=views),
        Operation("POST", f"{base}/filter", desk.check, said, takes=FilterBody, gives=verdict, reads=True),
        Operation("DELETE", f"{base}/{{id}}", desk.disarm, "Disarm one; who waits goes on waiting.", gives=done),
        Operation("GET", one, desk.show, "A flow that waits, with what it waits with.", gives=HaltedDetail),
        Operation("POST", f"{one}/resume", desk.resume, "Let it go on as it is.", gives=done),
        Operation("POST", f"{one}/edit", desk.edit, instead, takes=EditBody, gives=done),
        Operation("POST", f"{one}/answer", desk.answer, "Answer in the model's place.", takes=AnswerBody, gives=done),
        Operation("POST", f"{one}/abort", desk.abort, end, takes=AbortBody, gives=done),
    ]


def boundaries_of(snapshot: Snapshot) -> list[BoundaryView]:
    """All of them, in the order of the pipelines; a name that stands on both sides, twice."""
    found: dict[tuple[str, Side], list[str]] = {}
    for pipeline in snapshot.pipelines.values():
        name, far_end = pipeline.far_end
        if not isinstance(far_end, TransportStage):
            continue
        down = [name for name, stage in pipeline.requests if stage.use != "auth"]
        for boundary in down:
            found.setdefault((boundary, "request"), []).append(pipeline.name)
        for boundary in (name, *(name for name, _ in pipeline.responses)):
            found.setdefault((boundary, "response"), []).append(pipeline.name)
    return [BoundaryView(name, side, pipelines) for (name, side), pipelines in found.items()]


def _check_boundary(snapshot: Snapshot, breakpoints: Breakpoints, body: BreakpointBody) -> None:
    if not body.boundary:
        return
    known = boundaries_of(snapshot)
    sides = {each.side for each in known if each.name == body.boundary}
    if not sides:
        names = ", ".join(dict.fromkeys(each.name for each in known))
        raise LunaError(
            Kind.BAD_REQUEST,
            f"No pipeline has a boundary '{body.boundary}'.",
            hint=f"There are: {names}.",
            param="boundary",
        )
    if sides == {"request"} and breakpoints.looks_at_calls(body.filter):
        raise LunaError(
            Kind.BAD_REQUEST,
            f"Behind '{body.boundary}' nobody has called a tool yet.",
            hint="Choose a boundary on the way back to the client, or any.",
            param="boundary",
        )


def _armed(breakpoints: Breakpoints, one: Breakpoint) -> BreakpointView:
    return BreakpointView(
        id=one.id,
        boundary=one.boundary,
        filter=one.filter,
        limit_ms=round(one.limit * 1000),
        repeated=one.repeated,
        whole=one.whole,
        armed_at=round(one.armed_at * 1000),
        hits=breakpoints.hits(one),
    )


def _halted(one: Halted) -> dict[str, Any]:
    model, client, preview = one.asked
    return {
        "id": one.id,
        "flow": one.flow,
        "breakpoint": one.breakpoint.id,
        "filter": one.breakpoint.filter,
        "boundary": one.boundary,
        "side": one.side,
        "since": round(one.since * 1000),
        "until": round(one.until * 1000),
        "model": model,
        "client": client,
        "preview": preview,
        "stream": one.stream,
        "calls": one.calls,
    }


def _id(request: Request) -> str:
    return str(request.path_params["id"])
