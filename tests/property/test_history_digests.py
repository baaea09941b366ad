"""Two histories have the same digest where, and only where, everything up to there is the same in what counts; and what
clients send back of an answer is known as that answer."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.conversation.digest import History, link, root
from luna.conversation.stable import turns
from luna.conversation.stored import packed, unpacked
from luna.model.chat import Attachment, Message, Part, Text, Thought, ToolCall, ToolResult
from luna.model.events import Finish, Media, StreamEvent, TextDelta, ThinkDelta, ToolClose, ToolDelta, ToolOpen
from luna.stages.session_remember import Told
from luna.tools.profiles import GENERIC
from tests.support.echoes import ECHOES, Echo

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8) | st.sampled_from(
    ["a", "b", " ", "\n", "text", "call", "<x>", "1:", "ab"]
)
leaves: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e6, 1e6) | words
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2), max_leaves=4
)
arguments = st.dictionaries(words, values, max_size=3).map(lambda value: msgspec.json.encode(value).decode())
texts = st.builds(Text, words)
attachments = st.builds(
    lambda kind, tail: Attachment(kind, url=f"data:,{tail}"), st.sampled_from(["image", "audio"]), words
)
calls = st.builds(ToolCall, st.sampled_from(["c1", "c2"]), st.sampled_from(["f", "g"]), arguments)
results = st.builds(
    ToolResult,
    st.sampled_from(["c1", "c2", "c3"]),
    st.lists(texts | attachments, max_size=2),
    st.just(""),
    st.booleans(),
)
parts: dict[str, st.SearchStrategy[Part]] = {
    "system": texts,
    "user": texts | attachments,
    "assistant": texts | calls | st.builds(Thought, words),
    "tool": results,
}
messages = st.sampled_from(sorted(parts)).flatmap(
    lambda role: st.builds(Message, st.just(role), st.lists(parts[role], max_size=3))
)
conversations = st.lists(messages, max_size=6)


def digests(said: list[Message], *scope: str) -> list[bytes]:
    return [*History.of(said, GENERIC, *scope).digests]


@settings(max_examples=60, deadline=None)
@given(conversations, conversations)
def test_equal_histories_have_equal_digests_and_others_have_not(one: list[Message], other: list[Message]) -> None:
    ours = [(turn.role, turn.pieces) for turn in turns(one, GENERIC)]
    theirs = [(turn.role, turn.pieces) for turn in turns(other, GENERIC)]
    for length, (a, b) in enumerate(zip(digests(one), digests(other), strict=False), 1):
        assert (a == b) == (ours[:length] == theirs[:length])


@settings(max_examples=40, deadline=None)
@given(conversations, conversations)
def test_what_is_appended_changes_nothing_before_it(said: list[Message], more: list[Message]) -> None:
    before, after = digests(said), digests([*said, *more])
    # A turn of the assistant's may be gone on with: it is the same turn, longer.
    goes_on = bool(said and more) and said[-1].role == more[0].role == "assistant"
    certain = len(before) - 1 if goes_on else len(before)
    assert after[: max(certain, 0)] == before[: max(certain, 0)]


@settings(max_examples=40, deadline=None)
@given(conversations, st.data())
def test_an_edit_changes_every_digest_from_there_on(said: list[Message], data: st.DataObject) -> None:
    places = [place for place, message in enumerate(said) if message.role == "user"]
    if not places:
        return
    place = data.draw(st.sampled_from(places))
    edited = [*said[:place], Message("user", [Text("something else entirely")]), *said[place + 1 :]]
    before = len(turns(said[:place], GENERIC))
    ours, theirs = digests(said), digests(edited)
    assert ours[:before] == theirs[:before]
    assert not set(ours[before:]) & set(theirs[before:])


@settings(max_examples=40, deadline=None)
@given(st.lists(words, min_size=1, max_size=5), st.lists(words, min_size=1, max_size=5))
def test_how_an_assistants_words_are_cut_does_not_matter(one: list[str], rest: list[str]) -> None:
    whole = [Message("assistant", [Text("".join([*one, *rest]))])]
    cut = [Message("assistant", [Text(piece) for piece in one]), Message("assistant", [Text(piece) for piece in rest])]
    assert digests(whole) == digests(cut)


@settings(max_examples=25, deadline=None)
@given(conversations, st.lists(words, min_size=2, max_size=2, unique=True))
def test_scopes_share_nothing(said: list[Message], names: list[str]) -> None:
    one, other = History.of(said, GENERIC, names[0]), History.of(said, GENERIC, names[1])
    assert one.root != other.root
    assert not set(one.digests) & set(other.digests)
    assert root("a", "b") != root("ab", "") != root("a", "", "b")


def test_no_text_is_cut() -> None:
    long = "x" * 200_000
    assert digests([Message("user", [Text(long + "a")])]) != digests([Message("user", [Text(long + "b")])])


@settings(max_examples=25, deadline=None)
@given(conversations)
def test_prefixes_end_with_the_assistant_and_leave_something(said: list[Message]) -> None:
    history = History.of(said, GENERIC)
    found = [*history.prefixes()]
    ends = [end for _, end in found]
    assert ends == sorted(ends, reverse=True)
    for digest, end in found:
        assert said[end - 1].role == "assistant"
        assert end < len(said)
        assert digests(said[:end])[-1] == digest


@settings(max_examples=40, deadline=None)
@given(conversations)
def test_what_is_written_down_counts_as_what_was_said(said: list[Message]) -> None:
    read = [unpacked(message.role, packed(message)) for message in said]
    assert digests(read) == digests(said)


# Answers and their echoes

deltas = st.builds(TextDelta, words)
thoughts = st.builds(ThinkDelta, words)
pictures = st.builds(Media, st.just("image"), st.just("https://cdn.example/a b.png"))


@st.composite
def made_calls(draw: st.DrawFn, index: int) -> list[StreamEvent]:
    said = draw(arguments)
    cut = draw(st.integers(0, len(said)))
    native = draw(st.booleans())
    pieces: list[StreamEvent] = [ToolDelta(index, piece) for piece in (said[:cut], said[cut:]) if piece]
    return [ToolOpen(index, f"call_{index:024}", draw(st.sampled_from(["f", "g"])), native), *pieces, ToolClose(index)]


@st.composite
def answers(draw: st.DrawFn) -> list[StreamEvent]:
    events: list[StreamEvent] = []
    for index in range(draw(st.integers(0, 3))):
        events += draw(st.lists(deltas | thoughts | pictures, max_size=3))
        if draw(st.booleans()):
            events += draw(made_calls(index))
    called = any(isinstance(event, ToolOpen) and not event.native for event in events)
    return [*events, Finish("tool_calls" if called else "stop")]


def told(events: list[StreamEvent]) -> Message:
    answer = Told()
    for event in events:
        answer.feed(event)
    return answer.message()


@pytest.mark.parametrize("echo", ECHOES, ids=lambda echo: echo.name)
@settings(max_examples=25, deadline=None)
@given(events=answers())
def test_what_a_client_sends_back_is_the_answer_it_was_given(echo: Echo, events: list[StreamEvent]) -> None:
    answer = told(events)
    asked = History.of(echo.messages(echo.ask("Go on.")), GENERIC)
    history = History.of(echo.after(events), GENERIC)
    if not turns([answer], GENERIC):
        assert not history.answered
        return
    (digest, end), *more = history.prefixes()
    assert digest == asked.answered_with(answer)
    assert end == len(history.messages) - 1
    assert not more


@settings(max_examples=30, deadline=None)
@given(answers(), st.integers(1, 5))
def test_how_an_answer_was_cut_into_events_does_not_matter(events: list[StreamEvent], size: int) -> None:
    cut: list[StreamEvent] = []
    for event in events:
        if isinstance(event, TextDelta):
            cut += [TextDelta(event.text[at : at + size]) for at in range(0, len(event.text), size)]
        else:
            cut.append(event)
    history = History.of([Message("user", [Text("x")])], GENERIC)
    assert history.answered_with(told(events)) == history.answered_with(told(cut))


def test_a_chain_can_be_gone_on_with_from_a_digest() -> None:
    said = [Message("user", [Text("a")]), Message("assistant", [Text("b")])]
    history = History.of(said, GENERIC, "me")
    assert link(history.digests[0], turns(said, GENERIC)[1]) == history.digest
