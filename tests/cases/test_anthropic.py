"""LunaProxy's cases of Anthropic's protocol: requests with tools, what an answer looks like, and what a request counts.

Answers are read by Anthropic's own SDK.
"""

from typing import Any

import pytest
from anthropic.types import TextBlock, ToolUseBlock

from luna.model.chat import ChatRequest, Message, Text, Tool, ToolChoice, ToolResult
from luna.model.dialect import AnswerHead, Reply
from luna.model.events import Finish, StreamEvent, TextDelta, ToolClose, ToolDelta, ToolOpen, Usage
from luna.protocols.anthropic_messages import AnthropicMessages
from luna.protocols.counting import count
from luna.protocols.pieces import estimate
from luna.tools.history import as_text
from tests.support.anthropic_asks import ASK, READ, chat
from tests.support.anthropic_sdk import ask, final_of
from tests.support.events import OPENED

PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


class TestTools:
    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            pytest.param([READ], [Tool("Read", "Reads a file", {"type": "object"})], id="the-protocols-own-form"),
            pytest.param(
                [{"type": "function", "function": {"name": "Write", "description": "W", "parameters": {"a": 1}}}],
                [Tool("Write", "W", {"a": 1})],
                id="openais-form-is-taken-too",
            ),
            pytest.param(None, [], id="no-tools"),
        ],
    )
    def test_tools(self, given: object, meant: list[Tool]) -> None:
        assert chat(tools=given).tools == meant

    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            pytest.param("auto", ToolChoice("auto"), id="auto-as-a-word"),
            pytest.param({"type": "auto"}, ToolChoice("auto"), id="auto"),
            pytest.param({"type": "any"}, ToolChoice("required"), id="any-is-required"),
            pytest.param({"type": "required"}, ToolChoice("required"), id="openais-word-required"),
            pytest.param({"type": "tool", "name": "Read"}, ToolChoice("specific", "Read"), id="one-tool-by-its-name"),
            # LunaProxy left it open; without a wish the model is free.
            pytest.param(None, ToolChoice("auto"), id="unlike-lunaproxy-no-choice-is-auto"),
        ],
    )
    def test_choice(self, given: object, meant: ToolChoice) -> None:
        assert chat(tools=[READ], tool_choice=given).tool_choice == meant


class TestConversation:
    @pytest.mark.parametrize(
        ("system", "words"),
        [
            pytest.param("Be brief.", ["Be brief."], id="a-text-as-it-is"),
            pytest.param([text("One."), text("Two.")], ["One.\nTwo."], id="two-blocks-are-both-there"),
            pytest.param([text("One."), PICTURE], ["One."], id="a-picture-is-left-out"),
            pytest.param(None, [], id="none"),
        ],
    )
    def test_system(self, system: object, words: list[str]) -> None:
        asked = chat(system=system)
        assert [message.text for message in asked.messages if message.role == "system"] == words
        # LunaProxy left it out without a word.
        assert asked.ignored == (["system.1.image"] if isinstance(system, list) and PICTURE in system else [])

    @pytest.mark.parametrize("role", ["user", "assistant"])
    @pytest.mark.parametrize(
        "content", [pytest.param("Hello", id="text"), pytest.param([text("Hello")], id="a-block-of-text")]
    )
    def test_words_are_one_turn_of_the_same_role(self, role: Any, content: object) -> None:
        assert chat(ASK, {"role": role, "content": content}).messages[1:] == [Message(role, [Text("Hello")])]

    def test_two_blocks_of_text_are_one_turn_whose_text_has_two_lines(self) -> None:
        (message,) = chat({"role": "user", "content": [text("one"), text("two")]}).messages
        assert (message.role, message.text) == ("user", "one\ntwo")

    def test_a_result_is_a_turn_of_its_own_and_names_its_call(self) -> None:
        block = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "3 hits"}
        (message,) = chat({"role": "user", "content": [block]}).messages
        assert message == Message("tool", [ToolResult("toolu_1", [Text("3 hits")])])

    # LunaProxy wrote `ERROR: ` in front of the tool's own words.
    def test_unlike_lunaproxy_a_failed_result_is_marked_and_its_words_stay_as_they_are(self) -> None:
        block = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no such file", "is_error": True}
        (message,) = chat({"role": "user", "content": [block]}).messages
        assert message.parts == [ToolResult("toolu_1", [Text("no such file")], error=True)]
        (seen,) = as_text([message])
        assert seen.text == '<ml_tool_result id="toolu_1" error="true"><![CDATA[no such file]]></ml_tool_result>'

    # LunaProxy forgot the assistant's calls, so that results stood alone.
    def test_unlike_lunaproxy_calls_of_the_assistant_are_kept(self) -> None:
        used = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a.txt"}}
        given = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("one"), text("two")]}
        asked = chat(ASK, {"role": "assistant", "content": [used]}, {"role": "user", "content": [given]})
        call, result = as_text(asked.messages)[1:]
        assert "<path><![CDATA[a.txt]]></path>" in call.text
        assert result.text == '<ml_tool_result id="toolu_1" name="Read"><![CDATA[one\ntwo]]></ml_tool_result>'


