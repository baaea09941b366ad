"""Frames become events: every phase of the wire document."""

from collections.abc import Mapping
from typing import Any

import msgspec
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
from luna.model.grammar import Grammar
from luna.qwen.frames import UNREAD
from luna.qwen.stream import HELD, StreamReader
from tests.support.scripted import FINISHED, created, delta

OPENED = Opened("resp-1", "m", "chat-1")
STOP = Finish("stop")
Payload = bytes | Mapping[str, Any]


def feed(reader: StreamReader, *frames: Payload) -> list[StreamEvent]:
    return reader.feed([frame if isinstance(frame, bytes) else msgspec.json.encode(frame) for frame in frames])


def read(*frames: Payload) -> list[StreamEvent]:
    """A whole stream, its order checked."""
    reader = StreamReader("m")
    events = feed(reader, created(), *frames)
    events += reader.close()
    grammar = Grammar()
    for event in events:
        grammar.feed(event)
    assert grammar.done
    return events


def inside(*frames: Payload) -> list[StreamEvent]:
    """What stands between `Opened` and the end."""
    events = read(*frames, delta("."), FINISHED)
    assert events[0] == OPENED
    assert events[-2:] == [TextDelta("."), STOP]
    return events[1:-2]


def failure(*frames: Payload) -> LunaError:
    reader = StreamReader("m")
    feed(reader, *frames)
    if reader.failure is not None:
        return reader.failure
    with pytest.raises(LunaError) as caught:
        reader.close()
    return caught.value


def call(arguments: object, *, name: str = "web_search", phase: str = "web_search", **more: Any) -> dict[str, Any]:
    return delta(phase=phase, function_call={"name": name, "arguments": arguments}, function_id="round_0_1", **more)


# The course of an answer


def test_created_alone_is_no_acceptance() -> None:
    reader = StreamReader("m")
    assert feed(reader, created()) == []
    assert (reader.response, reader.chat, reader.user_message) == ("resp-1", "chat-1", "user-1")
    assert feed(reader, delta("")) == [OPENED]


def test_a_plain_answer() -> None:
    assert read(delta("Hel"), delta("lo"), delta(""), FINISHED) == [OPENED, TextDelta("Hel"), TextDelta("lo"), STOP]


@pytest.mark.parametrize("phase", [None, "", "answer"])
def test_text_without_a_phase_is_answer(phase: str | None) -> None:
    frame = delta("Hi", phase=phase)
    bare = {"choices": [{"delta": {"content": "!"}}]}
    end = delta(status="finished", phase=phase)
    assert read(frame, bare, end) == [OPENED, TextDelta("Hi"), TextDelta("!"), STOP]


def test_without_created_the_ids_of_the_frames_serve() -> None:
    reader = StreamReader("m")
    assert feed(reader, delta("x")) == [Opened("resp-1", "m", ""), TextDelta("x")]


def test_only_the_answer_s_own_end_ends_the_turn() -> None:
    for phase in ("think", "thinking_summary", "web_search", "whatever"):
        reader = StreamReader("m")
        feed(reader, created(), delta("x"), delta(phase=phase, status="finished"))
        assert not reader.ended
        with pytest.raises(LunaError, match="cut"):
            reader.close()


def test_a_call_s_end_and_a_result_s_end_do_not_end_the_turn() -> None:
    reader = StreamReader("m")
    feed(reader, created(), call("{}", phase="answer", status="finished"))
    feed(reader, delta("text", role="function", name="x", status="finished"))
    assert not reader.ended


def test_words_after_the_end_are_no_answer() -> None:
    events = read(delta("a"), FINISHED, delta("late"), FINISHED)
    assert events == [OPENED, TextDelta("a"), Notice("after-finish", "late"), STOP]


def test_the_end_mark_ends_too() -> None:
    reader = StreamReader("m")
    feed(reader, created(), delta("a"), b"[DONE]")
    assert reader.done
    assert reader.close() == [STOP]


