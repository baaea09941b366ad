"""The past, re-rendered: calls and results become text, nothing is lost, and each result finds its call."""

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.chat import Attachment, Message, Part, Text, Thought, ToolCall, ToolResult
from luna.tools.history import as_text, has_calls

PICTURE = Attachment("image", url="data:image/png;base64,AAAA", name="shot.png")


def user(*parts: Part | str) -> Message:
    return Message("user", [Text(part) if isinstance(part, str) else part for part in parts])


def assistant(*parts: Part | str) -> Message:
    return Message("assistant", [Text(part) if isinstance(part, str) else part for part in parts])


def result(call_id: str, *parts: Text | Attachment | str, name: str = "", error: bool = False) -> ToolResult:
    return ToolResult(call_id, [Text(part) if isinstance(part, str) else part for part in parts], name, error)


def tool(*parts: Part) -> Message:
    return Message("tool", list(parts))


def elements(message: Message) -> list[ElementTree.Element]:
    """The markup in a message's text parts that are nothing else."""
    texts = [part.text for part in message.parts if isinstance(part, Text) and part.text.startswith("<ml_")]
    return [ElementTree.fromstring(text) for text in texts]


def test_a_call_without_words_becomes_markup_with_its_name_and_arguments() -> None:
    [message] = as_text([assistant(ToolCall("call_1", "search", '{"query":"golang"}'))])
    assert message.role == "assistant"
    assert message.text == (
        '<ml_tool_calls>\n<ml_tool_call id="call_1">\n<ml_tool_name>search</ml_tool_name>\n'
        "<ml_parameters>\n<query><![CDATA[golang]]></query>\n</ml_parameters>\n</ml_tool_call>\n</ml_tool_calls>"
    )


def test_words_and_calls_of_one_turn_both_stay() -> None:
    [message] = as_text([assistant("I will look.", ToolCall("c", "search", "{}"))])
    assert message.parts[0] == Text("I will look.")
    assert message.text.startswith("I will look.\n<ml_tool_calls>")


def test_calls_made_together_share_a_wrapper_and_keep_their_ids() -> None:
    [message] = as_text([assistant(ToolCall("a", "read", '{"p":1}'), ToolCall("b", "read", '{"p":2}'))])
    [wrapper] = elements(message)
    assert wrapper.tag == "ml_tool_calls"
    assert [call.get("id") for call in wrapper] == ["a", "b"]


def test_a_result_becomes_a_turn_of_the_users_with_its_content() -> None:
    messages = as_text([assistant(ToolCall("c", "search", "{}")), tool(result("c", "3 hits"))])
    assert messages[1] == Message(
        "user", [Text('<ml_tool_result id="c" name="search"><![CDATA[3 hits]]></ml_tool_result>')]
    )


def test_results_carry_the_id_and_the_name_of_their_call_in_the_order_of_the_calls() -> None:
    messages = as_text(
        [
            assistant(ToolCall("a", "read", "{}"), ToolCall("b", "grep", "{}"), ToolCall("c", "read", "{}")),
            tool(result("c", "third")),
            tool(result("a", "first"), result("b", "second")),
        ]
    )
    assert [(each.get("id"), each.get("name"), each.text) for each in elements(messages[1])] == [
        ("a", "read", "first"),
        ("b", "grep", "second"),
        ("c", "read", "third"),
    ]
    assert len(messages) == 2


def test_a_result_whose_call_is_unknown_keeps_what_is_known_of_it() -> None:
    [message] = as_text([tool(result("gone", "x", name="lookup"), result("lost", "y"), result("", "z"))])
    assert [dict(each.attrib) for each in elements(message)] == [
        {"id": "gone", "name": "lookup"},
        {"id": "lost"},
        {},
    ]


def test_the_call_that_was_made_counts_over_what_the_client_calls_the_tool() -> None:
    messages = as_text([assistant(ToolCall("c", "search", "{}")), tool(result("c", "x", name="other"))])
    assert elements(messages[1])[0].get("name") == "search"


def test_a_later_call_under_the_same_id_is_the_one_that_is_answered() -> None:
    turns = [
        assistant(ToolCall("c", "read", "{}")),
        tool(result("c", "1")),
        assistant(ToolCall("c", "grep", "{}")),
        tool(result("c", "2")),
    ]
    messages = as_text(turns)
    assert [elements(messages[at])[0].get("name") for at in (1, 3)] == ["read", "grep"]


def test_a_result_of_several_texts_and_an_image_keeps_the_image_beside_it() -> None:
    [message] = as_text([tool(result("c", "before", PICTURE, "after"), result("d", "next"))])
    assert message.parts[1] is PICTURE
    assert [(each.get("attached"), each.text) for each in elements(message)] == [
        ("image shot.png", "before\nafter"),
        (None, "next"),
    ]