class TestAnswer:
    SAID: tuple[StreamEvent, ...] = (TextDelta("I will "), TextDelta("look."))
    CALLED: tuple[StreamEvent, ...] = (ToolOpen(0, "call_1", "Read"), ToolDelta(0, '{"path":"a.txt"}'), ToolClose(0))

    @pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
    @pytest.mark.parametrize(
        ("events", "kinds", "reason"),
        [
            pytest.param((*SAID, Usage(1, 2), Finish("stop")), ["text"], "end_turn", id="text-alone"),
            pytest.param((*CALLED, Usage(1, 2), Finish("tool_calls")), ["tool_use"], "tool_use", id="a-call-alone"),
            pytest.param(
                (*SAID, *CALLED, Usage(1, 2), Finish("tool_calls")),
                ["text", "tool_use"],
                "tool_use",
                id="text-comes-before-the-call",
            ),
        ],
    )
    def test_blocks_and_reason(
        self, events: tuple[StreamEvent, ...], kinds: list[str], reason: str, stream: bool
    ) -> None:
        encoder = AnthropicMessages().encoder(AnswerHead("msg_1", "qwen", 7, stream, include_usage=True))
        body = b"".join(encoder.feed(event) for event in (OPENED, *events)) + encoder.close()
        message = final_of(body) if stream else ask(Reply(200, body))
        assert (message.type, message.role, message.stop_reason) == ("message", "assistant", reason)
        assert [block.type for block in message.content] == kinds
        for block in message.content:
            match block:
                case TextBlock():
                    assert block.text == "I will look."
                case ToolUseBlock():
                    assert (block.id, block.name, block.input) == ("call_1", "Read", {"path": "a.txt"})
                case _:
                    raise AssertionError(block)


class TestCounting:
    @staticmethod
    def counted(asked: ChatRequest) -> int:
        return count(asked, estimate)

    def test_the_smallest_request_costs_something(self) -> None:
        assert self.counted(chat()) > 0

    def test_a_tool_costs_something(self) -> None:
        assert self.counted(chat(tools=[READ])) > self.counted(chat()) + 2

    # LunaProxy counted neither schemas nor what tools had given.
    def test_unlike_lunaproxy_schemas_and_results_count(self) -> None:
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in ("path", "pattern", "glob")}}
        large = self.counted(chat(tools=[READ | {"input_schema": schema}]))
        assert large > self.counted(chat(tools=[READ])) + 8
        block = {"type": "tool_result", "tool_use_id": "t", "content": "word " * 100}
        assert self.counted(chat({"role": "user", "content": [block]})) > 100
