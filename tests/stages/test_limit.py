"""`limit`: where an answer ends."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.chat import ChatRequest, Limits
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
from luna.model.grammar import Grammar
from luna.protocols.tokens import UNIT, estimate_request, weight
from luna.stages.limit import Limit
from tests.support.events import OPENED, answers
from tests.support.play import Play, a_chat

STOP = Finish("stop")


def counting(usage: Usage) -> Callable[[], Usage]:
    """A meter that shows this until it is replaced: the same object, as one read has one count."""
    return lambda: usage


def limited(*stop: str, max_tokens: int | None = None) -> ChatRequest:
    chat = a_chat()
    chat.limits = Limits(max_tokens, stop)
    return chat


def texts(*pieces: str) -> list[StreamEvent]:
    return [TextDelta(piece) for piece in pieces]


def text_of(events: Sequence[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def ended(events: Sequence[StreamEvent]) -> tuple[str, str]:
    """The text and the reason of a whole answer."""
    last = events[-1]
    assert isinstance(last, Finish)
    return text_of(events), last.reason


def test_without_limits_there_is_no_transducer() -> None:
    play = Play(Limit)
    assert play.stage.transducer(play.flow) is None


@pytest.mark.parametrize(
    ("stop", "pieces", "said", "reason"),
    [
        (("END",), ["one END two"], "one ", "stop"),
        (("END",), ["one E", "N", "D two"], "one ", "stop"),
        (("END",), ["one E", "N"], "one EN", "length"),
        (("END",), ["E", "NOUGH", " EN", "END"], "ENOUGH EN", "stop"),
        (("aab",), ["aa", "aa", "b"], "aa", "stop"),
        (("abcd", "bc"), ["a", "b", "c", "d"], "a", "stop"),
        (("abcd", "bc"), ["abcd"], "a", "stop"),
        (("ab", "abc"), ["xabc"], "x", "stop"),
        (("\n",), ["one\ntwo"], "one", "stop"),
        (("END",), ["END"], "", "stop"),
        (("END",), ["", "one", ""], "one", "length"),
    ],
)
def test_stop_sequences(stop: tuple[str, ...], pieces: list[str], said: str, reason: str) -> None:
    events = Play(Limit, chat=limited(*stop)).up(*texts(*pieces), Finish("length"))
    assert ended(events) == (said, reason)


def test_text_is_held_only_while_a_sequence_could_begin() -> None:
    play = Play(Limit, chat=limited("STOP"))
    transducer = play.stage.transducer(play.flow)
    assert transducer is not None
    passed = [text_of(list(transducer.feed(TextDelta(piece)))) for piece in ["aS", "T", "x", "ST", "OO", "STO"]]
    assert passed == ["a", "", "STx", "", "STOO", ""]
    assert text_of(list(transducer.flush())) == "STO"
    assert list(transducer.flush()) == []


def test_what_was_held_goes_out_before_what_follows() -> None:
    call: list[StreamEvent] = [ToolOpen(0, "c", "Read"), ToolDelta(0, "{}"), ToolClose(0)]
    picture, thought = Media("image", "https://x.example/a"), ThinkDelta("hm")
    play = Play(Limit, chat=limited("END"))
    events = play.up(
        *texts("1 E"), thought, *texts("2 E"), *call, *texts("3 E"), picture, *texts("4 E"), Finish("tool_calls")
    )
    assert events == [
        *texts("1 ", "E"),
        thought,
        *texts("2 ", "E"),
        *call,
        *texts("3 ", "E"),
        picture,
        *texts("4 ", "E"),
        Finish("tool_calls"),
    ]


def test_usage_and_notices_pass_by_held_text() -> None:
    usage, notice = Usage(1, 1), Notice("phase")
    events = Play(Limit, chat=limited("END")).up(*texts("E"), usage, notice, *texts("ND"), STOP)
    assert events[:2] == [usage, notice]
    assert ended(events) == ("", "stop")


def test_a_broken_stream_gives_back_what_was_held() -> None:
    play = Play(Limit, chat=limited("END", max_tokens=100))
    assert play.up_broken(*texts("one E")) == texts("one ", "E")


def test_a_stopped_answer_with_calls_is_to_run_them() -> None:
    call: list[StreamEvent] = [ToolOpen(0, "c", "Read"), ToolDelta(0, "{}"), ToolClose(0)]
    events = Play(Limit, chat=limited("END")).up(*call, *texts("END"), STOP)
    assert events[-1] == Finish("tool_calls")
    native: list[StreamEvent] = [ToolOpen(0, "n", "web_search", True), ToolClose(0)]
    assert Play(Limit, chat=limited("END")).up(*native, *texts("END"), STOP)[-1] == Finish("stop", "END")


def test_a_cut_answer_ends_with_usage_the_upstreams_if_there_is_one() -> None:
    play = Play(Limit, chat=limited("END"))
    estimated = Usage(estimate_request(play.flow.chat), 5, 3, exact=False)
    assert play.up(ThinkDelta("1 2"), *texts("3 4END"), STOP)[-2:] == [estimated, Finish("stop", "END")]
    play.flow.meter = counting(Usage(500, 7, 2))
    assert play.up(ThinkDelta("1 2"), *texts("3 4END"), STOP)[-2:] == [Usage(500, 7, 2), Finish("stop", "END")]


def test_max_tokens_by_estimate_delivers_the_part_that_fits() -> None:
    play = Play(Limit, chat=limited(max_tokens=4))
    assert ended(play.up(*texts("12", "3456"), STOP)) == ("1234", "length")
    assert ended(play.up(*texts("12", "34"), STOP)) == ("1234", "stop")


def test_thinking_counts() -> None:
    play = Play(Limit, chat=limited(max_tokens=4))
    estimated = Usage(estimate_request(play.flow.chat), 4, 3, exact=False)
    assert play.up(ThinkDelta("123"), *texts("456"), STOP) == [
        ThinkDelta("123"),
        TextDelta("4"),
        estimated,
        Finish("length"),
    ]
    cut = Play(Limit, chat=limited(max_tokens=2)).up(ThinkDelta("123"), *texts("456"), STOP)
    assert cut[0] == ThinkDelta("12")
    assert ended(cut) == ("", "length")


@pytest.mark.parametrize(("option", "asked", "most"), [(3, None, 3), (3, 5, 3), (5, 3, 3), (None, 3, 3)])
def test_the_smaller_of_pipeline_and_client_counts(option: int | None, asked: int | None, most: int) -> None:
    play = Play(Limit, {"max-tokens": option}, chat=limited(max_tokens=asked))
    assert ended(play.up(*texts("1234567"), STOP)) == ("1234567"[:most], "length")


def test_a_call_that_has_begun_is_left_to_finish() -> None:
    call: list[StreamEvent] = [ToolOpen(0, "c", "Read"), ToolDelta(0, "123"), ToolDelta(0, "456"), ToolClose(0)]
    play = Play(Limit, chat=limited(max_tokens=3))
    assert play.up(*call, Finish("tool_calls")) == [*call, Finish("tool_calls")]
    assert [type(event) for event in play.up(*call, *texts("more"), Finish("tool_calls"))[-2:]] == [Usage, Finish]
    assert play.up(*call, *texts("more"), Finish("tool_calls"))[-1] == Finish("length")


def test_no_call_and_no_picture_begins_beyond_the_limit() -> None:
    call: list[StreamEvent] = [ToolOpen(0, "c", "Read"), ToolClose(0)]
    play = Play(Limit, chat=limited(max_tokens=3))
    assert ended(play.up(*texts("123"), *call, Finish("tool_calls"))) == ("123", "length")
    assert ended(play.up(*texts("123"), Media("image", "https://x.example/a"), STOP)) == ("123", "length")
    native: list[StreamEvent] = [ToolOpen(0, "n", "web_search", True), ToolDelta(0, "123456"), ToolClose(0)]
    assert ended(play.up(*texts("123"), *native, STOP)) == ("123", "stop")


def counted(max_tokens: int, reads: list[tuple[int, list[StreamEvent]]]) -> list[StreamEvent]:
    """Play reads of the upstream, each with the count that it ends with; the transport knows it before its events."""
    play = Play(Limit, chat=limited(max_tokens=max_tokens))
    transducer = play.stage.transducer(play.flow)
    assert transducer is not None
    passed: list[StreamEvent] = []
    for output, events in reads:
        play.flow.meter = counting(Usage(100, output))
        for event in events:
            passed += transducer.feed(event)
    return passed


def test_no_estimate_ends_an_answer_that_the_upstream_counts_as_short() -> None:
    events = counted(10, [(4, texts("1234567")), (10, texts("89012345", "67890")), (10, [STOP])])
    assert ended(events) == ("12345678901234567890", "stop")


def test_within_the_read_that_crosses_the_limit_the_estimate_decides() -> None:
    events = counted(10, [(8, texts("aaaa")), (14, texts("1", "2345")), (15, texts("no"))])
    assert ended(events) == ("aaaa12", "length")
    assert events[-2] == Usage(100, 14)


def test_the_read_after_the_limit_is_not_delivered() -> None:
    events = counted(10, [(8, texts("1")), (12, texts("a")), (13, texts("no"))])
    assert ended(events) == ("1a", "length")


def test_a_count_that_comes_again_unchanged_is_a_count() -> None:
    assert ended(counted(3, [(4, texts("1")), (4, texts("2"))])) == ("1", "length")


def test_reads_without_a_count_go_on_from_the_last_one() -> None:
    play = Play(Limit, chat=limited(max_tokens=4))
    transducer = play.stage.transducer(play.flow)
    assert transducer is not None
    passed = [*transducer.feed(TextDelta("1"))]
    play.flow.meter = counting(Usage(100, 2))
    passed += transducer.feed(TextDelta("2"))
    play.flow.meter = counting(Usage(100, 5))
    for piece in ["3", "4", "5"]:
        passed += transducer.feed(TextDelta(piece))
    assert ended(passed) == ("1234", "length")


def test_one_read_with_the_whole_answer_is_cut_where_the_estimate_says() -> None:
    assert ended(counted(3, [(9, [*texts("1", "2", "3", "4", "5"), STOP])])) == ("123", "length")


def asked_again(
    max_tokens: int, first: list[tuple[int, list[StreamEvent]]], second: list[tuple[int, list[StreamEvent]]]
) -> list[StreamEvent]:
    """The same for an answer that is given up for another: the reads of both. A count of 0: none."""
    play = Play(Limit, chat=limited(max_tokens=max_tokens))
    transducer = play.stage.transducer(play.flow)
    assert transducer is not None
    passed: list[StreamEvent] = []
    for attempt in (first, second):
        for output, events in attempt:
            play.flow.meter = counting(Usage(100, output)) if output else lambda: None
            for event in events:
                passed += transducer.feed(event)
        play.flow.give_up()
        play.flow.reasks += 1
        play.flow.meter = lambda: None
    return passed


@pytest.mark.parametrize("count", [0, 9, 12])
def test_what_a_given_up_answer_cost_is_not_taken_off_the_next_one(count: int) -> None:
    """Next to nothing of it was delivered: it was a call that did not fit its schema, say."""
    first: list[tuple[int, list[StreamEvent]]] = [(90, [ThinkDelta("1")])]
    events = asked_again(10, first, [(count, [*texts("12345678", "9"), STOP])])
    assert ended(events) == ("123456789", "stop")


def test_nor_is_what_was_counted_of_it_before() -> None:
    first: list[tuple[int, list[StreamEvent]]] = [(9, texts("1")), (90, texts("2"))]
    whole = asked_again(10, first, [(4, texts("345678")), (8, texts("9012")), (8, [STOP])])
    assert ended(whole) == ("123456789012", "stop"), "the upstream counts less than the estimate does"
    long = asked_again(10, first, [(4, texts("345678")), (9, texts("9012", "34"))])
    assert ended(long) == ("123456789012", "length")


def test_what_was_delivered_of_it_is() -> None:
    uncounted = asked_again(10, [(0, texts("1234"))], [(0, texts("567890", "12"))])
    assert ended(uncounted) == ("1234567890", "length")
    counted_late = asked_again(10, [(90, texts("1234"))], [(8, texts("567890", "12"))])
    assert ended(counted_late) == ("1234567890", "length")
    short = asked_again(10, [(90, texts("1234"))], [(6, texts("567890", "12")), (6, [STOP])])
    assert ended(short) == ("123456789012", "stop"), "by the upstream's count they are ten"


pieces = st.lists(st.text("abcX\n1 ", max_size=5), max_size=8)
stops = st.lists(st.text("abc", min_size=1, max_size=3), max_size=3)


@given(pieces, stops, st.none() | st.integers(1, 5))
def test_how_the_text_is_cut_into_deltas_never_matters(
    pieces: list[str], stops: list[str], max_tokens: int | None
) -> None:
    play = Play(Limit, chat=limited(*stops, max_tokens=max_tokens))
    whole = "".join(pieces)
    expected = ended(play.up(*texts(whole), Finish("content_filter")))
    assert ended(play.up(*texts(*pieces), Finish("content_filter"))) == expected
    assert ended(play.up(*texts(*whole), Finish("content_filter"))) == expected
    said, reason = expected
    assert whole.startswith(said)
    assert not any(stop in said for stop in stops)
    assert max_tokens is None or weight(said) <= max_tokens * UNIT
    assert reason != "stop" or any(whole[len(said) :].startswith(stop) for stop in stops)
    assert reason != "content_filter" or said == whole


@given(answers(), stops, st.none() | st.integers(1, 12))
def test_what_comes_out_is_always_a_legal_answer(
    events: list[StreamEvent], stops: list[str], max_tokens: int | None
) -> None:
    play = Play(Limit, chat=limited(*stops, max_tokens=max_tokens))
    passed = play.up(*events)  # checked against the grammar
    assert isinstance(passed[-1], Finish)
    if not stops and max_tokens is None:
        assert passed == events


@given(answers(), stops, st.integers(0, 20))
def test_a_stream_that_breaks_anywhere_stays_legal(events: list[StreamEvent], stops: list[str], kept: int) -> None:
    cut = events[: 1 + kept % len(events)]
    passed = Play(Limit, chat=limited(*stops)).up_broken(*cut)
    grammar = Grammar()
    for event in passed:
        grammar.feed(event)
    assert passed[0] == OPENED


def test_the_state_can_be_read() -> None:
    play = Play(Limit, chat=limited("END", max_tokens=10))
    transducer = play.stage.transducer(play.flow)
    assert transducer is not None
    for event in [OPENED, *texts("12 E")]:
        transducer.feed(event)
    assert repr(transducer) == "<Limiter <StopFinder sequences=1 held=1> <Budget 0+3 of 10>>"
    transducer.feed(TextDelta("ND"))
    assert repr(transducer).endswith("held=0> <Budget 0+3 of 10> done>")
