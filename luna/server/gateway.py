"""The model endpoints: everything below `/v1` is one raw ASGI application.

Owns the birth of a flow: body, dialect, snapshot, route, recorder. What happens to it afterwards is
the engine's. Nothing stands between a stream and `send`.
"""

from collections.abc import Callable, Collection, Iterable

import anyio
import msgspec
from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from luna.core.engine import Engine
from luna.core.flow import Flow, Outcome
from luna.core.services import Services
from luna.core.snapshot import Route, Snapshot, SnapshotCell
from luna.model.ambient import FLOW, Clock, Ids
from luna.model.dialect import ClientRequest, Dialect, Headers, Parsed, facts_of, parse_body
from luna.model.errors import Kind, LunaError
from luna.protocols.registry import dialect_for
from luna.server.asgi import ClientLeft, ClientLine, read_body, request_of, send_reply
from luna.server.bookkeeping import Bookkeeping
from luna.server.chosen import Choice, chosen
from luna.wire.recorder import CURRENT, Recorder
from luna.wire.store import Recordings

METHODS = ("GET", "POST", "DELETE")
OWN = "(probe)"
"""The name of the route of requests of luna's own."""


class Gateway:
    """Answers requests to the model endpoints."""

    def __init__(
        self,
        *,
        engine: Engine,
        cell: SnapshotCell,
        services: Services,
        books: Bookkeeping,
        clock: Clock,
        max_body: int,
        secrets: Callable[[], Iterable[str]],
        choice: Choice,
        key_required: bool = False,
    ) -> None:
        self._engine = engine
        self._cell = cell
        self._services = services
        self._books = books
        self._clock = clock
        self._max_body = max_body
        self._secrets = secrets
        self._choice = choice
        self._key_required = key_required
        """luna can be reached from other machines: a pipeline that asks for no key is not served."""

    def __repr__(self) -> str:
        return f"<Gateway {self._engine.live!r}>"

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer one request; its headers have been read already."""
        ids = Ids()
        dialect = dialect_for(scope["method"], scope["path"])
        try:
            body = await read_body(scope, receive, self._max_body)
            request = request_of(scope, headers, body)
            snapshot = self._cell.current
            parsed = parse_body(dialect, request)
            route = self._choice.of(request, snapshot) or _route(snapshot, request, parsed)
            if self._key_required and not _asks_for_key(route):
                raise LunaError(
                    Kind.FORBIDDEN,
                    f"Pipeline '{route.pipeline.name}' asks for no key, and luna can be reached from other machines.",
                    hint="Put `- use: auth` first in it, or let luna listen on 127.0.0.1.",
                )
        except ClientLeft:
            return
        except LunaError as error:
            allow = error.detail.get("allow")
            more = (("allow", str(allow)),) if allow else ()
            await send_reply(send, dialect.error(error, ids.token("flow_")), more)
            return
        await self._run(self._flow(request, dialect, parsed, snapshot, route, ids), ClientLine(receive, send))

    async def ask(
        self,
        request: ClientRequest,
        line: ClientLine,
        *,
        without: Collection[str],
        name: str = OWN,
        snapshot: Snapshot | None = None,
        pipeline: str = "",
        patience: float | None = None,
    ) -> Flow:
        """A request of luna's own: it takes the pipeline that a client's would (or the one that is named, of another
        configuration where one is given), without the stages of those names, and is always recorded; after
        `patience` seconds it is ended. Raises LunaError where no route takes it; the flow says how it ended."""
        dialect = dialect_for(request.method, request.path)
        parsed = parse_body(dialect, request)
        snapshot = snapshot or self._cell.current
        route = chosen(pipeline, snapshot) if pipeline else _route(snapshot, request, parsed)
        stages = tuple(bound for bound in route.pipeline.stages if bound.stage.use not in without)
        route = replace(route, name=name, pipeline=replace(route.pipeline, stages=stages), record="all")
        flow = self._flow(request, dialect, parsed, snapshot, route, Ids())
        async with anyio.create_task_group() as tasks:
            if patience is not None:
                tasks.start_soon(_end_late, flow, patience)
            await self._run(flow, line)
            tasks.cancel_scope.cancel()
        return flow

    def _flow(
        self,
        request: ClientRequest,
        dialect: Dialect,
        parsed: Parsed | LunaError,
        snapshot: Snapshot,
        route: Route,
        ids: Ids,
    ) -> Flow:
        return Flow(
            client=request,
            dialect=dialect,
            parsed=parsed,
            snapshot=snapshot,
            route=route,
            services=self._services,
            clock=self._clock,
            ids=ids,
        )

    async def _run(self, flow: Flow, line: ClientLine) -> None:
        recorder = flow.tap = self._record(flow) if flow.route.record != "off" else None
        token, named = CURRENT.set(recorder), FLOW.set(flow.id)
        run = self._books.open(flow)
        try:
            await self._engine.run(flow, line)
        finally:
            CURRENT.reset(token)
            FLOW.reset(named)
            self._books.close(flow, run, status=line.status, sent=line.sent)
            flow.release()

    def _record(self, flow: Flow) -> Recorder | None:
        pipeline = flow.route.pipeline
        return self._services[Recordings].begin(
            flow.route.record,
            flow=flow.id,
            born=flow.born,
            seed=flow.ids.seed,
            route=flow.route.name,
            pipeline=pipeline.name,
            snapshot=flow.snapshot.digest,
            client=flow.client,
            options=pipeline.options,
            secrets=self._secrets(),
        )


async def _end_late(flow: Flow, patience: float) -> None:
    await anyio.sleep(patience)
    error = LunaError(Kind.TIMEOUT, f"It was not answered within {patience:g} s.", hint="See what it waited for.")
    flow.cancel(Outcome.FAILED, error)


def _asks_for_key(route: Route) -> bool:
    return bool(route.pipeline.stages) and route.pipeline.stages[0].stage.use == "auth"


def _route(snapshot: Snapshot, request: ClientRequest, parsed: Parsed | LunaError) -> Route:
    body = facts_of(parsed)
    route = snapshot.route_for(request, body)
    if route is not None:
        return route
    allowed = [
        method
        for method in METHODS
        if method != request.method and snapshot.route_for(msgspec.structs.replace(request, method=method), body)
    ]
    if allowed:
        raise LunaError(
            Kind.METHOD_NOT_ALLOWED,
            f"{request.path} does not take {request.method}.",
            hint=f"It takes {', '.join(allowed)}.",
            detail={"allow": ", ".join(allowed)},
        )
    raise LunaError(
        Kind.NOT_FOUND,
        f"No route takes {request.method} {request.path}.",
        hint="`luna explain` shows the routes; routes.yaml declares them.",
    )
