"""What is written down of a flow: its run, its figures, its line in the log; and ending runs from outside."""

import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import anyio
import msgspec
import pytest

from luna.admin.runs import cancel_run
from luna.core.engine import Engine
from luna.core.flow import Flow, Outcome
from luna.core.live import LiveFlows
from luna.core.notes import CALLED, CLIENT
from luna.core.services import Services
from luna.core.stage import (
    AnswerStage,
    AroundStage,
    Proceed,
    Reask,
    RequestStage,
    ResponseStage,
    StageOptions,
    Transducer,
)
from luna.model.ambient import SystemClock
from luna.model.chat import Attachment, ChatRequest, Message, Part, Text
from luna.model.dialect import Reply
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Opened, Stream, StreamEvent, TextDelta, Usage
from luna.server.bookkeeping import Bookkeeping, preview_of
from luna.state.log_archive import LogEntry, LogFilter
from luna.state.logs import Logs
from luna.state.metrics import Metrics
from luna.state.run import RunRecord, names_of
from luna.state.runs import Runs
from luna.state.store import Store
from luna.tools.profiles import PROFILES
from tests.support.machine import CONTEXT, Encode, MemoryLine, Scripted, Step, flow_of
from tests.support.prometheus import FamilyRead, parse

HELLO = (Opened("r", "m"), TextDelta("hel"), TextDelta("lo"), Finish("stop"))


class Ask(RequestStage):
    """Decodes to a request with a user's words."""

    use = "ask"
    gives_chat = True

    def __init__(self) -> None:
        super().__init__(StageOptions(), CONTEXT)

    def request(self, flow: Flow) -> None:
        flow.notes[CLIENT] = "ci"
        said = [Message("user", [Text("What is the\n weather?")])]
        flow.chat = ChatRequest(model="qwen", target="qwen3-max", messages=said, stream=flow.client.query != "whole")
        flow.asked = flow.chat.messages
        flow.chat.messages = [Message("user", [Text("a stage wrote this")])]


class Turn(AroundStage):
    """Says of a run what `schedule` would; lets nobody pass before it is opened."""

    use = "turn"

    def __init__(self, *, shut: bool = False) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.open = anyio.Event()
        self.holding = 0
        if not shut:
            self.open.set()

    async def around(self, flow: Flow, proceed: Proceed) -> Stream:
        run = flow.services[Runs].find_active(flow.id)
        assert run is not None
        run.queued("account full: env")
        await self.open.wait()
        run.running("env")
        self.holding += 1
        try:
            async for batch in proceed(flow):
                run.streaming()
                yield batch
        finally:
            self.holding -= 1


class Listing(AnswerStage):
    """A far end without a transport."""

    use = "listing"

    def __init__(self) -> None:
        super().__init__(StageOptions(), CONTEXT)

    async def answer(self, flow: Flow) -> Reply:
        return Reply(200, b"[]")


@dataclass
class Office:
    """An engine with its books."""

    store: Store
    runs: Runs
    logs: Logs
    metrics: Metrics = field(default_factory=lambda: Metrics(0.0))
    live: LiveFlows = field(default_factory=LiveFlows)
    services: Services = field(default_factory=Services)

    def __post_init__(self) -> None:
        self.books = Bookkeeping(self.runs, self.metrics, self.logs)
        self.services.provide(Runs, self.runs)

    async def serve(self, flow: Flow, line: MemoryLine) -> None:
        """What the gateway does."""
        run = self.books.open(flow)
        try:
            await Engine(self.live).run(flow, line)
        finally:
            self.books.close(flow, run, status=line.status, sent=len(line.body))

    async def record(self, flow: Flow) -> RunRecord:
        await self.store.commit()
        record = await self.runs.archive.get(flow.id)
        assert record is not None
        return record

    async def line_of(self, flow: Flow) -> LogEntry:
        (entry,) = (await self.logs.find(LogFilter(flow=flow.id), limit=9)).entries
        return entry

    @property
    def figures(self) -> dict[str, FamilyRead]:
        return parse(self.metrics.registry.render())


@pytest.fixture
async def office(store: Store) -> AsyncIterator[Office]:
    clock = SystemClock()
    made = Office(store, Runs(store, clock), Logs(store, clock))
    yield made
    assert not made.runs.active()
    assert len(made.live) == 0


def chat_of(office: Office, *steps: Step, turn: Turn | None = None, query: str = "") -> Flow:
    transport = Scripted(*(steps or HELLO))
    return flow_of(Ask(), turn or Turn(), transport, Encode(), services=office.services, query=query)