def test_a_length_stop_is_told() -> None:
    end = {"choices": [{"delta": {"content": "", "phase": "answer", "status": "finished"}, "finish_reason": "length"}]}
    assert read(delta("a"), end)[-1] == Finish("length")


# Thinking


def test_thinking_in_increments() -> None:
    assert inside(
        delta("I ", phase="think"), delta("think", phase="think"), delta(phase="think", status="finished")
    ) == [
        ThinkDelta("I "),
        ThinkDelta("think"),
    ]


def test_thinking_in_summaries() -> None:
    def frame(titles: list[str], thoughts: list[str]) -> dict[str, Any]:
        extra = {"summary_title": {"content": titles}, "summary_thought": {"content": thoughts}}
        return delta(phase="thinking_summary", extra=extra)

    assert inside(
        frame(["A"], ["a"]), frame(["A", "B"], ["a", "b"]), delta(phase="thinking_summary", status="finished")
    ) == [
        ThinkDelta("A\na"),
        ThinkDelta("\n\nB\nb"),
    ]


def test_an_answer_of_thoughts_alone_is_empty() -> None:
    error = failure(created(), delta("hm", phase="think"), FINISHED)
    assert error.kind is Kind.UPSTREAM_BROKEN
    assert "empty answer" in error.message


# Tools of the upstream


def test_a_search_is_a_native_call_and_its_result_a_notice() -> None:
    docs = [{"url": "https://a", "title": "A", "snippet": "", "date": ""}]
    result = delta(
        role="function",
        phase="web_search",
        name="web_search",
        extra={"function_id": "1", "tool_result": {"docs": docs}},
    )
    assert inside(call(""), call('{"q"'), call('{"q": 1}'), result) == [
        ToolOpen(0, "round_0_1", "web_search", native=True),
        ToolDelta(0, '{"q"'),
        ToolDelta(0, ": 1}"),
        ToolClose(0),
        Notice("tool-result", "", {"name": "web_search", "id": "1", "docs": docs}),
    ]


def test_the_older_form_of_a_search() -> None:
    frame = delta(phase="web_search", name="web_search", extra={"web_search_info": [{"url": "u"}]})
    expected = [Notice("tool-result", "", {"name": "web_search", "docs": [{"url": "u"}]})]
    assert inside(frame) == expected
    assert inside({**frame, "choices": [{"delta": {**frame["choices"][0]["delta"], "phase": "answer"}}]}) == expected


def test_a_tool_the_backend_lacks() -> None:
    words = "Tool Glob does not exists.Tool Bash does not exists."
    events = inside(
        call("{}", name="Glob", phase="answer"), delta(words, role="function", name="Glob", extra={"function_id": "1"})
    )
    assert events[-1] == Notice("tool-missing", words, {"names": ["Glob", "Bash"]})
    assert not any(isinstance(event, TextDelta) for event in events)


def test_words_of_a_tool_are_never_the_answer() -> None:
    events = inside(delta("stdout", role="function", phase="code_interpreter", name="code_interpreter"))
    assert events == [Notice("tool-result", "stdout", {"name": "code_interpreter"})]


def test_a_result_without_anything_says_nothing() -> None:
    assert inside(delta(role="function", phase="web_search", name="web_search")) == []


def test_text_closes_an_open_call() -> None:
    assert inside(call("{}"), delta("so")) == [
        ToolOpen(0, "round_0_1", "web_search", native=True),
        ToolDelta(0, "{}"),
        ToolClose(0),
        TextDelta("so"),
    ]


def test_empty_frames_leave_a_call_open() -> None:
    events = inside(call('{"a"'), delta(""), call('{"a": 1}'))
    assert [type(event) for event in events] == [ToolOpen, ToolDelta, ToolDelta, ToolClose]


def test_a_call_that_is_open_at_the_end_is_closed() -> None:
    assert read(call("{}"), FINISHED)[-2:] == [ToolClose(0), STOP]