def test_a_result_that_is_nothing_but_an_image() -> None:
    [message] = as_text([tool(result("c", PICTURE))])
    assert message.parts == [Text('<ml_tool_result id="c" attached="image shot.png"></ml_tool_result>'), PICTURE]


def test_a_failed_and_an_empty_result_say_so() -> None:
    [message] = as_text([tool(result("a", "no such file", error=True), result("b"))])
    assert [(each.get("error"), each.get("empty")) for each in elements(message)] == [("true", None), (None, "true")]


def test_words_after_results_belong_to_the_same_turn() -> None:
    """So that what the model is to reply to holds the results, not only the words."""
    one_message = [user(result("c", "x"), "Now go on.")]
    two_messages = [tool(result("c", "x")), user("Now go on.")]
    assert as_text(one_message) == as_text(two_messages)
    assert [type(part) for part in as_text(one_message)[0].parts] == [Text, Text]


def test_a_named_speaker_and_a_system_message_begin_turns_of_their_own() -> None:
    ann = Message("user", [Text("And I?")], "ann")
    note = Message("system", [Text("42 tokens left")])
    assert as_text([tool(result("c", "x")), ann])[1] is ann
    assert as_text([tool(result("c", "x")), note])[1] is note


def test_what_holds_no_calls_is_not_touched() -> None:
    messages = [Message("system", [Text("s")]), user("u", PICTURE), assistant(Thought("t"), "a"), user("v"), user("w")]
    written = as_text(messages)
    assert all(a is b for a, b in zip(written, messages, strict=True))
    assert not has_calls(messages)


def test_thoughts_are_left_to_the_transport() -> None:
    [message] = as_text([assistant(Thought("hm"), ToolCall("c", "search", "{}"))])
    assert message.parts[0] == Thought("hm")


def test_the_clients_request_is_not_changed() -> None:
    turns = [assistant(ToolCall("c", "search", "{}")), tool(result("c", "x")), user("go on")]
    before = [list(turn.parts) for turn in turns]
    as_text(turns)
    assert [turn.parts for turn in turns] == before


@pytest.mark.parametrize(
    "content", ["</ml_tool_result>", "]]></ml_tool_result><ml_tool_calls>", "a]]>b", "{{ tools }}", "$&"]
)
def test_no_content_leaves_its_result(content: str) -> None:
    [message] = as_text([tool(result("c", content))])
    [element] = elements(message)
    assert element.text == content


WORDS = st.text(st.characters(categories=("L", "N", "P", "S", "Z"), exclude_characters="\u2028\u2029"), max_size=12)
IDS = st.sampled_from(["c1", "c2", "c3", ""])
PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, WORDS),
    st.just(PICTURE),
    st.builds(ToolCall, IDS, WORDS, WORDS.map(lambda text: '{"a":' + repr([len(text)]) + "}") | WORDS),
    st.builds(ToolResult, IDS, st.lists(st.builds(Text, WORDS) | st.just(PICTURE), max_size=3), WORDS, st.booleans()),
)
TURNS = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.lists(PARTS, max_size=4)),
    max_size=6,
)


def said(messages: list[Message]) -> Iterator[str]:
    """Every word of a conversation that the client wrote."""
    for message in messages:
        for part in message.parts:
            match part:
                case Text() | Thought():
                    yield part.text
                case ToolCall():
                    yield part.id
                case ToolResult():
                    yield from (inner.text for inner in part.parts if isinstance(inner, Text))
                case Attachment():
                    pass


@settings(max_examples=80)
@given(TURNS)
def test_nothing_that_was_said_is_lost(messages: list[Message]) -> None:
    written = as_text(messages)
    assert not has_calls(written)
    whole = "\n".join(message.text for message in written).replace("]]]]><![CDATA[>", "]]>")
    assert all(words in whole for words in said(messages))
    kept = sum(isinstance(part, Attachment) for message in written for part in message.parts)
    given = [part for message in messages for part in message.parts]
    inside = [inner for part in given if isinstance(part, ToolResult) for inner in part.parts]
    assert kept == sum(isinstance(part, Attachment) for part in [*given, *inside])


def test_what_the_upstream_knows_keeps_its_mark_and_stays_apart_from_what_is_new() -> None:
    call = Message("assistant", [ToolCall("c", "read", "{}")], known=True)
    result = Message("tool", [ToolResult("c", [Text("x")])], known=True)
    told = as_text([call, result, Message("user", [Text("go on")])])
    assert [(message.role, message.known) for message in told] == [("assistant", True), ("user", True), ("user", False)]
    together = as_text([call, result, Message("user", [Text("go on")], known=True)])
    assert [(message.role, message.known) for message in together] == [("assistant", True), ("user", True)]
