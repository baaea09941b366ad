"""LunaProxy's cases of past calls and results: how the model sees them again, and that they can be read back."""

import pytest

from luna.model.chat import Message, Text, ToolCall, ToolResult
from luna.tools import markup
from luna.tools.history import as_text
from luna.tools.json_text import encode
from tests.support.sifting import sifted_alike, tool

CALL = ToolCall("call_1", "search", '{"query":"golang"}')
TOOLS = [tool("search", "query", query="string")]


def seen(*messages: Message) -> list[Message]:
    """The messages as the model sees them."""
    return as_text(messages)


def written(*queries: str) -> str:
    """These calls in the markup."""
    return markup.calls([markup.call("search", encode({"query": query})) for query in queries])


class TestNormalisation:
    def test_a_call_without_words_is_written_as_markup_with_its_name_and_arguments(self) -> None:
        (message,) = seen(Message("assistant", [CALL]))
        assert message.role == "assistant"
        assert message.text.startswith("<ml_tool_calls>")
        assert "<ml_tool_name>search</ml_tool_name>" in message.text
        assert "<query><![CDATA[golang]]></query>" in message.text

    # LunaProxy named every result `tool`, as OpenAI's clients send no name, and wrote ids in results alone.
    def test_unlike_lunaproxy_a_result_is_a_turn_of_the_users_with_the_name_and_the_id_of_its_call(self) -> None:
        call, result = seen(Message("assistant", [CALL]), Message("tool", [ToolResult("call_1", [Text("3 hits")])]))
        assert 'id="call_1"' in call.text
        assert result.role == "user"
        assert result.text == '<ml_tool_result id="call_1" name="search"><![CDATA[3 hits]]></ml_tool_result>'

    def test_words_and_calls_of_one_turn_are_both_there(self) -> None:
        (message,) = seen(Message("assistant", [Text("I will look."), CALL]))
        assert message.text.startswith("I will look.\n<ml_tool_calls>")
        assert "<query><![CDATA[golang]]></query>" in message.text

    # LunaProxy answered such a request with status 500.
    def test_unlike_lunaproxy_a_result_in_several_parts_is_one_text(self) -> None:
        parts = [Text("one"), Text("two")]
        (message,) = seen(Message("tool", [ToolResult("call_1", [*parts], "search")]))
        assert "<![CDATA[one\ntwo]]>" in message.text


class TestMarkup:
    def test_a_call_is_written_in_wrapper_name_and_cdata(self) -> None:
        text = written("golang")
        assert text.startswith("<ml_tool_calls>\n<ml_tool_call>\n<ml_tool_name>search</ml_tool_name>\n<ml_parameters>")
        assert "\n<query><![CDATA[golang]]></query>\n" in text
        assert text.endswith("</ml_parameters>\n</ml_tool_call>\n</ml_tool_calls>")

    def test_two_calls_are_read_back_as_they_were_written(self) -> None:
        found = sifted_alike(written("golang", "rust"), TOOLS)
        assert found.calls == [("search", {"query": "golang"}), ("search", {"query": "rust"})]
        assert (found.text, found.notices) == ("", [])

    def test_marks_of_xml_stand_in_cdata_as_they_are(self) -> None:
        assert "<![CDATA[foo & bar <baz>]]>" in written("foo & bar <baz>")
        assert sifted_alike(written("foo & bar <baz>"), TOOLS).calls == [("search", {"query": "foo & bar <baz>"})]

    # LunaProxy's reader ended a value at the first closing tag, whatever it stood in.
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("a</query>b", id="the-values-own-closing-tag"),
            pytest.param("</ml_parameters></ml_tool_call></ml_tool_calls>", id="the-closing-tags-of-the-call"),
            pytest.param("a]]>b", id="the-end-of-cdata"),
            pytest.param("<![CDATA[a]]>", id="a-whole-cdata-section"),
        ],
    )
    def test_unlike_lunaproxy_a_value_may_hold(self, text: str) -> None:
        assert sifted_alike(written(text), TOOLS).calls == [("search", {"query": text})]
