"""What a recorder takes down of a flow, what it leaves out, and that nothing it meets can hurt the flow."""

import logging
import textwrap

import pytest

from luna.model.chat import ChatRequest, Message, Text
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Notice, Opened, StreamEvent, TextDelta
from luna.model.values import Duration, Globs
from luna.wire.ledger import ENOUGH, SPILL
from tests.support.tape import MemoryRecording

SSE = (("content-type", "text/event-stream"),)
OPENED = Opened("r", "m")
HELLO, BYE, DONE = TextDelta("Hello"), TextDelta("Bye"), Finish("stop")


def chat(text: str) -> ChatRequest:
    return ChatRequest(model="qwen", messages=[Message("user", [Text(text)])])


def test_a_whole_flow() -> None:
    made = MemoryRecording(options={"limit": {"tokens": 5}})
    recorder, clock = made.recorder, made.clock
    recorder.client(ClientRequest("POST", "/v1/chat/completions", "a=1", (("accept", "*/*"),), b'{"model":"qwen"}'))
    clock.advance(0.001)
    recorder.document("protocol.decode", chat("hi"))
    tape = recorder.exchange("POST", "https://chat.qwen.ai/api", (("Version", "1"),), b"{}")
    clock.advance(0.5)
    tape.head(200, SSE)
    tape.data(b"data: 1\n\n")
    recorder.events("qwen", [OPENED, HELLO])
    recorder.events("tools", [OPENED, HELLO])
    recorder.started(200, SSE)
    recorder.sent(b"data: Hello\n\n")
    clock.advance(0.25)
    tape.data(b"data: 2\n\n")
    tape.end("complete")
    recorder.events("qwen", [DONE])
    recorder.events("tools", [DONE])
    recorder.sent(b"data: [DONE]\n\n")
    recorder.ended("completed")

    expected = """
        {"k":"head","t":0,"v":1,"luna":"0.3.0","flow":"flow_1","born":1790000000.0,"seed":"00ff","route":"all",
            "pipeline":"agent","snapshot":"9f2c","options":{"limit":{"tokens":5}}}
        {"k":"client.request","t":0,"method":"POST","path":"/v1/chat/completions","query":"a=1",
            "headers":[["accept","*/*"]],"text":"{\\"model\\":\\"qwen\\"}"}
        {"k":"document","t":1000,"boundary":"protocol.decode","doc":{"model":"qwen","messages":[{"role":"user",
            "parts":[{"type":"text","text":"hi"}]}],"thinking":{},"limits":{},"tool_choice":{},"binding":{}}}
        {"k":"up.request","t":1000,"x":1,"method":"POST","url":"https://chat.qwen.ai/api",
            "headers":[["Version","1"]],"text":"{}"}
        {"k":"up.head","t":501000,"x":1,"status":200,"headers":[["content-type","text/event-stream"]]}
        {"k":"up.data","t":501000,"x":1,"text":"data: 1\\n\\n"}
        {"k":"events","t":501000,"boundary":"qwen","n":1,"events":[{"t":"opened","response":"r","model":"m"},
            {"t":"text","text":"Hello"}]}
        {"k":"events","t":501000,"boundary":"tools","n":1}
        {"k":"client.start","t":501000,"status":200,"headers":[["content-type","text/event-stream"]]}
        {"k":"client.bytes","t":501000,"text":"data: Hello\\n\\n"}
        {"k":"up.data","t":751000,"x":1,"text":"data: 2\\n\\n"}
        {"k":"up.end","t":751000,"x":1}
        {"k":"events","t":751000,"boundary":"qwen","n":2,"events":[{"t":"finish","reason":"stop"}]}
        {"k":"client.bytes","t":751000,"text":"data: [DONE]\\n\\n"}
        {"k":"end","t":751000,"outcome":"completed"}
    """
    assert made.text == textwrap.dedent(expected).strip().replace("\n    ", "")
    assert made.sink.outcome == "completed"


