"""Where the time went: spans, moments in groups, boundaries that changed something, and the tie from bytes to bytes."""

import pytest

from luna.model.ambient import ManualClock
from luna.model.chat import ChatRequest, Message, Text
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Notice, Opened, TextDelta, Usage
from luna.wire.boundaries import Boundary, boundaries, document_at, events_at, first_change
from luna.wire.causes import batch_of_read, batch_of_send, story
from luna.wire.ledger import Ledger
from luna.wire.reader import Recording, read
from luna.wire.recorder import Recorder
from luna.wire.redact import Redactor
from luna.wire.resend import sendable
from luna.wire.timeline import Span, lanes, length, spans

SSE = (("content-type", "text/event-stream"),)
URL = "https://chat.qwen.ai/api/v2"
OPENED = Opened("r", "m", "c")
TICK = 1 / 64
"""Seconds, of which floats have no fraction to lose."""
U = 15_625
"""The same in microseconds."""
FRAMES = [b'data: "a"\n\n', b'data: "b"\n\n', b'data: "c"\n\n']


class Lines:
    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def spill(self, lines: list[bytes]) -> None:
        self.lines += lines

    def finish(self, lines: list[bytes], outcome: str) -> None:
        self.lines += lines


def chat(text: str) -> ChatRequest:
    return ChatRequest(model="m", target="m", messages=[Message("user", [Text(text)])], stream=True)


@pytest.fixture
def recorded() -> Recording:
    """Decode a tick, queue two, a chat one; three frames in reads that cut them, of which `limit` holds one back."""
    clock, kept = ManualClock(), Lines()
    recorder = Recorder(Ledger("flow_1", clock=clock, redactor=Redactor(), sink=kept))
    recorder.head(luna="0", born=1.0, seed=b"s", route="r", pipeline="p", snapshot="d", options={})
    recorder.client(ClientRequest("POST", "/v1/chat/completions", "", (), b"{}"))
    clock.advance(TICK)
    recorder.document("protocol.decode", chat("Hello"))
    recorder.document("overflow", chat("Hello"))
    recorder.document("tools.contract", chat("Hello, you"))
    clock.advance(2 * TICK)
    recorder.waited(2 * TICK)
    tape = recorder.exchange("POST", f"{URL}/chats/new", (), b"")
    clock.advance(TICK)
    tape.head(200, ())
    tape.data(b"{}")
    tape.end("complete")
    tape = recorder.exchange("POST", f"{URL}/chat/completions?chat_id=c", (), b"")
    tape.head(200, SSE)
    clock.advance(TICK)
    tape.data(FRAMES[0] + FRAMES[1][:4])
    recorder.events("qwen", [OPENED, TextDelta("a")])
    recorder.events("limit", [OPENED, TextDelta("a")])
    recorder.started(200, SSE)
    recorder.sent(b"A")
    clock.advance(TICK)
    recorder.sent(b": still here\n\n")
    tape.data(FRAMES[1][4:])
    recorder.events("qwen", [TextDelta("b")])
    recorder.events("limit", [])
    clock.advance(TICK)
    tape.data(FRAMES[2][:5])
    tape.data(FRAMES[2][5:])
    recorder.events("qwen", [TextDelta("c"), Usage(1, 1), Finish("stop")])
    recorder.events("limit", [TextDelta("bc"), Usage(1, 1), Finish("stop")])
    clock.advance(TICK)
    recorder.sent(b"BC")
    tape.end("complete")
    recorder.ended("completed")
    return read(kept.lines)


def test_everything_that_lasted_has_its_span(recorded: Recording) -> None:
    found = {(span.kind, span.name): span for span in spans(recorded)}
    assert found["stage", "protocol.decode"] == Span("stage", "protocol.decode", 0, U)
    assert found["queue", ""] == Span("queue", "", U, 3 * U, 1)
    assert found["chat", "POST /api/v2/chats/new"] == Span(
        "chat", "POST /api/v2/chats/new", 3 * U, 4 * U, 1, count=1, size=2
    )
    answer = "POST /api/v2/chat/completions"
    assert found["completion", answer] == Span("completion", answer, 4 * U, 8 * U, 2, count=4, size=33)
    assert found["first-byte", answer] == Span("first-byte", answer, 4 * U, 5 * U, 2)
    assert found["held", "limit"] == Span("held", "limit", 6 * U, 7 * U, count=1)
    assert found["settle", ""] == Span("settle", "", 7 * U, 8 * U)
    assert found["answer", ""] == Span("answer", "", 5 * U, 8 * U, count=3, size=17)
    assert length(recorded) == 8 * U


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_moments_are_told_in_groups_where_they_are_many(recorded: Recording, most: int) -> None:
    for lane in lanes(recorded, 0, length(recorded), most):
        assert len(lane.marks) <= most
        assert sum(mark.count for mark in lane.marks) == lane.total
        assert [mark.number for mark in lane.marks] == sorted({mark.number for mark in lane.marks})
    part = lanes(recorded, 6 * U - 1, 6 * U + 1, most)
    assert [sum(mark.count for mark in lane.marks) for lane in part] == [0, 1, 1, 1]


