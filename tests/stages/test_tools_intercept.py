"""`tools.intercept`: what becomes of an answer in which tools are called."""

from collections.abc import Sequence
from typing import Any

import pytest

from luna.core.notes import CALLED
from luna.model.chat import ChatRequest, ToolChoice
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

STOP = Finish("stop")
CALL = '<tool_call>{"name":"search","arguments":{"query":"x"}}</tool_call>'
HEAD = "<ml_tool_call><ml_tool_name>write_file</ml_tool_name><ml_parameters><content><![CDATA["
TAIL = "]]></content></ml_parameters></ml_tool_call>"
SEARCH = ("search", {"query": "x"})
MISSING = Notice("tool-missing", "Tool search does not exists.", {"names": ["search"]})


def with_tools(choice: ToolChoice | None = None) -> ChatRequest:
    chat = a_chat()
    chat.tools = list(TOOLS)
    chat.tool_choice = choice or ToolChoice()
    return chat


def intercept(*, stop: bool = False, choice: ToolChoice | None = None) -> Play[ToolsIntercept]:
    return Play(ToolsIntercept, {"stop-after-calls": stop}, chat=with_tools(choice))


def native(index: int, name: str, *fragments: str) -> list[StreamEvent]:
    deltas = [ToolDelta(index, fragment) for fragment in fragments or ('{"query":"x"}',)]
    return [ToolOpen(index, f"round_0_{index}", name, native=True), *deltas, ToolClose(index)]


def folded(events: Sequence[StreamEvent]) -> Fold:
    fold = Fold()
    for event in events:
        fold.feed(event)
    return fold


def calls(events: Sequence[StreamEvent]) -> list[tuple[str, Any]]:
    return [(call.name, decode(call.arguments)) for call in folded(events).client_calls]


# when there is nothing to do


def test_without_tools_markup_is_text() -> None:
    play = Play(ToolsIntercept)
    assert play.stage.transducer(play.flow) is None


def test_with_tool_choice_none_markup_is_text() -> None:
    play = intercept(choice=ToolChoice("none"))
    assert play.stage.transducer(play.flow) is None
    assert play.up(TextDelta(CALL), STOP) == [TextDelta(CALL), STOP]


def test_an_answer_without_calls_passes_untouched() -> None:
    usage = Usage(1, 2)
    more: list[StreamEvent] = [Media("image", "u"), Notice("n"), TextDelta("."), usage, STOP]
    events = [ThinkDelta("hm"), TextDelta("a < b"), *more]
    assert intercept(stop=True).up(*events) == events
    text = TextDelta("plain")
    assert intercept().up(text, STOP)[0] is text


# calls in the text


def test_a_call_in_the_text_is_delivered_as_a_call() -> None:
    out = intercept().up(TextDelta(f"I look. {CALL}"), STOP)
    assert out[0] == TextDelta("I look. ")
    assert calls(out) == [SEARCH]
    assert out[-1] == Finish("tool_calls")


def test_whoever_keeps_the_books_finds_the_names_of_the_calls() -> None:
    play = intercept()
    play.up(TextDelta("Let me look. "), TextDelta(CALL * 2), STOP)
    assert play.flow.notes.get(CALLED) == ["search", "search"]
    assert intercept().flow.notes.get(CALLED) is None


def test_ids_are_drawn_from_the_flow() -> None:
    opened = [event for event in intercept().up(TextDelta(CALL * 2), STOP) if isinstance(event, ToolOpen)]
    assert [event.index for event in opened] == [0, 1]
    for event in opened:
        assert event.id.startswith("call_")
        assert len(event.id) == len("call_") + 24
        assert int(event.id.removeprefix("call_"), 16) >= 0
    assert opened[0].id != opened[1].id
    again = [event for event in intercept().up(TextDelta(CALL * 2), STOP) if isinstance(event, ToolOpen)]
    assert again == opened


