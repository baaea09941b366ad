"""`format.contract` and `format.verify`: a client that wants JSON gets JSON."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.chat import ChatRequest
from luna.model.errors import Kind
from luna.model.events import Finish, StreamEvent, TextDelta, ThinkDelta, ToolClose, ToolDelta, ToolOpen
from luna.stages.format_contract import WANTED
from luna.stages.format_verify import FormatVerifyOptions
from luna.tools import markup
from tests.support.attempts import Told, play
from tests.support.play import a_chat
from tests.support.sifting import tool

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
BY_SCHEMA = {"type": "json_schema", "json_schema": {"name": "count", "description": "How many.", "schema": SCHEMA}}
OBJECT = {"type": "json_object"}
CALL = markup.calls([markup.call("read", '{"path":"a"}')])


def asked(wanted: dict[str, Any] | None, *, tools: bool = False) -> ChatRequest:
    chat = a_chat("How many?")
    chat.response_format = wanted
    if tools:
        chat.tools = [tool("read", "path", path="string")]
    return chat


async def test_the_model_is_told_and_the_wish_is_off_the_request() -> None:
    result = await play(asked(BY_SCHEMA), '{"n": 1}')
    told = result.flow.chat.messages[-1].text
    assert "How many?" in told
    assert '"additionalProperties":false' in told
    assert "`count` (How many.)" in told
    assert "{{" not in told
    assert "tool" not in told
    assert result.flow.chat.response_format is None


async def test_a_client_with_tools_is_told_that_it_may_call_them() -> None:
    result = await play(asked(OBJECT, tools=True), '{"n": 1}')
    assert "a reply with a call needs no JSON" in result.flow.chat.messages[-1].text


@pytest.mark.parametrize("wanted", [None, {"type": "text"}])
async def test_ordinary_answers_are_left_alone(wanted: dict[str, Any] | None) -> None:
    result = await play(asked(wanted), "Just words.", size=3)
    assert (result.text, len(result.events)) == ("Just words.", 6)
    assert result.flow.notes.get(WANTED) is None


async def test_a_schema_that_is_none_is_refused_before_anything_is_sent() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "strng"}}}
    result = await play(asked(wanted))
    error = result.flow.error
    assert error is not None
    assert (error.kind, error.param, error.stage) == (Kind.BAD_REQUEST, "response_format", "format.contract")


@pytest.mark.parametrize("text", ['{"n": 1}', ' {\n\t"n" : 1.0 }\n'])
async def test_an_answer_that_is_json_passes_byte_for_byte(text: str) -> None:
    result = await play(asked(BY_SCHEMA), text, size=2)
    assert (result.text, result.notices, result.questions) == (text, [], [])


async def test_json_is_freed_from_what_stands_around_it() -> None:
    result = await play(asked(BY_SCHEMA), 'Sure!\n```json\n{"n": 1}\n```\n', size=2)
    assert (result.text, [notice.kind for notice in result.notices]) == ('{"n": 1}', ["format-repaired"])


@pytest.mark.parametrize(
    ("wanted", "useless", "reason", "told"),
    [
        (BY_SCHEMA, '{"n": "many"}', "invalid-json", "`n` must be of type integer"),
        (BY_SCHEMA, '{"n": 1, "m": 2}', "invalid-json", "The answer has `m`; only `n` may be there."),
        (BY_SCHEMA, "Many.", "invalid-json", "The answer is no JSON."),
        (OBJECT, "[1]", "invalid-json", "must be of type object"),
        (OBJECT, "", "empty", "The answer is empty."),
    ],
)
async def test_other_answers_are_asked_for_again(wanted: dict[str, Any], useless: str, reason: str, told: str) -> None:
    result = await play(asked(wanted), useless, '{"n": 1}')
    assert (result.text, result.fold.reason) == ('{"n": 1}', "stop")
    assert [(notice.kind, notice.text) for notice in result.notices] == [("reask", reason)]
    assert told in result.questions[0]
    assert ("JSON Schema" in result.questions[0]) == (wanted is BY_SCHEMA)


async def test_patience_ends_with_a_named_error_and_no_text() -> None:
    result = await play(asked(OBJECT), "no", "no", "no", '{"n": 1}', size=1)
    error = result.flow.error
    assert error is not None
    assert (error.kind, error.stage, len(result.questions)) == (Kind.UPSTREAM_BROKEN, "format.verify", 2)
    assert error.message == "Qwen gave no usable answer in 3 attempts. The answer is no JSON."
    assert result.text == ""
    result = await play(asked(OBJECT), "no", form=FormatVerifyOptions(attempts=0))
    assert result.questions == []


async def test_thinking_passes_at_once() -> None:
    events: list[StreamEvent] = [TextDelta('{"n"'), ThinkDelta("hm"), TextDelta(":1}"), Finish("stop")]
    result = await play(asked(OBJECT), events)
    assert result.events[1:] == [ThinkDelta("hm"), TextDelta('{"n":1}'), Finish("stop")]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_an_answer_that_was_ended_from_outside_is_delivered_as_it_is(reason: Any) -> None:
    result = await play(asked(OBJECT), [TextDelta('{"n":'), Finish(reason)])
    assert (result.text, result.fold.reason, result.questions) == ('{"n":', reason, [])


async def test_a_call_needs_no_json() -> None:
    result = await play(asked(BY_SCHEMA, tools=True), f"Let me see.\n{CALL}")
    assert (result.text, result.calls) == ("", [("read", '{"path":"a"}')])
    assert (result.fold.reason, result.questions) == ("tool_calls", [])
    assert [notice.text.strip() for notice in result.notices] == ["Let me see."]


async def test_calls_of_the_upstreams_own_do_not_replace_the_json() -> None:
    native: list[StreamEvent] = [ToolOpen(0, "s", "web_search", native=True), ToolDelta(0, "{}"), ToolClose(0)]
    result = await play(asked(OBJECT), [*native, TextDelta("Here."), Finish("stop")], '{"n": 1}')
    assert (result.text, len(result.questions)) == ('{"n": 1}', 1)


async def test_a_bad_call_and_then_bad_json_are_both_asked_for_again() -> None:
    bad = markup.calls([markup.call("read", '{"file":"a"}')])
    result = await play(asked(OBJECT, tools=True), bad, "The file is empty.", '{"n": 0}')
    assert result.text.strip() == '{"n": 0}'
    assert [notice.text for notice in result.notices] == ["invalid-call", "invalid-json"]


ANSWERS: list[Told] = ['{"n": 1}', '```\n{"n": 2}\n```', "no", '{"n": "x"}', f"So:\n{CALL}", ""]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(ANSWERS), min_size=3, max_size=5), st.booleans(), st.integers(1, 9), st.integers(1, 4))
async def test_how_an_answer_is_cut_and_batched_never_matters(
    answers: list[Told], tools: bool, size: int, batch: int
) -> None:
    answers = [*answers, *['{"n": 3}'] * 3]
    whole = await play(asked(BY_SCHEMA, tools=tools), *answers)
    pieces = await play(asked(BY_SCHEMA, tools=tools), *answers, size=size, batch=batch)
    assert (pieces.questions, repr(pieces.flow.error)) == (whole.questions, repr(whole.flow.error))
    if whole.flow.error is None:
        assert (pieces.text, pieces.calls, pieces.notices) == (whole.text, whole.calls, whole.notices)
