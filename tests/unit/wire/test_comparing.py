"""Where two recordings part, and how that is shown."""

from collections.abc import Callable

import pytest

from luna.model.chat import ChatRequest, Message, Text
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Opened, TextDelta
from luna.wire.diff import differences, first_divergence
from luna.wire.reader import Recording
from tests.support.tape import MemoryRecording

SSE = (("content-type", "text/event-stream"),)
PING = b": ping\n\n"


def recorded(
    *,
    prompt: str = "hi",
    asked: bytes = b"{}",
    header: str = "1",
    token: str = "token-of-one-account",
    sent_up: bytes = b'{"messages":["hi"],"stream":true}',
    word: str = "Hello",
    passed: str | None = None,
    stages: tuple[str, ...] = ("qwen", "tools"),
    answer: tuple[bytes, ...] = (b"data: Hello\n\n", b"data: [DONE]\n\n"),
    error: LunaError | None = None,
) -> Recording:
    made = MemoryRecording()
    recorder = made.recorder
    recorder.client(
        ClientRequest("POST", "/v1/x", "", (("authorization", f"Bearer {token}"), ("accept", "*/*")), asked)
    )
    recorder.document("decode", ChatRequest(model="m", messages=[Message("user", [Text(prompt)])]))
    tape = recorder.exchange("POST", "https://a/api", (("Version", header), ("Cookie", f"token={token}")), sent_up)
    tape.head(200, SSE)
    tape.data(f"data: {word}\n\n".encode())
    tape.end("complete")
    for number, stage in enumerate(stages):
        text = TextDelta(passed if number and passed is not None else word)
        recorder.events(stage, [Opened("r", "m"), text, Finish("stop")])
    recorder.started(200, SSE)
    for data in answer:
        recorder.sent(data)
    if error is not None:
        recorder.failed(error)
    recorder.ended("failed" if error else "completed")
    return made.read()


def test_placeholders_are_compared_without_their_numbers() -> None:
    said = (b"data: <redacted:1> and <redacted:4>\n\n",)
    again = (b"data: <redacted:2> and <redacted:2>\n\n",)
    assert differences(recorded(answer=said), recorded(answer=again)) == []
    (difference,) = differences(recorded(answer=said), recorded(answer=(b"data: <redacted:1>\n\n",)))
    assert difference.boundary == "client answer"
    assert "-data: <redacted> and <redacted>" in difference.diff


@pytest.mark.parametrize("asked", [b'{"password":"<redacted:1>"}', b"{}"])
def test_tokens_are_not_compared_where_the_request_had_secrets(asked: bytes) -> None:
    said = (b'data: {"input_tokens":12,"other_tokens": 3,"took":1}\n\n',)
    again = (b'data: {"input_tokens":15,"other_tokens": 4,"took":1}\n\n',)
    later = (b'data: {"input_tokens":12,"other_tokens": 3,"took":2}\n\n',)
    found = differences(recorded(asked=asked, answer=said), recorded(asked=asked, answer=again))
    assert bool(found) == (asked == b"{}")
    assert differences(recorded(asked=asked, answer=said), recorded(asked=asked, answer=later))


def test_the_same_is_no_difference() -> None:
    assert first_divergence(recorded(), recorded()) is None
    assert differences(recorded(), recorded()) == []


@pytest.mark.parametrize(
    ("changed", "boundary", "gone", "come"),
    [
        (lambda: recorded(prompt="ho"), "document decode", '-          "text": "hi"', '+          "text": "ho"'),
        (lambda: recorded(header="2"), "upstream request 1", "-version: 1", "+version: 2"),
        (lambda: recorded(sent_up=b'{"messages":["ho"]}'), "upstream request 1", '-    "hi"', '+    "ho"'),
        (lambda: recorded(sent_up=b"no json"), "upstream request 1", '-  "messages": [', "+no json"),
        (lambda: recorded(word="Bye"), "upstream response 1", "-data: Hello", "+data: Bye"),
        (
            lambda: recorded(passed="Bye"), "events tools",
            '-{"t":"text","text":"Hello"}', '+{"t":"text","text":"Bye"}',
        ),
        (
            lambda: recorded(stages=("qwen",)), "events tools",
            '-{"t":"finish","reason":"stop"}', "+++ after (nothing there)",
        ),
        (lambda: recorded(answer=(b"data: Bye\n\n",)), "client answer", "-data: Hello", "+data: Bye"),
        (
            lambda: recorded(error=LunaError(Kind.TIMEOUT, "late", stage="qwen")), "outcome",
            "-completed", "+timeout at qwen: late",
        ),
    ],
)  # fmt: skip
def test_each_boundary(changed: Callable[[], Recording], boundary: str, gone: str, come: str) -> None:
    found = first_divergence(recorded(), changed())
    assert found is not None
    assert found.boundary == boundary
    assert gone in found.diff.split("\n")
    assert come in found.diff.split("\n")
    assert str(found).startswith(boundary)


def test_the_first_in_data_order_comes_first_and_all_are_there() -> None:
    found = differences(recorded(), recorded(word="Bye", prompt="ho", answer=(b"data: Bye\n\n",)))
    assert [difference.boundary for difference in found] == [
        "document decode", "upstream response 1", "events qwen", "events tools", "client answer",
    ]  # fmt: skip


def test_headers_that_were_redacted_are_passed_over() -> None:
    with_plain_header = recorded()
    exchange = with_plain_header.exchanges[0]
    assert any("<redacted:" in value for _, value in exchange.opened.headers)
    assert first_divergence(recorded(token="another-token-of-another"), with_plain_header) is None


def test_how_bytes_were_cut_and_when_does_not_matter() -> None:
    assert first_divergence(recorded(), recorded(answer=(b"data: He", b"llo\n\ndata: [DONE]\n\n"))) is None


def test_signs_of_life_depend_on_the_time_alone() -> None:
    beating = recorded(answer=(PING, b"data: Hello\n\n", PING, b"data: [DONE]\n\n"))
    assert first_divergence(recorded(), beating, heartbeat=PING) is None
    assert first_divergence(recorded(), beating) is not None


def test_an_exchange_too_many() -> None:
    more = recorded()
    more.exchanges.append(more.exchanges[0])
    found = differences(recorded(), more)
    assert [difference.boundary for difference in found] == ["upstream request 2", "upstream response 2"]
    assert found[0].diff.startswith("--- before (nothing there)\n+++ after")


def test_an_empty_boundary_is_not_a_missing_one() -> None:
    one, other = recorded(), recorded()
    one.events["extra"] = []
    found = differences(one, other)
    assert [(d.boundary, d.diff) for d in found] == [("events extra", "before\nafter (nothing there)")]