async def test_a_completed_flow(office: Office) -> None:
    flow, line = chat_of(office), MemoryLine()
    flow.meter = lambda: Usage(11, 22, 3)
    await office.serve(flow, line)
    assert line.body.endswith(b".")
    record = await office.record(flow)
    assert (record.status, record.http_status, record.error_kind) == ("completed", 200, "")
    assert (record.model, record.target, record.stream) == ("qwen", "qwen3-max", True)
    assert (record.preview, record.client, record.agent) == ("What is the weather?", "ci", "generic")
    assert (record.input_tokens, record.output_tokens, record.thinking_tokens) == (11, 22, 3)
    assert (record.route, record.pipeline, record.protocol) == ("test", "test", "plain")
    assert (record.bytes_in, record.account_id, record.queue_reason) == (2, "env", "account full: env")
    assert record.created_at <= (record.first_event_at or 0.0) <= (record.completed_at or 0.0)
    assert 0 <= (record.first_event_ms or 0.0) <= (record.duration_ms or 0.0)
    entry = await office.line_of(flow)
    assert (entry.level, entry.logger) == ("info", "luna.flow")
    assert entry.message.startswith("POST /v1/test completed: 200 in ")
    assert entry.fields["account"] == "env"
    assert (entry.fields["input"], entry.fields["status"]) == (11, 200)
    said = office.figures
    assert said["luna_flows_total"].value(route="test", protocol="plain", outcome="completed") == 1
    assert said["luna_events_total"].value() == len(HELLO)
    assert said["luna_stage_seconds"].value("_count", stage="ask") == 1
    assert said["luna_tokens_total"].value(model="qwen3-max", direction="out") == 22
    assert said["luna_client_bytes_total"].value(direction="out") == len(line.body)
    assert said["luna_queue_seconds"].value("_count") == 1


async def test_called_tools_and_the_times_of_stages_are_kept(office: Office) -> None:
    flow = chat_of(office)
    flow.notes[CALLED] = ["Bash", "Read\nme", "Bash"]
    await office.serve(flow, MemoryLine())
    record = await office.record(flow)
    assert record.tools == "\nBash\nRead me\n"
    assert names_of(record.tools) == ["Bash", "Read me"]
    ((name, spent),) = msgspec.json.decode(record.stages)
    assert name == "ask"
    assert spent >= 0


async def test_the_run_is_in_the_first_commit_of_the_settling(office: Office) -> None:
    flow, line = chat_of(office), MemoryLine()
    seen: list[str] = []

    async def remember() -> None:
        await office.store.commit()
        record = await office.runs.archive.get(flow.id)
        seen.append(record.status if record is not None else "nothing")

    run = office.books.open(flow)
    flow.settle(remember)
    await Engine(office.live).run(flow, line)
    office.books.close(flow, run, status=line.status)
    assert seen == ["completed"]


async def test_a_failed_flow(office: Office) -> None:
    error = LunaError(Kind.UPSTREAM_BROKEN, "It broke.", hint="Again.")
    flow, line = chat_of(office, Opened("r", "m"), TextDelta("hel"), error), MemoryLine()
    flow.route = flow.route.__class__(flow.route.name, flow.route.matcher, flow.route.pipeline, record="errors")
    await office.serve(flow, line)
    record = await office.record(flow)
    assert (record.status, record.error_kind, record.error_message, record.error_hint, record.error_stage) == (
        "failed", "upstream-broken", "It broke.", "Again.", "scripted",
    )  # fmt: skip
    assert record.recording == flow.id
    entry = await office.line_of(flow)
    assert entry.level == "error"
    assert "upstream-broken at scripted: It broke." in entry.message
    assert office.figures["luna_errors_total"].value(kind="upstream-broken") == 1


async def test_a_flow_that_is_refused_before_it_was_read(office: Office) -> None:
    class Refuse(RequestStage):
        use = "refuse"

        def __init__(self) -> None:
            super().__init__(StageOptions(), CONTEXT)

        def request(self, flow: Flow) -> None:
            raise LunaError(Kind.UNAUTHORIZED, "No key.")

    flow = flow_of(Refuse(), Ask(), Turn(), Scripted(), Encode(), services=office.services)
    await office.serve(flow, MemoryLine())
    record = await office.record(flow)
    assert (record.status, record.error_kind, record.error_stage) == ("failed", "unauthorized", "refuse")
    assert (record.http_status, record.preview, record.started_at) == (500, "", None)


