"""Breakpoints by themselves: who has to wait, for how long, and what a person may put in the place of what is held."""

import anyio
import msgspec
import pytest

from luna.filters.live import LiveFacts, looks_at_calls, words_of
from luna.filters.text import folded
from luna.model.ambient import Ids, ManualClock
from luna.model.chat import ChatRequest, Message, Text, ToolCall, ToolResult
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Notice, Opened, StreamEvent, TextDelta, ThinkDelta, ToolClose, ToolDelta, ToolOpen
from luna.state.breakpoint import Breakpoint, Decision, Halted
from luna.state.breakpoints import MOST, Breakpoints
from luna.state.gate import AnswerByHand, Call, CallByHand, Gate, joined
from luna.state.run import lines

OPENED = Opened("r", "m")
CALL: list[StreamEvent] = [ToolOpen(0, "call_0", "Bash"), ToolDelta(0, '{"a":'), ToolDelta(0, "1}"), ToolClose(0)]


def made() -> Breakpoints:
    return Breakpoints(ManualClock(), Ids(b"test"))


def never(_: str) -> bool:
    return False


def find(breakpoints: Breakpoints, boundary: str, facts: LiveFacts, *, of_calls: bool = False) -> Breakpoint | None:
    return breakpoints.find(boundary, facts, of_calls=of_calls, done=never)


def test_the_first_that_covers_the_boundary_and_whose_filter_holds() -> None:
    breakpoints = made()
    breakpoints.arm(boundary="decode", filter="~m gpt*")
    second = breakpoints.arm(filter="~m qwen*")
    assert find(breakpoints, "decode", LiveFacts(model="qwen3")) is second
    assert find(breakpoints, "anywhere", LiveFacts(model="qwen3")) is second
    assert find(breakpoints, "anywhere", LiveFacts(model="gpt-4")) is None
    assert breakpoints.find("x", LiveFacts(model="qwen3"), of_calls=False, done=lambda id: id == second.id) is None


def test_a_filter_of_calls_is_asked_of_calls_alone() -> None:
    breakpoints = made()
    armed = breakpoints.arm(filter='~t bash & ~args "RM -rf"')
    call = LiveFacts(tools=lines(["Bash"]), arguments_folded=folded('{"command": "rm -rf /"}'))
    assert find(breakpoints, "x", call) is None
    assert find(breakpoints, "x", call, of_calls=True) is armed
    assert find(breakpoints, "x", msgspec.structs.replace(call, tools=lines(["Read"])), of_calls=True) is None
    assert breakpoints.keeps_calls("x")
    assert looks_at_calls(breakpoints.condition("~m a | !(~q b & ~args c)"))
    assert not looks_at_calls(breakpoints.condition("~m a | ~doc b"))


def test_the_words_of_a_request_are_all_that_is_said_in_it() -> None:
    turns = [
        Message("user", [Text("Find the Password")]),
        Message("assistant", [ToolCall("c", "Read", '{"path": "a.txt"}')]),
        Message("tool", [ToolResult("c", [Text("hunter2")])]),
    ]
    chat = ChatRequest(model="m", messages=turns)
    facts = LiveFacts(request=lambda: words_of(chat))
    breakpoints = made()
    armed = breakpoints.arm(filter="~doc password ~doc a.txt ~doc HUNTER2")
    assert breakpoints.find("x", facts, of_calls=False, done=never) is armed


def test_one_that_is_not_repeated_has_its_turn_once() -> None:
    breakpoints = made()
    once, often = breakpoints.arm(filter="~m a"), breakpoints.arm(filter="~m b", repeated=True)
    for one in (once, often, often):
        breakpoints.halt("flow", one, "x", "request")
    assert breakpoints.armed == [often]
    assert breakpoints.hits(often) == 2


def test_too_many_are_refused() -> None:
    breakpoints = made()
    for _ in range(MOST):
        breakpoints.arm()
    with pytest.raises(LunaError) as caught:
        breakpoints.arm()
    assert caught.value.kind is Kind.CONFLICT


async def _waiting(breakpoints: Breakpoints, halted: Halted, decide: object) -> Decision:
    found: list[Decision] = []

    async def wait() -> None:
        found.append(await breakpoints.wait(halted))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            while not breakpoints.halted:
                await anyio.sleep(0)
            assert callable(decide)
            decide()
    assert breakpoints.halted == []
    return found[0]


async def test_a_shut_down_lets_everybody_go_and_nobody_wait_again() -> None:
    breakpoints = made()
    halted = breakpoints.halt("flow", breakpoints.arm(repeated=True), "x", "request")
    assert (await _waiting(breakpoints, halted, breakpoints.close)).how == "released"
    assert breakpoints.armed == []
    with pytest.raises(LunaError) as caught:
        breakpoints.arm()
    assert caught.value.kind is Kind.DRAINING


async def test_the_first_decision_counts() -> None:
    breakpoints = made()
    halted = breakpoints.halt("flow", breakpoints.arm(), "x", "response")

    def decide() -> None:
        breakpoints.abort(halted.id, "no")
        with pytest.raises(LunaError) as caught:
            breakpoints.resume(halted.id)
        assert caught.value.kind is Kind.NOT_FOUND

    assert await _waiting(breakpoints, halted, decide) == Decision("aborted", reason="no")


