"""The reader holds its promises whatever the upstream sends: order, chunking, nothing raised but LunaError."""

import itertools
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.errors import LunaError
from luna.model.events import StreamEvent, TextDelta
from luna.model.fold import Fold
from luna.model.grammar import Grammar
from luna.protocols.sse import SSEReader
from luna.qwen.stream import StreamReader
from tests.support.scripted import FINISHED, created, data, delta

words = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)
phases = st.sampled_from(
    ["answer", "answer", None, "think", "thinking_summary", "web_search", "image_gen", "image", "local_tool", "new"]
)
odd = st.none() | st.booleans() | st.integers(-5, 5) | words | st.lists(words, max_size=2)
calls = st.fixed_dictionaries(
    {"name": st.sampled_from(["Read", "Bash"]) | odd, "arguments": st.sampled_from(["", "{", '{"a"', '{"a": 1}']) | odd}
)
extras = st.fixed_dictionaries(
    {},
    optional={
        "summary_title": odd | st.fixed_dictionaries({"content": odd}),
        "summary_thought": odd | st.fixed_dictionaries({"content": odd}),
        "tool_result": odd | st.just({"docs": [{"url": "u"}]}) | st.just([{"image": "https://a"}]),
        "web_search_info": odd,
        "image_list": odd | st.just([{"image": "https://b"}]),
        "output_image_hw": odd | st.just([[1, 2]]),
        "local_mcp": odd | st.just({"S": [{"tool_name": "t", "params": {}}]}),
    },
)
deltas = st.fixed_dictionaries(
    {"content": words, "phase": phases},
    optional={
        "role": st.sampled_from(["assistant", "function"]),
        "status": st.sampled_from(["typing", "typing", "typing", "finished", "running"]),
        "name": words,
        "function_call": calls | odd,
        "function_id": st.sampled_from(["round_0_1", "round_0_2"]) | odd,
        "extra": extras | odd,
    },
)
counts = st.fixed_dictionaries({}, optional={"input_tokens": odd, "output_tokens": odd, "prompt_tokens": odd})
frames = st.one_of(
    deltas.map(lambda said: {"choices": [{"delta": said}]}),
    st.tuples(deltas, counts).map(lambda pair: {"choices": [{"delta": pair[0]}], "usage": pair[1]}),
    counts.map(lambda said: {"choices": [], "usage": said}),
    st.just(created()),
    st.just({"response.info": {"action": "keep_alive"}}),
    st.just({"error": {"code": "internal_error"}}),
    st.just({"success": False, "data": {"code": "RateLimited"}}),
    st.dictionaries(words, odd, max_size=3),
)
streams = st.lists(frames, max_size=12)


def read(reads: list[bytes]) -> tuple[list[StreamEvent], str | None]:
    lines, reader, events = SSEReader(), StreamReader("m"), []
    for piece in reads:
        events += reader.feed(lines.feed(piece))
    events += reader.feed(lines.close())
    try:
        events += reader.close()
    except LunaError as error:
        return events, error.kind.value
    return events, None


@settings(max_examples=150, deadline=None)
@given(streams)
def test_the_order_of_events_is_always_legal(sent: list[dict[str, Any]]) -> None:
    events, failed = read([data(*sent)])
    grammar = Grammar()
    for event in events:
        grammar.feed(event)
    assert grammar.done == (failed is None)


@settings(max_examples=100, deadline=None)
@given(streams, st.lists(st.integers(0, 4000), max_size=8))
def test_how_bytes_are_cut_never_matters(sent: list[dict[str, Any]], cuts: list[int]) -> None:
    body = data(*sent)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[begin:end] for begin, end in itertools.pairwise(edges)]
    assert read(pieces) == read([body])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=6))
def test_garbage_never_raises_anything_else(payloads: list[bytes]) -> None:
    body = data(created()) + b"".join(b"data: " + payload + b"\n" for payload in payloads)
    events, failed = read([body])
    assert failed is not None
    assert not any(isinstance(event, TextDelta) for event in events)


@settings(max_examples=100, deadline=None)
@given(st.lists(words, max_size=8))
def test_every_word_of_the_answer_arrives(said: list[str]) -> None:
    events, failed = read([data(created(), *(delta(text) for text in said), FINISHED)])
    fold = Fold()
    for event in events:
        fold.feed(event)
    assert fold.text == "".join(said)
    assert (failed is None) == any(said)


@settings(max_examples=60, deadline=None)
@given(deltas.filter(lambda said: said.get("role") == "function"))
def test_words_of_a_tool_are_never_the_answer(said: dict[str, Any]) -> None:
    events, _ = read([data(created(), {"choices": [{"delta": said}]})])
    assert not any(isinstance(event, TextDelta) for event in events)


def test_what_is_sent_is_json() -> None:
    assert msgspec.json.decode(data(FINISHED)[6:]) == FINISHED
