"""The stream is what the site writes, byte for byte: spaces, key order, frames and their sequence."""

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from luna.demo.frames import Shape, frames_of
from luna.demo.serve import Lookalike
from luna.demo.steps import Count, NativeCall, Say, Search, Think, pieces, sentences
from tests.support.lookalike import AUTO, THINKING, THINKING_PLAIN, Heard, Page

CHAT = "11111111-aaaa-4aaa-8aaa-000000000001"
PARENT = "22222222-bbbb-4bbb-8bbb-000000000002"
RESPONSE = "33333333-cccc-4ccc-8ccc-000000000003"


def usage(given: int, out: int, reasoned: int = 0) -> str:
    reasoning = f'"reasoning_tokens": {reasoned}, ' if reasoned else ""
    return (
        f'"usage": {{"input_tokens": {given}, "output_tokens": {out}, "characters": 0, "total_tokens": {given + out}, '
        f'"input_tokens_details": {{"text_tokens": {given}}}, '
        f'"output_tokens_details": {{{reasoning}"text_tokens": {out}}}, '
        '"prompt_tokens_details": {"cached_tokens": 512}}'
    )


CREATED = (
    f'data: {{"response.created":{{"chat_id": "{CHAT}", "parent_id": "{PARENT}", '
    f'"response_id":"{RESPONSE}", "response_index": "0"}}}} \n\n'
)


def frame(delta: str, *more: str) -> str:
    tail = "".join(f", {part}" for part in more)
    return f'data: {{"choices": [{{"delta": {{{delta}}}}}], "response_id": "{RESPONSE}"{tail}}}\n\n'


def said(content: str, phase: str, used: str) -> str:
    delta = f'"role": "assistant", "content": "{content}", "phase": "{phase}", "status": "typing"'
    return frame(delta, used, '"timestamp": 1790000000')


FINISHED = frame('"content": "", "role": "assistant", "status": "finished", "phase": "answer"')


def settled(said: Heard) -> str:
    """The body with the ids of the recorded streams."""
    created = said.frames[0]["response.created"]
    body = said.body.decode()
    for spelled, name in ((CHAT, "chat_id"), (PARENT, "parent_id"), (RESPONSE, "response_id")):
        body = body.replace(created[name], spelled)
    return body


