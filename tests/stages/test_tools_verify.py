"""`tools.verify`: useless answers are asked for again, useful ones are not kept waiting."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.core.flow import Outcome
from luna.core.stage import Reask
from luna.model.chat import ChatRequest, Tool, ToolChoice
from luna.model.errors import Kind, LunaError
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
)
from luna.stages.tools_verify import DELIVERED_INVALID, REPEATED, VARIABLES, ToolsVerify, ToolsVerifyOptions
from luna.tools import markup
from tests.support.attempts import Played, Told, play
from tests.support.events import answers
from tests.support.play import Play, a_chat
from tests.support.sifting import text_in, tool
from tests.support.spoken import shipped

TOOLS = [
    tool("read", "path", path="string", limit="integer"),
    tool("write", "path", "content", path="string", content="string", mode={"enum": ["append", "replace"]}),
    tool("count", "number", number={"type": "integer", "minimum": 1}),
    Tool("either", "", {"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}]}),
]
GOOD = markup.calls([markup.call("read", '{"path":"a.txt"}')])
OTHER = markup.calls([markup.call("read", '{"path":"b.txt"}')])
BAD = markup.calls([markup.call("count", '{"number":0}')])
FIXED = markup.calls([markup.call("count", '{"number":3}')])
UNKNOWN = markup.calls([markup.call("frobnicate", "{}")])
WRITTEN = markup.calls([markup.call("write", '{"path":"a.txt","content":"x"}')])
CUT = WRITTEN[: WRITTEN.index("a.txt")]
COMPLAINT = "I'm sorry, but I don't have access to any tools in this environment."
NATIVE = ToolOpen(0, "n1", "frobnicate", native=True)
DENIED: Sequence[StreamEvent] = (
    NATIVE,
    ToolDelta(0, "{}"),
    ToolClose(0),
    Notice("tool-missing", "Tool frobnicate does not exists."),
    TextDelta("I apologize for the confusion."),
    Finish("stop"),
)


def asked(choice: ToolChoice | None = None) -> ChatRequest:
    chat = a_chat("What is in a.txt?")
    chat.tools, chat.tool_choice = TOOLS, choice or ToolChoice()
    return chat


async def played(*answers: Told, choice: ToolChoice | None = None) -> Played:
    return await play(asked(choice), *answers)


RETRY = shipped().require("tools/retry", option="prompt", variables=VARIABLES)


def alone(hold: str = "safe", choice: ToolChoice | None = None) -> Play[ToolsVerify]:
    return Play(ToolsVerify, {"hold-calls": hold}, chat=asked(choice), prompts=[RETRY])


def call(name: str, *fragments: str, index: int = 0) -> list[StreamEvent]:
    return [ToolOpen(index, f"id{index}", name), *(ToolDelta(index, each) for each in fragments), ToolClose(index)]


@pytest.mark.parametrize(
    ("useless", "reason", "told"),
    [
        (BAD, "invalid-call", "`number` breaks the rule `minimum`: 0 is less than the minimum of 1."),
        (UNKNOWN, "invalid-call", "There is no tool 'frobnicate'."),
        (CUT, "cut-call", "The call of `write` breaks off."),
        (COMPLAINT, "complaint", "says that there are no tools"),
        ("", "empty", "The reply is empty."),
        (" \n", "empty", "The reply is empty."),
        (DENIED, "missing-tool", "Tool frobnicate does not exists."),
    ],
)
async def test_a_useless_answer_is_asked_for_again_and_not_shown(useless: Told, reason: str, told: str) -> None:
    result = await played(useless, GOOD)
    assert (result.calls, result.text) == ([("read", '{"path":"a.txt"}')], "")
    assert result.fold.reason == "tool_calls"
    assert len(result.questions) == 1
    assert told in result.questions[0]
    assert "read, write, count, either" in result.questions[0]
    assert Notice("reask", reason, {"attempt": 1}) in result.notices


async def test_null_for_a_parameter_that_may_be_left_out_is_no_reason_to_ask() -> None:
    arguments = '{"path":"a.txt","content":"x","mode":null}'
    result = await played(markup.calls([markup.call("write", arguments), markup.call("read", '{"limit":null}')]), GOOD)
    assert result.calls == [("write", '{"path":"a.txt","content":"x"}'), ("read", '{"path":"a.txt"}')]
    (question,) = result.questions
    assert "`read` is invalid: The call lacks `path`." in question
    assert "limit" not in question
    assert "mode" not in question


@pytest.mark.parametrize("mode", ["required", "specific"])
async def test_an_answer_without_the_required_call_is_asked_for_again(mode: str) -> None:
    choice = ToolChoice("required") if mode == "required" else ToolChoice("specific", "read")
    result = await played("It is a fine file.", GOOD, choice=choice)
    assert (result.text, result.calls) == ("", [("read", '{"path":"a.txt"}')])
    assert [notice.text for notice in result.notices] == ["missing-call"]


async def test_a_call_to_another_tool_than_the_one_required_is_made_again() -> None:
    result = await played(FIXED, GOOD, choice=ToolChoice("specific", "read"))
    assert result.calls == [("read", '{"path":"a.txt"}')]
    assert "Only `read` may be called." in result.questions[0]


async def test_text_before_a_required_call_is_kept() -> None:
    result = await played(f"Let me see.\n{GOOD}", choice=ToolChoice("required"))
    assert (result.text.strip(), len(result.calls), result.questions) == ("Let me see.", 1, [])


@pytest.mark.parametrize("useless", [BAD, UNKNOWN, CUT, COMPLAINT, "", DENIED])
async def test_patience_ends_with_a_named_error(useless: Told) -> None:
    result = await played(useless, useless, useless, GOOD)
    error = result.flow.error
    assert error is not None
    assert (error.kind, error.stage, len(result.questions)) == (Kind.UPSTREAM_BROKEN, "tools.verify", 2)
    assert "in 3 attempts" in error.message
    assert len(error.detail["reasons"]) == 3  # type: ignore[arg-type]
    assert (result.flow.outcome, result.text, result.calls) == (Outcome.FAILED, "", [])


async def test_nothing_is_asked_again_when_the_pipeline_says_so() -> None:
    result = await play(asked(), BAD, GOOD, verify=ToolsVerifyOptions(attempts=0))
    assert result.questions == []
    assert result.flow.error is not None
    assert "`number`" in result.flow.error.message


async def test_a_good_call_beside_a_bad_one_is_delivered_once() -> None:
    result = await played(f"Let me see.\n{GOOD}\n{BAD}", f"Sorry, here they are.\n{GOOD}\n{FIXED}")
    assert result.calls == [("read", '{"path":"a.txt"}'), ("count", '{"number":3}')]
    assert result.text.strip() == "Let me see."
    assert [notice.kind for notice in result.notices if notice.kind == REPEATED] == [REPEATED]
    indices = [event.index for event in result.events if isinstance(event, ToolOpen)]
    assert indices == [0, 1]


async def test_calls_that_stand_after_the_repair_are_told_of_in_the_reason_of_the_end() -> None:
    result = await played(f"{GOOD}\n{BAD}", "I leave the other one out.")
    assert (result.calls, result.fold.reason) == ([("read", '{"path":"a.txt"}')], "tool_calls")
    assert result.text.strip() == "I leave the other one out."


async def test_text_that_went_out_is_not_sent_twice() -> None:
    result = await played(f"Let me see.\n{BAD}", "Let me see.\n\nThere are 3.")
    assert result.text.split() == ["Let", "me", "see.", "There", "are", "3."]
    assert (result.calls, result.fold.reason) == ([], "stop")


async def test_to_say_the_same_again_is_to_say_nothing() -> None:
    result = await played(f"Let me see.{BAD}", "Let me see.", "There are 3.")
    assert (result.text, len(result.questions)) == ("Let me see.\n\nThere are 3.", 2)
    assert "The reply is empty." in result.questions[1]


async def test_the_same_call_may_be_made_twice_in_one_answer() -> None:
    result = await played(f"{GOOD}\n{GOOD}\n{OTHER}")
    assert [arguments for _, arguments in result.calls] == ['{"path":"a.txt"}', '{"path":"a.txt"}', '{"path":"b.txt"}']


@pytest.mark.parametrize(
    "text",
    [
        "Hello!",
        "Sorry to hear that. Here is what I would do about it, step by step, in the order of importance for you.",
        "I don't have a favourite colour.",
        "The function `open` returns a file. It does not close it.",
        "It seems the tool `make` is missing a target: " + "add one to the Makefile and run it again. " * 16,
    ],
)
async def test_ordinary_text_is_nobodys_complaint(text: str) -> None:
    result = await played(text, GOOD)
    assert (result.text, result.questions, result.calls) == (text, [], [])


def test_text_flows_as_soon_as_it_can_be_no_complaint() -> None:
    stage = alone()
    transducer = stage.stage.transducer(stage.flow)
    assert transducer is not None
    assert list(transducer.feed(TextDelta("I"))) == []
    assert list(transducer.feed(TextDelta(" will"))) == [TextDelta("I will")]
    assert list(transducer.feed(TextDelta(" I don't have"))) == [TextDelta(" I don't have")]


def test_a_call_flows_once_its_schema_cannot_be_broken() -> None:
    stage = alone()
    transducer = stage.stage.transducer(stage.flow)
    assert transducer is not None
    fed = [
        list(transducer.feed(event))
        for event in call("write", '{"path":', '"a.txt"', ',"content":', '"on', "ce", '","mode":"append"}')
    ]
    assert fed == [
        [],
        [],
        [],
        [],
        [ToolOpen(0, "id0", "write"), ToolDelta(0, '{"path":"a.txt","content":"on')],
        [ToolDelta(0, "ce")],
        [ToolDelta(0, '","mode":"append"}')],
        [ToolClose(0)],
    ]


@pytest.mark.parametrize(
    ("hold", "name", "fragments", "flows"),
    [
        ("safe", "read", ('{"path":"', "a"), True),
        ("safe", "write", ('{"path":"', "a"), False),
        ("safe", "write", ('{"mode":"other","path":"x","content":"', "a"), False),
        ("safe", "count", ('{"number":', "3"), False),
        ("safe", "either", ('{"a":"', "x"), False),
        ("all", "read", ('{"path":"', "a"), False),
        ("none", "write", ('{"path":"', "a"), True),
    ],
)
def test_how_long_a_call_waits(hold: str, name: str, fragments: tuple[str, ...], flows: bool) -> None:
    stage = alone(hold)
    transducer = stage.stage.transducer(stage.flow)
    assert transducer is not None
    out = [each for event in call(name, *fragments)[:-1] for each in transducer.feed(event)]
    assert (out != []) == flows


@pytest.mark.parametrize(("hold", "arguments"), [("none", '{"path":1}'), ("safe", '{"path":"a","limit":"many"}')])
def test_what_has_begun_to_flow_is_delivered_with_a_notice(hold: str, arguments: str) -> None:
    out = alone(hold).up(*call("read", arguments[:9], arguments[9:]), Finish("tool_calls"))
    assert "".join(event.json for event in out if isinstance(event, ToolDelta)) == arguments
    assert [event.kind for event in out if isinstance(event, Notice)] == [DELIVERED_INVALID]


def test_a_call_that_was_flowing_when_it_broke_off_ends_the_answer_as_too_long() -> None:
    cut = Notice("tool-truncated", "", {"name": "read", "streamed": True})
    events = [*call("read", '{"path":"', "a"), cut, Finish("length")]
    assert alone().up(*events) == events


def test_a_stream_that_breaks_gives_back_the_text_and_not_the_call() -> None:
    assert alone().up_broken(TextDelta("I'm sorry")) == [TextDelta("I'm sorry")]
    assert alone("all").up_broken(TextDelta("Well."), *call("read", '{"path":')[:-1]) == [TextDelta("Well.")]


def test_what_the_filter_stopped_is_not_asked_for_again() -> None:
    assert alone().up(Finish("content_filter")) == [Finish("content_filter")]


def test_pictures_and_calls_of_the_upstreams_own_are_an_answer() -> None:
    picture = Media("image", "https://cdn.example/1.png")
    native: list[StreamEvent] = [ToolOpen(0, "n", "web_search", native=True), ToolDelta(0, "x"), ToolClose(0)]
    events: list[StreamEvent] = [*native, ThinkDelta("hm"), picture, Finish("stop")]
    assert alone().up(*events) == events


def test_flows_without_tools_are_left_alone() -> None:
    events: list[StreamEvent] = [TextDelta("Sorry"), Finish("stop")]
    assert Play(ToolsVerify, prompts=[RETRY]).up(*events) == events
    assert alone(choice=ToolChoice("none")).up(Finish("stop")) == [Finish("stop")]


def test_a_schema_that_cannot_be_checked_lets_everything_pass() -> None:
    stage = alone("all")
    stage.flow.chat.tools = [Tool("odd", "", {"type": "no such type"})]
    events = [*call("odd", '{"x":1}'), Finish("tool_calls")]
    assert stage.up(*events) == events


def test_the_error_of_a_spent_budget_is_not_followed_by_the_useless_text() -> None:
    stage = alone()
    for _ in range(2):
        with pytest.raises(Reask):
            stage.up(TextDelta(COMPLAINT), Finish("stop"))
    transducer = stage.stage.transducer(stage.flow)
    assert transducer is not None
    transducer.feed(TextDelta(COMPLAINT))
    with pytest.raises(LunaError, match="3 attempts"):
        transducer.feed(Finish("stop"))
    assert list(transducer.flush()) == []


ANSWERS: list[Told] = [GOOD, BAD, CUT, COMPLAINT, DENIED, "Fine.", f"Well.\n{GOOD}\n{BAD}", f"{UNKNOWN} and {OTHER}"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(ANSWERS), min_size=3, max_size=3),
    st.sampled_from(["auto", "required"]),
    st.sampled_from(["safe", "all"]),
    st.integers(1, 40),
    st.integers(1, 5),
)
async def test_how_an_answer_is_cut_and_batched_never_matters(
    answers: list[Told], mode: str, hold: str, size: int, batch: int
) -> None:
    options = ToolsVerifyOptions(hold_calls="safe" if hold == "safe" else "all")
    choice = ToolChoice("required") if mode == "required" else ToolChoice()
    whole = await play(asked(choice), *answers, verify=options)
    pieces = await play(asked(choice), *answers, verify=options, size=size, batch=batch)
    assert (pieces.questions, repr(pieces.flow.error)) == (whole.questions, repr(whole.flow.error))
    if whole.flow.error is None:
        assert (pieces.text, pieces.calls, pieces.notices) == (whole.text, whole.calls, whole.notices)


@given(answers(), st.sampled_from(["safe", "all", "none"]), st.booleans())
def test_whatever_comes_keeps_to_the_grammar(events: list[StreamEvent], hold: str, required: bool) -> None:
    stage = alone(hold, ToolChoice("required") if required else ToolChoice())
    stage.flow.chat.tools = [Tool("Read"), tool("Bash", "command", command="string")]
    try:
        out = stage.up(*events)
    except Reask as reask:
        assert reask.words.startswith("[Your last reply could not be used:\n- ")
    else:
        assert "".join(text_in(out).split()) == "".join(text_in(events).split())