def test_boundaries_know_whether_their_stage_changed_something(recorded: Recording) -> None:
    found = boundaries(recorded)
    assert [(each.name, each.side, each.changed, each.first) for each in found] == [
        ("protocol.decode", "request", 0, 0),
        ("overflow", "request", 0, 0),
        ("tools.contract", "request", 1, 1),
        ("qwen", "transport", 0, 0),
        ("limit", "response", 2, 2),
    ]
    first = first_change(found)
    assert isinstance(first, Boundary)
    assert first.name == "tools.contract"
    before, after = document_at(recorded, "tools.contract")
    assert before is not None
    assert before != after
    old, new = events_at(recorded, "limit")
    assert (old or [])[1:2] == [[TextDelta("b")]]
    assert new[1] == []
    for look in (document_at, events_at):
        with pytest.raises(LunaError, match="no boundary 'nowhere'"):
            look(recorded, "nowhere")


def test_a_batch_has_the_bytes_that_caused_it_and_those_that_it_became(recorded: Recording) -> None:
    one, two, three = (story(recorded, n, heartbeat=b": still here\n\n") for n in (1, 2, 3))
    assert [each.cause for each in (one, two, three)] == FRAMES
    assert [each.offset for each in (one, two, three)] == [0, 11, 22]
    assert [len(each.reads) for each in (one, two, three)] == [1, 1, 2]
    assert [each.effect for each in (one, two, three)] == [b"A", b"", b"BC"]
    assert [each.later for each in (one, two, three)] == [0, 3, 0]
    assert two.events == {"qwen": [TextDelta("b")], "limit": []}
    assert story(recorded, 1).effect == b"A: still here\n\n"
    with pytest.raises(LunaError, match="no batch 4"):
        story(recorded, 4)


def test_reads_and_sends_know_their_batch(recorded: Recording) -> None:
    assert [batch_of_read(recorded, 2, number) for number in (1, 2, 3, 4)] == [1, 2, 3, 3]
    assert [batch_of_send(recorded, number) for number in (1, 2, 3)] == [1, 1, 3]


def test_a_flow_that_never_got_to_qwen_has_a_span_for_where_it_failed() -> None:
    clock, kept = ManualClock(), Lines()
    recorder = Recorder(Ledger("flow_1", clock=clock, redactor=Redactor(), sink=kept))
    recorder.head(luna="0", born=1.0, seed=b"s", route="r", pipeline="p", snapshot="d", options={})
    recorder.document("protocol.decode", chat("Hello"))
    clock.advance(0.5)
    recorder.failed(LunaError(Kind.TIMEOUT, "too long", stage="schedule"))
    recorder.ended("failed")
    recording = read(kept.lines)
    assert Span("stage", "schedule", 0, 500_000) in spans(recording)
    assert boundaries(recording)[0].changed == 0


def test_what_is_no_content_is_not_held_back() -> None:
    clock, kept = ManualClock(), Lines()
    recorder = Recorder(Ledger("flow_1", clock=clock, redactor=Redactor(), sink=kept))
    recorder.head(luna="0", born=1.0, seed=b"s", route="r", pipeline="p", snapshot="d", options={})
    for said in ([Notice("info", "x")], [TextDelta("a")]):
        recorder.events("qwen", said)
        recorder.events("limit", [] if isinstance(said[0], Notice) else said)
    recorder.ended("completed")
    assert [span.kind for span in spans(read(kept.lines))] == []


def test_a_request_is_sent_again_without_what_was_its_connections_or_its_clients_own() -> None:
    headers = (
        ("host", "127.0.0.1"),
        ("authorization", "Bearer <redacted:1>"),
        ("x-my-key", "<redacted:2>"),
        ("content-type", "application/json"),
        ("x-luna-pipeline", "chat"),
        ("x-stainless-lang", "python"),
    )
    assert sendable(ClientRequest("POST", "/v1/chat/completions", "", headers, b"{}")) == (
        ("content-type", "application/json"),
        ("x-stainless-lang", "python"),
    )
