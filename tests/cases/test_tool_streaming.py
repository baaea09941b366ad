"""LunaProxy's cases of calls in a stream: what goes out with which piece, and what an OpenAI client gets of it."""

from typing import Any

import msgspec

from luna.model.chat import ChatRequest
from luna.model.dialect import AnswerHead
from luna.model.events import Finish, Opened, StreamEvent, TextDelta, ToolClose, ToolDelta, ToolOpen
from luna.model.fold import Fold
from luna.protocols.openai_chat import OpenAIChat
from luna.protocols.sse import SSEReader
from luna.qwen.stream import StreamReader
from luna.stages.tools_intercept import ToolsIntercept
from tests.support.play import Play, a_chat
from tests.support.scripted import FINISHED, created, data, delta
from tests.support.sifting import a_sieve, events_of, named, notices_in, sifted, summed, text_in, tool

TOOLS = [
    tool("search", "query", query="string"),
    tool("Read", "file_path", file_path="string"),
    tool("Frobnicate", knob="integer"),
]
CALL = (
    "<ml_tool_call><ml_tool_name>search</ml_tool_name><ml_parameters><query><![CDATA[golang]]></query></ml_parameters>"
    "</ml_tool_call>"
)
BLOCK = f"<ml_tool_calls>{CALL}</ml_tool_calls>"
SEARCH: tuple[str, Any] = ("search", {"query": "golang"})


def asking() -> ChatRequest:
    chat = a_chat()
    chat.tools = [*TOOLS]
    return chat


def chunks(*events: StreamEvent) -> list[dict[str, Any]]:
    """What an OpenAI client gets: the choice of every chunk."""
    encoder = OpenAIChat().encoder(AnswerHead("chatcmpl-1", "m", 7, stream=True, include_usage=False))
    opened = Opened("resp-1", "m", "chat-1")
    stream = b"".join(encoder.feed(event) for event in (opened, *events)) + encoder.close()
    *frames, end = SSEReader().feed(stream)
    assert end == b"[DONE]"
    return [msgspec.json.decode(frame)["choices"][0] for frame in frames]


class TestSieve:
    def test_text_before_a_call_goes_out_at_once_and_nothing_of_the_call_does_as_text(self) -> None:
        sieve = a_sieve(TOOLS)
        pieces = ["Hello ", "<ml_", "tool_calls>", CALL, "</ml_tool_calls>"]
        out = [list(sieve.feed(piece)) for piece in pieces]
        assert [text_in(events) for events in out] == ["Hello ", "", "", "", ""]
        # LunaProxy gave the call at the end of the block; luna gives it as soon as it is there.
        assert [named(events) for events in out] == [[], [], [], ["search"], []]
        found = summed(event for events in out for event in events)
        assert (found.calls, found.text) == ([SEARCH], "Hello ")
        assert list(sieve.finish()) == []

    # LunaProxy kept a call back until its wrapper's closing tag was there.
    def test_unlike_lunaproxy_arguments_flow_while_they_are_written(self) -> None:
        sieve = a_sieve(TOOLS)
        began = list(
            sieve.feed("<ml_tool_calls><ml_tool_call><ml_tool_name>search</ml_tool_name><ml_parameters><query>")
        )
        assert began == [ToolOpen(0, "call_0", "search"), ToolDelta(0, '{"query":"')]
        assert list(sieve.feed("gol")) == [ToolDelta(0, "gol")]

    def test_a_closing_tag_in_two_pieces_is_one_closing_tag(self) -> None:
        found = sifted(f"<ml_tool_calls>{CALL}</", "ml_tool_calls>", tools=TOOLS)
        assert (found.calls, found.text, found.notices) == ([SEARCH], "", [])

    # LunaProxy could deliver such a call and never asked for it: the client got an empty answer.
    def test_a_call_that_is_complete_when_the_stream_ends_is_delivered_though_its_wrapper_is_open(self) -> None:
        events = events_of([f"<ml_tool_calls>{CALL}"], TOOLS)
        assert (summed(events).calls, notices_in(events)) == ([SEARCH], [])

    def test_text_and_a_whole_block_in_one_piece_are_text_and_then_a_call(self) -> None:
        events = list(a_sieve(TOOLS).feed(f"I will look. {BLOCK}"))
        assert events[0] == TextDelta("I will look. ")
        assert summed(events).calls == [SEARCH]

    def test_an_empty_piece_is_no_text_and_no_call(self) -> None:
        events = events_of([""], TOOLS)
        assert (text_in(events), named(events)) == ("", [])

    # LunaProxy dropped what came after the first closing tag.
    def test_unlike_lunaproxy_text_and_calls_after_a_block_are_text_and_calls(self) -> None:
        found = sifted(f"One {BLOCK} two {BLOCK} three", tools=TOOLS)
        assert (found.text, found.calls) == ("One  two  three", [SEARCH, SEARCH])