def test_documents_that_did_not_change_are_not_written_again() -> None:
    made = MemoryRecording()
    request = chat("hi")
    made.recorder.document("protocol.decode", request)
    made.recorder.document("auth", request)
    request.messages.append(Message("user", [Text("more")]))
    made.recorder.document("tools", request)
    made.recorder.document("limit", chat("hi"))
    made.recorder.ended("completed")
    assert made.text.count('"doc":') == 3
    documents = made.read().documents
    assert list(documents) == ["protocol.decode", "auth", "tools", "limit"]
    assert [len(document.messages) for document in documents.values()] == [1, 1, 2, 1]


def test_batches_that_did_not_change_are_not_written_again() -> None:
    made = MemoryRecording()
    batches: list[tuple[list[StreamEvent], list[StreamEvent], list[StreamEvent]]] = [
        ([OPENED], [OPENED], [OPENED]),
        ([HELLO], [], []),
        ([BYE], [HELLO, BYE], [TextDelta("Hello"), TextDelta("Bye")]),
        ([DONE], [DONE], [BYE, DONE]),
    ]
    for batch in batches:
        for boundary, events in zip(("qwen", "hold", "last"), batch, strict=True):
            made.recorder.events(boundary, events)
    made.recorder.ended("completed")
    assert made.text.count('"k":"events"') == 4 + 2 + 3  # at the transport, first times, changes
    assert made.text.count('"events":') == 4 + 3
    assert made.read().events == {
        "qwen": [list(batch[0]) for batch in batches],
        "hold": [list(batch[1]) for batch in batches],
        "last": [list(batch[2]) for batch in batches],
    }


def test_a_batch_that_did_not_reach_the_end_is_not_made_up() -> None:
    made = MemoryRecording()
    for boundary in ("qwen", "tools", "last"):
        made.recorder.events(boundary, [OPENED])
    made.recorder.events("qwen", [HELLO])
    made.recorder.events("tools", [HELLO])
    made.recorder.failed(LunaError(Kind.INTERNAL, "a stage failed", stage="last"))
    made.recorder.ended("failed")
    recording = made.read()
    assert recording.events == {"qwen": [[OPENED], [HELLO]], "tools": [[OPENED], [HELLO]], "last": [[OPENED]]}
    assert recording.failure is not None
    assert (recording.failure.kind, recording.failure.stage) == ("internal", "last")


def test_secrets_never_get_into_a_line() -> None:
    secret = "sk-luna-0123456789abcdef"
    made = MemoryRecording(secrets=[secret], options={"auth": {"key": secret}})
    recorder = made.recorder
    headers = (("authorization", f"Bearer {secret}"), ("x-other", f"see {secret}"))
    recorder.client(ClientRequest("POST", f"/v1/{secret}", f"q={secret}", headers, f'{{"a":"{secret}"}}'.encode()))
    recorder.document("auth", chat(f"my key is {secret}"))
    tape = recorder.exchange("GET", f"https://a/{secret}?token=unknown-token-1", headers, secret.encode())
    tape.head(200, (("set-cookie", "token=unknown-token-22; Path=/"), ("location", f"/{secret}")))
    for piece in ('{"access_token":"unkn', "own-token-3", f'3","echo":"{secret[:11]}', f'{secret[11:]}"}}'):
        tape.data(piece.encode())
    tape.end("broken", LunaError(Kind.UPSTREAM_BROKEN, f"it said {secret}", hint=secret))
    recorder.events("qwen", [TextDelta(f"key: {secret}"), Notice("x", data={"key": secret})])
    recorder.started(200, (("x-echo", secret),))
    recorder.sent(f"data: {secret[:20]}".encode())
    recorder.sent(f"{secret[20:]}\n\n".encode())
    recorder.failed(LunaError(Kind.INTERNAL, secret, detail={"key": secret, "n": 1}))
    recorder.ended("failed")
    assert secret not in made.text
    assert "unknown-token" not in made.text
    assert made.text.count("<redacted:1>") == 21
    recording = made.read()
    assert recording.answer == b"data: <redacted:1>\n\n"
    assert recording.exchanges[0].body == b'{"access_token":"<redacted:4>","echo":"<redacted:1>"}'