def test_calls_for_a_desktop_client_are_an_answer_of_their_own() -> None:
    extra = {"local_mcp": {"Local": [{"tool_name": "get", "params": {"a": 1}}, 5]}, "x": 1}
    frame = delta(phase="local_tool", extra=extra, status="finished")
    assert read(frame, frame) == [
        OPENED,
        ToolOpen(0, "native_0", "get", native=True),
        ToolDelta(0, '{"a":1}'),
        ToolClose(0),
        Notice("local-tool", "get", {"server": "Local"}),
        Notice("local-tool", "get", {"server": "Local"}),
        STOP,
    ]


def test_words_after_such_a_call_want_their_own_end() -> None:
    frame = delta(phase="local_tool", extra={"local_mcp": {"L": [{"tool_name": "g"}]}}, status="finished")
    assert "cut" in failure(created(), frame, delta("more")).message


# Pictures


def test_a_drawn_picture_ends_the_turn() -> None:
    url = "https://cdn/x.png?key=1"
    frames = (
        delta(url, phase="image_gen", extra={"output_image_hw": [[1, 2]]}),
        delta(phase="image_gen", status="finished"),
    )
    assert read(*frames) == [OPENED, Media("image", url, 2, 1), STOP]


def test_pictures_of_a_tool_come_once() -> None:
    extra = {"image_list": [{"image": "https://a"}], "tool_result": [{"image": "https://a"}]}
    events = inside(delta(role="function", phase="image_gen_tool", name="image_gen_tool", extra=extra))
    assert [event for event in events if isinstance(event, Media)] == [Media("image", "https://a")]


def test_a_markdown_picture_alone_is_an_answer() -> None:
    frames = (delta("![](https://a)", phase="image"), delta(phase="image", status="finished"))
    assert read(*frames) == [OPENED, Media("image", "https://a"), STOP]


# What nobody knows


def test_an_unknown_phase_is_noticed_once_and_never_answers() -> None:
    events = inside(delta("SECRET PLAN", phase="research"), delta("more", phase="research"), delta("x", phase="bash"))
    assert events == [
        Notice("unknown-phase", "research", {"content": "SECRET PLAN"}),
        Notice("unknown-phase", "bash", {"content": "x"}),
    ]


def test_signs_of_life_open_the_answer() -> None:
    info = {"response.info": {"action": "keep_alive", "chat_id": "c", "response_id": "r", "timestamp": 1}}
    assert inside(info, info) == [Notice("keep-alive", "keep_alive")] * 2


def test_garbage_is_noticed_and_passed_over() -> None:
    events = inside(b'{"choices": [{"del', b"[]", b"5", b"\xff", {"strange": 1})
    assert [event.kind for event in events if isinstance(event, Notice)] == ["garbage"] * 5


def test_garbage_before_the_first_frame_waits() -> None:
    reader = StreamReader("m")
    assert feed(reader, b"nonsense") == []
    events = feed(reader, delta("x"))
    assert [type(event) for event in events] == [Opened, Notice, TextDelta]


def test_of_endless_garbage_only_the_first_is_kept() -> None:
    reader = StreamReader("m")
    for number in range(10_000):
        assert feed(reader, b"nonsense %d" % number) == []
    opened, *notices = feed(reader, delta("a"))
    assert isinstance(opened, Opened)
    assert len(notices) == HELD + 1
    assert isinstance(notices[0], Notice)
    assert notices[0].text == "nonsense 0"
    assert notices[-1] == TextDelta("a")


def test_nothing_but_garbage() -> None:
    error = failure(b"nonsense", b"{}")
    assert error.kind is Kind.UPSTREAM_BROKEN
    assert "understands" in error.message


def test_nothing_at_all() -> None:
    assert failure().kind is Kind.UPSTREAM_BROKEN
    assert failure(b"[DONE]").kind is Kind.UPSTREAM_BROKEN
    assert "empty answer" in failure(created(), delta(""), FINISHED).message
    assert "cut" in failure(created()).message
    assert "cut" in failure(created(), delta("half")).message