def test_the_first_byte_of_an_argument_leaves_with_the_delta_that_brought_it() -> None:
    play = intercept()
    transducer = play.stage.transducer(play.flow)
    assert transducer is not None
    out = list(transducer.feed(TextDelta(HEAD + "f")))
    assert [type(event) for event in out] == [ToolOpen, ToolDelta]
    assert out[1] == ToolDelta(0, '{"content":"f')
    assert list(transducer.feed(TextDelta("irst"))) == [ToolDelta(0, "irst")]


def test_text_around_a_call_survives() -> None:
    out = intercept(stop=True).up(TextDelta("Before <tool_calls>" + CALL), TextDelta("</tool_calls> After"), STOP)
    assert folded(out).text == "Before  After"
    assert out[-1] == Finish("tool_calls")


def test_another_reason_than_stop_stays() -> None:
    assert intercept().up(TextDelta(CALL), Finish("length"))[-1] == Finish("length")
    assert intercept().up(TextDelta("x"), Finish("content_filter"))[-1] == Finish("content_filter")
    assert intercept().up(TextDelta("x"), Finish("stop", "END"))[-1] == Finish("stop", "END")


def test_a_call_that_breaks_off_is_told_as_an_answer_that_was_too_long() -> None:
    out = intercept().up(TextDelta(HEAD + "half"), STOP)
    assert [type(event) for event in out] == [ToolOpen, ToolDelta, ToolClose, Notice, Finish]
    assert out[-1] == Finish("length")
    assert not isinstance(decode(folded(out).calls[0].arguments), dict)


def test_a_call_that_broke_off_before_it_was_told_is_none() -> None:
    out = intercept().up(TextDelta('so <tool_call>{"name":"search"'), STOP)
    assert [type(event) for event in out] == [TextDelta, Notice, Finish]
    assert out[-1] == STOP


def test_an_unusable_block_is_a_notice() -> None:
    out = intercept().up(TextDelta('<tool_call>{"name":"frobnicate"}</tool_call>'), STOP)
    assert [type(event) for event in out] == [Notice, Finish]
    assert out[-1] == STOP


def test_what_may_not_come_inside_a_call_waits_for_its_end() -> None:
    usage = Usage(1, 2)
    out = intercept().up(
        TextDelta(HEAD + "a"),
        ThinkDelta("hm"),
        Notice("keep-alive"),
        usage,
        TextDelta("b" + TAIL),
        TextDelta(" end"),
        STOP,
    )
    assert [type(event) for event in out] == [
        ToolOpen, ToolDelta, Notice, ToolDelta, ToolClose, ThinkDelta, Usage, TextDelta, Finish,
    ]  # fmt: skip
    assert calls(out) == [("write_file", {"content": "ab"})]


def test_what_waited_comes_out_even_if_the_call_never_ends() -> None:
    out = intercept().up(TextDelta(HEAD + "a"), ThinkDelta("hm"), Usage(1, 2), Finish("length"))
    assert [type(event) for event in out] == [ToolOpen, ToolDelta, ToolClose, Notice, ThinkDelta, Usage, Finish]


def test_thinking_between_two_halves_of_a_tag_does_no_harm() -> None:
    out = intercept().up(TextDelta("<tool_"), ThinkDelta("hm"), TextDelta(CALL.removeprefix("<tool_")), STOP)
    assert out[0] == ThinkDelta("hm")
    assert calls(out) == [SEARCH]


def test_a_native_call_that_comes_while_another_is_open_waits() -> None:
    out = intercept().up(TextDelta(HEAD + "a"), *native(0, "web_search"), TextDelta(TAIL), STOP)
    assert [(call.name, call.native) for call in folded(out).calls] == [("write_file", False), ("web_search", True)]


def test_a_stream_that_breaks_gives_up_the_text_it_held() -> None:
    assert intercept().up_broken(TextDelta("so <tool_c")) == [TextDelta("so "), TextDelta("<tool_c")]
    out = intercept().up_broken(TextDelta(HEAD + "half"))
    assert [type(event) for event in out] == [ToolOpen, ToolDelta, Notice]
    assert intercept().up_broken(TextDelta("a"), *native(0, "search")) == [TextDelta("a")]
    done = intercept(stop=True).up_broken(*native(0, "search"), MISSING)
    assert done[-1] == Finish("tool_calls")