async def test_nobody_answers_in_the_middle_of_a_call() -> None:
    breakpoints = made()
    halted = breakpoints.halt("flow", breakpoints.arm(), "x", "response")
    halted.calling = True

    def decide() -> None:
        with pytest.raises(LunaError) as caught:
            breakpoints.answer(halted.id, AnswerByHand("x"))
        assert caught.value.kind is Kind.CONFLICT
        breakpoints.resume(halted.id)

    await _waiting(breakpoints, halted, decide)


async def test_whoever_watches_hears_of_every_change() -> None:
    breakpoints, heard = made(), list[tuple[int, int]]()
    breakpoints.watch(lambda: heard.append((breakpoints.news().armed, breakpoints.news().halted)))
    armed = breakpoints.arm()
    halted = breakpoints.halt("flow", armed, "x", "request")
    await _waiting(breakpoints, halted, lambda: breakpoints.resume(halted.id))
    assert heard == [(1, 0), (0, 1), (0, 0)]


# The gate


def fed(gate: Gate, *events: StreamEvent) -> list[StreamEvent]:
    out: list[StreamEvent] = []
    for piece in gate.split(events, keep=False):
        assert not isinstance(piece, Call)
        out += gate.passed(piece)
    return out


def test_a_call_is_kept_until_it_is_complete() -> None:
    gate = Gate()
    assert list(gate.split([OPENED, *CALL[:2]], keep=True)) == [[OPENED]]
    loose, call, rest = gate.split([*CALL[2:], TextDelta("x")], keep=True)
    assert (loose, rest) == ([], [TextDelta("x")])
    assert isinstance(call, Call)
    assert (call.opening.name, call.arguments, list(call.events)) == ("Bash", '{"a":1}', CALL)


def test_behind_a_call_too_many_the_numbers_go_on() -> None:
    gate = Gate()
    fed(gate, OPENED)
    gate.edited([*CALL, ToolOpen(1, "call_1", "Read"), ToolClose(1)])
    second: list[StreamEvent] = [ToolOpen(1, "call_2", "Grep"), ToolDelta(1, "{}"), ToolClose(1)]
    assert fed(gate, *second) == [ToolOpen(2, "call_2", "Grep"), ToolDelta(2, "{}"), ToolClose(2)]


@pytest.mark.parametrize(
    ("edited", "finish", "becomes"),
    [
        ([TextDelta("no")], Finish("tool_calls"), Finish("stop")),
        (CALL, Finish("tool_calls"), Finish("tool_calls")),
        (CALL, Finish("stop"), Finish("tool_calls")),
        ([TextDelta("no")], Finish("length"), Finish("length")),
    ],
)
def test_an_answer_finishes_as_it_has_become(edited: list[StreamEvent], finish: Finish, becomes: Finish) -> None:
    gate = Gate()
    fed(gate, OPENED)
    gate.edited(edited)
    assert fed(gate, finish) == [becomes]


@pytest.mark.parametrize(
    ("before", "now", "problem"),
    [
        (CALL, CALL[:-1], "must end where the answer has begun"),
        (CALL[:2], CALL, "must end where a call is open"),
        ([TextDelta("a")], [OPENED], "Event 1 does not fit"),
        ([TextDelta("a"), Finish("stop")], [TextDelta("a")], "`finish` must be the last"),
        ([TextDelta("a"), Finish("stop")], [Finish("tool_calls")], "without a closed call"),
        ([TextDelta("a")], [Finish("stop"), TextDelta("a")], "Event 2 does not fit"),
    ],
)
def test_what_cannot_stand_there_is_refused(before: list[StreamEvent], now: list[StreamEvent], problem: str) -> None:
    gate = Gate()
    fed(gate, OPENED)
    with pytest.raises(LunaError) as caught:
        gate.judge(before, now)
    assert caught.value.kind is Kind.BAD_REQUEST
    assert problem in caught.value.message


def test_notices_find_a_place_that_the_grammar_allows() -> None:
    gate, notices = Gate(), [Notice("breakpoint", "resumed")]
    assert gate.note([], notices) == []
    out = gate.note(fed(gate, OPENED, TextDelta("a"), Finish("stop")), notices)
    assert out == [OPENED, TextDelta("a"), Notice("breakpoint", "resumed"), Finish("stop")]
    assert notices == []


def test_an_answer_by_hand_goes_on_from_what_has_passed() -> None:
    by_hand = AnswerByHand("Hi", (CallByHand("Read", '{"p":1}'),))
    call = [ToolDelta(0, '{"p":1}'), ToolClose(0), Finish("tool_calls")]
    whole = by_hand.events(None, "m", lambda: "call_x")
    assert whole == [Opened("", "m"), TextDelta("Hi"), ToolOpen(0, "call_x", "Read"), *call]
    gate = Gate()
    fed(gate, OPENED, *CALL)
    rest = by_hand.events(gate, "m", lambda: "call_x")
    assert rest[:2] == [TextDelta("Hi"), ToolOpen(1, "call_x", "Read")]
    assert AnswerByHand("Hi").events(gate, "m", str)[-1] == Finish("tool_calls")


def test_deltas_are_joined_for_people() -> None:
    events = [TextDelta("a"), TextDelta("b"), ThinkDelta("c"), ThinkDelta("d"), *CALL]
    assert joined(events) == [TextDelta("ab"), ThinkDelta("cd"), CALL[0], ToolDelta(0, '{"a":1}'), CALL[-1]]