def test_what_luna_remembered_is_kept_once_and_without_secrets() -> None:
    secret = "sk-luna-0123456789abcdef"
    made = MemoryRecording(secrets=[secret])
    for _ in range(2):
        document = f'{{"id":"resp_1","metadata":{{"password":"unknown-secret-1"}},"said":"{secret}"}}'
        made.recorder.recalled("resp_1", document.encode(), b'[{"type":"message","content":"hi"}]')
    made.recorder.recalled("resp_2", b"{}", b"[]")
    made.recorder.ended("completed")
    assert secret not in made.text
    assert "unknown-secret" not in made.text
    first, second = made.read().recalled
    assert (first.response, second.response) == ("resp_1", "resp_2")
    assert bytes(first.document) == b'{"id":"resp_1","metadata":{"password":"<redacted:1>"},"said":"<redacted:2>"}'
    assert bytes(first.items) == b'[{"type":"message","content":"hi"}]'


def test_what_luna_remembered_counts_against_the_budget() -> None:
    made = MemoryRecording(budget=100)
    made.recorder.recalled("resp_1", b"{}", b'["%b"]' % (b"x" * 200))
    made.recorder.ended("completed")
    recording = made.read()
    assert (recording.recalled, recording.truncated) == ([], True)


def test_what_a_stream_held_back_comes_at_its_end() -> None:
    made = MemoryRecording(secrets=["sk-luna-0123456789abcdef"])
    tape = made.recorder.exchange("GET", "https://a/", (), b"")
    tape.head(200, SSE)
    tape.data(b"a sk-lu")
    tape.end("complete")
    made.recorder.started(200, SSE)
    made.recorder.sent(b"my sk-")
    made.recorder.ended("completed")
    recording = made.read()
    assert [chunk.data for chunk in recording.exchanges[0].chunks] == [b"a ", b"sk-lu"]
    assert [chunk.data for chunk in recording.sent] == [b"my ", b"sk-"]


def test_an_exchange_that_nobody_ended_is_closed_with_the_flow() -> None:
    made = MemoryRecording()
    tape = made.recorder.exchange("GET", "https://a/", (), b"")
    assert repr(tape) == "<Tape 1 of flow_1 running>"
    made.recorder.ended("cancelled")
    tape.end("complete")
    ending = made.read().exchanges[0].end
    assert ending is not None
    assert ending.how == "closed"


def test_beyond_the_budget_only_what_is_small_is_kept() -> None:
    made = MemoryRecording(budget=400)
    recorder = made.recorder
    recorder.document("decode", chat("hi"))
    tape = recorder.exchange("POST", "https://a/", (), b"x" * 200)
    tape.head(200, SSE)
    for batch in range(5):
        tape.data(b"y" * 60)
        recorder.events("qwen", [HELLO])
        recorder.events("tools", [HELLO, BYE] if batch else [HELLO])
        recorder.sent(b"z" * 10)
    tape.end("complete")
    recorder.exchange("POST", "https://a/second", (), b"x" * 10).end("complete")
    recorder.started(200, ())
    recorder.failed(LunaError(Kind.TIMEOUT, "late"))
    recorder.ended("failed")
    assert made.text.count('"k":"truncated"') == 1
    recording = made.read()
    assert recording.truncated
    assert recording.end is not None
    assert recording.end.left_out > 200
    assert [exchange.opened.url for exchange in recording.exchanges] == ["https://a/", "https://a/second"]
    assert all(exchange.end is not None for exchange in recording.exchanges)
    assert recording.exchanges[0].opened.data == b"x" * 200
    assert 0 < len(recording.exchanges[0].chunks) < 5
    assert recording.failure is not None
    assert len(made.text) < 2500