# one call at a time


def test_only_the_first_call_is_delivered_when_the_client_wants_one_at_a_time() -> None:
    one = ToolChoice(parallel=False)
    out = intercept(choice=one).up(TextDelta(CALL), TextDelta(CALL + " tail"), Usage(1, 2), STOP)
    assert calls(out) == [SEARCH]
    assert [type(event) for event in out][-3:] == [Notice, Usage, Finish]
    assert folded(out).text == ""


def test_the_second_call_stops_the_generation() -> None:
    play = intercept(stop=True, choice=ToolChoice(parallel=False))
    play.flow.meter = lambda: Usage(3, 4)
    out = play.up(TextDelta(CALL), TextDelta(CALL + " tail"), TextDelta("more"), Usage(9, 9), STOP)
    assert calls(out) == [SEARCH]
    assert out[-2:] == [Usage(3, 4), Finish("tool_calls")]


def test_without_a_known_usage_none_is_made_up() -> None:
    out = intercept(stop=True, choice=ToolChoice(parallel=False)).up(TextDelta(CALL), TextDelta(CALL), STOP)
    assert not any(isinstance(event, Usage) for event in out)


# invented results


@pytest.mark.parametrize("stop", [True, False])
def test_what_follows_invented_results_is_not_delivered(stop: bool) -> None:
    result = '<ml_tool_result id="1" name="search"><![CDATA[found]]></ml_tool_result>'
    out = intercept(stop=stop).up(TextDelta(f"{CALL}\n{result}"), TextDelta("\nSo it says found."), STOP)
    assert calls(out) == [SEARCH]
    assert folded(out).text == ""
    assert out[-1] == Finish("tool_calls")


# native calls


def test_a_native_call_to_a_clients_tool_is_the_clients() -> None:
    """The reference's own case: a call, the upstream's refusal, an apology."""
    read = native(0, "search", '{"query"', ': "x"}')
    out = intercept().up(TextDelta("I look."), *read, MISSING, TextDelta("I cannot search here."), Usage(1, 2), STOP)
    assert folded(out).text == "I look."
    assert calls(out) == [SEARCH]
    assert out[-2:] == [Usage(1, 2), Finish("tool_calls")]
    assert not any("does not exist" in event.text for event in out if isinstance(event, Notice | TextDelta))
    (opened,) = [event for event in out if isinstance(event, ToolOpen)]
    assert not opened.native
    assert opened.id.startswith("call_")


def test_the_generation_is_stopped_once_the_upstream_has_refused() -> None:
    play = intercept(stop=True)
    play.flow.meter = lambda: Usage(5, 6)
    out = play.up(*native(0, "search"), MISSING, TextDelta("I cannot"), ThinkDelta("hm"), STOP)
    assert calls(out) == [SEARCH]
    assert out[-2:] == [Usage(5, 6), Finish("tool_calls")]
    assert len(out) == 5


def test_several_native_calls_are_all_delivered() -> None:
    both = Notice("tool-missing", "Tool search does not exists.Tool now does not exists.", {"names": ["search", "now"]})
    out = intercept(stop=True).up(*native(0, "search"), *native(1, "now", "{}"), both, TextDelta("Sorry."), STOP)
    assert calls(out) == [SEARCH, ("now", {})]
    opened = [event for event in out if isinstance(event, ToolOpen)]
    assert [event.index for event in opened] == [0, 1]
    assert opened[0].id != opened[1].id


def test_a_native_name_is_repaired() -> None:
    out = intercept().up(*native(0, "Search"), MISSING, STOP)
    assert calls(out) == [SEARCH]


def test_native_arguments_are_typed() -> None:
    out = intercept().up(*native(0, "search", '{"query": 42, "limit": "7"}'), STOP)
    assert calls(out) == [("search", {"query": "42", "limit": 7})]


