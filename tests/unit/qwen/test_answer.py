"""From reads to events, and the end of the body."""

import time

import pytest

from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Opened, StreamEvent, TextDelta, Usage
from luna.qwen.answer import AnswerReader
from luna.upstream.exchange import OutRequest
from tests.support.scripted import FINISHED, SSE, STALL, Says, ScriptedBackend, created, data, delta, stream

OPENED = Opened("resp-1", "m", "chat-1")
CUT = LunaError(Kind.UPSTREAM_BROKEN, "cut off")
USAGE = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}


async def reader_of(says: Says) -> AnswerReader:
    backend = ScriptedBackend().on("GET", "/", says)
    return AnswerReader(await backend.open(OutRequest("GET", "http://x/")), "m")


async def batches(says: Says) -> list[list[StreamEvent]]:
    reader, found = await reader_of(says), []
    while not reader.over:
        found.append(await reader.read())
    return found


async def failure(says: Says) -> tuple[list[StreamEvent], LunaError]:
    reader, found = await reader_of(says), []
    with pytest.raises(LunaError) as caught:
        while True:
            found += await reader.read()
    return found, caught.value


async def test_each_read_is_a_batch() -> None:
    says = stream(created(), data(delta("a"), delta("b")), delta("c"), FINISHED)
    assert await batches(says) == [[OPENED, TextDelta("a"), TextDelta("b")], [TextDelta("c")], [Finish("stop")]]


async def test_reads_without_events_are_no_batches() -> None:
    says = stream(b": comment\n\n", b"da", b"ta: ", data(created())[6:], data(delta("a"), FINISHED))
    assert await batches(says) == [[OPENED, TextDelta("a")], [Finish("stop")]]


async def test_a_last_line_without_its_end_counts() -> None:
    whole = data(created(), delta("a"), FINISHED).rstrip(b"\n")
    assert (await batches(stream(whole)))[-1] == [Finish("stop")]


async def test_usage_behind_the_end_is_waited_for() -> None:
    says = stream(data(created(), delta("a"), FINISHED), 0.02, USAGE)
    assert (await batches(says))[-1] == [Usage(1, 2), Finish("stop")]


async def test_but_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna.qwen.answer.LINGER", 0.02)
    says = stream(data(created(), delta("a"), FINISHED), STALL)
    begun = time.monotonic()
    assert (await batches(says))[-1] == [Finish("stop")]
    assert time.monotonic() - begun < 0.5


async def test_the_end_mark_is_not_waited_behind() -> None:
    says = stream(data(created(), delta("a"), FINISHED, USAGE) + b"data: [DONE]\n\n", STALL)
    assert (await batches(says))[-1] == [Usage(1, 2), Finish("stop")]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_nothing_behind_the_end_mark_is_delivered_however_it_comes(size: int) -> None:
    whole = data(created(), delta("a"), FINISHED) + b"data: [DONE]\n\n" + data(delta("b"), USAGE, {"error": "no"})
    found = await batches(stream(*(whole[at : at + size] for at in range(0, len(whole), size))))
    assert [event for batch in found for event in batch] == [OPENED, TextDelta("a"), Finish("stop")]


async def test_a_cut_behind_the_end_does_not_matter() -> None:
    assert (await batches(stream(data(created(), delta("a"), FINISHED), CUT)))[-1] == [Finish("stop")]


async def test_a_cut_before_the_end_does() -> None:
    events, error = await failure(stream(data(created(), delta("a")), CUT))
    assert events == [OPENED, TextDelta("a")]
    assert error is CUT


async def test_an_early_end_is_a_cut() -> None:
    events, error = await failure(stream(data(created(), delta("a"))))
    assert events == [OPENED, TextDelta("a")]
    assert error.kind is Kind.UPSTREAM_BROKEN


async def test_an_error_comes_after_what_was_before_it() -> None:
    events, error = await failure(stream(data(created(), delta("a"), {"error": {"code": "data_inspection_failed"}})))
    assert events == [OPENED, TextDelta("a")]
    assert error.kind is Kind.CONTENT_FILTERED


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"success": false, "data": {"code": "RateLimited"}}', Kind.RATE_LIMITED),
        (b"<html>aliyun_waf_aa</html>", Kind.UPSTREAM_BLOCKED),
        (b'{"success": true, "data": {}}', Kind.UPSTREAM_BROKEN),
        (b"", Kind.UPSTREAM_BROKEN),
    ],
)
@pytest.mark.parametrize("content_type", [SSE, "text/plain", ""])
async def test_a_body_that_is_no_stream_is_judged_all_the_same(body: bytes, kind: Kind, content_type: str) -> None:
    _, error = await failure(Says((body[:5], body[5:]), 200, (("content-type", content_type),)))
    assert error.kind is kind


async def test_a_stream_that_calls_itself_plain_text_is_a_stream() -> None:
    says = Says((data(created(), delta("a"), FINISHED),), 200, (("content-type", "text/plain"),))
    assert (await batches(says))[-1] == [Finish("stop")]