class TestOpenAI:
    def test_a_call_has_an_index_an_id_a_type_and_its_arguments_as_text(self) -> None:
        out = chunks(ToolOpen(0, "call_1", "search"), ToolDelta(0, '{"query":"golang"}'), ToolClose(0))
        calls = [call for choice in out for call in choice["delta"].get("tool_calls", [])]
        first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "search", "arguments": ""}}
        assert calls[0] == first
        assert calls[1] == {"index": 0, "function": {"arguments": '{"query":"golang"}'}}

    # LunaProxy let its caller say where to begin. In luna the place among the client's calls is the index, whatever
    # the upstream has called for itself in between.
    def test_unlike_lunaproxy_the_sixth_call_of_an_answer_has_the_index_5_and_nobody_says_so(self) -> None:
        play = Play(ToolsIntercept, {"stop-after-calls": False}, chat=asking())
        web: list[StreamEvent] = [ToolOpen(0, "w", "web_search", native=True), ToolDelta(0, "{}"), ToolClose(0)]
        out = chunks(*play.up(*web, *(TextDelta(f"{BLOCK}\n") for _ in range(6)), Finish("stop")))
        calls = [call for choice in out for call in choice["delta"].get("tool_calls", []) if "id" in call]
        assert [call["index"] for call in calls] == [0, 1, 2, 3, 4, 5]
        assert len({call["id"] for call in calls}) == 6


class TestNativeCalls:
    """Calls that Qwen believes it can make itself. LunaProxy's own test of them fails."""

    @staticmethod
    def answered(name: str, arguments: str) -> list[StreamEvent]:
        """What `tools.intercept` makes of Qwen's frames."""
        called = delta("", function_call={"name": name, "arguments": arguments}, function_id="round_0_1")
        denied = delta(f"Tool {name} does not exists.", role="function", name=name)
        sorry = delta("I apologize, that tool is not available.")
        reader = StreamReader("qwen3-max")
        events = reader.feed(SSEReader().feed(data(created(), called, denied, sorry, FINISHED))) + reader.close()
        return Play(ToolsIntercept, {"stop-after-calls": False}, chat=asking()).up(*events)

    def test_a_native_call_to_a_clients_tool_is_the_clients_and_the_refusal_is_not_shown(self) -> None:
        out = chunks(*self.answered("Read", '{"file_path":"a.txt"}')[1:])
        calls = [call for choice in out for call in choice["delta"].get("tool_calls", [])]
        assert calls[0]["function"]["name"] == "Read"
        assert "".join(call["function"]["arguments"] for call in calls) == '{"file_path":"a.txt"}'
        assert out[-1]["finish_reason"] == "tool_calls"
        assert b"does not exist" not in msgspec.json.encode(out)
        assert b"apologize" not in msgspec.json.encode(out)

    # LunaProxy knew the names of one client's tools, made text of their calls, and lost all others.
    def test_unlike_lunaproxy_a_native_call_to_a_tool_of_any_name_is_delivered(self) -> None:
        fold = Fold()
        for event in self.answered("Frobnicate", '{"knob":3}'):
            fold.feed(event)
        assert [(call.name, call.arguments) for call in fold.client_calls] == [("Frobnicate", '{"knob":3}')]
        assert (fold.text, fold.reason) == ("", "tool_calls")