@pytest.mark.parametrize("after", [TextDelta("Sorry."), ThinkDelta("Hm."), Media("image", "u"), STOP])
def test_a_native_call_that_nobody_answers_is_the_clients(after: StreamEvent) -> None:
    events = [*native(0, "search"), after] + ([] if after is STOP else [STOP])
    out = intercept().up(*events)
    assert calls(out) == [SEARCH]
    assert [type(event) for event in out] == [ToolOpen, ToolDelta, ToolClose, Finish]
    assert out[-1] == Finish("tool_calls")


def test_signs_of_life_decide_nothing() -> None:
    out = intercept().up(*native(0, "search"), Notice("keep-alive"), MISSING, TextDelta("Sorry."), STOP)
    assert (calls(out), folded(out).text) == ([SEARCH], "")


def test_the_upstreams_own_tools_stay_its_own() -> None:
    result = Notice("tool-result", "", {"name": "web_search"})
    events = [*native(0, "web_search"), result, TextDelta("It says."), STOP]
    assert intercept(stop=True).up(*events) == events


def test_a_tool_that_the_upstream_runs_itself_is_not_the_clients_even_if_the_client_has_one_of_that_name() -> None:
    result = Notice("tool-result", "", {"name": "search"})
    events = [*native(0, "search"), result, TextDelta("It says."), STOP]
    assert intercept(stop=True).up(*events) == events


def test_of_several_native_calls_each_is_judged_by_itself() -> None:
    result = Notice("tool-result", "", {"name": "search"})
    out = intercept().up(*native(0, "search"), *native(1, "now", "{}"), result, TextDelta("Sorry."), STOP)
    assert [(call.name, call.native) for call in folded(out).calls] == [("search", True), ("now", False)]
    assert folded(out).text == ""


def test_a_native_call_to_nobodys_tool_is_left_to_the_verifier() -> None:
    missing = Notice("tool-missing", "Tool nope does not exists.", {"names": ["nope"]})
    events = [*native(0, "nope"), missing, TextDelta("Sorry."), STOP]
    assert intercept(stop=True).up(*events) == events


def test_unreadable_native_arguments_become_a_notice_and_the_text_stays() -> None:
    out = intercept(stop=True).up(*native(0, "search", '{"query": "cut'), MISSING, TextDelta("Sorry."), STOP)
    assert [type(event) for event in out] == [Notice, TextDelta, Finish]
    assert out[-1] == STOP


def test_text_that_waited_before_a_native_call_comes_before_it() -> None:
    out = intercept().up(TextDelta("a <"), *native(0, "search"), MISSING, TextDelta("b"), STOP)
    assert [type(event) for event in out] == [TextDelta, TextDelta, ToolOpen, ToolDelta, ToolClose, Finish]
    assert folded(out).text == "a <"


def test_a_call_in_the_text_after_a_native_one_is_the_same_call_again_and_is_cut() -> None:
    out = intercept().up(*native(0, "search"), MISSING, TextDelta(f"Then so: {CALL}"), STOP)
    assert calls(out) == [SEARCH]


def test_calls_in_the_text_and_native_ones_are_numbered_together() -> None:
    out = intercept().up(TextDelta(CALL), *native(0, "web_search"), TextDelta(CALL), *native(1, "now", "{}"), STOP)
    opened = [event for event in out if isinstance(event, ToolOpen)]
    assert [(event.index, event.name, event.native) for event in opened] == [
        (0, "search", False),
        (1, "web_search", True),
        (2, "search", False),
        (3, "now", False),
    ]


def test_one_native_call_at_a_time() -> None:
    out = intercept(choice=ToolChoice(parallel=False)).up(*native(0, "search"), *native(1, "now", "{}"), MISSING, STOP)
    assert calls(out) == [SEARCH]
    assert out[-1] == Finish("tool_calls")


def test_it_says_where_it_stands() -> None:
    play = intercept()
    transducer = play.stage.transducer(play.flow)
    assert transducer is not None
    assert repr(transducer).startswith("<Interceptor calls=0")
    list(transducer.feed(TextDelta(HEAD + "x")))
    assert "write_file streamed" in repr(transducer)
