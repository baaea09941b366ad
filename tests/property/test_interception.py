"""Whatever else an answer holds, calls come out of it in order, and the events obey the grammar."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.events import (
    Finish,
    Media,
    Notice,
    StreamEvent,
    TextDelta,
    ThinkDelta,
    ToolClose,
    ToolDelta,
    ToolOpen,
    Usage,
)
from luna.model.fold import Fold
from luna.stages.tools_intercept import ToolsIntercept
from luna.tools.json_text import decode
from tests.support.play import Play, a_chat
from tests.support.sifting import TOOLS
from tests.support.transcripts import garbled, in_pieces, transcript

randoms = st.randoms(use_true_random=False)


def others(draw: Random, index: int) -> list[StreamEvent]:
    """Events that are neither text nor a client's call."""
    kinds: list[list[StreamEvent]] = [
        [ThinkDelta("hm")],
        [Media("image", "https://cdn.example/x.png")],
        [Usage(index, index)],
        [Notice("keep-alive")],
        [ToolOpen(index, f"n{index}", "web_search", True), ToolDelta(index, "{}"), ToolClose(index)],
    ]
    return draw.choice(kinds)


def interleaved(draw: Random, text: str) -> list[StreamEvent]:
    events: list[StreamEvent] = []
    for index, piece in enumerate(in_pieces(draw, text)):
        events.append(TextDelta(piece))
        if draw.random() < 0.3:
            events += others(draw, index)
    return [*events, Finish("stop")]


def folded(events: list[StreamEvent]) -> Fold:
    fold = Fold()
    for event in events:
        fold.feed(event)
    return fold


def play(*, stop: bool) -> Play[ToolsIntercept]:
    chat = a_chat()
    chat.tools = list(TOOLS)
    return Play(ToolsIntercept, {"stop-after-calls": stop}, chat=chat)


@settings(max_examples=60, deadline=None)
@given(randoms)
def test_nothing_between_the_pieces_changes_the_calls_or_the_text(draw: Random) -> None:
    made = transcript(draw)
    events = interleaved(draw, made.written)
    out = folded(play(stop=False).up(*events))
    assert [(call.name, decode(call.arguments)) for call in out.client_calls] == made.calls
    assert out.text == made.text
    assert out.reason == ("tool_calls" if made.calls else "stop")
    before = folded(events)
    assert (out.thinking, out.media, out.usage) == (before.thinking, before.media, before.usage)
    assert len(out.calls) - len(made.calls) == len(before.calls)


@settings(max_examples=60, deadline=None)
@given(randoms, st.booleans(), st.booleans())
def test_the_grammar_holds_for_any_accident(draw: Random, stop: bool, broken: bool) -> None:
    events = interleaved(draw, garbled(draw, transcript(draw).written))
    if broken:
        play(stop=stop).up_broken(*events[:-1])
    else:
        out = play(stop=stop).up(*events)
        assert isinstance(out[-1], Finish)