def test_a_content_that_is_no_text_costs_only_its_frame() -> None:
    odd = {"choices": [{"delta": {"content": [{"text": "x"}], "phase": "answer"}}]}
    assert [event.kind for event in inside(odd) if isinstance(event, Notice)] == ["garbage"]


# Failures


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (
            {"error": {"code": "internal_error", "details": "Internal error..."}, "response_id": "r"},
            Kind.UPSTREAM_TRANSIENT,
        ),
        ({"error": {"code": "x", "message": "Allocated quota exceeded"}}, Kind.QUOTA_EXHAUSTED),
        ({"error": "The chat is in progress!"}, Kind.CHAT_BUSY),
        ({"success": False, "data": {"code": "RateLimited", "num": 3}}, Kind.RATE_LIMITED),
        ({"success": False, "data": {"code": "Unauthorized"}}, Kind.UPSTREAM_LOGIN),
        ({"ret": ["FAIL_SYS_USER_VALIDATE"], "data": {}}, Kind.UPSTREAM_BLOCKED),
        (delta("Token has expired", status="error"), Kind.UPSTREAM_LOGIN),
        (delta(status="error"), Kind.UPSTREAM_TRANSIENT),
    ],
)
def test_errors_in_the_stream(frame: dict[str, Any], kind: Kind) -> None:
    assert failure(created(), frame).kind is kind


def test_what_came_before_an_error_is_given_first() -> None:
    reader = StreamReader("m")
    events = feed(
        reader, created(), delta("The procedure is"), {"error": {"code": "data_inspection_failed"}}, delta("no")
    )
    assert events == [OPENED, TextDelta("The procedure is")]
    assert reader.failure is not None
    assert reader.failure.kind is Kind.CONTENT_FILTERED
    assert feed(reader, delta("nothing more")) == []
    with pytest.raises(LunaError, match="moderation"):
        reader.close()


def test_an_answer_may_talk_about_errors() -> None:
    words = '{"error": {"code": "RateLimited"}} RGV587 x5secdata'
    assert inside(delta(words)) == [TextDelta(words)]


# Token counts


def test_usage_is_always_current_and_told_once() -> None:
    reader = StreamReader("m")
    feed(reader, created(), delta("a", usage={"input_tokens": 5, "output_tokens": 1}))
    assert reader.usage == Usage(5, 1)
    feed(reader, delta("b", usage={"input_tokens": 5, "output_tokens": 2}), delta("c", usage=None), FINISHED)
    assert reader.usage == Usage(5, 2)
    feed(reader, {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 9}})
    assert reader.close() == [Usage(5, 9), STOP]


@pytest.mark.parametrize("bad", [1, 4, 5, UNREAD, 3 * UNREAD])
def test_a_good_count_outlives_bad_ones(bad: int) -> None:
    reader = StreamReader("m")
    feed(reader, created(), delta("a", usage={"input_tokens": 5, "output_tokens": 1}))
    feed(reader, *(delta("b", usage={"input_tokens": "many"}) for _ in range(bad)))
    assert reader.usage == Usage(5, 1)
    feed(reader, delta("c", usage={"input_tokens": 5, "output_tokens": 3}))
    feed(reader, *(delta("d", usage="x") for _ in range(bad)), FINISHED)
    assert reader.close() == [Usage(5, 3), STOP]


def test_without_usage_none_is_told() -> None:
    assert not any(isinstance(event, Usage) for event in read(delta("a"), FINISHED))


def test_a_reader_says_where_it_is() -> None:
    reader = StreamReader("m")
    assert repr(reader) == "<StreamReader waiting frames=0 response=->"
    feed(reader, created(), delta("a"))
    assert repr(reader) == "<StreamReader open frames=2 response=resp-1>"
    feed(reader, FINISHED)
    assert repr(reader) == "<StreamReader ended frames=3 response=resp-1>"
