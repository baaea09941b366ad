"""A machine in memory: a dialect that spells events as text, a remembering line, a scripted transport."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel

from luna.core.flow import Flow
from luna.core.flow import Step as EndStep
from luna.core.prompts import Prompts
from luna.core.routing import Matcher
from luna.core.services import Services
from luna.core.snapshot import BoundStage, Pipeline, Route, Snapshot
from luna.core.stage import BuildContext, EncodeStage, RequestStage, Stage, StageOptions, TransportStage
from luna.model.ambient import Ids, SystemClock
from luna.model.chat import ChatRequest
from luna.model.dialect import AnswerHead, ClientRequest, Encoder, Facts, Headers, Parsed, Reply
from luna.model.errors import LunaError
from luna.model.events import Finish, Stream, StreamEvent, TextDelta

CONTEXT = BuildContext(prompts=Prompts({}), pipeline="test")


class PlainEncoder:
    """`text` for a text delta, `<tag>` for anything else; `.` at the end."""

    content_type = "text/event-stream"

    def feed(self, event: StreamEvent) -> bytes:
        if isinstance(event, TextDelta):
            return event.text.encode()
        return f"<{event.__struct_config__.tag}>".encode()

    def close(self) -> bytes:
        return b"."


class PlainDialect:
    """The smallest protocol there can be."""

    name = "plain"
    id_header = "x-request-id"
    heartbeat = b"~"

    def parse(self, request: ClientRequest) -> Parsed:
        return Parsed(request.body, Facts())

    def decode(self, parsed: Parsed, request: ClientRequest) -> ChatRequest:
        return ChatRequest(model="m", messages=[], stream=request.query != "whole")

    def answer_id(self, token: str) -> str:
        return f"plain-{token}"

    def encoder(self, head: AnswerHead) -> Encoder:
        return PlainEncoder()

    def error(self, error: LunaError, flow_id: str) -> Reply:
        return Reply(500, f"{error.kind.value}@{error.stage}".encode(), "text/plain")

    def error_frame(self, error: LunaError, flow_id: str) -> bytes:
        return f"!{error.kind.value}@{error.stage}".encode()


class Decode(RequestStage):
    """Decodes with the flow's dialect."""

    use = "decode"
    gives_chat = True

    def request(self, flow: Flow) -> None:
        assert isinstance(flow.parsed, Parsed)
        flow.chat = flow.dialect.decode(flow.parsed, flow.client)


class Encode(EncodeStage):
    """Encodes with the flow's dialect."""

    use = "encode"

    def __init__(self, heartbeat: float = 0, commit_after: float = 0) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.heartbeat = heartbeat
        self.commit_after = commit_after

    def encoder(self, flow: Flow) -> Encoder:
        return flow.dialect.encoder(AnswerHead(flow.answer_id, "m", 0, flow.chat.stream, False))


Step = StreamEvent | Sequence[StreamEvent] | LunaError | Exception | float


class Scripted(TransportStage):
    """Plays steps: a batch (or one event) is yielded, an exception raised, a number slept (seconds)."""

    use = "scripted"

    def __init__(self, *steps: Step) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.steps = steps
        self.closed_early = 0
        self.running = 0

    async def stream(self, flow: Flow) -> Stream:
        self.running += 1
        finished = False
        try:
            for step in self.steps:
                match step:
                    case Exception():
                        raise step
                    case int() | float():
                        await anyio.sleep(step)
                    case Sequence():
                        finished = finished or any(isinstance(event, Finish) for event in step)
                        yield step
                    case _:
                        finished = finished or isinstance(step, Finish)
                        yield (step,)
        finally:
            self.running -= 1
            self.closed_early += not finished


@dataclass
class MemoryLine:
    """A client that takes what it gets, and leaves when it is told to."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    sends: list[bytes] = field(default_factory=list)
    ended: bool = False
    left: anyio.Event = field(default_factory=anyio.Event)
    on_send: Callable[[bytes], object] | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.sends)

    async def start(self, status: int, headers: Headers) -> None:
        assert not self.status, "the status went out twice"
        self.status, self.headers = status, dict(headers)

    async def send(self, data: bytes, *, last: bool) -> None:
        assert self.status and not self.ended
        self.sends.append(data)
        self.ended = last
        if self.on_send is not None:
            self.on_send(data)
        await anyio.lowlevel.checkpoint()

    async def gone(self) -> None:
        await self.left.wait()


def pipeline_of(*stages: Stage, name: str = "test") -> Pipeline:
    """A pipeline of these stages, each under its own name."""
    return Pipeline(name, "", tuple(BoundStage(stage.use, stage, {}) for stage in stages))


def flow_of(*stages: Stage, query: str = "", services: Services | None = None, seed: bytes = b"test") -> Flow:
    """A new-born flow through a pipeline of these stages."""
    route = Route("test", Matcher(), pipeline_of(*stages))
    snapshot = Snapshot(1, "0" * 64, 0.0, (route,), {"test": route.pipeline}, (), Prompts({}))
    request = ClientRequest("POST", "/v1/test", query, (), b"{}")
    dialect = PlainDialect()
    return Flow(
        client=request,
        dialect=dialect,
        parsed=dialect.parse(request),
        snapshot=snapshot,
        route=route,
        services=Services() if services is None else services,
        clock=SystemClock(),
        ids=Ids(seed),
    )


async def carry_out(steps: Iterable[EndStep]) -> None:
    """What the engine does with what was deferred, or is to be settled."""
    for step in steps:
        waiting = step()
        if waiting is not None:
            await waiting