async def test_a_model_that_is_asked_again(office: Office) -> None:
    class Doubt(ResponseStage):
        """Does not believe the first answer."""

        use = "doubt"

        def __init__(self) -> None:
            super().__init__(StageOptions(), CONTEXT)
            self.doubts = 1

        def transducer(self, flow: Flow) -> Transducer:
            return self

        def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
            if isinstance(event, Finish) and self.doubts:
                self.doubts -= 1
                raise Reask("Are you sure?", "doubt")
            return [event]

        def flush(self) -> Iterable[StreamEvent]:
            return ()

    flow, line = flow_of(Ask(), Turn(), Scripted(*HELLO), Doubt(), Encode(), services=office.services), MemoryLine()
    await office.serve(flow, line)
    record = await office.record(flow)
    assert (record.status, record.reasks, record.account_id) == ("completed", 1, "env")
    assert record.preview == "What is the weather?", "what luna says to the model is not what the user said"
    said = office.figures
    assert (said["luna_reasks_total"].value(), said["luna_events_total"].value()) == (1, 2 * len(HELLO))


async def test_keeping_the_books_of_a_flow_is_cheap(office: Office) -> None:
    fastest = 1.0
    for _ in range(50):
        flow = chat_of(office)
        flow.id = flow.ids.token("flow_")
        flow.chat = ChatRequest(model="qwen", messages=[Message("user", [Text("Hello there. " * 100)])])
        flow.asked = flow.chat.messages
        flow.outcome = Outcome.COMPLETED
        begun = time.perf_counter()
        run = office.books.open(flow)
        assert run is not None
        run.running("env")
        run.streaming()
        office.books.close(flow, run, status=200, sent=100)
        fastest = min(fastest, time.perf_counter() - begun)
    assert fastest < 400e-6, "some fifty microseconds, with plenty of room for a busy machine"


async def test_a_client_that_leaves(office: Office) -> None:
    flow, line = chat_of(office, Opened("r", "m"), TextDelta("hel"), 5.0), MemoryLine()
    line.on_send = lambda _: line.left.set()
    await office.serve(flow, line)
    record = await office.record(flow)
    assert (record.status, record.error_kind, record.http_status) == ("client-gone", "", 200)
    assert (await office.line_of(flow)).level == "warning"


async def test_a_flow_without_a_transport_has_no_run_but_a_line_and_figures(office: Office) -> None:
    flow, line = flow_of(Listing(), services=office.services), MemoryLine()
    await office.serve(flow, line)
    await office.store.commit()
    assert await office.runs.archive.count() == 0
    assert (await office.line_of(flow)).message.startswith("POST /v1/test completed: 200 in ")
    assert office.figures["luna_flows_total"].value(route="test", protocol="plain", outcome="completed") == 1


async def test_a_flow_whose_task_is_cancelled_is_written_down_all_the_same(office: Office) -> None:
    flow = chat_of(office, Opened("r", "m"), 5.0)
    with anyio.move_on_after(0.05):
        await office.serve(flow, MemoryLine())
    assert (await office.record(flow)).status == "cancelled"


# Ending runs from outside


async def _until(office: Office, status: str) -> None:
    with anyio.fail_after(2):
        while [run.status for run in office.runs.active()] != [status]:
            await anyio.sleep(0.001)


async def test_a_queued_run_is_cancelled_and_never_reaches_the_upstream(office: Office) -> None:
    turn, line = Turn(shut=True), MemoryLine()
    transport = Scripted(*HELLO)
    flow = flow_of(Ask(), turn, transport, Encode(), services=office.services)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(office.serve, flow, line)
        await _until(office, "queued")
        cancelled = await cancel_run(flow.id, office.runs, office.live)
        assert (cancelled.ok, cancelled.status, cancelled.already_terminal) == (True, "cancelled", False)
        turn.open.set()
    assert (transport.running, transport.closed_early, turn.holding) == (0, 0, 0)
    assert (line.status, line.body) == (500, b"cancelled@turn")
    record = await office.record(flow)
    assert (record.status, record.error_kind, record.started_at) == ("cancelled", "cancelled", None)
    assert (record.queue_ms or 0) > 0


@pytest.mark.parametrize("query", ["", "whole"])
async def test_a_run_is_cancelled_before_its_first_byte(office: Office, query: str) -> None:
    turn, line, transport = Turn(), MemoryLine(), Scripted(5.0, *HELLO)
    flow = flow_of(Ask(), turn, transport, Encode(), services=office.services, query=query)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(office.serve, flow, line)
        await _until(office, "running")
        assert (await cancel_run(flow.id, office.runs, office.live)).status == "cancelled"
    assert (transport.running, transport.closed_early, turn.holding) == (0, 1, 0)
    assert (line.status, line.body) == (500, b"cancelled@scripted")
    record = await office.record(flow)
    assert (record.status, record.error_kind, record.http_status) == ("cancelled", "cancelled", 500)
    assert flow.outcome is Outcome.CANCELLED


