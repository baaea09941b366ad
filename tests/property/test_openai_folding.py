"""A stream and a document of the same events say the same."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from luna.model.dialect import AnswerHead
from luna.model.events import StreamEvent
from luna.model.grammar import Grammar
from luna.protocols.openai_chat import OpenAIChat
from luna.protocols.sse import SSEReader
from tests.support.events import answers


def encode(events: list[StreamEvent], *, stream: bool, include_usage: bool = True) -> bytes:
    encoder = OpenAIChat().encoder(AnswerHead("chatcmpl-1", "m", 7, stream, include_usage, prompt_tokens=lambda: 5))
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


def chunks_of(stream: bytes) -> list[dict[str, Any]]:
    *frames, done = SSEReader().feed(stream)
    assert done == b"[DONE]"
    return [msgspec.json.decode(frame) for frame in frames]


def folded(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """What a client makes of chunks: it adds up deltas by their index."""
    message: dict[str, Any] = {"content": ""}
    calls: dict[int, dict[str, Any]] = {}
    usage, reason = None, None
    for chunk in chunks:
        usage = chunk["usage"] or usage
        for choice in chunk["choices"]:
            assert reason is None, "nothing follows the chunk with the reason"
            reason = choice["finish_reason"]
            for field, value in choice["delta"].items():
                if field == "tool_calls":
                    for delta in value:
                        call = calls.setdefault(delta["index"], {"id": "", "name": "", "arguments": ""})
                        call["id"] += delta.get("id", "")
                        call["name"] += delta["function"].get("name", "")
                        call["arguments"] += delta["function"]["arguments"]
                else:
                    message[field] = message.get(field, "") + value
    assert list(calls) == list(range(len(calls)))
    return {**message, "calls": list(calls.values()), "reason": reason, "usage": usage}


def flattened(document: dict[str, Any]) -> dict[str, Any]:
    (choice,) = document["choices"]
    message = choice["message"]
    calls = [{"id": call["id"], **call["function"]} for call in message.pop("tool_calls", [])]
    message["content"] = message["content"] or ""
    return {**message, "calls": calls, "reason": choice["finish_reason"], "usage": document["usage"]}


@given(answers())
def test_the_chunks_add_up_to_the_document(events: list[StreamEvent]) -> None:
    document = msgspec.json.decode(encode(events, stream=False))
    assert folded(chunks_of(encode(events, stream=True))) == flattened(document)


@given(answers(), st.booleans())
def test_every_chunk_is_well_formed(events: list[StreamEvent], include_usage: bool) -> None:
    chunks = chunks_of(encode(events, stream=True, include_usage=include_usage))
    assert {(c["id"], c["object"], c["created"], c["model"]) for c in chunks} == {
        ("chatcmpl-1", "chat.completion.chunk", 7, "m")
    }
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert not any("role" in choice["delta"] for c in chunks[1:] for choice in c["choices"])
    assert all(("usage" in c) is include_usage for c in chunks)
    assert [bool(c["choices"]) for c in chunks] == [True] * (len(chunks) - include_usage) + [False] * include_usage


@given(answers())
def test_the_answers_drawn_are_legal(events: list[StreamEvent]) -> None:
    grammar = Grammar()
    for event in events:
        grammar.feed(event)
    assert grammar.done
