"""What counts as an answer."""

import pytest

from luna.model.errors import Kind, LunaError
from luna.model.events import (
    Finish,
    Media,
    Notice,
    Opened,
    StreamEvent,
    TextDelta,
    ThinkDelta,
    ToolClose,
    ToolDelta,
    ToolOpen,
    Usage,
)
from luna.stages.require_answer import RequireAnswer
from tests.support.play import Play

OPENED, STOP = Opened("r", "m"), Finish("stop")


@pytest.mark.parametrize(
    "events",
    [
        (TextDelta("a"),),
        (ThinkDelta("hm"), TextDelta("a")),
        (Media("image", "https://example.org/a.png"),),
        (ToolOpen(0, "c", "web_search", native=True), ToolClose(0), TextDelta("found")),
    ],
)
def test_an_answer_passes_unchanged(events: tuple[StreamEvent, ...]) -> None:
    whole = (OPENED, *events, Usage(1, 1), STOP)
    assert Play(RequireAnswer).up(*whole) == list(whole)


def test_a_call_for_the_client_is_an_answer() -> None:
    whole = (OPENED, ToolOpen(0, "c", "Bash"), ToolDelta(0, "{}"), ToolClose(0), Finish("tool_calls"))
    assert Play(RequireAnswer).up(*whole) == list(whole)


def test_thinking_that_was_cut_by_a_limit_is_the_clients_own_wish() -> None:
    whole = (OPENED, ThinkDelta("hm"), Finish("length"))
    assert Play(RequireAnswer).up(*whole) == list(whole)


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((), "without having said anything"),
        ((TextDelta(""), Usage(1, 0)), "without having said anything"),
        ((ThinkDelta("hm"),), "without having said anything"),
        ((ToolOpen(0, "c", "get_weather", native=True), ToolClose(0)), "'get_weather'"),
        ((Notice("tool-missing", "Tool Read does not exists."),), "does not exists"),
    ],
)
def test_silence_is_an_error_that_says_what_came_instead(events: tuple[StreamEvent, ...], said: str) -> None:
    with pytest.raises(LunaError) as caught:
        Play(RequireAnswer).up(OPENED, *events, STOP)
    assert caught.value.kind is Kind.UPSTREAM_BROKEN
    assert said in caught.value.message
