"""A stream and a document of the same events say the same, and every stream obeys the protocol's order."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from luna.model.dialect import AnswerHead
from luna.model.events import Finish, StreamEvent, ToolClose, ToolDelta, ToolOpen
from luna.protocols.anthropic_messages import AnthropicMessages
from tests.support.anthropic_sdk import final_of
from tests.support.events import answers

inputs = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.none(), max_size=2)
written_arguments = inputs.map(lambda value: msgspec.json.encode(value).decode()) | st.just("")


@st.composite
def runnable(draw: st.DrawFn) -> list[StreamEvent]:
    """An answer whose calls have arguments that somebody could run, cut anywhere."""
    events: list[StreamEvent] = []
    for event in draw(answers()):
        if isinstance(event, ToolDelta):
            continue
        if isinstance(event, ToolClose):
            written = draw(written_arguments)
            cut = draw(st.integers(0, len(written)))
            events += [ToolDelta(event.index, written[:cut]), ToolDelta(event.index, written[cut:])]
        events.append(event)
    return events


def encode(events: list[StreamEvent], *, stream: bool) -> bytes:
    encoder = AnthropicMessages().encoder(AnswerHead("msg_1", "m", 7, stream, True, prompt_tokens=lambda: 5))
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


def frames(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each with a name that is its type."""
    assert stream.endswith(b"\n\n")
    found = []
    for frame in stream.removesuffix(b"\n\n").split(b"\n\n"):
        name, data = frame.split(b"\n")
        payload = msgspec.json.decode(data.removeprefix(b"data: "))
        assert name == b"event: " + payload["type"].encode()
        found.append(payload)
    return found


DELTAS = {
    "text": {"text_delta": "text"},
    "thinking": {"thinking_delta": "thinking", "signature_delta": "signature"},
    "tool_use": {"input_json_delta": "partial_json"},
}


def folded(events: list[dict[str, Any]]) -> dict[str, Any]:
    """What a client makes of a stream: it goes by the protocol's rules and trusts nothing else."""
    first, *middle, last, end = events
    assert (first["type"], last["type"], end) == ("message_start", "message_delta", {"type": "message_stop"})
    message: dict[str, Any] = first["message"]
    assert (message["content"], message["stop_reason"]) == ([], None)
    open_at: int | None = None
    for event in middle:
        match event["type"]:
            case "content_block_start":
                assert open_at is None, "blocks never overlap"
                open_at = len(message["content"])
                assert event["index"] == open_at, "indexes count up"
                block = event["content_block"]
                assert not any(block[key] for key in ("text", "thinking", "signature", "input") if key in block)
                message["content"].append(block | ({"partial_json": ""} if block["type"] == "tool_use" else {}))
            case "content_block_delta":
                assert event["index"] == open_at, "deltas are of the open block"
                block, delta = message["content"][-1], event["delta"]
                field = DELTAS[block["type"]][delta["type"]]
                assert delta[field], "no delta is empty"
                assert field == "signature" or not block.get("signature"), "nothing follows a signature"
                block[field] += delta[field]
            case "content_block_stop":
                assert event["index"] == open_at, "only the open block is closed"
                open_at = None
                block = message["content"][-1]
                if block["type"] == "tool_use":
                    block["input"] = msgspec.json.decode(block.pop("partial_json"))
                assert any(block[key] for key in ("text", "thinking", "name") if key in block), "no block is empty"
                assert block["type"] != "thinking" or block["signature"], "thinking is signed"
            case other:
                raise AssertionError(f"{other} does not belong between the start and the end")
    assert open_at is None, "all blocks are closed"
    return {**message, **last["delta"], "usage": message["usage"] | last["usage"]}


@given(runnable())
def test_the_stream_adds_up_to_the_document(events: list[StreamEvent]) -> None:
    document = msgspec.json.decode(encode(events, stream=False))
    assert folded(frames(encode(events, stream=True))) == document


@given(runnable())
def test_the_sdk_adds_it_up_alike(events: list[StreamEvent]) -> None:
    document = msgspec.json.decode(encode(events, stream=False))
    message = final_of(encode(events, stream=True)).to_dict()
    for field in ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"):
        assert message[field] == document[field]


@given(answers())
def test_calls_are_told_in_order_and_only_the_clients_own(events: list[StreamEvent]) -> None:
    started = [frame["content_block"] for frame in frames(encode(events, stream=True)) if "content_block" in frame]
    calls = [event for event in events if isinstance(event, ToolOpen) and not event.native]
    assert [(b["id"], b["name"]) for b in started if b["type"] == "tool_use"] == [(c.id, c.name) for c in calls]


@given(answers(), st.data())
def test_whatever_was_sent_an_error_can_follow(events: list[StreamEvent], data: st.DataObject) -> None:
    """The stream may break anywhere before `Finish`; what went out is whole events."""
    encoder = AnthropicMessages().encoder(AnswerHead("msg_1", "m", 7, True, True))
    whole = [event for event in events if not isinstance(event, Finish)]
    sent = b"".join(encoder.feed(event) for event in whole[: data.draw(st.integers(1, len(whole)))])
    assert frames(sent)[0]["type"] == "message_start"
