"""Native calls: cumulative arguments, one open at a time."""

import pytest

from luna.model.events import StreamEvent, ToolClose, ToolDelta, ToolOpen
from luna.qwen.calls import NativeCalls


class Frames:
    """Feeds call frames and keeps what they became."""

    def __init__(self) -> None:
        self.calls = NativeCalls()
        self.events: list[StreamEvent] = []

    def say(self, name: object, arguments: object, id: object = "round_0_1", *, finished: bool = False) -> "Frames":
        self.events += self.calls.feed({"name": name, "arguments": arguments}, id, finished=finished)
        return self

    def end(self) -> list[StreamEvent]:
        return [*self.events, *self.calls.close()]


def opened(index: int, id: str, name: str) -> ToolOpen:
    return ToolOpen(index, id, name, native=True)


def test_cumulative_arguments_become_increments() -> None:
    frames = Frames().say("Read", "").say("Read", '{"a"').say("Read", '{"a": 1}').say("Read", '{"a": 1}', finished=True)
    assert frames.events == [opened(0, "round_0_1", "Read"), ToolDelta(0, '{"a"'), ToolDelta(0, ": 1}"), ToolClose(0)]
    assert frames.end() == frames.events


def test_increments_stay_increments() -> None:
    assert Frames().say("Read", '{"a"').say("Read", ": 1}").end()[1:] == [
        ToolDelta(0, '{"a"'),
        ToolDelta(0, ": 1}"),
        ToolClose(0),
    ]


def test_arguments_may_come_as_a_document() -> None:
    assert Frames().say("Read", {"a": 1}).end()[1] == ToolDelta(0, '{"a":1}')
    assert Frames().say("Read", None).end() == [opened(0, "round_0_1", "Read"), ToolClose(0)]


def test_one_after_the_other() -> None:
    events = Frames().say("A", "{}", "r1").say("B", "{}", "r2").end()
    assert events == [
        opened(0, "r1", "A"),
        ToolDelta(0, "{}"),
        ToolClose(0),
        opened(1, "r2", "B"),
        ToolDelta(1, "{}"),
        ToolClose(1),
    ]


def test_interleaved_calls_wait_for_one_another() -> None:
    frames = (
        Frames().say("A", '{"x"', "r1").say("B", '{"y"', "r2").say("A", '{"x": 1}', "r1").say("B", '{"y": 2}', "r2")
    )
    assert frames.end() == [
        opened(0, "r1", "A"),
        ToolDelta(0, '{"x"'),
        ToolDelta(0, ": 1}"),
        ToolClose(0),
        opened(1, "r2", "B"),
        ToolDelta(1, '{"y": 2}'),
        ToolClose(1),
    ]


def test_a_finished_call_that_comes_again_is_the_same_call() -> None:
    frames = Frames().say("A", "{}", "r1", finished=True).say("A", "{}", "r1").say("A", "", "r1")
    assert frames.calls.count == 1


def test_the_same_id_with_other_arguments_is_another_call() -> None:
    events = Frames().say("A", '{"x": 1}', "r1", finished=True).say("A", '{"x": 2}', "r1", finished=True).end()
    assert [event for event in events if isinstance(event, ToolOpen)] == [
        opened(0, "r1", "A"),
        opened(1, "native_1", "A"),
    ]


@pytest.mark.parametrize("id", [None, "", 7, ["x"]])
def test_without_an_id_it_gets_one(id: object) -> None:
    events = Frames().say("A", "{", id).say("A", "{}", id).end()
    assert events == [opened(0, "native_0", "A"), ToolDelta(0, "{"), ToolDelta(0, "}"), ToolClose(0)]


def test_odd_calls_do_not_raise() -> None:
    calls = NativeCalls()
    strange: list[object] = [5, "x", [], {}, {"name": None}, {"name": 3, "arguments": []}]
    for odd in strange:
        calls.feed(odd, None, finished=False)
    calls.close()
    assert not calls.open


def test_a_call_in_one_piece() -> None:
    calls = NativeCalls()
    assert calls.whole("get", "{}") == [opened(0, "native_0", "get"), ToolDelta(0, "{}"), ToolClose(0)]
    assert calls.whole("get", "{}") == []
    assert repr(calls) == "<NativeCalls 1>"