async def test_a_plain_answer(page: Page) -> None:
    heard = await page.say("[[say:Hello there! 😊]]")
    given = 600 + 6
    assert settled(heard) == (
        CREATED
        + said("Hello", "answer", usage(given, 2))
        + said(" there!", "answer", usage(given, 4))
        + said(" 😊", "answer", usage(given, 5))
        + said("", "answer", usage(given, 5)) * 2
        + FINISHED
    )
    assert heard.complete
    assert heard.headers == [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-request-id", heard.header("x-request-id")),
        ("x-actual-status-code", "200"),
        ("ga-ap", "ap-southeast-1"),
        ("x-frame-options", "SAMEORIGIN"),
        ("vary", "Accept-Encoding, Origin"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
    ]


async def test_thinking_in_plain_text(page: Page) -> None:
    heard = await page.say("[[think:One. Two.]][[say:Three]]", thinking=THINKING_PLAIN)
    given = 600 + 8
    assert settled(heard) == (
        CREATED
        + said("One.", "think", usage(given, 1, 1))
        + said(" Two.", "think", usage(given, 3, 3))
        + frame('"role": "assistant", "content": "", "phase": "think", "status": "finished"', '"timestamp": 1790000000')
        + said("Three", "answer", usage(given, 5, 3))
        + said("", "answer", usage(given, 5, 3)) * 2
        + FINISHED
    )


async def test_thinking_in_summaries_that_grow(page: Page) -> None:
    heard = await page.say("[[think:One. Two.]][[say:Three]]", thinking=THINKING)

    def summary(titles: str, thoughts: str, used: str) -> str:
        extra = f'{{"summary_title": {{"content": [{titles}]}}, "summary_thought": {{"content": [{thoughts}]}}}}'
        delta = '"role": "assistant", "content": "", "phase": "thinking_summary", '
        return frame(f'{delta}"extra": {extra}, "status": "typing"', used, '"timestamp": 1790000000')

    given = 600 + 8
    assert settled(heard).startswith(
        CREATED
        + summary('"Step 1."', '"One."', usage(given, 3, 3))
        + summary('"Step 1.", "Step 2."', '"One.", "Two."', usage(given, 6, 6))
        + frame(
            '"role": "assistant", "content": "", "phase": "thinking_summary", "status": "finished"',
            '"timestamp": 1790000000',
        )
        + said("Three", "answer", usage(given, 8, 6))
    )


async def test_a_web_search(page: Page) -> None:
    heard = await page.say("[[search:example news]][[say:Alpha]]")
    calls = [delta for delta in heard.deltas if "function_call" in delta]
    arguments = [delta["function_call"]["arguments"] for delta in calls]
    assert arguments[-1] == '{"queries": ["example news"]}'
    assert all(after.startswith(before) for before, after in pairwise(arguments))
    assert [delta["status"] for delta in calls] == ["typing"] * 4 + ["finished"]
    assert frame(
        '"role": "assistant", "content": "", "phase": "web_search", "function_call": {"name": "web_search", '
        '"arguments": ""}, "function_id": "round_0_1", "extra": {"display_position": "answer"}, '
        '"status": "typing"',
        '"timestamp": 1790000000',
    ) in settled(heard)
    assert frame(
        '"role": "function", "content": "", "phase": "web_search", "name": "web_search", "extra": {"function_id": '
        '"1", "tool_result": {"docs": [{"url": "https://example.org/a", "title": "Example A", "snippet": '
        '"Alpha text", "date": ""}, {"url": "https://example.org/b", "title": "Example B", "snippet": "Beta text", '
        '"date": "2026-09-01"}]}}, "status": "finished"',
        '"timestamp": 1790000000',
    ) in settled(heard)
    assert heard.text == "Alpha"


async def test_calls_to_tools_that_the_site_does_not_have(page: Page) -> None:
    heard = await page.say('[[say:I will look.]][[call:Read {"file": "/a"}]][[call:Glob]][[say:I cannot.]]')
    results = [delta for delta in heard.deltas if delta["role"] == "function"]
    assert [delta["content"] for delta in results] == ["Tool Read does not exists.", "Tool Glob does not exists."]
    assert [delta["extra"]["function_id"] for delta in results] == ["1", "2"]
    assert {delta["function_id"] for delta in heard.deltas if "function_call" in delta} == {"round_0_1", "round_0_2"}
    assert frame(
        '"role": "assistant", "content": "", "phase": "answer", "function_call": {"name": "Read", "arguments": '
        '"{\\"file\\": \\"/a\\"}"}, "function_id": "round_0_1", "extra": {"display_position": "answer"}, '
        '"status": "typing"',
        '"timestamp": 1790000000',
    ) in settled(heard)
    assert frame(
        '"role": "function", "content": "Tool Read does not exists.", "phase": "answer", "name": "Read", '
        '"extra": {"function_id": "1"}, "status": "typing"',
        '"timestamp": 1790000000',
    ) in settled(heard)
    assert heard.text == "I will look.I cannot."


async def test_pictures(site: Lookalike, page: Page) -> None:
    heard = await page.say("[[image:2]]", size="16:9")
    user = site.state.user_named("anna").id
    urls = [f"{site.url}/output/{user}/t2i/{RESPONSE}/IMG{number}.png?key=1344x768" for number in (1, 2)]
    pictures = "".join(
        frame(
            f'"role": "assistant", "content": "{url}", "phase": "image_gen", "extra": {{"output_image_hw": '
            '[[768, 1344]]}, "status": "typing"',
            '"usage": {"input_tokens": 0, "output_tokens": 0, "characters": 0, "width": 1344, "image_count": 1, '
            '"height": 768}',
            '"timestamp": 1790000000',
        )
        for url in urls
    )
    assert settled(heard) == (
        CREATED
        + f'data: {{"response.info": {{"action": "keep_alive", "chat_id": "{CHAT}", "response_id": "{RESPONSE}", '
        + '"timestamp": 1790000000}}\n\n'
        + pictures
        + frame('"content": "", "role": "assistant", "status": "finished", "phase": "image_gen"')
    )


@pytest.mark.parametrize(
    ("thinking", "phases"),
    [
        (THINKING, ["thinking_summary", "answer"]),
        (THINKING_PLAIN, ["think", "answer"]),
        (AUTO, ["answer"]),
        ({"thinking_mode": "Fast"}, ["answer"]),
    ],
    ids=["thinking", "thinking without summary", "auto", "fast"],
)
async def test_the_thinking_mode_decides_who_thinks(page: Page, thinking: dict[str, Any], phases: list[str]) -> None:
    heard = await page.say("Hello", thinking=thinking)
    assert list(dict.fromkeys(delta["phase"] for delta in heard.deltas)) == phases


async def test_auto_may_think_and_fast_may_not(page: Page) -> None:
    auto = await page.say("[[think:Hm.]][[say:x]]", thinking=AUTO)
    fast = await page.say("[[think:Hm.]][[say:x]]")
    assert auto.deltas[0]["phase"] == "thinking_summary"
    assert {delta["phase"] for delta in fast.deltas} == {"answer"}


async def test_without_the_output_schema_frames_do_not_say_their_phase(page: Page) -> None:
    steps = "[[think:Hm.]][[search]][[say:x]][[call:Read]][[image]]"
    heard = await page.say(steps, thinking=THINKING | {"output_schema": ""})
    assert len(heard.deltas) > 10
    assert not any("phase" in delta for delta in heard.deltas)
    assert b'"content": "x", "status": "typing"' in heard.body


async def test_without_incremental_output_content_grows(page: Page) -> None:
    heard = await page.say("[[say:one two three]]", incremental_output=False)
    contents = [delta["content"] for delta in heard.deltas if delta["status"] == "typing"]
    assert contents == ["one", "one two", *["one two three"] * 3]


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(max_size=400),
    thought=st.text(max_size=100),
    call=st.text(max_size=40),
    shape=st.builds(
        Shape, st.sampled_from(["none", "plain", "summary"]), st.booleans(), st.booleans(), st.integers(0, 9000)
    ),
)
def test_any_text_stays_itself_and_every_event_is_one_line(text: str, thought: str, call: str, shape: Shape) -> None:
    steps = (Think(thought), Say(text), Search(call), NativeCall("Read", call), Count(3))
    frames = frames_of(steps, shape)
    assert "".join(frames.words) == text + "0 1 2 "
    for data in frames.data:
        assert re.fullmatch(rb"data: [^\n\r]*\n\n", data)
    assert frames_of(steps, shape) is frames


@given(text=st.text())
@example(text=".a. !")
def test_text_is_cut_without_loss(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert "".join(sentences(text)) == text
    assert "".join(pieces(text, 3)) == text
    assert len(pieces(text, 3)) <= 3


def test_long_text_is_cut_into_a_bounded_number_of_pieces() -> None:
    for text in ("word " * 50_000, "x" * 1_000_000):
        cut = pieces(text)
        assert len(cut) <= 2_000
        assert "".join(cut) == text