async def test_a_streaming_run_is_cancelled_and_stays_cancelled(office: Office) -> None:
    turn, line, transport = Turn(), MemoryLine(), Scripted(Opened("r", "m"), TextDelta("hel"), 5.0, *HELLO[2:])
    flow = flow_of(Ask(), turn, transport, Encode(), services=office.services)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(office.serve, flow, line)
        await _until(office, "streaming")
        with anyio.fail_after(30):
            while b"hel" not in line.body:
                await anyio.sleep(0.001)
        assert (await cancel_run(flow.id, office.runs, office.live)).status == "cancelled"
        again = await cancel_run(flow.id, office.runs, office.live)
        assert (again.status, again.already_terminal) == ("cancelled", True)
    assert (transport.running, transport.closed_early, turn.holding) == (0, 1, 0)
    assert line.status == 200
    assert line.body == b"<opened>hel!cancelled@scripted"
    assert (await office.record(flow)).status == "cancelled"
    late = await cancel_run(flow.id, office.runs, office.live)
    assert (late.ok, late.status, late.already_terminal) == (True, "cancelled", True)
    entry = await office.line_of(flow)
    assert (entry.level, entry.fields["error"]) == ("warning", "cancelled")
    assert office.figures["luna_flows_total"].value(route="test", protocol="plain", outcome="cancelled") == 1


async def test_an_error_on_the_way_out_does_not_change_why_it_ended(office: Office) -> None:
    class Stubborn(AroundStage):
        """Makes an error of its own of being cancelled, as a driver might."""

        use = "stubborn"

        def __init__(self) -> None:
            super().__init__(StageOptions(), CONTEXT)

        async def around(self, flow: Flow, proceed: Proceed) -> Stream:
            try:
                async for batch in proceed(flow):
                    yield batch
            except anyio.get_cancelled_exc_class():
                raise LunaError(Kind.UPSTREAM_BROKEN, "It broke on the way out.") from None

    line = MemoryLine()
    flow = flow_of(Ask(), Turn(), Stubborn(), Scripted(5.0, *HELLO), Encode(), services=office.services)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(office.serve, flow, line)
        await _until(office, "running")
        await anyio.sleep(0.01)
        await cancel_run(flow.id, office.runs, office.live)
    record = await office.record(flow)
    assert (record.status, record.error_kind) == ("cancelled", "cancelled")
    assert line.body == b"cancelled@scripted"


async def test_what_is_complete_is_not_cancelled_any_more(office: Office) -> None:
    flow, line = chat_of(office), MemoryLine()
    told: list[tuple[str, bool]] = []

    async def too_late() -> None:
        cancelled = await cancel_run(flow.id, office.runs, office.live)
        told.append((cancelled.status, cancelled.already_terminal))

    run = office.books.open(flow)
    flow.settle(too_late)
    await Engine(office.live).run(flow, line)
    office.books.close(flow, run, status=line.status)
    assert told == [("completed", True)]
    assert flow.outcome is Outcome.COMPLETED
    assert line.body.endswith(b".")


async def test_nobody_can_cancel_what_there_is_not(office: Office) -> None:
    with pytest.raises(LunaError) as refused:
        await cancel_run("flow_none", office.runs, office.live)
    assert refused.value.kind is Kind.NOT_FOUND


# What is told of a request

CLAUDE = next(profile for profile in PROFILES if profile.name == "claude-code")
PICTURE = Attachment("image", url="data:,")


def user(*parts: str | Attachment) -> Message:
    told: list[Part] = [Text(part) if isinstance(part, str) else part for part in parts]
    return Message("user", told)


@pytest.mark.parametrize(
    ("messages", "preview"),
    [
        ([], ""),
        ([user("one"), user("  two\n\t lines ")], "two lines"),
        ([user("mine"), Message("assistant", [Text("not mine")]), Message("tool", [Text("nor this")])], "mine"),
        ([user("asked"), user(PICTURE)], "asked"),
        ([user("look:", PICTURE, "here")], "look: here"),
        ([user("x" * 1000)], "x" * 180),
        ([user("a " * 100_000)], ("a " * 90).rstrip() + " "),
        ([user("<system-reminder>noise</system-reminder>", "the question")], "the question"),
        ([user("before"), user("<system-reminder>only noise</system-reminder>")], "before"),
    ],
)
def test_the_preview_is_what_the_user_said_last(messages: list[Message], preview: str) -> None:
    assert preview_of(messages, CLAUDE).rstrip() == preview.rstrip()
