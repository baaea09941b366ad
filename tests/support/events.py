"""Answers at random: lists of events that the grammar allows, for properties that must hold for all of them."""

from hypothesis import strategies as st

from luna.model.events import (
    Finish,
    Media,
    Notice,
    Opened,
    StopReason,
    StreamEvent,
    TextDelta,
    ThinkDelta,
    ToolClose,
    ToolDelta,
    ToolOpen,
    Usage,
)

OPENED = Opened("resp-1", "qwen3-max", "chat-1")

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
counts = st.integers(0, 10_000)
texts = st.builds(TextDelta, words)
thoughts = st.builds(ThinkDelta, words)
notices = st.builds(Notice, st.sampled_from(["search", "phase"]), words)
media = st.builds(Media, st.sampled_from(["image", "video", "audio"]), st.just("https://cdn.example/a b(1).png"))
usages = st.builds(Usage, counts, counts, counts, counts)


@st.composite
def calls(draw: st.DrawFn, index: int) -> list[StreamEvent]:
    """One whole call. Fragments are any text: nobody between the upstream and the client reads them."""
    inside: list[StreamEvent] = draw(st.lists(st.builds(ToolDelta, st.just(index), words) | notices, max_size=4))
    name = draw(st.sampled_from(["Read", "Bash", "web_search", "tool_search"]))
    return [ToolOpen(index, f"call_{index}", name, draw(st.booleans())), *inside, ToolClose(index)]


@st.composite
def answers(draw: st.DrawFn) -> list[StreamEvent]:
    """A whole answer, from `Opened` to `Finish`."""
    events: list[StreamEvent] = [OPENED]
    for index in range(draw(st.integers(0, 6))):
        events += draw(st.lists(texts | thoughts | notices | media | usages, max_size=5))
        if draw(st.booleans()):
            events += draw(calls(index))
    return [*events, Finish(draw(st.sampled_from(reasons(events))))]


def reasons(events: list[StreamEvent]) -> list[StopReason]:
    """How an answer of these events may end."""
    called = any(isinstance(event, ToolOpen) and not event.native for event in events)
    return ["tool_calls"] if called else ["stop", "length", "content_filter"]