def test_a_boundary_that_shows_itself_beyond_the_budget_makes_up_no_batch() -> None:
    made = MemoryRecording(budget=40)
    for _ in range(5):
        made.recorder.events("qwen", [HELLO])
    made.recorder.events("tools", [HELLO])
    made.recorder.ended("completed")
    recording = made.read()
    assert recording.truncated
    assert recording.events == {"qwen": [[HELLO]]}


def test_a_long_recording_goes_to_the_sink_in_pieces() -> None:
    made = MemoryRecording()
    for _ in range(10):
        made.recorder.sent(b"x" * (SPILL // 4))
    made.recorder.ended("completed")
    assert made.sink.spills == 2
    assert len(made.read().answer) == 10 * (SPILL // 4)


def test_a_recording_that_goes_wrong_stops_says_so_once_and_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    made = MemoryRecording()
    recorder = made.recorder
    recorder.events("qwen", [OPENED])
    with caplog.at_level(logging.WARNING, "luna.recordings"):
        recorder.events("qwen", [Notice("odd", data={"what": object()})])
        recorder.events("qwen", [HELLO])
        recorder.exchange("GET", "https://a/", (), b"").data(b"x")
        recorder.sent(b"x")
    recorder.ended("completed")
    assert [record.getMessage() for record in caplog.records] == [
        "The recording of flow flow_1 stopped: NotImplementedError in events."
    ]
    recording = made.read()
    assert recording.events == {"qwen": [[OPENED]]}
    assert recording.end is not None
    assert recording.end.fault == "NotImplementedError in events"


def test_options_may_hold_values_as_people_write_them() -> None:
    made = MemoryRecording(options={"limit": {"wait": Duration(1.5), "models": Globs(["qwen*"])}})
    made.recorder.ended("completed")
    assert '"options":{"limit":{"wait":"1500ms","models":["qwen*"]}}' in made.text


def test_text_that_is_no_unicode_does_no_harm() -> None:
    made = MemoryRecording()
    made.recorder.client(ClientRequest("GET", "/\udcff", "\ud800", (("x", "\udc80"),), b"\xff\xfe"))
    made.recorder.ended("completed")
    client = made.read().client
    assert client is not None
    assert (client.path, client.body) == ("/?", b"\xff\xfe")


def test_nothing_comes_after_the_end() -> None:
    made = MemoryRecording()
    made.recorder.ended("completed")
    lines = len(made.sink.lines)
    made.recorder.sent(b"late")
    made.recorder.ended("failed")
    assert len(made.sink.lines) == lines
    assert made.sink.outcome == "completed"


def test_it_says_how_far_it_is() -> None:
    made = MemoryRecording(budget=100)
    assert repr(made.recorder) == "<Recorder batches=0 exchanges=0 <Ledger flow_1 open room=100>>"
    made.recorder.sent(b"x" * 101)
    assert repr(made.recorder.ledger) == "<Ledger flow_1 full room=100>"
    made.recorder.ended("completed")
    assert repr(made.recorder.ledger) == "<Ledger flow_1 closed room=100>"


def test_what_waits_in_memory_is_bounded_and_nothing_goes_on_unredacted() -> None:
    secret = "sk-luna-0123456789abcdef"
    made = MemoryRecording(secrets=[secret])
    made.recorder.started(200, SSE)
    for _ in range(4 * SPILL // 600):
        made.recorder.sent(b"x" * 580 + secret[:7].encode())
        made.recorder.sent(secret[7:].encode() + b"\n")
        assert made.recorder.ledger._noted <= ENOUGH
    assert made.sink.spills > 1
    made.recorder.ended("completed")
    assert secret[7:] not in made.text
    assert made.read().answer == (b"x" * 580 + b"<redacted:1>\n") * (4 * SPILL // 600)
