"""A flow that waits and is let go as it was becomes the same answer, byte for byte, wherever it waited."""

from collections.abc import Callable

import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.config.compile import compile_files
from luna.config.files import read_files
from luna.config.settings import shipped_routes
from luna.core.flow import Flow
from luna.core.live import LiveFlows
from luna.core.registry import Registry
from luna.core.snapshot import Snapshot
from luna.model.ambient import ManualClock
from luna.model.errors import LunaError
from luna.model.events import Notice, StreamEvent
from luna.model.grammar import Grammar
from luna.replay import rerun as replaying
from luna.replay.rerun import rerun
from luna.server.halting import Halting
from luna.stages.qwen import Qwen
from luna.state.breakpoints import Breakpoints
from luna.state.gate import Call, Gate
from luna.wire.reader import Recording
from tests.support.events import answers
from tests.support.scenarios import byte_by_byte, completions, scenario, transcript

NAMES = completions()
Arm = Callable[[Breakpoints, tuple[str, ...]], None]


def everywhere(breakpoints: Breakpoints, boundaries: tuple[str, ...]) -> None:
    """One behind each stage; the call at each of them, too."""
    for boundary in boundaries:
        breakpoints.arm(boundary=boundary, repeated=True)
        breakpoints.arm(boundary=boundary, filter="~t *", repeated=True)


def whole(breakpoints: Breakpoints, boundaries: tuple[str, ...]) -> None:
    """Every stage's whole answer."""
    for boundary in boundaries:
        breakpoints.arm(boundary=boundary, repeated=True, whole=True)


def nowhere(breakpoints: Breakpoints, boundaries: tuple[str, ...]) -> None:
    """Calls are kept until they are complete, and no flow waits."""
    breakpoints.arm(filter="~t nobody & ~args nothing", repeated=True)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    compiled = compile_files(read_files(shipped_routes()), Registry(), {})
    assert compiled.snapshot is not None, compiled.errors
    return compiled.snapshot


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: float) -> None:
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(Qwen, "sleep", staticmethod(at_once))


async def halted(
    recording: Recording, snapshot: Snapshot, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> tuple[Recording, list[str]]:
    """What came of it with breakpoints, and where it waited."""
    breakpoints, waited = Breakpoints(ManualClock()), list[str]()

    def let_go() -> None:
        for one in breakpoints.halted:
            waited.append(one.boundary)
            breakpoints.resume(one.id)

    class Live(LiveFlows):
        def add(self, flow: Flow) -> None:
            pipeline = flow.route.pipeline
            arm(breakpoints, tuple(bound.name for bound in pipeline.stages))
            flow.halt = Halting(breakpoints, lambda _: None)
            super().add(flow)

    breakpoints.watch(let_go)
    with monkeypatch.context() as patched:
        patched.setattr(replaying, "LiveFlows", Live)
        after, _ = await rerun(recording, snapshot)
    return after, waited


def headers(recording: Recording) -> set[tuple[str, str]]:
    """All but those that say whether it goes out in one piece."""
    return {each for each in recording.headers if each[0] not in ("content-length", "cache-control")}


@pytest.mark.parametrize("arm", [everywhere, whole, nowhere])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", NAMES)
async def test_a_fixture_that_waited_is_the_same_answer(
    name: str, stream: bool, arm: Arm, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = transcript(name)
    recording = scenario(found, stream=stream)
    before, _ = await rerun(recording, snapshot)
    after, waited = await halted(recording, snapshot, arm, monkeypatch)
    if arm is whole and before.failure is not None:
        assert after.failure is not None
        assert after.failure.kind == before.failure.kind
        return  # nothing had gone out yet: the status says it, not the stream
    assert (after.status, headers(after), after.answer) == (before.status, headers(before), before.answer)
    assert (waited == []) is (arm is nowhere)
    for boundary, batches in before.events.items():
        events = [event for batch in batches for event in batch]
        again = [event for batch in after.events[boundary] for event in batch]
        assert [event for event in again if not (isinstance(event, Notice) and event.kind == "breakpoint")] == events


@pytest.mark.parametrize("name", NAMES)
async def test_byte_by_byte_it_is_the_same_as_well(
    name: str, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = transcript(name)
    before, _ = await rerun(scenario(found, stream=True), snapshot)
    bytewise = scenario(found, stream=True, chunks=byte_by_byte(found.body))
    after, _ = await halted(bytewise, snapshot, nowhere, monkeypatch)
    assert after.answer == before.answer


@settings(max_examples=60, deadline=None)
@given(answers(), st.lists(st.integers(1, 4), max_size=12), st.booleans())
def test_a_gate_passes_what_comes_in_its_order(events: list[StreamEvent], sizes: list[int], keep: bool) -> None:
    gate, passed = Gate(), list[StreamEvent]()
    for batch in cut(events, sizes):
        for piece in gate.split(batch, keep=keep):
            if isinstance(piece, Call):
                assert keep
                assert piece.events[0] is piece.opening
            passed += gate.passed(piece.events if isinstance(piece, Call) else piece)
    assert passed == events
    assert gate.done


@settings(max_examples=60, deadline=None)
@given(answers(), answers(), st.lists(st.integers(1, 4), max_size=12), st.data())
def test_an_edit_leaves_an_answer_that_the_grammar_allows(
    events: list[StreamEvent], other: list[StreamEvent], sizes: list[int], data: st.DataObject
) -> None:
    """Whatever `judge` lets pass in the place of a batch, the rest of the stream still fits behind it."""
    gate, out = Gate(), list[StreamEvent]()
    batches = cut(events, sizes)
    edited = data.draw(st.integers(0, len(batches) - 1))
    inserted = other[1:-1] if edited or len(batches) > 1 else other
    for number, batch in enumerate(batches):
        if number == edited:
            candidate = [*batch[:1], *inserted] if number == 0 and len(batches) > 1 else [*inserted]
            try:
                gate.judge(batch, candidate)
            except LunaError:
                candidate = list(batch)
            out += gate.edited(candidate)
        else:
            for piece in gate.split(batch, keep=False):
                assert not isinstance(piece, Call)
                out += gate.passed(piece)
        if gate.done:
            break
    grammar = Grammar()
    for event in out:
        grammar.feed(event)
    assert grammar.done


def cut(events: list[StreamEvent], sizes: list[int]) -> list[list[StreamEvent]]:
    """In batches of these sizes; the last has the rest."""
    batches, at = list[list[StreamEvent]](), 0
    for size in sizes:
        if at < len(events):
            batches.append(events[at : at + size])
            at += size
    return [*batches, *([events[at:]] if at < len(events) else [])]
